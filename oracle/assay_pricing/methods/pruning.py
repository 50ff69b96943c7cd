"""Pruning: a student without its smallest weights; the others are fine-tuned on the model's answers.

Han, Mao and Dally, "Deep compression", 2015. Without the fine-tuning a pruned student prices badly. When an offer is
learned, a pruned weight starts from zero, as any other weight starts from its own value.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from assay_pricing.errors import DataError
from assay_pricing.methods.families.network import CompressedMethod
from assay_pricing.surrogate.distillation import queries
from assay_pricing.surrogate.network import Network, losses
from assay_pricing.surrogate.task import Task

_STEPS = 300
_RATE = 5e-3


class Pruning(CompressedMethod):
    """Set price by fine-tuning a pruned student; use ``quantisation`` to make the weights coarse instead."""

    name = "pruning"
    when_to_use = "artifacts that hold fewer weights of the student"
    settings: ClassVar[Mapping[str, int | float | str]] = {"share": 0.5}

    @classmethod
    def compressor(cls, task: Task) -> tuple[Callable[[Network], Network], str]:
        """Prunes ``share`` of the weights of each layer, and fine-tunes the others."""
        share = task.settings["share"]
        if not 0 <= share < 1:
            raise DataError(f"expected a share of the weights to prune from 0 to under 1, got {share}")
        description = f"student without {share:.0%} of its weights"
        return lambda student: _fine_tuned(task, student, masks(student, share)), description


def masks(network: Network, share: float) -> list[Tensor]:
    """1 for each parameter that stays and 0 for the smallest ``share`` of each layer's weights, in ``tensors``' shapes.

    Biases and the only weight of a layer stay.
    """
    found = []
    for weight, bias in network.layers:
        smallest = torch.quantile(weight.abs().flatten(), share) if weight.numel() > 1 else weight.new_zeros(())
        found += [(weight.abs() >= smallest).double(), torch.ones_like(bias)]
    return found


def _fine_tuned(task: Task, student: Network, kept: list[Tensor]) -> Network:
    """The student after Adam on the model's answers, in the parameters whose mask is 1; the others are 0."""
    inputs, target = queries(task)
    # A masked parameter starts at 0 and has gradient 0, so that Adam leaves it there.
    live = [(tensor * mask).requires_grad_() for tensor, mask in zip(student.tensors, kept, strict=True)]
    optimiser = torch.optim.Adam(live, lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
    for step in range(_STEPS):
        optimiser.zero_grad()
        masked = [tensor * mask for tensor, mask in zip(live, kept, strict=True)]
        losses(Network.of(masked)(inputs), target).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        task.progress("fine-tuning the pruned student", step + 1, _STEPS)
    return Network.of([tensor.detach() for tensor in live])


METHOD = Pruning
