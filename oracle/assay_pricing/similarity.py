"""Similarities of many pairs of records: exactly, or by hashing where pairs grow with the square of what was offered.

Up to ``EXACT_PAIRS`` pairs are computed in tiles, in one buffer: a temporary of the whole size would be returned to the
kernel and fetched again for every operation. Above, a record is compared with at most ``_TABLES * _SAMPLED`` others, so
that the work is linear in the number of records:

- Records share a bucket of a hash table if ``_HASHES`` Gaussian projections, rounded down to ``_WIDTH`` radii, agree
  (Datar et al., "Locality-sensitive hashing scheme based on p-stable distributions", 2004).
- A similarity found in a bucket counts 1 / p, where p is the probability that the pair shares a bucket; the mean over
  the tables has the sum of all similarities as its expectation (Charikar and Siminelakis, "Hashing-based estimators
  for kernel density in high dimensions", 2017).
- Of a bucket with more than ``_SAMPLED`` records so many are drawn, by a number that depends on the record alone: the
  order of an offer changes nothing.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from assay_pricing.records.records import Float64, Int64

EXACT_PAIRS = 2**29
"""Pairs of one label that are computed one by one: some seconds."""
_EXACT_SIDE = 8192
"""Records on the smaller side that are all compared: the work is linear in the other side."""
_TILE = (512, 1024)
_TABLES, _HASHES, _WIDTH, _SAMPLED = 12, 6, 4.0, 32
_PAIR_NUMBERS = 2**20
_SEED = 20170605

Accept = Callable[[Tensor, Tensor], Tensor]
"""Whether pairs of labels count: a factor of 0 or 1, broadcast over them."""


def is_exact(n: int, m: int) -> bool:
    """Whether all pairs of n and m records are computed."""
    return n * m <= EXACT_PAIRS or min(n, m) <= _EXACT_SIDE


def total(first: Tensor, second: Tensor, radius: float, labels: tuple[Tensor, Tensor] | None, accept: Accept) -> Tensor:
    """Sum of exp(-d^2 / 2 r^2) over the records of ``second`` (m, width) for each of ``first`` (n, width), (n,).

    Args:
        first: Encoded records; the same object as ``second`` if they are compared with themselves, which counts 1.
        second: Encoded records.
        radius: r, positive.
        labels: Labels (n,) and (m,) that ``accept`` judges; None if all pairs count.
        accept: Which pairs count.
    """
    found = torch.zeros(len(first), dtype=torch.float64)
    if is_exact(len(first), len(second)):
        for rows, similarity in _tiles(first, second, radius, labels, accept):
            found[rows] += similarity.sum(1)
        return found
    itself = first is second
    for pairs in _colliding(first, second, radius, skip_itself=itself):
        similarity = pairs.similarity
        if labels is not None:
            similarity = similarity * accept(labels[0][pairs.left], labels[1][pairs.right])
        found.index_add_(0, pairs.left, similarity * pairs.share / pairs.chance)
    return found / _TABLES + itself


def highest(
    first: Tensor, second: Tensor, radius: float, labels: tuple[Tensor, Tensor] | None, accept: Accept
) -> Tensor:
    """The highest similarity of each record of ``first`` to one of ``second``, (n,); arguments as of ``total``.

    By hashing, a pair at a distance of one radius is found with a probability of 97 %, a closer one more surely.
    """
    found = torch.zeros(len(first), dtype=torch.float64)
    if is_exact(len(first), len(second)):
        for rows, similarity in _tiles(first, second, radius, labels, accept):
            found[rows] = torch.maximum(found[rows], similarity.max(1).values)
        return found
    for pairs in _colliding(first, second, radius, skip_itself=False):
        similarity = pairs.similarity
        if labels is not None:
            similarity = similarity * accept(labels[0][pairs.left], labels[1][pairs.right])
        found.scatter_reduce_(0, pairs.left, similarity, "amax")
    return found


def _tiles(
    first: Tensor, second: Tensor, radius: float, labels: tuple[Tensor, Tensor] | None, accept: Accept
) -> Iterator[tuple[slice, Tensor]]:
    """Similarities in tiles of rows and columns. Every tile lies in the same memory: read it before the next."""
    buffer = torch.empty(_TILE, dtype=torch.float64)
    squares, others = (first**2).sum(1), (second**2).sum(1)
    for start in range(0, len(first), _TILE[0]):
        rows = slice(start, min(start + _TILE[0], len(first)))
        for left in range(0, len(second), _TILE[1]):
            columns = slice(left, min(left + _TILE[1], len(second)))
            tile = buffer[: rows.stop - start, : columns.stop - left]
            torch.add(squares[rows, None], others[columns], out=tile)
            tile.addmm_(first[rows], second[columns].T, alpha=-2).clamp_(min=0)
            tile.mul_(-1 / (2 * radius**2)).exp_()
            if labels is not None:
                tile.mul_(accept(labels[0][rows, None], labels[1][columns]))
            yield rows, tile


class _Pairs:
    """Pairs that share a bucket.

    Attributes:
        left: Their rows in the first set (p,).
        right: Their rows in the second set (p,).
        similarity: exp(-d^2 / 2 r^2) (p,).
        chance: Probability that the pair shares a bucket of one table (p,).
        share: How many records of its bucket each drawn one stands for (p,).
    """

    def __init__(self, first: Tensor, second: Tensor, radius: float, rows: Int64, drawn: Int64, share: Float64) -> None:
        self.left, self.right = torch.from_numpy(rows), torch.from_numpy(drawn)
        square = ((first[self.left] - second[self.right]) ** 2).sum(1)
        self.similarity = (-square / (2 * radius**2)).exp()
        self.chance = _chance(square.sqrt() / radius)
        self.share = torch.from_numpy(share)


def _chance(distance: Tensor) -> Tensor:
    """Probability that records at a distance, in radii, share a bucket: Datar et al., section 3.2."""
    ratio = _WIDTH / distance.clamp(min=1e-6)
    flat = torch.special.erf(ratio / math.sqrt(2)) - math.sqrt(2 / math.pi) / ratio * (1 - (-(ratio**2) / 2).exp())
    chance: Tensor = flat.clamp(min=1e-3) ** _HASHES
    return chance


def _colliding(first: Tensor, second: Tensor, radius: float, *, skip_itself: bool) -> Iterator[_Pairs]:
    """The pairs of each table, in blocks."""
    rows_of_block = max(1, _PAIR_NUMBERS // (_SAMPLED * max(1, first.shape[1])))
    draw = torch.Generator().manual_seed(_SEED)
    for _ in range(_TABLES):
        directions = torch.randn((first.shape[1], _HASHES + 1), generator=draw, dtype=torch.float64)
        shift = torch.rand(_HASHES, generator=draw, dtype=torch.float64)
        mixer = torch.randint(-(2**62), 2**62, (_HASHES,), generator=draw) | 1
        (keys, _), (others, luck) = (_hashed(x, directions / radius, shift, mixer) for x in (first, second))
        order = np.lexsort((luck, others))
        ordered = others[order]
        begin, end = np.searchsorted(ordered, keys, "left"), np.searchsorted(ordered, keys, "right")
        for start in range(0, len(first), rows_of_block):
            block = np.arange(start, min(start + rows_of_block, len(first)))
            pairs = _drawn(block, begin[block], end[block], order, skip_itself=skip_itself)
            yield _Pairs(first, second, radius, *pairs)


def _hashed(x: Tensor, directions: Tensor, shift: Tensor, mixer: Tensor) -> tuple[Int64, Float64]:
    """Bucket of each record (n,), and a number in 0..1 that orders the records of a bucket (n,)."""
    projected = x @ directions
    codes = (projected[:, :-1] / _WIDTH + shift).floor().long()
    luck: Float64 = np.asarray((projected[:, -1] * 1e5 % 1).numpy())
    return np.asarray((codes * mixer).sum(1).numpy()), luck


def _drawn(
    rows: Int64,
    begin: Int64,
    end: Int64,
    order: Int64,
    *,
    skip_itself: bool,
) -> tuple[Int64, Int64, Float64]:
    """Row, drawn record and its share, for all pairs of ``rows`` with the first records of their buckets."""
    size = end - begin
    taken = np.minimum(size, _SAMPLED)
    left = np.repeat(rows, taken)
    ends = np.cumsum(taken)
    place = np.arange(len(left)) - np.repeat(ends - taken, taken)
    right = order[np.repeat(begin, taken) + place]
    if not skip_itself:
        return left, right, np.repeat(size / np.maximum(taken, 1), taken)
    own = left == right
    counted = taken - np.bincount(left[own] - rows[0], minlength=len(rows))
    share = np.repeat((size - 1) / np.maximum(counted, 1), taken)
    return left[~own], right[~own], share[~own]
