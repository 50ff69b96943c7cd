"""One Newton step on the surrogate's last layer towards each record, and the loss on the validation set after it.

Influence is linear in the step; here the loss is evaluated where the step ends, which detects junk that influence takes
for useful. A full step uses the curvature of the base alone. For a record unlike the owner's it goes too far, which
detects junk best; a line search that includes the record's own loss estimates best how much the record helps.

``h`` counts the inputs of the last layer, to which a one is appended for the bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from assay_pricing.learners.threads import in_parallel
from assay_pricing.records.records import Float64
from assay_pricing.surrogate.curvature import output_gradient, output_hessian, output_mean, output_target
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Context, RiskDrop, Sample

MAX_DENSE = 3000
"""Parameters of a last layer up to which its whole Hessian is solved; above, one block per output."""
_BLOCK_NUMBERS = 2**18
"""Numbers in one block of moved outputs: they stay in a core's cache."""
_BISECTIONS = 30
_LEAST = 1e-200
"""Sums of probabilities below it, and above its inverse, are computed with their logarithms."""
_LINEAR = 40.0
"""log(1 + e^x) is x in double precision from here on."""


@dataclass(frozen=True, eq=False)
class NewtonStep:
    """Newton steps on the last layer of a surrogate (e = 1)."""

    context: Context
    surrogate: Network

    def full(self, offer: Sample) -> RiskDrop:
        """Drop of the validation loss by each record's full step."""
        return self.drops(self._steps(offer))

    def searched(self, offer: Sample) -> RiskDrop:
        """Drop of the validation loss by each record's step after the line search."""
        return self.drops(self.moves(offer).searched)

    def moves(self, offer: Sample) -> "Moves":
        """The steps of records. They depend on the owner's records, and not on those for validation."""
        steps = self._steps(offer)
        return Moves(steps, self._line_search(offer, steps))

    def drops(self, steps: Tensor) -> RiskDrop:
        """Drop of the validation loss by steps (n, k, h + 1)."""
        return self.drops_by(steps, [self.weights])[0]

    @cached_property
    def weights(self) -> Tensor:
        """Weight of each validation record (v,) in the drop."""
        validation = self.context.validation
        return self.context.importance(self._last_layer(validation.x)[1]) / len(validation)

    def drops_by(self, steps: Tensor, weights: Sequence[Tensor]) -> list[RiskDrop]:
        """Sums of the validation records' drops by steps (n, k, h + 1), by each of several weights (v,)."""
        read = self._validation
        ordered = [each[read.order] for each in weights]
        block = max(1, _BLOCK_NUMBERS // read.outputs.numel())

        def summed(part: Tensor) -> list[RiskDrop]:
            drops = read.drops(part)
            return [RiskDrop.weighed(drops, each) for each in ordered]

        parts = in_parallel(summed, torch.split(steps, block) if len(steps) else (), len(read.y))
        return [RiskDrop.concatenate([part[i] for part in parts]) for i in range(len(weights))]

    @cached_property
    def _validation(self) -> "_Validation":
        """The validation records in the order of their labels."""
        validation = self.context.validation
        order = torch.argsort(validation.y, stable=True)
        hidden, outputs = self._last_layer(validation.x)
        return _Validation(order, hidden[order].T.contiguous(), outputs[order].T.contiguous(), validation.y[order])

    def first_order(self, offer: Sample) -> Float64:
        """Drop of the validation loss to first order in the step: influence in the last layer, (n,)."""
        v_hidden, v_outputs = self._last_layer(self.context.validation.x)
        down = output_gradient(v_outputs, self.context.validation.y)
        goal = torch.einsum("v,vk,vh->kh", self.weights, down, v_hidden)
        hidden, outputs = self._last_layer(offer.x)
        vector = self._solve(goal[None])[0] / self.context.base.weight.sum()
        return np.asarray(torch.einsum("nk,kh,nh->n", output_gradient(outputs, offer.y), vector, hidden).numpy())

    def _steps(self, offer: Sample) -> Tensor:
        """H^-1 g_i / N: what a record, one among N, subtracts from the last layer, (n, k, h + 1)."""
        hidden, outputs = self._last_layer(offer.x)
        gradient = output_gradient(outputs, offer.y)
        return self._solve(gradient[:, :, None] * hidden[:, None, :]) / self.context.base.weight.sum()

    def _line_search(self, offer: Sample, steps: Tensor) -> Tensor:
        """Length t in [0, 1] of each step (n,) that minimises the record's loss plus the base's.

        The base's loss is its quadratic model t^2 c / 2, with the curvature c = g_i^T s_i along the step. The sum is
        convex in t, so the sign of its derivative tells on which side the minimum lies: bisection finds it.
        """
        hidden, outputs = self._last_layer(offer.x)
        moves = torch.einsum("nkh,nh->nk", steps, hidden)
        curvature = (output_gradient(outputs, offer.y) * moves).sum(1)
        towards = (output_target(offer.y, outputs.shape[1]) * moves).sum(1)
        low, high = torch.zeros_like(curvature), torch.ones_like(curvature)
        for _ in range(_BISECTIONS):
            t = (low + high) / 2
            slope = t * curvature + towards - (output_mean(outputs - t[:, None] * moves) * moves).sum(1)
            low, high = torch.where(slope < 0, t, low), torch.where(slope < 0, high, t)
        return (low + high) / 2

    def _last_layer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs of the last layer with a one appended (n, h + 1), and raw outputs (n, k)."""
        hidden = self.surrogate.hidden(x)[0]
        weight, bias = self.surrogate.layers[-1]
        ones = torch.ones((len(x), 1), dtype=torch.float64)
        return torch.cat([hidden, ones], dim=1), hidden @ weight[0] + bias[0]

    def _solve(self, gradients: Tensor) -> Tensor:
        """H^-1 g for gradients (n, k, h + 1), with H the damped Hessian of the base's loss in the last layer.

        Up to ``MAX_DENSE`` parameters H is whole, (k (h + 1), k (h + 1)); above, blocks by output ignore the rest.
        """
        n, k, h = gradients.shape
        if k * h <= MAX_DENSE:
            return (gradients.reshape(n, k * h) @ self._inverse).reshape(n, k, h)
        by_output: Tensor = gradients.transpose(0, 1) @ self._inverse  # (k, n, h + 1)
        return by_output.transpose(0, 1)

    @cached_property
    def _inverse(self) -> Tensor:
        """H^-1, which is symmetric: once for all records, whose product takes half the time of a solution."""
        hidden, outputs = self._last_layer(self.context.base.x)
        weights = self.context.base.weight / self.context.base.weight.sum()
        k, h = outputs.shape[1], hidden.shape[1]
        curvature = output_hessian(outputs) * weights[:, None, None]
        if k * h <= MAX_DENSE:  # output by output: all at once would hold b k^2 h numbers
            rows = [torch.einsum("bl,bh,bi->hli", curved, hidden, hidden) for curved in curvature.unbind(1)]
            hessian = torch.stack(rows).reshape(k * h, k * h)
        else:
            hessian = torch.stack([hidden.T @ (curvature[:, i, i, None] * hidden) for i in range(k)])  # (k, h, h)
        damping = self.context.decay * torch.eye(hessian.shape[-1], dtype=torch.float64)
        inverse: Tensor = torch.linalg.inv(hessian + damping)
        return (inverse + inverse.mT) / 2


@dataclass(frozen=True, eq=False)
class Moves:
    """Steps towards records.

    Attributes:
        full: Whole steps (n, k, h + 1).
        lengths: What the line search takes of each, 0..1 (n,).
    """

    full: Tensor
    lengths: Tensor

    @property
    def searched(self) -> Tensor:
        """The steps after the line search (n, k, h + 1)."""
        return self.full * self.lengths[:, None, None]


@dataclass(frozen=True, eq=False)
class _Validation:
    """What steps on the last layer are read on.

    Attributes:
        order: Their places among the validation records as given (v,).
        hidden: Inputs of the last layer (h + 1, v).
        outputs: Raw outputs (k, v).
        y: Class indices, ascending, or targets (v,).
    """

    order: Tensor
    hidden: Tensor
    outputs: Tensor
    y: Tensor

    def drops(self, steps: Tensor) -> Tensor:
        """Drop of each validation record's loss by each step (m, k, h + 1), (m, v)."""
        if steps.shape[1] == 2:  # one product and one logarithm instead of two
            moves = (steps[:, 1] - steps[:, 0]) @ self.hidden
            sign = 1 - 2 * self.y
            excess = (self.outputs[1] - self.outputs[0]) * sign  # of the other class over the label
            return _softplus(excess) - _softplus(excess - moves.mul_(sign))
        moves = (steps.flatten(0, 1) @ self.hidden).view(len(steps), *self.outputs.shape)
        if steps.shape[1] == 1:
            return moves[:, 0] * (self.outputs[0] - self.y - moves[:, 0] / 2)
        own = torch.cat([moves[:, k, start:end] for k, start, end in self._classes], dim=1)
        factors = torch.sub(self._logs, moves).exp_().sum(1)  # by which the step multiplies the sum of probabilities
        if not (float(factors.min()) > _LEAST and float(factors.max()) < 1 / _LEAST):
            return (torch.logsumexp(self._logs - moves, 1) + own).neg_()
        return factors.log_().add_(own).neg_()

    @cached_property
    def _logs(self) -> Tensor:
        """Log-probabilities (k, v)."""
        return self.outputs.log_softmax(0)

    @cached_property
    def _classes(self) -> list[tuple[int, int, int]]:
        """Index, first place and last place plus one of each class of the validation records."""
        codes, starts = np.unique(self.y.numpy(), return_index=True)
        ends = [*starts[1:].tolist(), len(self.y)]
        return list(zip(codes.astype(np.int64).tolist(), starts.tolist(), ends, strict=True))


def _softplus(x: Tensor) -> Tensor:
    return functional.softplus(x, threshold=_LINEAR)
