"""What the rest of pricing sees of a model.

A black box is called while a price function is fitted, on the model owner's machine. It is no part of the artifact.
"""

from dataclasses import dataclass
from typing import Protocol

from assay_pricing.records.records import Float64


@dataclass(frozen=True, eq=False)
class Predictions:
    """The model's answers to n inputs.

    Attributes:
        labels: Index of the most likely class, or the value of a regression, (n,).
        probabilities: (n, k), rows summing to one; None if the model gives labels alone, and for a regression.
    """

    labels: Float64
    probabilities: Float64 | None = None


class BlackBox(Protocol):
    """A model of known or unknown size."""

    @property
    def parameters(self) -> int | None:
        """Number of parameters; None if it is not known."""
        ...

    def predict(self, x: Float64) -> Predictions:
        """Answers for inputs (n, d), as in ``Records.x``."""
        ...
