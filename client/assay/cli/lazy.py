"""Commands that are imported when they run: the help of a group needs their names and one line on each, no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from assay.cli.group import Group


@dataclass(frozen=True)
class LazyCommand:
    """A command at ``target``, written ``module:attribute``; ``help`` is its one line in the help of its group."""

    target: str
    help: str

    def load(self) -> click.Command:
        """Imports the command."""
        module, _, attribute = self.target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


class LazyGroup(Group):
    """A group that imports a command when it runs or when its own help is shown.

    Args:
        *arguments: See ``click.Group``.
        lazy: Commands by name.
        entry_points: Group of entry points that add more commands, from packages that need not be installed.
        **options: See ``click.Group``.
    """

    def __init__(
        self, *arguments: Any, lazy: Mapping[str, LazyCommand], entry_points: str | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._own = lazy
        self._entry_points = entry_points

    def lazy_commands(self) -> dict[str, LazyCommand]:
        """Commands that are not imported yet, by name."""
        return {**self._extensions(), **self._own}

    def _extensions(self) -> dict[str, LazyCommand]:
        if self._entry_points is None:
            return {}
        from importlib.metadata import entry_points

        found = entry_points(group=self._entry_points)
        return {entry.name: LazyCommand(entry.value, f"Extension in {entry.module}.") for entry in found}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self.lazy_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with this name, imported."""
        found = self._own.get(cmd_name)
        if found is None and cmd_name not in self.commands:
            found = self._extensions().get(cmd_name)
        return found.load() if found else super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing them."""
        lazy = self.lazy_commands()
        eager = {name: command.get_short_help_str(limit=1000) for name, command in self.commands.items()}
        rows = [(name, lazy[name].help if name in lazy else eager[name]) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
