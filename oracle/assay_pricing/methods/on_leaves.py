"""What methods on extracted trees have in common: keeping the trees, and pricing sets by the ridge on their leaves."""

from abc import abstractmethod
from typing import Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.methods import Parts, Refit
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.distillation import fidelity
from assay_pricing.surrogate.leaf_ridge import LeafRidge
from assay_pricing.surrogate.network import losses
from assay_pricing.surrogate.task import Context, Sample, Task
from assay_pricing.surrogate.trees import Trees

_FLOOR = 0.1
"""Probability that is shared out among all classes where scores leave none: bounds the loss of one record."""
_BLOCK_NUMBERS = 2**23


class OnLeaves(Refit):
    """Set price by a ridge regression on the leaves of extracted trees; labels alone are asked for."""

    label_only = True

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        self.trees = Trees.restore(parts.tensors)
        self._ridge = LeafRidge(context, self.trees, parts.tensors["answers"])

    @classmethod
    @abstractmethod
    def extract(cls, task: Task) -> tuple[Trees, Tensor]:
        """The trees, and what the black box says in each leaf (l, k)."""

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Extracts the trees; the fidelity is that of what they answer, with the owner's labels, before any offer."""
        trees, answers = cls.extract(task)
        tensors = {**trees.tensors, "answers": answers}
        drafted = cls(task.context, Parts(tensors))
        agreement = fidelity(task, drafted._raw(drafted._ridge.before), task.black_box.predict(task.held.x))
        leak = f"part of {len(trees)} trees that agree with the model on {agreement:.1%} of inputs"
        return cls(task.context, Parts(tensors, task.settings, agreement, dict.fromkeys(tensors, leak)))

    def updated(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``Refit``."""
        scenarios = [self._raw(self._ridge.after(offer, row)) for row in weights]
        return self.context.encoder.outputs_in_units(torch.stack(scenarios))

    def points(self, records: Records) -> Float64:
        """Drop of the risk by each record alone, along the risk's descent direction, (n,)."""
        offer = self.context.encode(records)
        held = self.context.validation.y
        scores, directions, sizes = self._ridge.after_each(offer)
        before = self._raw(scores)
        importance = torch.from_numpy(self.context.metric.importance(self.context.encoder.outputs_in_units(before)))
        now = losses(before[None], held)[0]
        drops = torch.empty(len(offer), dtype=torch.float64)
        rows = max(1, _BLOCK_NUMBERS // scores.numel())
        for start in range(0, len(offer), rows):
            part = slice(start, start + rows)
            moved = self._raw(scores + directions[part, :, None] * sizes[part, None, :])
            drops[part] = ((now - losses(moved, held)) * importance).mean(1)
        return np.asarray(drops.numpy())

    def _raw(self, scores: Tensor) -> Tensor:
        """Log-probabilities from scores that need not be probabilities; a regression's scores as they are."""
        if scores.shape[-1] == 1:
            return scores
        positive = scores.clamp(min=_FLOOR / scores.shape[-1])
        return (positive / positive.sum(-1, keepdim=True)).log()
