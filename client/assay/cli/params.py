"""Types of options: amounts, identifiers and addresses, as people write them."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.amounts import ETHER, WrittenAmount
from assay.errors import AssayError, UsageError
from assay.files import check_regular

if TYPE_CHECKING:
    from assay.cli.session import Session


class DataFile(click.Path):
    """A file of data that exists, or with ``folder`` a folder of them.

    A pipe or device is refused before it is opened, which could wait for ever: data are read more than once.
    """

    def __init__(self, *, folder: bool = False) -> None:
        super().__init__(exists=True, dir_okay=folder, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Checks the kind of what is there."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.is_dir():
            check_regular(path)
        return path


class Written(click.ParamType):
    """An amount whose unit is a token's: ``1000``, ``0.5eth``, ``12.5 USDC``. Read it with ``base_units(token)``."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> WrittenAmount:
        """Parses."""
        if isinstance(value, WrittenAmount):
            return value
        try:
            return WrittenAmount.parse(str(value))
        except UsageError as error:
            self.fail(error.message, param, ctx)


class Amount(Written):
    """Base units: ``1000``, or with a unit of the native coin: ``0.5ether``, ``20gwei``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parses; exact, no floating point."""
        if isinstance(value, int):
            return value
        try:
            return super().convert(value, param, ctx).base_units(ETHER)
        except UsageError as error:
            self.fail(error.message, param, ctx)


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


class Model(click.ParamType):
    """A model's id in 0x-hex; in ``assay``, also its name, or the first digits of its id."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Finds the id."""
        session = _session(ctx)
        if isinstance(value, bytes) or session is None or re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", value):
            return HEX32.convert(value, param, ctx)
        try:
            return bytes(session.find_model(value))
        except UsageError as error:
            self.fail(f"{error.message}{f' ({error.hint})' if error.hint else ''}", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        """The names that begin so."""
        return _completed(ctx, "models", incomplete)


class AccountAddress(click.ParamType):
    """20 bytes in 0x-hex; in ``assay``, also an account's name."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Parses; a checksum, if the letters have one, must be right."""
        from assay.protocol.types import parse_address

        session = _session(ctx)
        named = session.names.accounts.get(value) if session else None
        try:
            return named or parse_address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        """The names that begin so."""
        return _completed(ctx, "accounts", incomplete)


def _session(ctx: click.Context | None) -> "Session | None":
    """The session of ``assay``; None in a program without one."""
    if ctx is None or ctx.obj is None:
        return None
    from assay.cli.session import Session

    return ctx.find_object(Session)


def _completed(ctx: click.Context, kind: str, incomplete: str) -> list[Any]:
    """Names for the shell. The group's own function has not run by then: its options make the session."""
    from click.shell_completion import CompletionItem

    from assay.cli.session import Session

    try:
        names = getattr(Session(ctx.find_root().params).names, kind)
    except AssayError:
        return []
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


MODEL = Model()
ADDRESS = AccountAddress()
AMOUNT = Amount()
WRITTEN = Written()
HEX32 = Hex32()
SALT = Salt()
