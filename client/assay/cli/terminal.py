"""What all commands share at the terminal: results on stdout, reports on stderr, errors in one line, progress bars.

Libraries that take long to import are imported where they are used: help and version need none of them.
"""

import errno
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from assay.errors import AssayError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

_UNITS = {"wei": 1, "gwei": 10**9, "ether": 10**18, "eth": 10**18}
_MAX_AMOUNT = 2**96 - 1
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


class Amount(click.ParamType):
    """Base units: ``1000``, or with a unit of the native coin: ``0.5ether``, ``20gwei``."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parses; exact, no floating point."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,40})(?:\.([0-9]{1,40}))?\s*([a-z]*)", value.strip().lower())
        if not match or (match[3] and match[3] not in _UNITS):
            self.fail(f"expected base units (1000) or an amount with a unit (0.5ether), got {value!r}", param, ctx)
        unit, fraction = _UNITS[match[3] or "wei"], match[2] or ""
        scaled: int = int(match[1] + fraction) * unit
        amount, rest = divmod(scaled, int(10 ** len(fraction)))
        if rest:
            self.fail(f"{value!r} is not a whole number of base units", param, ctx)
        if amount > _MAX_AMOUNT:
            self.fail(f"expected at most {_MAX_AMOUNT} base units, got {value!r}", param, ctx)
        return amount


class Hex32(click.ParamType):
    """32 bytes in 0x-hex."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Parses."""
        if isinstance(value, bytes):
            return value
        try:
            result = bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            result = b""
        if len(result) != 32:
            self.fail(f"expected 32 bytes in 0x-hex, got {value!r}", param, ctx)
        return result


class Salt(click.ParamType):
    """A number in 0x-hex below 2**256, as 32 bytes: shorter numbers have leading zeros."""

    name = "salt"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Parses."""
        if isinstance(value, bytes):
            return value
        if not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value):
            self.fail(f"expected a number in hex of at most 64 digits, e.g. 0x01, got {value!r}", param, ctx)
        return int(value, 16).to_bytes(32, "big")


class AccountAddress(click.ParamType):
    """20 bytes in 0x-hex."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Parses; a checksum, if the letters have one, must be right."""
        from assay.protocol.types import parse_address

        try:
            return parse_address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


ADDRESS = AccountAddress()
AMOUNT = Amount()
HEX32 = Hex32()
SALT = Salt()
