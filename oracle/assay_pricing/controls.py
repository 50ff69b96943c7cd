"""Control sets: worthless data made from the owner's records and priced when a function is fitted.

Noise, wrong labels, or more of the owner's data can lower the risk of a model a little by chance. The highest gain that
such sets reach is the cut: only gain above it is paid.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from assay_pricing.manifest import Control
from assay_pricing.methods import Method, RefitMethod
from assay_pricing.records.inputs import is_continuous
from assay_pricing.records.records import Records
from assay_pricing.surrogate.queries import uniform
from assay_pricing.surrogate.task import Sample, Task

_SIZES = (16, 64, 256)
_DRAWS = 2
_JITTER = 0.02  # standard deviations of a feature
_REPEATED = 4


def measure(method: Method, task: Task) -> tuple[Control, ...]:
    """The highest gain of the control sets of each size.

    It is 0 for a method that scores records one by one, and for one that retrains as the model does: a gain of a set of
    noise would be the model's, too.
    """
    controls = []
    for step, size in enumerate(_SIZES):
        task.progress("pricing control groups", step, len(_SIZES))
        gains = [0.0]
        if isinstance(method, RefitMethod) and not method.retrains:
            gains = _gains(method, control_sets(task, size))
        elif method.prices_sets:
            gains = [method.set_value(records) * method.value_unit for records in control_records(task, size)]
        controls.append(Control(records=size, gain=max(0.0, *gains)))
    task.progress("pricing control groups", len(_SIZES), len(_SIZES))
    return tuple(controls)


def instability(method: Method, seed: int) -> float:
    """Root mean square of the drops of the risk when one to four of the owner's records are learned once more.

    They bring nothing, but a learner that is trained from nothing answers otherwise after the least change of its
    records: bins and splits of trees move. Measured of methods that retrain; 0 for others.
    """
    if not isinstance(method, RefitMethod) or not method.retrains:
        return 0.0
    base, metric = method.context.base, method.context.metric
    rows = np.random.default_rng(seed).integers(len(base), size=_REPEATED)
    weights = torch.ones((_REPEATED + 1, _REPEATED), dtype=torch.float64).tril(-1)  # row 0: the base alone
    before, *after = method.refit_outputs(base.take(rows), weights)
    return float(np.sqrt(np.mean([metric.drop(before, outputs) ** 2 for outputs in after])))


def cut(controls: Sequence[Control], records: int) -> float:
    """Gain that a worthless set of ``records`` records reaches: linear in the logarithm of the size between controls.

    Below the smallest and above the largest control it is constant.
    """
    sizes = np.log([control.records for control in controls])
    return float(np.interp(np.log(max(records, 1)), sizes, [control.gain for control in controls]))


def control_sets(task: Task, size: int) -> list[Sample]:
    """Two draws of three sets of ``size`` records: noise, owner's records with others' labels, near copies of them."""
    base = task.context.base
    draw = torch.Generator().manual_seed(task.seed + size)
    sets = []
    for _ in range(_DRAWS):
        rows = torch.randint(len(base), (size,), generator=draw)
        other = torch.randint(len(base), (size,), generator=draw)
        noise = _uniform_between(base.x.min(0).values, base.x.max(0).values, size, draw)
        jitter = torch.randn(base.x[rows].shape, generator=draw, dtype=torch.float64)
        near = base.x[rows] + _JITTER * base.x.std(0) * jitter
        sets += [_sample(noise, base.y[other]), _sample(base.x[rows], base.y[other]), _sample(near, base.y[rows])]
    return sets


def control_records(task: Task, size: int) -> list[Records]:
    """The same sets, before encoding."""
    owner, rng = task.owner, np.random.default_rng([task.seed, size])
    continuous = np.array([is_continuous(feature) for feature in owner.schema.features])
    sets = []
    for _ in range(_DRAWS):
        rows, other = rng.integers(owner.n, size=(2, size))
        jitter = _JITTER * task.context.encoder.scale * rng.normal(size=(size, owner.x.shape[1]))
        x, labels = owner.x[rows], owner.y[other]
        for inputs, targets in (
            (uniform(owner.x, rng, size), labels),
            (x, labels),
            (x + jitter * continuous, owner.y[rows]),
        ):
            sets.append(Records(owner.schema, inputs, targets, owner.unseen))
    return sets


def _gains(method: RefitMethod, sets: list[Sample]) -> list[float]:
    """Gain that each set would be paid for without a cut; all sets are learned in one batch of scenarios."""
    size = len(sets[0])
    together = reduce(Sample.join, sets)
    weights = torch.zeros((len(sets) + 1, len(together)), dtype=torch.float64)  # row 0: the base alone
    for i in range(len(sets)):
        weights[i + 1, i * size : (i + 1) * size] = 1
    metric = method.context.metric
    before, *after = method.refit_outputs(together, weights)
    return [metric.drop(*metric.earned(before, outputs)) for outputs in after]


def _sample(x: Tensor, y: Tensor) -> Sample:
    return Sample(x, y, torch.ones(len(x), dtype=torch.float64))


def _uniform_between(low: Tensor, high: Tensor, size: int, draw: torch.Generator) -> Tensor:
    return low + torch.rand((size, len(low)), generator=draw, dtype=torch.float64) * (high - low)
