"""The option that says in which token's unit a command without a node shows amounts."""

from collections.abc import Callable
from typing import Any

import click

from assay.amounts import ETHER, Token


class OfflineToken(click.ParamType):
    """``SYMBOL:DECIMALS``."""

    name = "token"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Token:
        """Parses."""
        if isinstance(value, Token):
            return value
        symbol, _, decimals = value.partition(":")
        known = int(decimals) if decimals.isascii() and decimals.isdecimal() and len(decimals) < 3 else None
        token = Token.offline(symbol, known)
        if token is None:
            self.fail(f"expected a token as SYMBOL:DECIMALS, for example USDC:6, got {value!r}", param, ctx)
        return token


def token_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--token``, passed on as ``token``."""
    return click.option(
        "--token",
        type=OfflineToken(),
        default=ETHER,
        metavar="SYMBOL:DECIMALS",
        help="The token that the model pays in, for example USDC:6, to show amounts in its unit; the native coin by "
        "default.",
    )(command)
