"""One Newton step on the surrogate's last layer towards each record, and the loss on the validation set after it.

Influence is linear in the step; here the loss is evaluated where the step ends, which detects junk that influence takes
for useful. A full step uses the curvature of the base alone. For a record unlike the owner's it goes too far, which
detects junk best; a line search that includes the record's own loss estimates best how much the record helps.

``h`` counts the inputs of the last layer, to which a one is appended for the bias.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from assay_pricing.learners.threads import in_parallel
from assay_pricing.records.records import Float64
from assay_pricing.surrogate.curvature import output_gradient, output_hessian
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Context, RiskDrop, Sample

MAX_DENSE = 3000
"""Parameters of a last layer up to which its whole Hessian is solved; above, one block per output."""
_BLOCK_NUMBERS = 2**18
"""Numbers in one block of moved outputs: they stay in a core's cache."""
_BISECTIONS = 30
_LINEAR = 40.0
"""log(1 + e^x) is x in double precision from here on."""


@dataclass(frozen=True, eq=False)
class NewtonStep:
    """Newton steps on the last layer of a surrogate (e = 1)."""

    context: Context
    surrogate: Network

    def risk_drops(self, offer: Sample) -> tuple[RiskDrop, RiskDrop]:
        """Drop of the validation loss by each record's full step, and by its step after the line search."""
        v_hidden, v_outputs = self._last_layer(self.context.validation.x)
        v_y = self.context.validation.y
        importance = self.context.importance(v_outputs)
        before = _losses(v_outputs.T[None], v_y)[0]  # (v,)
        steps = self._steps(offer)
        lengths = torch.stack([torch.ones(len(offer), dtype=torch.float64), self._line_search(offer, steps)])

        def drops(rows: slice) -> tuple[RiskDrop, RiskDrop]:
            moves = steps[rows] @ v_hidden.T  # (m, k, v)
            full, searched = (
                RiskDrop.average(before - _losses(v_outputs.T - length[:, None, None] * moves, v_y), importance)
                for length in lengths[:, rows]
            )
            return full, searched

        block = max(1, _BLOCK_NUMBERS // v_outputs.numel())
        parts = in_parallel(drops, [slice(start, start + block) for start in range(0, len(offer), block)], len(v_y))
        full, searched = (RiskDrop.concatenate([part[which] for part in parts]) for which in range(2))
        return full, searched

    def first_order(self, offer: Sample) -> Float64:
        """Drop of the validation loss to first order in the step: influence in the last layer, (n,)."""
        v_hidden, v_outputs = self._last_layer(self.context.validation.x)
        share = self.context.importance(v_outputs) / len(v_outputs)
        goal = torch.einsum("v,vk,vh->kh", share, output_gradient(v_outputs, self.context.validation.y), v_hidden)
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
        low, high = torch.zeros_like(curvature), torch.ones_like(curvature)
        for _ in range(_BISECTIONS):
            t = (low + high) / 2
            slope = t * curvature - (output_gradient(outputs - t[:, None] * moves, offer.y) * moves).sum(1)
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
            dense: Tensor = torch.linalg.lu_solve(*self._factors, gradients.reshape(n, k * h).T)
            return dense.T.reshape(n, k, h)
        by_output: Tensor = torch.linalg.lu_solve(*self._factors, gradients.permute(1, 2, 0))  # (k, h + 1, n)
        return by_output.permute(2, 0, 1)

    @cached_property
    def _factors(self) -> tuple[Tensor, Tensor]:
        """Triangular factors of H, and its pivots: once for all records."""
        hidden, outputs = self._last_layer(self.context.base.x)
        weights = self.context.base.weight / self.context.base.weight.sum()
        k, h = outputs.shape[1], hidden.shape[1]
        curvature = output_hessian(outputs)
        if k * h <= MAX_DENSE:
            hessian = torch.einsum("b,bkl,bh,bi->khli", weights, curvature, hidden, hidden).reshape(k * h, k * h)
        else:
            diagonal = torch.diagonal(curvature, dim1=1, dim2=2)  # (b, k)
            hessian = torch.einsum("b,bk,bh,bi->khi", weights, diagonal, hidden, hidden)  # (k, h, h)
        damping = self.context.decay * torch.eye(hessian.shape[-1], dtype=torch.float64)
        factors, pivots = torch.linalg.lu_factor(hessian + damping)
        return factors, pivots


def _losses(outputs: Tensor, y: Tensor) -> Tensor:
    """Losses (n, v) of outputs (n, k, v): as ``network.losses``, whose outputs come last, in half the time."""
    if outputs.shape[1] == 1:
        return (outputs[:, 0] - y) ** 2 / 2
    if outputs.shape[1] == 2:  # one logarithm instead of two
        excess = (outputs[:, 1] - outputs[:, 0]) * (1 - 2 * y)  # of the other class over the label
        return functional.softplus(excess, threshold=_LINEAR)
    logs = outputs.log_softmax(1)
    return -logs.gather(1, y.long().expand(len(outputs), 1, len(y)))[:, 0]
