"""What all commands share at the terminal: results on stdout, reports on stderr, errors in one line, progress bars.

Libraries that take long to import are imported where they are used: help and version need none of them.
"""

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from assay.errors import AssayError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

_JSON = "assay.json"


@cache
def console() -> "Console":
    """The terminal's console, on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def report(text: str) -> None:
    """Prints ``text`` on stderr. Control characters in it, which an oracle may have sent, do not reach the terminal."""
    console().print(printable(text), markup=False, soft_wrap=True)


def printable(text: str) -> str:
    """``text`` with every control character but line breaks replaced."""
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


class Group(click.Group):
    """A group whose commands end in one clear line, and status 1, where Assay raises an error or the disk does."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; renders errors."""
        try:
            return super().invoke(ctx)
        except AssayError as error:
            _render(error, ctx)
        except OSError as error:
            if error.errno in (errno.EPIPE, None):
                raise
            _render(UsageError(f"cannot use {error.filename or 'a file'}: {error.strerror}"), ctx)
        raise click.exceptions.Exit(1)


def _render(error: AssayError, ctx: click.Context) -> None:
    if ctx.find_root().meta.get(_JSON):
        click.echo(json.dumps({"error": {"code": error.code, "message": error.message, "hint": error.hint}}))
    click.echo(f"error: {printable(error.message)}", err=True)
    if error.hint:
        click.echo(f"hint: {printable(error.hint)}", err=True)


def _remember_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.find_root().meta[_JSON] = value
    return value


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--json``, passed on as ``as_json``; errors are then JSON too."""
    return click.option("--json", "as_json", is_flag=True, callback=_remember_json, help="Print the result as JSON.")(
        command
    )


def emit(result: Any, text: str, as_json: bool) -> None:
    """Prints the result on stdout.

    Args:
        result: A pydantic model, or plain values that may contain models and bytes; printed as JSON if ``as_json``.
        text: Printed otherwise.
        as_json: Whether ``--json`` was given.
    """
    click.echo(json.dumps(_plain(result), indent=2, default=_plain) if as_json else text)


def _plain(value: Any) -> Any:
    """What JSON knows: models by their aliases, bytes as 0x-hex, other objects as text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, dict | list | tuple | str | int | float | None):
        return value
    return str(value)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar of ``total`` bytes on stderr; yields a function that takes the bytes done since its last call."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console(), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
