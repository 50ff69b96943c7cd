"""Nearest neighbours (Fix and Hodges 1951; Cover and Hart 1967)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from assay_pricing.learners.port import COLUMNS, Learner
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample

_COUNTS = (1, 3, 5, 7, 10, 15, 20, 25, 30, 40, 60, 100)
_BY = ("equal", "distance")
_MAX_INPUTS, _MAX_DISTANCES = 256, 2**21
"""Inputs at a time, and their distances from all records: these take 16 MiB."""
_LEAST_DISTANCE = 1e-9


class Neighbours(Learner):
    """The mean of the ``count`` nearest records, at equal weight or by the inverse of their distance.

    ``columns``: see ``port.COLUMNS``. A record of weight two counts as two; of the farthest that is still needed only a
    part counts.
    """

    family: ClassVar[str] = "neighbours"
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {"count": _COUNTS, "by": _BY, "columns": COLUMNS}

    @classmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """As scikit-learn has it by default, and with more."""
        for count, columns in product((5, 20), ("standardised", "units")):
            yield cls(encoder, {"count": count, "by": "equal", "columns": columns})

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """See ``Learner``."""
        x, asked = self.columns(records, inputs)
        known, targets = replace(records, x=x), records.y[:, None]
        if self.is_classifier:
            targets = torch.nn.functional.one_hot(records.y.long(), self.encoder.outputs).double()
        block = min(_MAX_INPUTS, max(1, _MAX_DISTANCES // len(records)))
        found = torch.cat([self._mean(known, targets, part) for part in torch.split(asked, block)])
        return self.log_probabilities(found, torch.arange(found.shape[1])) if self.is_classifier else found

    def _mean(self, records: Sample, targets: Tensor, x: Tensor) -> Tensor:
        """Means (m, k) of the targets (n, k) near inputs ``x`` (m, width)."""
        count = self.capacity["count"]
        distance, rows = _nearest(torch.cdist(x, records.x), records.weight, count)
        weight = records.weight[rows]
        nearer = weight.cumsum(1) - weight
        weight = torch.minimum(weight, (count - nearer).clamp(min=0))
        if self.capacity["by"] == "distance":
            weight = weight / distance.clamp(min=_LEAST_DISTANCE)
        mean = torch.zeros((len(x), targets.shape[1]), dtype=torch.float64)
        used = int((weight > 0).sum(1).max())
        weight, rows = weight[:, :used], rows[:, :used]
        for column in range(targets.shape[1]):
            mean[:, column] = (weight * targets[rows, column]).sum(1)
        return mean / weight.sum(1, keepdim=True)


def _nearest(distance: Tensor, weight: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The smallest of distances (m, n) in ascending order, and their records, of equal ones the earlier first.

    As many as have a sum of ``count`` of the records' weights (n,); sorting all takes several times as long.
    """
    wanted = 2 * count
    while wanted < distance.shape[1]:
        found, rows = distance.topk(wanted, largest=False)
        limit = found[:, -1:]  # of records at this distance some may be missing
        if bool((weight[rows] * (found < limit)).sum(1).min() >= count):
            rows = rows.sort(1).values
            found, order = distance.gather(1, rows).sort(dim=1, stable=True)
            return found, rows.gather(1, order)
        wanted *= 4
    return distance.sort(dim=1, stable=True)
