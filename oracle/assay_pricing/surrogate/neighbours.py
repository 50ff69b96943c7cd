"""Nearest neighbours in the encoded features: outputs on the validation set, and the change of risk by one record.

The kernel behind kNN-Shapley (Jia et al., "Efficient task-specific data valuation for nearest neighbor algorithms",
VLDB 2019), evaluated as the marginal contribution to the owner's records rather than as a Shapley value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from assay_pricing.learners.nearest import closer, nearest
from assay_pricing.records.records import Int64
from assay_pricing.surrogate.task import Context, RiskDrop, Sample

DEFAULT_NEIGHBOURS = 5
_PRIOR = 1.0
"""Pseudo-count (Laplace smoothing), split evenly among the classes: bounds the loss of one record."""
_BLOCK_NUMBERS = 2**23
"""Numbers in one block of changed votes: 64 MiB in double precision."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """k-nearest-neighbour classifier or regression on the owner's records.

    A vote is (k,): one-hot of the class, or (value, 1) for a regression, so that votes of neighbours add up.

    Attributes:
        context: The owner's records and goal.
        neighbours: How many vote.
        known: Distances and rows of the owner's records that are nearest to each validation record, (v, neighbours), if
            they were found before: they depend on no other validation record.
    """

    context: Context
    neighbours: int = DEFAULT_NEIGHBOURS
    known: tuple[Tensor, Tensor] | None = None

    def on(self, context: Context, rows: Int64) -> "Neighbours":
        """The same on a context whose validation records are those at rows (v,) of this one's."""
        distances, near = (found[torch.from_numpy(rows)] for found in self._nearest)
        return Neighbours(context, self.neighbours, (distances, near))

    def outputs(self, offer: Sample, weights: Tensor) -> Tensor:
        """Raw outputs on the validation set, log-probabilities or means, (e, v, k).

        A record of weight w fills w of the places among the nearest; the last neighbour fills the remainder.

        Args:
            offer: n records beside the owner's.
            weights: Weight of each of them in e scenarios (e, n).
        """
        base = self.context.base
        votes = self._votes(torch.cat([base.y, offer.y]))
        order = torch.argsort(self._distances(torch.cat([base.x, offer.x])), dim=1, stable=True)  # (v, b + n)
        found = []
        for row in weights:
            mass = torch.cat([base.weight, row])[order]  # (v, b + n), nearest first
            before = mass.cumsum(1) - mass
            places = (torch.minimum(mass, self.neighbours - before)).clamp(min=0)
            share = torch.zeros_like(places).scatter_(1, order, places)  # back in the order of the records
            found.append(self._outputs(share @ votes))  # (v, k)
        return torch.stack(found)

    def risk_drops(self, offer: Sample) -> RiskDrop:
        """Drop of the validation loss by each record on its own, along the risk's descent direction."""
        return self.risk_drops_by(offer, [self.weights])[0]

    @cached_property
    def weights(self) -> Tensor:
        """Weight of each validation record (v,) in the drop."""
        votes = self._votes(self.context.base.y)[self._nearest[1]].sum(1)
        return self.context.importance(self._outputs(votes)) / len(votes)

    def risk_drops_by(self, offer: Sample, weights: Sequence[Tensor]) -> list[RiskDrop]:
        """Sums of the validation records' drops by each record on its own, by each of several weights (v,).

        One record changes the k nearest of a validation record only if it is closer than the last of them, which it
        then replaces: by record and validation record one comparison and one of few gains.
        """
        base, validation = self.context.base, self.context.validation
        scale = self.context.encoder.column_scale
        asked = validation.x / scale
        distances, rows = self._nearest
        votes = self._votes(base.y)[rows]  # (v, neighbours, k)
        before = votes.sum(1)  # (v, k)
        full = rows.shape[1] == self.neighbours
        replaced = votes[:, -1] if full else torch.zeros_like(votes[:, -1])
        limit = distances[:, -1] if full else torch.full((len(validation),), torch.inf, dtype=torch.float64)
        now = self._losses(before)  # (v,)
        parts: list[list[RiskDrop]] = []
        block = max(1, _BLOCK_NUMBERS // before.numel())
        for start in range(0, len(offer), block):
            part = slice(start, start + block)
            is_closer = closer(offer.x[part] / scale, asked, limit)  # (m, v)
            targets, which = offer.y[part].unique(return_inverse=True)  # type: ignore[no-untyped-call]
            gains = now - self._losses(before - replaced + self._votes(targets)[:, None])  # (distinct targets, v)
            drops = torch.where(is_closer, gains[which], 0.0)
            parts.append([RiskDrop.weighed(drops, each) for each in weights])
        return [RiskDrop.concatenate([part[i] for part in parts]) for i in range(len(weights))]

    @cached_property
    def _nearest(self) -> tuple[Tensor, Tensor]:
        """What ``known`` is."""
        if self.known is not None:
            return self.known
        scale = self.context.encoder.column_scale
        return nearest(self.context.validation.x / scale, self.context.base.x / scale, self.neighbours)

    def _outputs(self, votes: Tensor) -> Tensor:
        """Log-probabilities (..., k), or the mean of a regression (..., 1), from sums of votes (..., k)."""
        if self.context.encoder.outputs == 1:
            return votes[..., :1] / votes[..., 1:].clamp(min=1e-12)
        smooth = votes + _PRIOR / votes.shape[-1]
        return (smooth / smooth.sum(-1, keepdim=True)).log()

    def _votes(self, y: Tensor) -> Tensor:
        if self.context.encoder.outputs == 1:
            return torch.stack([y, torch.ones_like(y)], dim=1)  # (n, 2)
        return torch.nn.functional.one_hot(y.long(), self.context.encoder.outputs).double()  # (n, k)

    def _losses(self, votes: Tensor) -> Tensor:
        """Loss at each validation record (..., v) for sums of votes (..., v, k)."""
        outputs, y = self._outputs(votes), self.context.validation.y
        if outputs.shape[-1] == 1:
            return (outputs[..., 0] - y) ** 2 / 2
        return -outputs.gather(-1, y.long().expand(outputs.shape[:-1])[..., None])[..., 0]

    def _distances(self, x: Tensor) -> Tensor:
        """Euclidean distances from the validation records to encoded records, in the encoder's scales, (v, n)."""
        scale = self.context.encoder.column_scale
        # The faster form by one matrix product cancels digits: records at equal distance would change places.
        return torch.cdist(self.context.validation.x / scale, x / scale, compute_mode="donot_use_mm_for_euclid_dist")
