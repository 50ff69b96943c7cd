"""From a doubled price to money and back: what of a model's pricing rule a proof is read by."""

import math
from collections.abc import Callable

from pydantic import Field

from assay.protocol.proof.evidence import Rule
from assay.protocol.types import Money, Value

_NUMERATOR_BITS = 47


class Cut(Value):
    """What is taken from the gain of sets of a size: worthless ones reach it."""

    records: int = Field(ge=1)
    gain: float = Field(ge=0, allow_inf_nan=False)


class MoneyTerms(Value):
    """The rule of a price from sums, in full.

    Attributes:
        cuts: By growing size; between two sizes a cut is linear in the logarithm of the size, beyond them constant.
        scale: The gain is the doubled price over ``2**(scale + 1)``, in floating point.
        unit: What it is multiplied by then.
        divisor: And divided by then.
        rate: Base units for each unit of gain.
        cap: Highest price by the rule.
        grid: Prices by the rule are multiples of it.
        floor: Lower prices are 0.
        max_price: Highest price of the model's terms.
    """

    scale: int = Field(ge=-200, le=200)
    unit: float = Field(gt=0, allow_inf_nan=False)
    divisor: float = Field(gt=0, allow_inf_nan=False)
    rate: Money
    cap: Money
    grid: Money = Field(ge=1)
    floor: Money
    max_price: Money
    cuts: tuple[Cut, ...] = ()

    def price(self, doubled: int, records: int) -> int:
        """The price in base units of a doubled price of so many distinct records."""
        shift = self.scale + 1
        drop = (doubled / 2**shift if shift >= 0 else float(doubled * 2**-shift)) * self.unit
        gain = (drop - self._cut(records)) / self.divisor
        micros = math.floor(round(gain * 10**9) / 1000)
        amount = min(self.rate * max(micros, 0) // 10**6, self.cap) // self.grid * self.grid
        return min(amount if amount >= self.floor else 0, self.max_price)

    def _cut(self, records: int) -> float:
        before = None
        for cut in self.cuts:
            if records <= cut.records:
                if before is None or records == cut.records:
                    return cut.gain
                share = math.log(records / before.records) / math.log(cut.records / before.records)
                return before.gain + share * (cut.gain - before.gain)
            before = cut
        return before.gain if before else 0.0

    def enclosing(self, price: int, records: int, bits: int) -> tuple[int, int]:
        """The least and the greatest doubled price, up to ``2**bits`` in magnitude, that is ``price`` in money.

        Raises:
            ValueError: No doubled price is.
        """
        least = _first(lambda doubled: self.price(doubled, records) >= price, bits)
        beyond = _first(lambda doubled: self.price(doubled, records) > price, bits)
        if least >= beyond:
            raise ValueError(f"expected a price that the model's rule can give, got {price}")
        return least, beyond - 1

    def rule(self) -> Rule:
        """The rule as a contract computes it: in integers, to two millionths of the gain and to the range of cuts.

        Raises:
            ValueError: The scale is beyond what 256 bits hold.
        """
        fraction, exponent = math.frexp(self.unit / self.divisor * 10**6)
        shift = self.scale + 1 + _NUMERATOR_BITS - exponent
        if not 0 <= shift < 256:
            raise ValueError(f"expected a scale that a contract can compute with, got {self.scale}")
        numerator = min(round(math.ldexp(fraction, _NUMERATOR_BITS)), 2**48 - 1)
        cuts = [cut.gain / self.divisor * 10**6 for cut in self.cuts] or [0.0]
        least, most = math.floor(min(cuts)), math.ceil(max(cuts))
        return Rule(numerator, shift, self.rate, self.cap, self.grid, self.floor, self.max_price, least, most)


def _first(reached: Callable[[int], bool], bits: int) -> int:
    """The least doubled price with a property that all greater ones have; one more than the greatest if none has."""
    low, high = -(1 << bits), (1 << bits) + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    return low
