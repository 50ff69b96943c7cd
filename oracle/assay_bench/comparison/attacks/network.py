"""A differentiable classifier as an attacker sees it: its parameters and how it computes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from assay_bench.figures import Floats
from assay_bench.pricing.truth.nets import Nets


@dataclass(frozen=True)
class Network:
    """A classifier with a dense first layer.

    Attributes:
        parameters: Doubles: weights (d, h) and bias (h,) of the first layer, others, the bias of the outputs (k,).
        forward: Logits (n, k) from parameters and records (n, d).
    """

    parameters: tuple[Tensor, ...]
    forward: Callable[[Sequence[Tensor], Tensor], Tensor]

    @property
    def features(self) -> int:
        """Number d of features."""
        return self.parameters[0].shape[0]

    @property
    def classes(self) -> int:
        """Number k of classes."""
        return self.parameters[-1].numel()

    def probabilities(self, x: Floats) -> Floats:
        """Of the classes (n, k), for records (n, d)."""
        with torch.no_grad():
            return np.asarray(functional.softmax(self.forward(self.parameters, torch.tensor(x)), 1).numpy())

    def gradient(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Gradient of the mean cross-entropy by the parameters.

        Args:
            x: Records (n, d).
            y: Probabilities of the classes (n, k). If ``x`` or ``y`` requires a gradient, so does the result.
        """
        live = [p.detach().requires_grad_() for p in self.parameters]
        loss = functional.cross_entropy(self.forward(live, x), y)
        return torch.autograd.grad(loss, live, create_graph=x.requires_grad or y.requires_grad)

    def gradient_of(self, x: Floats, y: Floats) -> tuple[Tensor, ...]:
        """Gradient of the mean cross-entropy of records (n, d) with class indices (n,), by the parameters."""
        return self.gradient(torch.tensor(x), one_hot(torch.tensor(y), self.classes))


def one_hot(y: Tensor, classes: int) -> Tensor:
    """Probabilities (n, k) of class indices (n,), in double precision."""
    return functional.one_hot(y.long(), classes).double()


def hidden_layer(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    """Logits of a network with one hidden layer of hyperbolic tangents, as the model of the trade has."""
    w1, b1, w2, b2 = parameters
    return torch.tanh(x @ w1 + b1) @ w2 + b2


def network_of(model: Nets) -> Network:
    """The first of stacked networks."""
    w1, b1, w2, b2 = (part[0].double() for part in model.tensors)
    return Network((w1, b1[0], w2, b2[0]), hidden_layer)
