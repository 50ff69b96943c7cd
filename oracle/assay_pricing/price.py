"""Pricing functions: from predicted gain to money. Integers from here on.

A gain is a drop of the owner's risk, held as millionths of the risk's unit; money is base units of the model's token.
Both functions rise with the gain, stay within the owner's cap, and are rounded down to the owner's grid.
"""

import math
from typing import Literal

from pydantic import Field

from assay.protocol.types import Money, Value

MICRO = 10**6


def to_micros(gain: float) -> int:
    """The one place where a float becomes an integer: millionths, rounded towards minus infinity.

    A gain is computed in double precision with errors far below 1e-9. It is rounded to 1e-9 first, so that a value at
    a whole millionth does not fall on either side of it from one machine to the next.
    """
    return math.floor(round(gain * 10**9) / 1000)


class PricingRule(Value):
    """How the owner pays.

    ``graded``: ``rate`` base units for every unit of gain beyond the cut. ``binary``, as in the paper: each useful
    record is paid the uniform ``rate``, no other is paid, and none where the set brings nothing beyond the cut.
    """

    kind: Literal["graded", "binary"] = "graded"
    rate: Money = Field(default=10**18, description="base units per unit of gain, or per useful record")
    cap: Money = Field(default=2**96 - 1, description="never more than this")
    floor: Money = Field(default=0, description="a price below this is nothing")
    grid: Money = Field(
        default=1, ge=1, description="prices are multiples of this: a coarse grid says less of the model"
    )
    basis: Literal["estimate", "lower_bound"] = Field(
        default="estimate", description="pay the estimated gain, or the lower end of its interval"
    )

    def price(self, gain_micros: int, useful: int) -> int:
        """Price in base units.

        Args:
            gain_micros: Gain beyond the cut, in millionths of the risk's unit.
            useful: Useful records; near duplicates of each other count as one.
        """
        if gain_micros <= 0:
            return 0
        amount = self.rate * gain_micros // MICRO if self.kind == "graded" else self.rate * useful
        amount = min(amount, self.cap) // self.grid * self.grid
        return amount if amount >= self.floor else 0
