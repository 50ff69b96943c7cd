"""Commands that are imported when they run: the help of a group needs their names and one line on each, no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from assay.cli.group import Group
from assay.cli.start import ended_at_once

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class LazyCommand:
    """A command at ``target``, written ``module:attribute``; ``help`` is its one line in the help of its group."""

    target: str
    help: str

    def load(self) -> click.Command:
        """Imports the command."""
        module, _, attribute = self.target.partition(":")
        with ended_at_once():
            command: click.Command = getattr(import_module(module), attribute)
        return command


class LazyGroup(Group):
    """A group that imports a command when it runs or when its own help is shown.

    Args:
        *arguments: See ``click.Group``.
        lazy: Commands by name.
        entry_points: Group of entry points that add more commands, from packages that need not be installed.
        optional: What adds a command of such a package, by the command's name.
        **options: See ``click.Group``.
    """

    def __init__(
        self,
        *arguments: Any,
        lazy: Mapping[str, LazyCommand],
        entry_points: str | None = None,
        optional: Mapping[str, str] = MappingProxyType({}),
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._own = lazy
        self._entry_points = entry_points
        self._optional = optional

    def lazy_commands(self) -> dict[str, LazyCommand]:
        """Commands that are not imported yet, by name."""
        return {**self._extensions(), **self._own}

    def _extensions(self) -> dict[str, LazyCommand]:
        if self._entry_points is None:
            return {}
        from importlib.metadata import entry_points

        found = entry_points(group=self._entry_points)
        return {entry.name: LazyCommand(entry.value, _summary(entry)) for entry in found}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self.lazy_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name, imported."""
        found = self._own.get(cmd_name)
        if found is None and cmd_name not in self.commands:
            found = self._extensions().get(cmd_name)
        return found.load() if found else super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name; what adds an optional one that is not installed is named."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if args[0] in self._optional:
                error.message = f"No such command {args[0]!r}: it is not installed. {self._optional[args[0]]}"
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing them."""
        lazy = self.lazy_commands()
        eager = {name: command.get_short_help_str(limit=1000) for name, command in self.commands.items()}
        rows = [(name, lazy[name].help if name in lazy else eager[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _summary(entry: "EntryPoint") -> str:
    """One line on the package that adds a command."""
    summary = entry.dist.metadata["Summary"] if entry.dist is not None else None
    return f"{summary}." if summary else f"Added by {entry.module}."
