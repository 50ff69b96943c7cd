"""The gate: would a step of learning from this record lower the risk?

Forward influence: one Newton step on the surrogate's last layer towards the record, then the loss on the validation set
as it then is, not its linear forecast. Influence alone does not find junk; this does. The whole step goes too far for a
record unlike the owner's, as it leaves out how the record bends the loss itself: that finds junk best. The step as far
as record and base together gain by it says best how much the record helps.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from assay_pricing.records.records import Float64
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Context, Sample

_BLOCK_NUMBERS = 2**18
"""Numbers in one block of moved outputs: they stay in a core's cache."""
_MAX_DENSE = 3000
_HALVINGS = 30


@dataclass(frozen=True, eq=False)
class Forecast:
    """Drop of the validation loss by each record (n,), and its standard error over the validation records (n,)."""

    drop: Float64
    error: Float64


@dataclass(frozen=True, eq=False)
class Gate:
    """Newton steps on the last layer of a surrogate (e = 1)."""

    context: Context
    surrogate: Network

    def drops(self, offer: Sample) -> Float64:
        """Drop of the validation loss by a Newton step towards each record, (n,)."""
        return self.forecasts(offer)[0].drop

    def forecasts(self, offer: Sample) -> tuple["Forecast", "Forecast"]:
        """Drops of the validation loss by each record's whole Newton step, and by the step at its best length."""
        v_hidden, v_outputs = self._read(self.context.validation.x)
        v_y = self.context.validation.y
        importance = self._importance(v_outputs)
        importance = importance / importance.sum()
        before = _losses(v_outputs.T[None], v_y)[0]
        steps = self._steps(offer)
        lengths = torch.stack([torch.ones(len(offer), dtype=torch.float64), self._lengths(offer, steps)])
        told = torch.empty((2, 2, len(offer)), dtype=torch.float64)
        rows = max(1, _BLOCK_NUMBERS // v_outputs.numel())
        for start in range(0, len(offer), rows):
            moves = steps[start : start + rows] @ v_hidden.T
            for which, length in enumerate(lengths[:, start : start + rows]):
                drops = before - _losses(v_outputs.T - length[:, None, None] * moves, v_y)
                mean = drops @ importance
                error = ((drops - mean[:, None]) ** 2 @ importance**2).sqrt()
                told[which, :, start : start + rows] = torch.stack([mean, error])
        whole, best = (Forecast(*np.asarray(part.numpy())) for part in told)
        return whole, best

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

    def _lengths(self, offer: Sample, steps: Tensor) -> Tensor:
        """Share of each step (n,), 0..1, at which the record's own loss and the base's bent one are least together."""
        hidden, outputs = self._read(offer.x)
        moves = torch.einsum("nkh,nh->nk", steps, hidden)
        bend = (_residual(outputs, offer.y) * moves).sum(1)
        low, high = torch.zeros_like(bend), torch.ones_like(bend)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            slope = middle * bend - (_residual(outputs - middle[:, None] * moves, offer.y) * moves).sum(1)
            low, high = torch.where(slope < 0, middle, low), torch.where(slope < 0, high, middle)
        return (low + high) / 2

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


def _losses(outputs: Tensor, y: Tensor) -> Tensor:
    """Losses (n, v) of outputs (n, k, v): as the network's, which has outputs last and takes twice as long here."""
    if outputs.shape[1] == 1:
        return (outputs[:, 0] - y) ** 2 / 2
    logs = outputs.log_softmax(1)
    return -logs.gather(1, y.long().expand(len(outputs), 1, len(y)))[:, 0]


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
