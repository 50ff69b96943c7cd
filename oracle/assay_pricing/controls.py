"""Control groups: sets that are worth nothing, made from the owner's own records, priced when a function is fitted.

Noise or wrong labels can lower the risk of an overconfident model by luck, and more of what the owner has lowers it a
little. What such sets reach is the cut: only gain beyond it is paid.
"""

import numpy as np
import torch
from torch import Tensor

from assay_pricing.artifact import Control
from assay_pricing.methods import Method, RefitMethod
from assay_pricing.surrogate.task import Sample, Task

_SIZES = (16, 64, 256)
_DRAWS = 2
_JITTER = 0.02  # of a feature's spread


def measure(fitted: Method, task: Task) -> tuple[Control, ...]:
    """Best gain of the controls by size; for a method that scores records singly, of their sums."""
    controls = []
    for step, size in enumerate(_SIZES):
        task.progress("pricing control groups", step, len(_SIZES))
        sets = _sets(task, size)
        gains = _refit_gains(fitted, sets) if isinstance(fitted, RefitMethod) else [0.0]
        controls.append(Control(records=size, gain=max(0.0, *gains)))
    task.progress("pricing control groups", len(_SIZES), len(_SIZES))
    return tuple(controls)


def cut(controls: tuple[Control, ...], records: int) -> float:
    """Gain that a worthless set of so many records reaches: between the measured sizes, by their logarithm."""
    sizes = np.log([control.records for control in controls])
    return float(np.interp(np.log(max(records, 1)), sizes, [control.gain for control in controls]))


def _sets(task: Task, size: int) -> list[Sample]:
    base = task.context.base
    draw = torch.Generator().manual_seed(task.seed + size)
    sets = []
    for _ in range(_DRAWS):
        rows = torch.randint(len(base), (size,), generator=draw)
        other = torch.randint(len(base), (size,), generator=draw)
        noise = _uniform_between(base.x.min(0).values, base.x.max(0).values, size, draw)
        noise_x = torch.randn(base.x[rows].shape, generator=draw, dtype=torch.float64)
        near = base.x[rows] + _JITTER * base.x.std(0) * noise_x
        sets += [_sample(noise, base.y[other]), _sample(base.x[rows], base.y[other]), _sample(near, base.y[rows])]
    return sets


def _refit_gains(fitted: RefitMethod, sets: list[Sample]) -> list[float]:
    """What each set would be paid for without a cut, all of them learned side by side."""
    size = len(sets[0])
    together = Sample(*(torch.cat([getattr(s, part) for s in sets]) for part in ("x", "y", "weight")))
    weights = torch.zeros((len(sets) + 1, len(together)), dtype=torch.float64)
    for i in range(len(sets)):
        weights[i + 1, i * size : (i + 1) * size] = 1
    metric = fitted.context.metric
    before, *after = fitted.refit_outputs(together, weights)
    return [metric.earned(before, outputs) for outputs in after]


def _sample(x: Tensor, y: Tensor) -> Sample:
    return Sample(x, y, torch.ones(len(x), dtype=torch.float64))


def _uniform_between(low: Tensor, high: Tensor, size: int, draw: torch.Generator) -> Tensor:
    return low + torch.rand((size, len(low)), generator=draw, dtype=torch.float64) * (high - low)
