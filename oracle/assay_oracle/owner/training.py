"""Retraining the owner's model within a time that she states."""

import re
import time
from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay_oracle.owner.calls import ModelCalls
from assay_pricing.errors import ModelTimeout

if TYPE_CHECKING:
    from assay_pricing.black_box.port import BlackBox
    from assay_pricing.black_box.training import Training
    from assay_pricing.records.records import Records

BUDGET = "10m"
"""For all trainings, unless the owner states another."""
_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(text: str) -> float:
    """Seconds of a duration such as ``90s``, ``10m`` or ``2h``.

    Raises:
        UsageError: It is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"expected a duration such as 90s, 10m or 2h, got {text!r}")
    return float(found[1]) * _UNITS[found[2]]


class BoundedTraining:
    """A training that ends in order once its time is over.

    Args:
        training: The owner's.
        seconds: For all calls together.
    """

    def __init__(self, training: "Training", seconds: float) -> None:
        self._training = training
        self._seconds = seconds
        self._end: float | None = None
        self.done = 0
        """Models that were trained."""
        self.is_over = False
        """The time was over before all of them were."""

    def __call__(self, records: "Records") -> "BlackBox | None":
        """A model that was trained on records; None once the time is over.

        Raises:
            ModelError: The training fails.
        """
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds
        if now >= self._end:
            self.is_over = True
            return None
        try:
            with ModelCalls(limit=self._end - now).call(f"{records.n} records"):
                found = self._training(records)
        except ModelTimeout:
            self.is_over = True
            return None
        self.done += 1
        return found
