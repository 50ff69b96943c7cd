"""Nearest neighbours (Fix and Hodges 1951; Cover and Hart 1967)."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from assay_pricing.learners.port import Learner
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample

_COUNTS = (1, 3, 5, 10, 20, 40)
_BY = ("equal", "distance")
_BLOCK = 256
"""Inputs at a time: their distances from 8,000 records take 16 MiB."""
_LEAST_DISTANCE = 1e-9


class Neighbours(Learner):
    """The mean of the ``count`` nearest records, at equal weight or by the inverse of their distance.

    A record of weight two counts as two; of the farthest that is still needed only a part counts.
    """

    family: ClassVar[str] = "neighbours"
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {"count": _COUNTS, "by": _BY}

    @classmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """As scikit-learn has it by default, and with more."""
        yield cls(encoder, {"count": 5, "by": "equal"})
        yield cls(encoder, {"count": 20, "by": "equal"})

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """See ``Learner``."""
        targets = records.y[:, None]
        if self.is_classifier:
            targets = torch.nn.functional.one_hot(records.y.long(), self.encoder.outputs).double()
        found = torch.cat([self._mean(records, targets, x) for x in torch.split(inputs.x, _BLOCK)])
        return self.log_probabilities(found, torch.arange(found.shape[1])) if self.is_classifier else found

    def _mean(self, records: Sample, targets: Tensor, x: Tensor) -> Tensor:
        """Means (m, k) of the targets (n, k) near inputs ``x`` (m, width)."""
        distance, rows = torch.cdist(x, records.x).sort(dim=1, stable=True)
        weight = records.weight[rows]
        nearer = weight.cumsum(1) - weight
        weight = torch.minimum(weight, (self.capacity["count"] - nearer).clamp(min=0))
        if self.capacity["by"] == "distance":
            weight = weight / distance.clamp(min=_LEAST_DISTANCE)
        mean = torch.zeros((len(x), targets.shape[1]), dtype=torch.float64)
        used = int((weight > 0).sum(1).max())
        weight, rows = weight[:, :used], rows[:, :used]
        for column in range(targets.shape[1]):
            mean[:, column] = (weight * targets[rows, column]).sum(1)
        return mean / weight.sum(1, keepdim=True)
