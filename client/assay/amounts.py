"""Amounts as people write and read them: in the unit of a token, with base units beside it.

amount_text(258304000000000000, ETHER)          0.2583 ETH (258304000000000000 wei)
short_amount(258304000000000000, ETHER)         0.2583 ETH
exact_amount(258304000000000000, ETHER)         0.258304 ETH
WrittenAmount.parse("0.5eth").base_units(ETHER) 500000000000000000

A token contract chooses its own symbol. A symbol that is not plain, or that is the native coin's, is not shown: then
the token's address stands for it.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, localcontext

from assay.errors import UsageError

MAX_AMOUNT = 2**96 - 1
"""The contract holds amounts in 96 bits."""
SIGNIFICANT_DIGITS = 4
"""Digits of a short amount; an integer part is never shortened."""
_NATIVE_ADDRESS = "0x" + 40 * "0"
_NATIVE_UNITS = {"wei": 0, "gwei": 9, "ether": 18, "eth": 18}
_MAX_DECIMALS = 36
_MAX_SYMBOL = 11
_WRITTEN = re.compile(r"([0-9]{1,40})(?:\.([0-9]{1,40}))?\s*([A-Za-z][\w.$+-]*)?", re.ASCII)


@dataclass(frozen=True)
class Token:
    """What a model pays in. ``decimals`` is None for a token that does not state them: base units are all there is."""

    address: str
    symbol: str
    decimals: int | None

    @classmethod
    def erc20(cls, address: str, symbol: str | None, decimals: int | None) -> "Token":
        """A token by what its contract says of itself; what cannot be shown is replaced by its address."""
        plain = symbol is not None and re.fullmatch(r"[A-Za-z][\w.$+-]*", symbol, re.ASCII) is not None
        usable = plain and len(symbol or "") <= _MAX_SYMBOL and (symbol or "").lower() not in _NATIVE_UNITS
        sane = decimals is not None and 0 <= decimals <= _MAX_DECIMALS
        return cls(address, symbol if usable and symbol else _short(address), decimals if sane else None)

    @classmethod
    def offline(cls, symbol: str, decimals: int | None) -> "Token | None":
        """A token by what a person says of it, where no chain is asked; None if nothing can be shown by that.

        Its address is empty.
        """
        made = cls.erc20("", symbol, decimals)
        return made if made.symbol == symbol and made.decimals is not None else None

    @property
    def is_native(self) -> bool:
        """Whether this is the chain's own coin."""
        return self.address == _NATIVE_ADDRESS

    @property
    def base_unit(self) -> str:
        """Name of the base unit."""
        if not self.address:
            return "base units"
        return "wei" if self.is_native else f"base units of token {_short(self.address)}"


ETHER = Token(_NATIVE_ADDRESS, "ETH", 18)
"""The native coin."""


def amount_text(amount: int, token: Token = ETHER) -> str:
    """``amount``, in base units, for a reader: short in the token's unit, and exact in base units."""
    if token.decimals is None or amount == 0:
        return short_amount(amount, token)
    return f"{short_amount(amount, token)} ({amount} {token.base_unit})"


def short_amount(amount: int, token: Token = ETHER) -> str:
    """``amount`` in the token's unit with four significant digits; cut, so that nothing seems more than it is."""
    if token.decimals is None:
        return f"{amount} {token.base_unit}"
    value = _scaled(amount, token.decimals)
    with localcontext(prec=100):
        places = max(0, SIGNIFICANT_DIGITS - 1 - value.adjusted()) if value else 0
        cut = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN)
    return f"{_plain(cut)} {token.symbol}"


def exact_amount(amount: int, token: Token = ETHER) -> str:
    """``amount`` in the token's unit with all digits."""
    if token.decimals is None:
        return f"{amount} {token.base_unit}"
    return f"{_plain(_scaled(amount, token.decimals))} {token.symbol}"


def _scaled(amount: int, decimals: int) -> Decimal:
    with localcontext(prec=100):
        return Decimal(amount).scaleb(-decimals)


def _plain(value: Decimal) -> str:
    """Without exponent and without zeros at the end of a fraction."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _short(address: str) -> str:
    return f"{address[:6]}...{address[-4:]}"


@dataclass(frozen=True)
class WrittenAmount:
    """An amount as it was written. Which number of base units it is depends on the token.

    Attributes:
        text: As written.
        digits: All digits, without the decimal point.
        places: Digits after the decimal point.
        unit: In lower case; empty for base units.
    """

    text: str
    digits: int
    places: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> "WrittenAmount":
        """Reads ``1000`` (base units), ``0.5eth``, ``20 gwei`` or ``12.5 USDC``.

        Raises:
            UsageError: It is none of these, or no token has such an amount.
        """
        match = _WRITTEN.fullmatch(text.strip())
        if not match:
            raise UsageError(f"expected base units (1000) or an amount with a unit (0.5eth), got {text!r}")
        fraction = match[2] or ""
        written = cls(text, int(match[1] + fraction), len(fraction), (match[3] or "").lower())
        if not written.unit or written.unit in _NATIVE_UNITS:
            written.base_units(ETHER)  # what is impossible for every token
        return written

    def base_units(self, token: Token = ETHER) -> int:
        """The amount in base units of ``token``; exact, no floating point.

        Raises:
            UsageError: The unit is not the token's, or the amount is no whole number of base units, or too large.
        """
        one: int = 10 ** self._decimals(token)
        parts: int = 10**self.places
        amount, rest = divmod(self.digits * one, parts)
        if rest:
            raise UsageError(f"{self.text!r} is not a whole number of base units")
        if amount > MAX_AMOUNT:
            raise UsageError(f"expected at most {MAX_AMOUNT} base units, got {self.text!r}")
        return amount

    def _decimals(self, token: Token) -> int:
        units = dict(_NATIVE_UNITS) if token.is_native else {}
        if not token.is_native and token.decimals is not None:
            units[token.symbol.lower()] = token.decimals
        if not self.unit:
            return 0
        if self.unit not in units:
            known = ", ".join(units) or "none: the token states no decimals"
            raise UsageError(
                f"expected base units, or a unit of {token.symbol} ({known}), got {self.text!r}",
                hint="an amount without a unit is in base units",
            )
        return units[self.unit]
