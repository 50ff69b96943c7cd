"""The regression whose prices rank and size simulated offers as a reference does."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from assay_pricing.records.records import Float64
from assay_pricing.sums.fitting import Goal, Owned, Ridge, sized
from assay_pricing.sums.simulated import Simulated
from assay_pricing.surrogate.task import Task

_PULLS = (0.3, 1.0)
_DAMPINGS = (0.1, 0.3, 1.0)
_CURVATURES = (0.15, 0.25, 0.4, 0.65)
_OF_REGRESSION = (0.65, 1.0, 1.5)


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A price, and the goal on each half of the validation records, by which it is compared with the reference."""

    ridge: Ridge
    by_first: Goal
    by_second: Goal

    def gains(self, moved: list[Float64], simulated: Simulated) -> Float64:
        """Gains (m,) of simulated offers, each on the half that judges it."""
        goals = [self.by_first if first else self.by_second for first in simulated.by_first]
        return np.array([goal.gain(d, self.ridge.curvature) for goal, d in zip(goals, moved, strict=True)])


def choose(task: Task, simulated: Simulated, count: int) -> Ridge:
    """The price of the highest rank agreement with the reference.

    Args:
        task: The owner's side.
        simulated: Offers, and what the reference says they are worth.
        count: Number of features, at most.
    """
    owned = Owned.of(task)
    curvatures = _CURVATURES if owned.inputs.label is None else _OF_REGRESSION
    best: tuple[float, Ridge] | None = None
    for pull, damping in product(_PULLS, _DAMPINGS):
        found = _candidate(owned, count, pull, damping)
        moved = [found.ridge.change(offer) for offer in simulated.offers]
        for curvature in curvatures:
            tried = replace(found, ridge=replace(found.ridge, curvature=curvature))
            gains = tried.gains(moved, simulated)
            reached = simulated.agreement(gains)
            if best is None or reached > best[0]:
                best = reached, sized(tried.ridge, gains, simulated.gains)
    assert best is not None
    return best[1]


def _candidate(owned: Owned, count: int, pull: float, damping: float) -> _Candidate:
    features, absolute = owned.features(count, pull, damping)
    metric = owned.task.context.metric
    every = np.ones(len(metric.y), dtype=bool)
    first, second = owned.task.context.halves()
    return _Candidate(
        Ridge(features, absolute, owned.prior(features), owned.goal(features, every, owned.task.context)),
        owned.goal(features, metric.first_half, first),
        owned.goal(features, ~metric.first_half, second),
    )
