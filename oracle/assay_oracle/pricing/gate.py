"""The gate: would a step of learning from this record lower the risk?

Forward influence: one Newton step on the surrogate's last layer towards the record, then the loss on the validation set
as it then is, not its linear forecast. Influence alone does not find junk; this does.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from assay_oracle.pricing.context import Context, Sample
from assay_oracle.pricing.network import Network, losses
from assay_oracle.pricing.records import Float64

_BLOCK_NUMBERS = 2**23
_MAX_DENSE = 3000


@dataclass(frozen=True, eq=False)
class Gate:
    """Newton steps on the last layer of a surrogate (e = 1)."""

    context: Context
    surrogate: Network

    def drops(self, offer: Sample) -> Float64:
        """Drop of the validation loss by a Newton step towards each record, (n,)."""
        v_hidden, v_outputs = self._read(self.context.validation.x)
        v_y = self.context.validation.y
        importance = self._importance(v_outputs)
        importance = importance / importance.sum()
        before = losses(v_outputs[None], v_y)[0]
        drops = torch.empty(len(offer), dtype=torch.float64)
        steps = self._steps(offer)
        rows = max(1, _BLOCK_NUMBERS // v_outputs.numel())
        for start in range(0, len(offer), rows):
            moved = v_outputs - torch.einsum("vh,nkh->nvk", v_hidden, steps[start : start + rows])
            drops[start : start + rows] = (before - losses(moved, v_y)) @ importance
        return np.asarray(drops.numpy())

    def linear(self, offer: Sample) -> Float64:
        """The same drop to first order, over all validation records: influence in the last layer, (n,)."""
        v_hidden, v_outputs = self._read(self.context.validation.x)
        share = self._importance(v_outputs) / len(v_outputs)
        goal = torch.einsum("v,vk,vh->kh", share, _residual(v_outputs, self.context.validation.y), v_hidden)
        hidden, outputs = self._read(offer.x)
        vector = self._solve(goal[None])[0] / self.context.base.weight.sum()
        return np.asarray(torch.einsum("nk,kh,nh->n", _residual(outputs, offer.y), vector, hidden).numpy())

    def _steps(self, offer: Sample) -> Tensor:
        """What each record, at its weight among the base's, takes off the last layer: (n, k, h + 1)."""
        hidden, outputs = self._read(offer.x)
        residual = _residual(outputs, offer.y)
        return self._solve(residual[:, :, None] * hidden[:, None, :]) / self.context.base.weight.sum()

    def _importance(self, v_outputs: Tensor) -> Tensor:
        return torch.from_numpy(self.context.metric.importance(self.context.encoder.outputs_in_units(v_outputs)))

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs of the last layer with a one beside them (n, h + 1), and raw outputs (n, k)."""
        hidden = self.surrogate.hidden(x)[0]
        weight, bias = self.surrogate.layers[-1]
        ones = torch.ones((len(x), 1), dtype=torch.float64)
        return torch.cat([hidden, ones], dim=1), hidden @ weight[0] + bias[0]

    def _solve(self, gradients: Tensor) -> Tensor:
        """H^-1 g for gradients (n, k, h + 1), H the damped Hessian of the base's loss in the last layer.

        Dense where it is small, else one block per output.
        """
        hidden, outputs = self._read(self.context.base.x)
        weights = self.context.base.weight / self.context.base.weight.sum()
        n, k, h = gradients.shape
        curvature = _curvature(outputs)
        if k * h <= _MAX_DENSE:
            hessian = torch.einsum("b,bkl,bh,bi->khli", weights, curvature, hidden, hidden).reshape(k * h, k * h)
            hessian = hessian + self.context.decay * torch.eye(k * h, dtype=torch.float64)
            dense: Tensor = torch.linalg.solve(hessian, gradients.reshape(n, k * h).T)
            return dense.T.reshape(n, k, h)
        diagonal = torch.diagonal(curvature, dim1=1, dim2=2)
        blocks = torch.einsum("b,bk,bh,bi->khi", weights, diagonal, hidden, hidden)
        blocks = blocks + self.context.decay * torch.eye(h, dtype=torch.float64)
        by_output: Tensor = torch.linalg.solve(blocks, gradients.permute(1, 2, 0))
        return by_output.permute(2, 0, 1)


def _residual(outputs: Tensor, y: Tensor) -> Tensor:
    """Gradient of the loss in the outputs (n, k)."""
    if outputs.shape[1] == 1:
        return outputs - y[:, None]
    one_hot = torch.nn.functional.one_hot(y.long(), outputs.shape[1])
    return outputs.softmax(1) - one_hot


def _curvature(outputs: Tensor) -> Tensor:
    """Hessian of the loss in the outputs (n, k, k)."""
    if outputs.shape[1] == 1:
        return torch.ones((len(outputs), 1, 1), dtype=torch.float64)
    p = outputs.softmax(1)
    return torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
