"""Retraining the owner's model within a time that she states."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from assay.errors import UsageError
from assay_oracle.owner.calls import ModelCalls
from assay_pricing.errors import ModelError, ModelTimeout

if TYPE_CHECKING:
    from assay_pricing.black_box.port import BlackBox, Predictions
    from assay_pricing.black_box.training import Training
    from assay_pricing.records.records import Float64, Records

_Found = TypeVar("_Found")
_LEAST_SECONDS = 1e-3

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
        seconds: For all calls and the answers of the models together.
    """

    def __init__(self, training: "Training", seconds: float) -> None:
        self._training = training
        self._seconds = seconds
        self._end: float | None = None
        self.done = 0
        """Models that were trained."""
        self.is_over = False
        """The time was over before all of them were."""
        self.failures: list[str] = []
        """Why trainings failed, or why their models did not answer."""

    def __call__(self, records: "Records") -> "BlackBox | None":
        """A model that was trained on records; None once the time is over.

        Raises:
            ModelError: The training fails.
        """
        if self._end is None:
            self._end = time.monotonic() + self._seconds
        if time.monotonic() >= self._end:
            self.is_over = True
            return None
        try:
            model = self._within(lambda: self._training(records), f"{records.n} records")
        except ModelTimeout:
            if not self.is_over:
                raise
            return None
        self.done += 1
        return _Answers(model, self._within)

    def _within(self, work: Callable[[], _Found], records: str) -> _Found:
        """What the work gives in the time that is left.

        Raises:
            ModelTimeout: The time is over.
            ModelError: The work fails.
        """
        end = self._end or 0.0
        try:
            with ModelCalls(limit=max(end - time.monotonic(), _LEAST_SECONDS)).call(records):
                return work()
        except ModelError as error:
            self.is_over = self.is_over or time.monotonic() >= end
            if not self.is_over:
                self.failures.append(error.message)
            raise


@dataclass(frozen=True)
class _Answers:
    """A trained model whose answers take of the same time as its training."""

    model: "BlackBox"
    within: Callable[[Callable[[], Any], str], Any]
    parameters: int | None = None

    def predict(self, x: "Float64") -> "Predictions":
        """See ``BlackBox``."""
        found: Predictions = self.within(lambda: self.model.predict(x), f"{len(x)} records")
        return found
