"""Pricing rules: from predicted gain to money. From here on all numbers are integers.

A gain is a drop of the owner's risk in millionths of the risk's unit; money is in base units of the model's token. Both
rules are monotone in the gain, bounded by the owner's cap, and rounded down to the owner's grid.
"""

import math
from typing import Literal

from pydantic import Field

from assay.protocol.types import Money, Value

MICRO = 10**6


def to_micros(gain: float) -> int:
    """Millionths of a gain, rounded towards minus infinity: the one place where a float becomes an integer.

    A gain is computed in double precision with errors far below 1e-9. It is first rounded to 1e-9, so that a value at
    a whole millionth does not fall to different sides of it on different machines.
    """
    return math.floor(round(gain * 10**9) / 1000)


class PricingRule(Value):
    """How the owner pays.

    ``graded`` pays ``rate`` base units per unit of gain above the cut. ``binary``, the rule of the paper, pays ``rate``
    per useful record, if the set has a gain above the cut, and nothing otherwise.
    """

    kind: Literal["graded", "binary"] = "graded"
    rate: Money = Field(default=10**18, description="base units per unit of gain, or per useful record")
    cap: Money = Field(default=2**96 - 1, description="highest price of one offer")
    floor: Money = Field(default=0, description="lowest price; a lower one becomes 0")
    grid: Money = Field(
        default=1, ge=1, description="prices are multiples of this: a coarse grid discloses less of the model"
    )
    basis: Literal["estimate", "lower_bound"] = Field(
        default="estimate", description="pay the estimated gain, or the lower bound of its 90 % interval"
    )

    def price(self, gain_micros: int, useful: int) -> int:
        """Price in base units.

        Args:
            gain_micros: Gain above the cut, in millionths of the risk's unit.
            useful: Number of useful records; near duplicates of each other count as one.
        """
        if gain_micros <= 0:
            return 0
        amount = self.rate * gain_micros // MICRO if self.kind == "graded" else self.rate * useful
        amount = min(amount, self.cap) // self.grid * self.grid
        return amount if amount >= self.floor else 0
