"""Forest: extremely randomised trees extracted from the black box's labels alone, and a closed-form update.

A set is priced by ridge regression on leaf indicators (``ridge``): what the labels of base and offer say beyond the
black box's own answers. No gradient and no probability of the model is needed.
"""

from typing import Self

import numpy as np
import torch
from torch import Tensor

from assay_oracle.pricing.context import Context, Sample, Task
from assay_oracle.pricing.extraction import extract_forest
from assay_oracle.pricing.methods import Parts, Refit
from assay_oracle.pricing.network import losses
from assay_oracle.pricing.records import Float64, Records
from assay_oracle.pricing.ridge import LeafRidge
from assay_oracle.pricing.student import fidelity
from assay_oracle.pricing.trees import Trees

_TREES = 200
_QUESTIONS = 3000
_SMALLEST_LEAF = 0.01
_FLOOR = 0.1
"""Probability that is shared out among all classes where scores leave none: bounds the loss of one record."""
_BLOCK_NUMBERS = 2**23


class Forest(Refit):
    """Set price by a ridge regression on the leaves of an extracted forest."""

    name = "forest"
    label_only = True

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        self.trees = Trees.restore(parts.tensors)
        self._ridge = LeafRidge(context, self.trees, parts.tensors["answers"])

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Extracts the forest; its fidelity is that of what it answers before any offer."""
        trees, answers = extract_forest(task, trees=_TREES, questions=_QUESTIONS, smallest_leaf=_SMALLEST_LEAF)
        tensors = {**trees.tensors, "answers": answers}
        drafted = cls(task.context, Parts(tensors))
        outputs = drafted._raw(drafted._ridge.before)
        agreement = fidelity(task, outputs, task.black_box.predict(task.held.x))
        leak = f"part of a forest that agrees with the model on {agreement:.1%} of inputs"
        return cls(task.context, Parts(tensors, {}, agreement, dict.fromkeys(tensors, leak)))

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


METHOD = Forest
