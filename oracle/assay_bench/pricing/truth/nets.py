"""The owner's true model: a network with one hidden layer; many of them train at the same time.

Training is full-batch Adam with weight decay in the loss. The same seed and data give the same parameters, and the
damping of an influence function equals the decay.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Recipe


@dataclass(frozen=True)
class Nets:
    """``e`` networks d -> hidden -> out, stacked: w1 (e, d, h), b1 (e, 1, h), w2 (e, h, o), b2 (e, 1, o)."""

    w1: Tensor
    b1: Tensor
    w2: Tensor
    b2: Tensor

    @property
    def tensors(self) -> list[Tensor]:
        """The four parameter tensors."""
        return [self.w1, self.b1, self.w2, self.b2]

    def repeat(self, times: int) -> "Nets":
        """``times`` copies of one network."""
        return Nets(*(t.expand(times, *t.shape[1:]).clone() for t in self.tensors))

    def flat(self) -> Tensor:
        """All parameters of each network, (e, p)."""
        return torch.cat([t.flatten(1) for t in self.tensors], dim=1)

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs (e, n, o) for inputs (e, n, d) or, shared by all, (n, d)."""
        if x.dim() == 2:
            x = x.expand(len(self.w1), *x.shape)
        hidden = torch.tanh(torch.baddbmm(self.b1, x, self.w1))
        return torch.baddbmm(self.b2, hidden, self.w2)


def initialised(d: int, hidden: int, out: int, seeds: list[int]) -> Nets:
    """Networks initialised as torch initialises linear layers, one for each seed."""
    parts: list[list[Tensor]] = [[], [], [], []]
    for seed in seeds:
        draw = torch.Generator().manual_seed(seed)
        for slot, shape, fan in (
            (0, (d, hidden), d),
            (1, (1, hidden), d),
            (2, (hidden, out), hidden),
            (3, (1, out), hidden),
        ):
            bound = 1 / np.sqrt(fan)
            parts[slot].append((torch.rand(shape, generator=draw) * 2 - 1) * bound)
    return Nets(*(torch.stack(part) for part in parts))


def losses(outputs: Tensor, y: Tensor, classes: int) -> Tensor:
    """Loss by network and record (e, n): cross-entropy in nats, or squared error for ``classes`` 0."""
    y = y.expand(outputs.shape[:2])
    if classes == 0:
        return (outputs[..., 0] - y) ** 2
    return functional.cross_entropy(outputs.transpose(1, 2), y.long(), reduction="none")


def train(nets: Nets, x: Tensor, y: Tensor, weights: Tensor, classes: int, recipe: Recipe, warm: bool = False) -> Nets:
    """Trains every network on its own records.

    Args:
        nets: The networks to start from.
        x: Inputs (e, n, d), or (n, d) shared by all.
        y: Targets (e, n) or (n,).
        weights: Weight of each record in each network's mean loss (e, n); rows sum to one.
        classes: k, or 0 for a regression.
        recipe: Steps, rate and decay.
        warm: The networks are trained already: use the recipe's warm steps and rate.
    """
    live = [t.clone().requires_grad_() for t in nets.tensors]
    optimiser = torch.optim.Adam(live, lr=recipe.warm_rate if warm else recipe.rate, weight_decay=recipe.decay)
    for _ in range(recipe.warm_steps if warm else recipe.steps):
        optimiser.zero_grad()
        loss = (losses(Nets(*live)(x), y, classes) * weights).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return Nets(*(t.detach() for t in live))


def tensors(data: Dataset) -> tuple[Tensor, Tensor]:
    """Features (n, d) and targets (n,) in single precision."""
    return torch.tensor(data.x, dtype=torch.float32), torch.tensor(data.y, dtype=torch.float32)


def mean_loss(nets: Nets, data: Dataset) -> Floats:
    """Mean loss of each network on a data set, (e,)."""
    x, y = tensors(data)
    with torch.no_grad():
        return np.asarray(losses(nets(x), y, data.classes).mean(1).double().numpy())


def record_losses(nets: Nets, data: Dataset) -> Floats:
    """Loss by network and record, (e, n)."""
    x, y = tensors(data)
    with torch.no_grad():
        return np.asarray(losses(nets(x), y, data.classes).double().numpy())


def fit(data: Dataset, recipe: Recipe, seed: int) -> Nets:
    """One network, trained from scratch on a data set."""
    x, y = tensors(data)
    start = initialised(x.shape[1], recipe.hidden, max(data.classes, 1), [seed])
    return train(start, x, y, torch.full((1, len(x)), 1 / len(x)), data.classes, recipe)


def accuracy(nets: Nets, data: Dataset) -> float:
    """Share of the labels that the first network predicts."""
    x, y = tensors(data)
    with torch.no_grad():
        return float((nets(x)[0].argmax(1) == y).double().mean())


def module(nets: Nets) -> nn.Sequential:
    """The first network as a torch module whose outputs are logits, or the value in a regression."""
    first, second = nn.Linear(nets.w1.shape[1], nets.w1.shape[2]), nn.Linear(*nets.w2.shape[1:])
    with torch.no_grad():
        first.weight.copy_(nets.w1[0].T)
        first.bias.copy_(nets.b1[0, 0])
        second.weight.copy_(nets.w2[0].T)
        second.bias.copy_(nets.b2[0, 0])
    return nn.Sequential(first, nn.Tanh(), second).eval()
