"""Methods on extracted trees: keeping the trees in an artifact, and scoring by the ridge regression on their leaves."""

from abc import abstractmethod
from typing import Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.methods.families.base import Parts, RefitMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.distillation import agreement, fidelity
from assay_pricing.surrogate.leaf_ridge import LeafRidge
from assay_pricing.surrogate.network import losses
from assay_pricing.surrogate.task import Context, Sample, Task
from assay_pricing.surrogate.trees import Trees

_FLOOR = 0.1
"""Least sum of the floors of all class probabilities: bounds the loss of one record."""
_BLOCK_NUMBERS = 2**23
"""Numbers in one block of moved scores: 64 MiB in double precision."""


class LeafMethod(RefitMethod):
    """Set price by a ridge regression on the leaves of extracted trees; reads the black box's labels alone."""

    label_only = True
    standardised = True

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        self.trees = Trees.restore(parts.tensors)
        self._ridge = LeafRidge(context, self.trees, parts.tensors["answers"])

    @classmethod
    @abstractmethod
    def extract(cls, task: Task) -> tuple[Trees, Tensor]:
        """The trees, and the black box's answer in each leaf (l, k)."""

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Extracts the trees; the fidelity is that of their answers with the owner's labels, before any offer."""
        trees, answers = cls.extract(task)
        tensors = {**trees.tensors, "answers": answers}
        drafted = cls(task.context, Parts(tensors))
        model = task.black_box.predict(task.validation.x)
        answered = _raw(drafted._ridge.before)
        share = fidelity(task, answered, model)
        leak = f"part of {len(trees)} trees that agree with the model on {share:.1%} of inputs"
        leaks = dict.fromkeys(tensors, leak)
        return cls(task.context, Parts(tensors, task.settings, share, leaks, agreement(task, answered, model)))

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``RefitMethod``."""
        scenarios = [_raw(self._ridge.after(offer, row)) for row in weights]
        return self.context.encoder.outputs_in_units(torch.stack(scenarios))

    def record_values(self, records: Records) -> Float64:
        """Drop of the risk by each record on its own, along the risk's descent direction, (n,)."""
        offer = self.context.encode(records)
        y = self.context.validation.y
        scores, directions, sizes = self._ridge.after_each(offer)
        before = _raw(scores)
        importance = self.context.importance(before)
        now = losses(before[None], y)[0]
        drops = torch.empty(len(offer), dtype=torch.float64)
        rows = max(1, _BLOCK_NUMBERS // scores.numel())
        for start in range(0, len(offer), rows):
            part = slice(start, start + rows)
            moved = _raw(scores + directions[part, :, None] * sizes[part, None, :])  # (m, v, k)
            drops[part] = ((now - losses(moved, y)) * importance).mean(1)
        return np.asarray(drops.numpy())


def _raw(scores: Tensor) -> Tensor:
    """Log-probabilities from scores (..., k) of any sign; scores of a regression (..., 1) unchanged."""
    if scores.shape[-1] == 1:
        return scores
    positive = scores.clamp(min=_FLOOR / scores.shape[-1])
    return (positive / positive.sum(-1, keepdim=True)).log()
