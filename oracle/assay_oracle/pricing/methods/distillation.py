"""Distillation: fine-tune a student of the model on base and offer, and read the drop of the risk. The default.

The student goes through the same steps on the base alone, so that what more training would have brought by itself is
not paid for. Against retraining the true model from scratch on batches this price has the best rank agreement of those
here.
"""

from typing import Self

import numpy as np
import torch
from torch import Tensor

from assay_oracle.pricing.context import Context, Sample, Task
from assay_oracle.pricing.gate import Gate
from assay_oracle.pricing.methods import Parts, Refit
from assay_oracle.pricing.network import Network, train
from assay_oracle.pricing.records import Float64, Records
from assay_oracle.pricing.student import distil

STEPS = 100
RATE = 1e-2


class Distillation(Refit):
    """Set price by fine-tuning a distilled student."""

    name = "distillation"

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        self.student = Network.of([parts.tensors[f"student.{i}"] for i in range(len(parts.tensors))])

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils the student."""
        student, fidelity = distil(task)
        tensors = {f"student.{i}": tensor for i, tensor in enumerate(student.tensors)}
        leak = f"a student of {student.parameters} parameters that agrees with the model on {fidelity:.1%} of inputs"
        return cls(task.context, Parts(tensors, {}, fidelity, dict.fromkeys(tensors, leak)))

    def updated(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``Refit``."""
        base = self.context.base
        shares = torch.cat([base.weight.expand(len(weights), -1), weights], dim=1)
        tuned = train(
            self.student.repeat(len(weights)),
            torch.cat([base.x, offer.x]),
            torch.cat([base.y, offer.y]),
            shares / shares.sum(1, keepdim=True),
            decay=self.context.decay,
            steps=STEPS,
            rate=RATE,
        )
        return self.context.encoder.outputs_in_units(tuned(self.context.validation.x))

    def points(self, records: Records) -> Float64:
        """Drop of the risk by a Newton step towards each record, (n,): the smaller of the two halves' readings."""
        return np.asarray(Gate(self.context, self.student).drops(self.context.encode(records)).min(axis=1))


METHOD = Distillation
