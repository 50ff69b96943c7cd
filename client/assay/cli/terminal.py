"""What all commands share at the terminal: results on stdout, reports on stderr, progress bars.

Libraries that take long to import are imported where they are used: help and version need none of them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import click

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


def json_wanted(ctx: click.Context) -> bool:
    """Whether ``--json`` was given, before the command's name or after it."""
    return bool(ctx.find_root().meta.get(_JSON))


def remember_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    """Keeps for the whole program that ``--json`` was given; returns whether it was, here or before."""
    root = ctx.find_root()
    root.meta[_JSON] = value or json_wanted(ctx)
    return bool(root.meta[_JSON])


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--json``, passed on as ``as_json``; errors are then JSON too."""
    return click.option("--json", "as_json", is_flag=True, callback=remember_json, help="Print the result as JSON.")(
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
