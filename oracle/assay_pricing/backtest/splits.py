"""Held-out parts of the owner's records, made into offers of known worth: useful, mislabelled, mixed, nothing new."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from assay_pricing.records.inputs import is_continuous
from assay_pricing.records.records import Float64, Int64, Records

_MAX_RECORDS = 1500
"""Records of the owner that are used at most."""
_FEW = 300
"""Of fewer records, two splits are made rather than three: each training on them is little but not nothing."""
_HELD_OUT = 0.4
_SPARED = 0.2
_LEAST = 8
"""Records of the owner from which parts can be held out."""


@dataclass(frozen=True, eq=False)
class Split:
    """The owner's records without a part, and offers that are made of that part.

    Attributes:
        kind: How the part was chosen.
        kept: The other records.
        offers: By what was done to the part.
    """

    kind: str
    kept: Records
    offers: dict[str, Records]


def splits(owner: Records, encode: Callable[[Records], Float64], seed: int) -> Iterator[Split]:
    """Splits off two fifths of the owner's records: at random, of one kind, and at one end of a column.

    At least a fifth of every class is kept.

    The kind is most of a class, or the highest targets. The column is the one that says most of the labels. Offers are
    the whole part, a quarter of it, half of it with wrong labels, all of it with half of the labels wrong, and
    records between the others: a tenth to two fifths of the owner's records. Too few records, or records of one label,
    make no offers that could differ in worth.

    Args:
        owner: The owner's records (n).
        encode: Records (m) as numbers (m, width).
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(owner.n)[:_MAX_RECORDS])
    owner = owner.take(rows)
    if owner.n < _LEAST or len(np.unique(owner.y)) < 2:
        return
    at_random = rng.permutation(owner.n)
    orders = {"at random": at_random, "of one kind": _by_kind(owner, rng)}
    if owner.n >= _FEW:
        orders["at one end of a column"] = _by_column(owner, encode(owner), rng)
    for kind, order in orders.items():
        order = _sparing(owner, order)
        held, kept = np.split(order, [round(_HELD_OUT * owner.n)])
        yield Split(kind, owner.take(np.sort(kept)), _offers(owner.take(rng.permutation(held)), owner.take(kept), rng))


def _sparing(owner: Records, order: Int64) -> Int64:
    """The order with the last fifth of every class at its end: no class is wholly held out.

    A training may refuse records without one, and its model then says nothing of that class.
    """
    if owner.schema.task == "regression":
        return order
    is_last = np.zeros(len(order), dtype=bool)
    for code in np.unique(owner.y):
        places = np.flatnonzero(owner.y[order] == code)
        is_last[places[-math.ceil(_SPARED * len(places)) :]] = True
    return np.concatenate([order[~is_last], order[is_last]])


def _offers(part: Records, kept: Records, rng: np.random.Generator) -> dict[str, Records]:
    half, quarter = part.take(np.arange(part.n // 2)), part.take(np.arange(max(1, part.n // 4)))
    rest = part.take(np.arange(part.n // 2, part.n))
    return {
        "whole": part,
        "a quarter": quarter,
        "wrong labels": _mislabelled(half, kept, rng),
        "half wrong": half.join(_mislabelled(rest, kept, rng)),
        "between the others": _between(kept, half.n, rng),
    }


def _mislabelled(part: Records, kept: Records, rng: np.random.Generator) -> Records:
    """Each record with the label of another record, of another class where there are classes."""
    if part.schema.task == "classification":
        classes = np.unique(kept.y)
        shift = rng.integers(1, max(len(classes), 2), part.n)
        return Records(
            part.schema, part.x, classes[(np.searchsorted(classes, part.y) + shift) % len(classes)], part.unseen
        )
    return Records(part.schema, part.x, rng.choice(kept.y, part.n), part.unseen)


def _between(kept: Records, count: int, rng: np.random.Generator) -> Records:
    """Records midway between two of one label, or of near targets: interpolation brings nothing that was not there.

    What cannot be interpolated is the first one's.
    """
    order = np.argsort(kept.y, kind="stable")
    at = rng.integers(max(kept.n - 1, 1), size=count)
    first, second = kept.take(order[at]), kept.take(order[np.minimum(at + 1, kept.n - 1)])
    continuous = np.array([is_continuous(feature) for feature in kept.schema.features])
    mixed = np.where(continuous & ~np.isnan(second.x), (first.x + second.x) / 2, first.x)
    return Records(kept.schema, mixed, first.y, kept.unseen)


def _by_kind(owner: Records, rng: np.random.Generator) -> Int64:
    """Rows, those of one class first, but for a fifth of them; or from the highest target on."""
    if owner.schema.task == "regression":
        return np.argsort(-owner.y, kind="stable")
    codes, counts = np.unique(owner.y, return_counts=True)
    few = codes[np.argsort(counts, kind="stable")][-min(2, len(codes))]  # the second of the most common classes
    own = (owner.y == few) & (rng.uniform(size=owner.n) >= 1 / 5)
    return np.asarray(np.lexsort((rng.uniform(size=owner.n), ~own)))


def _by_column(owner: Records, encoded: Float64, rng: np.random.Generator) -> Int64:
    """Rows in descending order of the encoded column with the strongest correlation to the labels; ties at random."""
    labels = owner.y[:, None]
    if owner.schema.task == "classification":
        labels = owner.y[:, None] == np.unique(owner.y)
    x, y = encoded - encoded.mean(0), labels - labels.mean(0)
    scale = np.maximum(np.sqrt((x**2).sum(0))[:, None] * np.sqrt((y**2).sum(0)), 1e-12)
    column = int((abs(x.T @ y) / scale).max(1).argmax())
    return np.asarray(np.lexsort((rng.uniform(size=owner.n), -encoded[:, column])))
