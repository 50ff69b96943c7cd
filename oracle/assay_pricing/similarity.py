"""Similarities of many pairs of records: exact, and equal to the bit in any order, in any parts and on any processor.

The similarity of two records of one label at distance d is (1 - d^2 / 8 r^2)^4 within sqrt(8) r, and 0 beyond: a
Gaussian exp(-d^2 / 2 r^2) whose tail is cut off smoothly. A tail would count whatever lies far away: at 6 r a million
records have a similarity of 1.5e-8 each, at 5 r of 3.7e-6, four whole records together.

- Coordinates are rounded to a lattice of ``_STEPS`` steps in r. Squared distances are then whole numbers, and doubles
  add, multiply and sum whole numbers below 2^53 without rounding: the parts of a sum may come in any order.
- Similarities are rounded down to multiples of 1 / ``UNIT`` for the same reason.
- Only records of labels that are nearly equal are compared: both sides are sorted by their labels.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from assay_pricing.surrogate.task import Sample

UNIT = 2.0**24
"""A similarity of 1; up to 2^29 of them are summed without rounding."""
SAME_LABEL = 0.1
"""Labels that differ by less are one: indices of classes if they are equal, targets within so many deviations."""
_SUPPORT = 8
"""Square of the distance, in radii, from which on records are not similar."""
AT_RADIUS = (1 - 1 / _SUPPORT) ** 4
"""The similarity at a distance of one radius."""
_STEPS = 256
_REACH = _SUPPORT * _STEPS**2
_EXACT = 2.0**53
_TILE = (512, 1024)


def total(first: Sample, second: Sample, radius: float) -> Tensor:
    """Sum over the records of ``second`` of the similarities to each of ``first``, in ``UNIT``, whole numbers (n,).

    Args:
        first: Records (n).
        second: Records (m).
        radius: r, positive.
    """
    return Compared(first, radius).total(second)


def highest(first: Sample, second: Sample, radius: float) -> Tensor:
    """The highest similarity of each record of ``first`` to one of ``second``, (n,); arguments as of ``total``."""
    return Compared(first, radius).highest(second)


class Compared:
    """Records (n) that are compared with others, part by part: what all parts need is computed once.

    Args:
        records: n of them.
        radius: r, positive.
    """

    def __init__(self, records: Sample, radius: float) -> None:
        self._radius = radius
        self._rows = torch.argsort(records.y, stable=True)
        self._labels = records.y[self._rows]
        lattice = _lattice(records.x[self._rows], radius)
        self._middle = torch.round(lattice.mean(0)) if len(records) else torch.zeros(lattice.shape[1])
        self._columns = _Columns(lattice - self._middle)

    def total(self, others: Sample) -> Tensor:
        """See the function of that name."""
        found = torch.zeros(len(self._rows), dtype=torch.float64)
        for rows, closeness in self._close(others):
            found[rows] += closeness.square_().square_().mul_(UNIT).floor_().sum(1)
        return found

    def highest(self, others: Sample) -> Tensor:
        """See the function of that name."""
        found = torch.zeros(len(self._rows), dtype=torch.float64)
        for rows, closeness in self._close(others):
            found[rows] = torch.maximum(found[rows], closeness.max(1).values)
        return found.square_().square_()

    def _close(self, second: Sample) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows of the records (p,) with their 1 - d^2 / 8 r^2 to records of ``second`` (p, q).

        It is 0 where it would be negative, and for other labels. Tiles without any similarity are left out. Every tile
        lies in the same memory: read it before the next.
        """
        left = self._rows
        if not len(left) or not len(second):
            return
        right = torch.argsort(second.y, stable=True)
        labels, others = self._labels, second.y[right]
        closeness = _Closeness(self._columns, _lattice(second.x[right], self._radius) - self._middle)
        buffer = torch.empty(_TILE, dtype=torch.float64)
        for start in range(0, len(left), _TILE[0]):
            rows = slice(start, min(start + _TILE[0], len(left)))
            begin, end = _band(labels[rows], others)
            for at in range(begin, end, _TILE[1]):
                columns = slice(at, min(at + _TILE[1], end))
                tile = buffer.view(-1)[: (rows.stop - start) * (columns.stop - at)].view(rows.stop - start, -1)
                closeness.into(tile, rows, columns)
                if float(tile.max()) <= 0:
                    continue
                tile.clamp_(min=0)
                if _spread(labels[rows], others[columns]) >= SAME_LABEL:
                    tile.mul_((labels[rows, None] - others[columns]).abs() < SAME_LABEL)
                yield left[rows], tile.div_(_REACH)


def _band(labels: Tensor, others: Tensor) -> tuple[int, int]:
    """First and last place, plus one, of the sorted labels ``others`` that may be the same as one of ``labels``."""
    margin = SAME_LABEL * 1.001  # for rounding
    ends = (float(labels[0]) - margin, float(labels[-1]) + margin)
    begin, end = np.searchsorted(others.numpy(), ends).tolist()
    return begin, end


def _spread(first: Tensor, second: Tensor) -> float:
    """The largest difference between two sorted series of labels."""
    return float(torch.maximum(first[-1] - second[0], second[-1] - first[0]))


def _lattice(x: Tensor, radius: float) -> Tensor:
    """Coordinates (n, width) in steps of the lattice: whole numbers."""
    return torch.round(x * (_STEPS / radius))


class _Columns:
    """Whole numbers (n, width), and the same as one side of a product of matrices (n, width + 2)."""

    def __init__(self, x: Tensor) -> None:
        squares = (x**2).sum(1)
        self.longest = math.sqrt(squares.max()) if len(x) else 0.0
        self.factors = torch.cat([2 * x, (_REACH - squares)[:, None], torch.ones_like(squares)[:, None]], dim=1)


class _Closeness:
    """8 r^2 - d^2 of whole numbers (n, width) and (m, width): the same by products and by differences."""

    def __init__(self, first: _Columns, second: Tensor) -> None:
        other = (second**2).sum(1)
        self._first, self._second = first.factors, second
        self._are_exact = 2 * (first.longest + math.sqrt(other.max())) ** 2 + _REACH < _EXACT
        if self._are_exact:
            self._second = torch.cat([second, torch.ones_like(other)[:, None], -other[:, None]], dim=1)

    def into(self, out: Tensor, rows: slice, columns: slice) -> None:
        """Writes it for some rows and others to ``out`` (p, q); what is below -2^53 is rounded."""
        first, second = self._first[rows], self._second[columns]
        if self._are_exact:
            torch.mm(first, second.T, out=out)
            return
        out.fill_(_REACH)
        for a, b in zip(first.T[:-2] / 2, second.T, strict=True):
            out.sub_((a[:, None] - b).square_())
