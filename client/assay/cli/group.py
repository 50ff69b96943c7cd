"""Groups of commands: every way in which a command can end is one clear line and one exit code."""

import errno
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from assay.cli.start import INTERRUPTED, RESUME
from assay.cli.terminal import json_wanted, printable, remember_json
from assay.errors import AssayError, ExitCode, UsageError
from assay.files import NO_ROOM
from assay.remedies import remedy


class Group(click.Group):
    """A group whose commands end in one clear line, and an ``ExitCode``, where they cannot do their work.

    ``--json`` may stand before the command's name or after it. With it, every error is JSON on stdout, too.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        as_json = click.Option(
            ["--json"], is_flag=True, expose_value=False, callback=remember_json, help="Print the result as JSON."
        )
        self.params.append(as_json)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the program; ends the process unless ``standalone_mode`` is passed as false."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        given = list(sys.argv[1:] if args is None else args)
        try:
            ended = super().main(given, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            if isinstance(error, click.NoSuchOption):
                _point_to_parent(error)
            if "--json" in given:
                _print_json("usage_error", error.format_message(), None)
            error.show()
            sys.exit(error.exit_code)
        except click.Abort as abort:
            _end_aborted(abort, as_json="--json" in given)
        sys.exit(int(ended) if isinstance(ended, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; renders errors."""
        try:
            return super().invoke(ctx)
        except AssayError as error:
            _render(error, ctx)
            raise click.exceptions.Exit(int(error.exit_code)) from None
        except OSError as error:
            if error.errno in (errno.EPIPE, None):
                raise
            hint = "make room, and run the same command again" if error.errno in NO_ROOM else None
            _render(UsageError(f"cannot use {error.filename or 'a file'}: {error.strerror}", hint=hint), ctx)
            raise click.exceptions.Exit(ExitCode.FAILED) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; an unknown name is refused with the names that look like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            error.message += did_you_mean(args[0], self.list_commands(ctx))
            raise


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A question that names what ``word`` resembles, to be put behind an error; empty if it resembles nothing."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _point_to_parent(error: click.NoSuchOption) -> None:
    """Adds where an option belongs that a command does not know and a group over it does."""
    parent = error.ctx.parent if error.ctx else None
    while parent is not None:
        if any(error.option_name in option.opts for option in parent.command.params):
            place = f"{parent.command_path} {error.option_name} ..."
            error.message += f". It belongs before the command's name: {place}"
            error.possibilities = None
        parent = parent.parent


def _end_aborted(abort: click.Abort, *, as_json: bool) -> NoReturn:
    """Ctrl-C, or a question that nobody is there to answer."""
    if isinstance(abort.__cause__ or abort.__context__, EOFError):
        code, message, hint = "usage_error", "expected an answer, got the end of the input", "answer with an option"
        status = ExitCode.USAGE
    else:
        code, message, hint, status = "interrupted", INTERRUPTED, RESUME, ExitCode.INTERRUPTED
    if as_json:
        _print_json(code, message, hint)
    _print_lines(message, hint)
    sys.exit(int(status))


def _render(error: AssayError, ctx: click.Context) -> None:
    hint = remedy(error)
    if json_wanted(ctx):
        _print_json(error.code, error.message, hint)
    _print_lines(error.message, hint)


def _print_json(code: str, message: str, hint: str | None) -> None:
    click.echo(json.dumps({"error": {"code": code, "message": message, "hint": hint}}))


def _print_lines(message: str, hint: str | None) -> None:
    click.echo(f"error: {printable(message)}", err=True)
    if hint:
        click.echo(f"hint: {printable(hint)}", err=True)
