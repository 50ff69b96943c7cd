"""Small multilayer perceptrons, ``e`` of them batched, in double precision.

Training is full batch for a fixed number of steps, so the same inputs give the same parameters on a CPU. Several
scenarios (the base with an offer, the base alone) train at once: they share the records and differ in the records'
weights.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from assay_pricing.errors import DataError

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
AUTO = "auto"
DEVICES = (AUTO, "cpu", "cuda")
_MIN_COLUMNS = 256
"""A network of fewer inputs is trained in less time than a GPU takes to start."""

Target = Tensor
"""Class indices (n,), class probabilities (n, k), or regression targets (n,)."""


@contextmanager
def deterministic() -> Iterator[None]:
    """Runs torch on one thread, so that sums have one order and results are equal to the bit on every machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def device_of(stated: str, columns: int) -> str:
    """Where networks of so many inputs are compared: on the stated device, or under ``auto`` on a GPU for wide inputs.

    A GPU sums in an order of its own. It only says which networks are worth training: those that price are trained on
    the CPU, so that a price function is the same with and without a GPU.

    Raises:
        DataError: The stated device is none of ``DEVICES``, or there is none of that kind.
    """
    if stated not in DEVICES:
        raise DataError(f"expected a device among {', '.join(DEVICES)}, got {stated!r}")
    if stated == "cpu" or (stated == AUTO and columns < _MIN_COLUMNS):
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if stated == AUTO:
        return "cpu"
    raise DataError(
        "expected a GPU that torch can use, found none",
        hint="install torch with CUDA or ROCm, or leave the device out (--device)",
    )


@dataclass(frozen=True, eq=False)
class Network:
    """``e`` networks of one shape: ``layers`` of (weight (e, in, out), bias (e, 1, out)) with GELU between them."""

    layers: tuple[tuple[Tensor, Tensor], ...]

    @classmethod
    def initialise(cls, widths: tuple[int, ...], seed: int, e: int = 1) -> "Network":
        """Uniform draws within 1 / sqrt(fan in), as ``torch.nn.Linear`` does.

        Args:
            widths: Inputs, hidden units of each layer, outputs.
            seed: Of the draws.
            e: Number of networks.
        """
        draw = torch.Generator().manual_seed(seed)
        layers = []
        for fan, out in pairwise(widths):
            bound = fan**-0.5
            weight = (torch.rand((e, fan, out), generator=draw, dtype=torch.float64) * 2 - 1) * bound
            bias = (torch.rand((e, 1, out), generator=draw, dtype=torch.float64) * 2 - 1) * bound
            layers.append((weight, bias))
        return cls(tuple(layers))

    @property
    def tensors(self) -> list[Tensor]:
        """All parameter tensors, layer by layer."""
        return [tensor for layer in self.layers for tensor in layer]

    @classmethod
    def of(cls, tensors: list[Tensor]) -> "Network":
        """The inverse of ``tensors``."""
        return cls(tuple(zip(tensors[::2], tensors[1::2], strict=True)))

    @property
    def parameters(self) -> int:
        """Parameters of one network."""
        return sum(tensor[0].numel() for tensor in self.tensors)

    def repeat(self, e: int) -> "Network":
        """``e`` copies of one network."""
        return Network.of([tensor.expand(e, *tensor.shape[1:]).clone() for tensor in self.tensors])

    def to(self, dtype: torch.dtype) -> "Network":
        """The networks in another precision."""
        return Network.of([tensor.to(dtype) for tensor in self.tensors])

    def hidden(self, x: Tensor) -> Tensor:
        """Inputs of the last layer, (e, n, h), for x (n, d)."""
        if len(self.layers) == 1:
            return x.expand(len(self.layers[0][0]), *x.shape)
        weight, bias = self.layers[0]
        e, _, h = weight.shape
        together = weight.transpose(1, 2).flatten(0, 1) @ x.T  # (e h, n): one product, as networks share their inputs
        values = functional.gelu(together.view(e, h, len(x)).transpose(1, 2) + bias)
        for weight, bias in self.layers[1:-1]:
            values = functional.gelu(torch.baddbmm(bias, values, weight))
        return values

    def __call__(self, x: Tensor) -> Tensor:
        """Raw outputs (e, n, k) for x (n, d)."""
        weight, bias = self.layers[-1]
        return torch.baddbmm(bias, self.hidden(x), weight)


def losses(outputs: Tensor, target: Target) -> Tensor:
    """Loss by network and record (e, n): cross-entropy in nats, or half the squared error of a single output."""
    if outputs.shape[-1] == 1:
        return (outputs[..., 0] - target) ** 2 / 2
    logs = outputs.log_softmax(-1)
    if target.dim() == 2:
        return -(logs * target).sum(-1)
    return -logs.gather(-1, target.long().expand(logs.shape[:2])[..., None])[..., 0]


def train(
    network: Network,
    x: Tensor,
    target: Target,
    weights: Tensor,
    *,
    decay: float,
    steps: int,
    rate: float,
    anneal: bool = False,
    device: str = "cpu",
    tick: Callable[[], None] = lambda: None,
) -> Network:
    """Full-batch Adam (Kingma and Ba, 2015) with L2 decay in the loss; importing ``torch.optim`` takes seconds.

    Args:
        network: Initial parameters of e networks.
        x: Inputs (n, d), shared.
        target: Targets, shared.
        weights: Weight of each record in each network's loss (e, n); rows sum to one.
        decay: Added to the loss as ``decay / 2`` times the squared parameters.
        steps: Number of steps.
        rate: Step size.
        anneal: Lower the rate to zero along a half cosine.
        device: Where to compute, see ``device_of``.
        tick: Called after every step.

    Returns:
        The trained networks, detached, on the CPU.
    """
    x, target, weights = (tensor.to(device) for tensor in (x, target, weights))
    x = x.T.contiguous().T  # column-major: the products forwards and backwards then run along the records
    live = [tensor.to(device, copy=True).requires_grad_() for tensor in network.tensors]
    means, squares = ([torch.zeros_like(tensor) for tensor in live] for _ in range(2))
    for step in range(1, steps + 1):
        loss = (losses(Network.of(live)(x), target) * weights).sum()
        size = rate * (1 + math.cos(math.pi * (step - 1) / steps)) / 2 if anneal else rate
        gradients = torch.autograd.grad(loss, live)
        with torch.no_grad():
            for tensor, plain, mean, square in zip(live, gradients, means, squares, strict=True):
                gradient = plain + decay * tensor
                mean.lerp_(gradient, 1 - _BETA1)
                square.mul_(_BETA2).addcmul_(gradient, gradient, value=1 - _BETA2)
                root = (square / (1 - _BETA2**step)).sqrt_().add_(_EPSILON)
                tensor.addcdiv_(mean, root, value=-size / (1 - _BETA1**step))
        tick()
    return Network.of([tensor.detach().cpu() for tensor in live])
