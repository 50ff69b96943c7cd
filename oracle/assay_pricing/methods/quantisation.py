"""Quantisation: a student whose weights are rounded to a few bits, on one grid for each output of a layer.

Han, Mao and Dally, "Deep compression", 2015. Gradients are exact. Eight bits change no price visibly, four little.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from assay_pricing.errors import DataError
from assay_pricing.methods.families.network import CompressedMethod
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Task


class Quantisation(CompressedMethod):
    """Set price by fine-tuning a quantised student; use ``distillation`` unless the weights must be coarse."""

    name = "quantisation"
    when_to_use = "artifacts that hold coarse weights of the student"
    settings: ClassVar[Mapping[str, int | float | str]] = {"bits": 8}

    @classmethod
    def compressor(cls, task: Task) -> tuple[Callable[[Network], Network], str]:
        """Rounds every weight to ``bits`` bits."""
        bits = task.settings["bits"]
        if not 2 <= bits <= 16:
            raise DataError(f"expected 2 to 16 bits, got {bits}")
        return lambda student: Network.of([rounded(tensor, bits) for tensor in student.tensors]), f"{bits}-bit student"


def rounded(weights: Tensor, bits: int) -> Tensor:
    """Weights (e, in, out) on a symmetric grid of 2^bits - 1 values for each output."""
    top = 2 ** (bits - 1) - 1
    step = weights.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / top
    grid: Tensor = torch.round(weights / step) * step
    return grid


METHOD = Quantisation
