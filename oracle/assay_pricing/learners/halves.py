"""Two halves of the validation records, of which each is a test of what the other chose.

They are such a test only as far as they are independent. Two pictures of one thing, records of one person or of one day
say nearly the same: in different halves, both share the chance of a choice. Records are therefore kept with their
nearest neighbours, as blocked cross-validation does (Roberts et al., Ecography 2017).
"""

import numpy as np

from assay_pricing.learners.nearest import nearest
from assay_pricing.records.records import Float64, Int64
from assay_pricing.risk import Bools, alternating
from assay_pricing.surrogate.task import Sample

_SHARE = 8
"""A group has at most one record in so many of its label, or two: halves of equal size can be made of groups."""
_MOST = 8192
"""Of more records all pairs are not compared: each has little part in a choice, and alternate ones are the halves."""


def first_half(validation: Sample, *, is_classified: bool) -> Bools:
    """Which validation records (v,) are in the first of two halves, with equal shares of every class.

    A record is grouped with the nearest of its class, of a regression with the nearest of all: the closest first, as
    long as the group is small. Groups are dealt out by class, the larger ones first; of a regression by their mean
    target.

    Args:
        validation: Encoded records (v).
        is_classified: Labels are classes, not targets.
    """
    y = np.asarray(validation.y.numpy())
    if len(y) > _MOST:
        return alternating(y)
    first, taken = np.zeros(len(y), dtype=bool), np.zeros(2, dtype=np.int64)
    for code in np.unique(y) if is_classified else (None,):
        rows = np.arange(len(y)) if code is None else np.flatnonzero(y == code)
        counts = np.zeros(2, dtype=np.int64)
        for group in _dealt(_groups(validation.take(rows)), y[rows]):
            half = int(np.lexsort((taken, counts))[0])
            first[rows[group]] = half == 0
            counts[half] += len(group)
            taken[half] += len(group)
    return first


def _dealt(groups: Int64, y: Float64) -> list[Int64]:
    """Rows of each group (n,), by the mean of their targets, and of equal ones the larger groups first."""
    sizes = np.bincount(groups)
    order = np.lexsort((-sizes, np.bincount(groups, y) / sizes))
    return [np.flatnonzero(groups == group) for group in order]


def _groups(sample: Sample) -> Int64:
    """Group of each record (n,), numbered from 0: pairs of nearest neighbours, joined from the closest on (Kruskal)."""
    n = len(sample)
    group, most = np.arange(n), max(2, n // _SHARE)
    if n > 1:
        distances, near = (np.asarray(found.numpy()) for found in nearest(sample.x, sample.x, 2))
        is_itself = near == np.arange(n)[:, None]
        other = np.where(is_itself[:, 0], 1, 0)  # a copy may come before the record itself
        apart, near = distances[np.arange(n), other], near[np.arange(n), other]
        for row in np.argsort(apart, kind="stable"):
            one, two = (group == group[row]), (group == group[near[row]])
            if group[row] != group[near[row]] and one.sum() + two.sum() <= most:
                group[two] = group[row]
    return np.asarray(np.unique(group, return_inverse=True)[1], dtype=np.int64)
