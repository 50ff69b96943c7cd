"""Pricing rules: from predicted gain to money. From here on all numbers are integers.

A gain is a drop of the owner's risk in millionths of the risk's unit; money is in base units of the model's token. Both
rules are monotone in the gain, bounded by the owner's cap, and rounded down to the owner's grid.
"""

import math
from typing import Literal

from pydantic import Field

from assay.protocol.types import Money, Value

MICRO = 10**6
_BILLIONTHS = 1000
"""Of a millionth."""
PARTS = 5
"""A typical offer is one part in so many of the owner's records."""
OFFERS = 10
"""Typical offers that a budget pays for."""
_LEAST_SHARE = 0.01
"""Of the risk, which a typical offer is taken to remove at least: held-out parts may show less by chance."""
_ENOUGH = 2**64


def to_micros(gain: float) -> int:
    """Millionths of a gain, rounded towards minus infinity: the one place where a float becomes an integer.

    A gain is computed in double precision with errors far below 1e-9. It is first rounded to 1e-9, so that a value at
    a whole millionth does not fall to different sides of it on different machines.
    """
    return math.floor(round(gain * 10**9) / 1000)


class PricingRule(Value):
    """How the owner pays.

    ``graded`` pays ``rate`` base units per unit of gain. ``binary``, the rule of the paper, pays the uniform ``rate``
    for each useful record: as many records of a set are useful as its gain has multiples of ``record_gain``, rounded to
    the nearest, and at most all of them. So a useful record gains the same in every set, a set without a gain has none,
    and over many sets both rules pay alike at rates in the ratio of ``record_gain``.
    """

    kind: Literal["graded", "binary"] = "graded"
    rate: Money = Field(default=10**18, description="base units per unit of gain, or per useful record")
    record_gain: int = Field(
        default=0, ge=0, description="gain of one useful record in billionths; 0: all of a set with a gain are useful"
    )
    cap: Money = Field(default=2**96 - 1, description="highest price of one offer")
    floor: Money = Field(default=0, description="lowest price; a lower one becomes 0")
    grid: Money = Field(
        default=1, ge=1, description="prices are multiples of this: a coarse grid discloses less of the model"
    )
    basis: Literal["estimate", "lower_bound"] = Field(
        default="estimate", description="pay the estimated gain, or the lower bound of its 90 % interval"
    )

    def price(self, gain_micros: int, records: int) -> int:
        """Price in base units.

        Args:
            gain_micros: Gain that is paid, in millionths of the risk's unit.
            records: Number of records of the set; near duplicates of each other count as one.
        """
        if gain_micros <= 0:
            return 0
        graded = self.kind == "graded"
        amount = self.rate * gain_micros // MICRO if graded else self.rate * self.useful(gain_micros, records)
        amount = min(amount, self.cap) // self.grid * self.grid
        return amount if amount >= self.floor else 0

    def useful(self, gain_micros: int, records: int) -> int:
        """Number of useful records of a set with a gain; arguments as of ``price``."""
        if not self.record_gain:
            return records
        return min(records, (2 * gain_micros * _BILLIONTHS + self.record_gain) // (2 * self.record_gain))


class Outlook(Value):
    """What may be gained: the figures by which an owner chooses how much to pay for a gain.

    A rate is money per unit of the goal. The unit of a regression's goal is that of the labels, so that no rate is
    right for two models. Two gains are known beforehand: that of a perfect model, which has no risk left, and that of a
    typical offer, more records of the owner's own kind.

    Attributes:
        risk: That of the model on the validation records: the gain of a perfect model.
        records: Of a typical offer.
        gain: Of a typical offer, in the unit of the goal.
        error: Standard error over the validation records of what that gain is without shrinkage; 0 where it was not
            measured.
        enough: Validation records with which the error would be a fifth of the gain; 0 where no gain is seen, or the
            error was not measured.
        recalibration: Drop of the model's risk by another temperature, see ``risk.Metric.calibrated``, which needs no
            data.
    """

    risk: float = 0.0
    records: int = 1
    gain: float = 0.0
    error: float = 0.0
    enough: int = 0
    recalibration: float = 0.0

    @property
    def record_gain(self) -> int:
        """Gain of one useful record in billionths, see ``PricingRule``: as many as the owner has would leave no risk.

        A smaller one would be less than what records of a kind that the owner lacks gain each: an offer of them would
        have too few to count its gain. Of a larger one, offers of the owner's own kind would hardly have any.
        """
        return max(1, int(self.risk * MICRO * _BILLIONTHS) // (PARTS * self.records))

    def suggested_rate(self, budget: int, kind: str) -> int:
        """The rate at which ``budget`` pays for ten typical offers, in base units per unit of gain or per record.

        A typical offer counts as a gain of at least 1 % of the risk, so that a perfect model costs at most ten times
        the budget.
        """
        gain = max(self.gain, _LEAST_SHARE * self.risk)
        rate = max(1, budget // OFFERS * MICRO // max(1, to_micros(gain)))
        return rate if kind == "graded" else self.rate_per_record(rate)

    def rate_per_record(self, rate: int) -> int:
        """The binary rate that corresponds to a graded one, in base units per useful record."""
        return max(1, rate * self.record_gain // (MICRO * _BILLIONTHS))

    def perfect(self, rule: PricingRule) -> int:
        """Price of an offer that leaves no risk, in base units, without the rule's cap; of records enough for that."""
        return self._price(rule, self.risk, _ENOUGH)

    def typical(self, rule: PricingRule) -> int:
        """Price of a typical offer in base units, without the rule's cap."""
        return self._price(rule, self.gain, self.records)

    def _price(self, rule: PricingRule, gain: float, records: int) -> int:
        return rule.model_copy(update={"cap": 2**255}).price(to_micros(max(gain, 0.0)), records)
