"""Types of options: amounts, identifiers and addresses, as people write them."""

import re
from typing import Any

import click

from assay.amounts import ETHER, WrittenAmount
from assay.errors import UsageError


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
WRITTEN = Written()
HEX32 = Hex32()
SALT = Salt()
