"""Pruning: a student without its smallest weights, fine-tuned on the model's answers with those that are left.

Han, Mao and Dally, "Deep compression", 2015. Without the fine-tune a pruned student prices badly. A pruned weight
starts from zero when an offer is learned, as any other weight starts from its own value.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

import torch

from assay_pricing.errors import DataError
from assay_pricing.methods.on_network import FineTuned
from assay_pricing.surrogate.distillation import distil, judged, questions
from assay_pricing.surrogate.network import Network, losses
from assay_pricing.surrogate.task import Task

_STEPS = 300
_RATE = 5e-3


class Pruning(FineTuned):
    """Set price by fine-tuning a pruned student."""

    name = "pruning"
    settings: ClassVar[Mapping[str, int | float | str]] = {"share": 0.5}

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils a student, prunes it, and fine-tunes it; the fidelity is the pruned one's."""
        share = task.settings["share"]
        if not 0 <= share < 1:
            raise DataError(f"expected a share of the weights to prune from 0 to under 1, got {share}")
        student, _ = distil(task)
        network = _fine_tuned(task, student, share)
        return cls.on(task.context, network, judged(task, network), f"student without {share:.0%} of its weights")


def _fine_tuned(task: Task, student: Network, share: float) -> Network:
    """The student without the smallest ``share`` of each layer's weights, trained on with the rest."""
    inputs, target = questions(task)
    masks = []
    for weight, bias in student.layers:
        least = torch.quantile(weight.abs().flatten(), share) if weight.numel() > 1 else weight.new_zeros(())
        masks += [(weight.abs() >= least).double(), torch.ones_like(bias)]
    live = [(tensor * mask).requires_grad_() for tensor, mask in zip(student.tensors, masks, strict=True)]
    optimiser = torch.optim.Adam(live, lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
    for step in range(_STEPS):
        optimiser.zero_grad()
        kept = [tensor * mask for tensor, mask in zip(live, masks, strict=True)]
        losses(Network.of(kept)(inputs), target).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        task.progress("fine-tuning the pruned student", step + 1, _STEPS)
    return Network.of([(tensor * mask).detach() for tensor, mask in zip(live, masks, strict=True)])


METHOD = Pruning
