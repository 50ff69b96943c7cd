"""Offers that an owner simulates, and what a reference says they are worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import spearmanr

from assay_pricing.methods.families.base import RefitMethod
from assay_pricing.records.records import Float64, Int64, Records
from assay_pricing.risk import Bools
from assay_pricing.surrogate.queries import uniform
from assay_pricing.surrogate.task import Task

_SIZES = (8, 40)
_KINDS = 4


@dataclass(frozen=True, eq=False)
class Simulated:
    """Offers of records of one half of the validation records, and of junk; the other half judges them.

    Attributes:
        offers: Records of each offer (m).
        by_first: Which offers the first half judges (m,).
        gains: Drops of the risk on that half, by the reference (m,).
    """

    offers: Sequence[Records]
    by_first: Bools
    gains: Float64

    @classmethod
    def of(cls, task: Task, reference: RefitMethod, seed: int, count: int) -> "Simulated":
        """Draws offers, and lets a reference learn them.

        Args:
            task: The owner's side.
            reference: A fitted method that learns sets.
            seed: Of the draws.
            count: Number of offers.
        """
        rng, metric = np.random.default_rng(seed), reference.context.metric
        by_first = np.arange(count) % 2 == 0
        rows = {judge: np.flatnonzero(metric.first_half == judge) for judge in (True, False)}
        offers = [_drawn(task, rows[not judge], rng) for judge in by_first.tolist()]
        nobody = reference.context.base.take(np.arange(0))
        before = reference.refit_outputs(nobody, torch.zeros((1, 0), dtype=torch.float64))[0]
        gains = []
        for judge, offer in zip(by_first.tolist(), offers, strict=True):
            encoded, chosen = reference.context.encode(offer), rows[judge]
            after = reference.refit_outputs(encoded, encoded.weight[None])[0]
            gains.append(reference.scale * metric.take(chosen).drop(before[chosen], after[chosen]))
        return cls(offers, by_first, np.array(gains))

    def agreement(self, gains: Float64) -> float:
        """Spearman's rank correlation of gains (m,) with the reference's, the mean over the two judges."""
        both = [spearmanr(gains[rows], self.gains[rows]).statistic for rows in (self.by_first, ~self.by_first)]
        return float(np.nan_to_num(np.mean(both)))


def _drawn(task: Task, rows: Int64, rng: np.random.Generator) -> Records:
    """An offer: validation records among ``rows``, some with other labels, noise, and records of the owner."""
    owner, validation = task.owner, task.validation
    size = int(rng.integers(_SIZES[0], _SIZES[1] + 1))
    useful, wrong, noise, known = rng.multinomial(size, rng.dirichlet(np.ones(_KINDS)))
    chosen = validation.take(rng.choice(rows, min(useful + wrong, len(rows)), replace=False))
    labels = chosen.y.copy()
    labels[useful:] = _others(owner, labels[useful:], rng)
    drawn = uniform(owner.x, rng, noise)
    again = rng.integers(owner.n, size=known)
    x = np.concatenate([chosen.x, drawn, owner.x[again]])
    y = np.concatenate([labels, rng.choice(owner.y, noise), owner.y[again]])
    return Records(owner.schema, x, y, validation.unseen)


def _others(owner: Records, labels: Float64, rng: np.random.Generator) -> Float64:
    """Another class for each label; of a regression, its mirror image at the owner's mean."""
    k = len(owner.schema.classes)
    if k:
        return np.asarray((labels + rng.integers(1, k, len(labels))) % k)
    return np.asarray(2 * owner.y.mean() - labels)
