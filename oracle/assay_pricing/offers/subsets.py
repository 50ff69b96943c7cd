"""Subsets of an offer that may be worth more than the whole set, and what they bring."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from assay_pricing.learners.threads import at_once
from assay_pricing.methods import RefitMethod
from assay_pricing.offers.partitions import Pool
from assay_pricing.records.records import Float64
from assay_pricing.risk import Bools
from assay_pricing.surrogate.network import deterministic
from assay_pricing.surrogate.task import Sample

_ROUNDS = 2
"""Rounds in which labels are doubted, at most."""

Subset = tuple[Bools, Float64]
"""Which records of an offer are in it (n,), and outputs on the validation records that say what it brings."""


@dataclass(frozen=True, eq=False)
class Subsets:
    """The searches for better subsets, neither of which needs the trainings of the other.

    Attributes:
        method: That retrains.
        encoded: Records (n).
        record_values: Returns the value of each record on its own (n,).
        values_by_halves: Returns the same by each half of the validation records (2, n).
        whole: Returns the outputs after learning the whole set.
        learned: Outputs (e, v, k) after learning each of e subsets.
        pool: Where parts of the offer are worked on, and trainings run.
    """

    method: RefitMethod
    encoded: Sample
    record_values: Callable[[], Float64]
    values_by_halves: Callable[[], Float64]
    whole: Callable[[], Float64]
    learned: Callable[..., Float64]
    pool: Pool

    def found(self) -> list[Subset]:
        """The subsets; at the same time where the pool has room for several trainings."""

        def everything() -> Iterator[Subset]:
            self.whole()
            return iter(())

        calls = [partial(_listed, search) for search in (everything, self._trusted, self._of_value)]
        if self.pool.has_room(len(self.method.context.base) + len(self.encoded)):
            found = at_once(*calls)
        else:
            found = [call() for call in calls]
        _, trusted, of_value = found
        return of_value + trusted

    def _of_value(self) -> Iterator[Subset]:
        """The records of value by themselves; nothing if the whole brings more.

        The validation records choose these records. Those that help them by chance are among the chosen, so that they
        would say too much of what these bring. Each half of them is therefore answered after learning the records that
        the other half chooses (cross-fitting).
        """
        chosen, metric = self.record_values() > 0, self.method.context.metric
        if chosen.all() or not chosen.any() or metric.risk(self.learned(chosen)[0]) >= metric.risk(self.whole()):
            return
        by_first, by_second = self.learned(*(self.values_by_halves() > 0))
        yield chosen, np.where(metric.first_half[:, None], by_second, by_first)

    def _trusted(self) -> Iterator[Subset]:
        """The records without doubted labels.

        If they are worth more than the whole set, also those whose labels are not doubted either by a learner that has
        not learned the doubted ones. No validation record chooses them.
        """
        out, metric = np.zeros(len(self.encoded), dtype=bool), self.method.context.metric
        for _ in range(_ROUNDS):
            doubted = np.asarray(self.method.doubted(self.encoded, torch.from_numpy(out)).numpy())
            if doubted.all() or not doubted.any() or np.array_equal(doubted, out):
                return
            outputs = self.learned(~doubted)[0]
            yield ~doubted, outputs
            if metric.risk(outputs) >= metric.risk(self.whole()):
                return
            out = doubted


def _listed(search: Callable[[], Iterator[Subset]]) -> list[Subset]:
    with deterministic():
        return list(search())
