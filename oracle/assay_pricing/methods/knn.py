"""kNN add-one: what a record changes for the k nearest neighbours of each validation record.

Needs no model at all. Finds junk well, as a record that lies among others of its own label is seldom noise; ranks
useful records less well. The kernel behind kNN-Shapley (Jia et al., "Efficient task-specific data valuation for nearest
neighbor algorithms", VLDB 2019), read as a marginal of the base rather than a Shapley value.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.errors import DataError
from assay_pricing.methods import Parts, Refit
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.distillation import fidelity
from assay_pricing.surrogate.newton import Forecast
from assay_pricing.surrogate.task import Sample, Task

_PRIOR = 1.0
"""Records that stand for knowing nothing, shared out among the classes: bounds the loss of one record."""
_BLOCK_NUMBERS = 2**23


class NearestNeighbours(Refit):
    """Set price by the nearest neighbours that a set's records become."""

    name = "knn"
    label_only = True
    settings: ClassVar[Mapping[str, int | float | str]] = {"neighbours": 5}

    @property
    def _k(self) -> int:
        return int(self.parts.settings["neighbours"])

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Measures how far the neighbours' answers are the model's."""
        if task.settings["neighbours"] < 1:
            raise DataError(f"expected at least one neighbour, got {task.settings['neighbours']}")
        plain = cls(task.context, Parts(settings=task.settings))
        nothing = torch.zeros(0, dtype=torch.float64)
        outputs = plain._outputs(plain._nearest(task.context.base, nothing[None])[0])
        agreement = fidelity(task, outputs, task.black_box.predict(task.held.x))
        return cls(task.context, Parts(settings=task.settings, fidelity=agreement))

    def updated(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``Refit``."""
        base = self.context.base
        whole = Sample(torch.cat([base.x, offer.x]), torch.cat([base.y, offer.y]), base.weight)
        outputs = [self._outputs(shares) for shares in self._nearest(whole, weights)]
        return self.context.encoder.outputs_in_units(torch.stack(outputs))

    def points(self, records: Records) -> Float64:
        """Drop of the risk by each record alone, along the risk's descent direction, (n,)."""
        return self.drops(self.context.encode(records))

    def drops(self, offer: Sample) -> Float64:
        """``points`` of encoded records."""
        return self.forecast(offer).drop

    def forecast(self, offer: Sample) -> Forecast:
        """``drops``, and how sure they are."""
        base, held = self.context.base, self.context.validation
        distances = self._distances(base.x)
        last = distances.topk(min(self._k, len(base)), largest=False)
        votes = self._votes(base.y)[last.indices]  # (v, neighbours, k)
        before = votes.sum(1)
        importance = torch.from_numpy(
            self.context.metric.importance(self.context.encoder.outputs_in_units(self._outputs(before)))
        )
        importance = importance / importance.sum()
        full = last.indices.shape[1] == self._k
        pushed = votes[:, -1] if full else torch.zeros_like(votes[:, -1])
        limit = last.values[:, -1] if full else torch.full((len(held),), torch.inf, dtype=torch.float64)
        now = self._loss(before)
        told = torch.empty((2, len(offer)), dtype=torch.float64)
        rows = max(1, _BLOCK_NUMBERS // before.numel())
        for start in range(0, len(offer), rows):
            part = slice(start, start + rows)
            closer = limit > self._distances(offer.x[part]).T  # (m, v)
            targets, which = offer.y[part].unique(return_inverse=True)  # type: ignore[no-untyped-call]
            gains = now - self._loss(before - pushed + self._votes(targets)[:, None])  # of a neighbour, by its target
            drops = torch.where(closer, gains[which], 0.0)
            mean = drops @ importance
            told[0, part], told[1, part] = mean, ((drops - mean[:, None]) ** 2 @ importance**2).sqrt()
        return Forecast(*np.asarray(told.numpy()))

    def _nearest(self, whole: Sample, weights: Tensor) -> list[Tensor]:
        """Votes of the nearest neighbours at each validation record, (v, k) for each scenario (e, n) of the offer.

        A record of weight w takes w of the places; the last neighbour takes what is left.
        """
        order = torch.argsort(self._distances(whole.x), dim=1, stable=True)
        votes = self._votes(whole.y)
        found = []
        for row in weights:
            mass = torch.cat([whole.weight, row])[order]
            before = mass.cumsum(1) - mass
            places = (torch.minimum(mass, self._k - before)).clamp(min=0)
            share = torch.zeros_like(places).scatter_(1, order, places)
            found.append(share @ votes)
        return found

    def _outputs(self, votes: Tensor) -> Tensor:
        """Raw outputs from votes (..., k): log-probabilities, or the mean of a regression."""
        if votes.shape[-1] == 2 and self.context.encoder.outputs == 1:
            return votes[..., :1] / votes[..., 1:].clamp(min=1e-12)
        smooth = votes + _PRIOR / votes.shape[-1]
        return (smooth / smooth.sum(-1, keepdim=True)).log()

    def _votes(self, y: Tensor) -> Tensor:
        """One vote each (n, k); for a regression value and count (n, 2)."""
        if self.context.encoder.outputs == 1:
            return torch.stack([y, torch.ones_like(y)], dim=1)
        return torch.nn.functional.one_hot(y.long(), self.context.encoder.outputs).double()

    def _loss(self, votes: Tensor) -> Tensor:
        """Loss at each validation record (..., v) for votes (..., v, k)."""
        outputs, y = self._outputs(votes), self.context.validation.y
        if outputs.shape[-1] == 1:
            return (outputs[..., 0] - y) ** 2 / 2
        return -outputs.gather(-1, y.long().expand(outputs.shape[:-1])[..., None])[..., 0]

    def _distances(self, x: Tensor) -> Tensor:
        """From each validation record to encoded records, in the encoder's scales, (v, n)."""
        scale = self._scale
        return torch.cdist(self.context.validation.x / scale, x / scale, compute_mode="donot_use_mm_for_euclid_dist")

    @property
    def _scale(self) -> Tensor:
        encoder = self.context.encoder
        if encoder.standardised or encoder.basis is not None:
            return torch.ones(encoder.width, dtype=torch.float64)
        columns = [
            [float(encoder.scale[j])] if feature.kind == "numeric" else [1.0] * max(len(feature.categories), 1)
            for j, feature in enumerate(encoder.schema.features)
        ]
        return torch.tensor([value for column in columns for value in column], dtype=torch.float64)


METHOD = NearestNeighbours
