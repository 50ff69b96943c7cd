"""Quantisation: a student whose weights are rounded to a few bits, by row of a layer; gradients stay exact.

Han, Mao and Dally, "Deep compression", 2015. Eight bits change nothing that a price can see; four little.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor

from assay_pricing.errors import DataError
from assay_pricing.methods.on_network import FineTuned
from assay_pricing.surrogate.distillation import distil, judged
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Task


class Quantisation(FineTuned):
    """Set price by fine-tuning a quantised student."""

    name = "quantisation"
    settings: ClassVar[Mapping[str, int | float | str]] = {"bits": 8}

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils a student and rounds it; the fidelity is the rounded one's."""
        bits = task.settings["bits"]
        if not 2 <= bits <= 16:
            raise DataError(f"expected 2 to 16 bits, got {bits}")
        student, _ = distil(task)
        network = Network.of([rounded(tensor, bits) for tensor in student.tensors])
        return cls.on(task.context, network, judged(task, network), f"{bits}-bit student")


def rounded(weights: Tensor, bits: int) -> Tensor:
    """Weights (e, in, out) on a symmetric grid of 2^bits - 1 steps for each output."""
    top = 2 ** (bits - 1) - 1
    step = weights.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / top
    grid: Tensor = torch.round(weights / step) * step
    return grid


METHOD = Quantisation
