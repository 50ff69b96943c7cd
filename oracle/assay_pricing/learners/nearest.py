"""Euclidean distances where only the smallest count: found by one matrix product, then computed by differences.

The product |a|^2 + |b|^2 - 2 ab takes a fraction of the time of all differences, and cancels digits where two records
are close. It therefore only says which pairs may be among the nearest; distances that are returned or compared are
those of differences: exactly zero between equal records, and equal between pairs that are equally far apart.
"""

import torch
from torch import Tensor

from assay_pricing.learners.threads import in_parallel

_BLOCK = 512
"""Records at a time: their products with 16,384 others take 64 MiB."""
_PAIRS = 2**18
"""Pairs at a time: they stay in a core's cache."""
_MORE = 12
"""Candidates beyond those wanted: the product's order of records that are nearly as far apart is not theirs."""
_ROUNDING = 1e-12
"""Error of the product, as a share of |a|^2 + |b|^2, at most."""


def nearest(x: Tensor, among: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Distances of the nearest ``count`` of ``among`` (m, width) from records (n, width), ascending, and their rows.

    Returns:
        Both (n, min(count, m)).
    """
    squares = _squares(among)
    wanted = min(count + _MORE, len(among))

    def found(part: Tensor) -> tuple[Tensor, Tensor]:
        order = torch.addmm(squares, part, among.T, alpha=-2)  # without |a|^2, which is the same for all of a row
        rows = order.topk(wanted, largest=False, sorted=False).indices.sort(1).values
        distances, places = _differences(part[:, None], among[rows])[:, 0].sort(dim=1, stable=True)
        return distances[:, :count], rows.gather(1, places[:, :count])

    parts = in_parallel(found, torch.split(x, _BLOCK), max(len(x), len(among)))
    distances, rows = (torch.cat(part) for part in zip(*parts, strict=True))
    return distances, rows


def closer(x: Tensor, among: Tensor, limits: Tensor) -> Tensor:
    """Whether the distance of each pair is below the limit of the second record, (n, m).

    Args:
        x: Records (n, width).
        among: Records (m, width).
        limits: One for each of ``among`` (m,); infinite ones are above all distances.
    """
    squares = _squares(x)
    bounds = limits**2 - _squares(among)
    error = _ROUNDING * (squares.max() + _squares(among)) if len(x) else 0.0

    def found(rows: slice) -> Tensor:
        product = torch.addmm(squares[rows, None], x[rows], among.T, alpha=-2)
        below = product < bounds - error
        unsure, columns = torch.nonzero((product <= bounds + error) ^ below, as_tuple=True)
        distances = _differences(x[rows][unsure, None], among[columns, None])[:, 0, 0]
        below[unsure, columns] = distances < limits[columns]
        return below

    block = max(1, _PAIRS // max(1, len(among)))
    parts = [slice(start, start + block) for start in range(0, len(x), block)]
    return torch.cat([torch.zeros((0, len(among)), dtype=torch.bool), *in_parallel(found, parts, len(among))])


def _squares(x: Tensor) -> Tensor:
    squares: Tensor = (x**2).sum(1)
    return squares


def _differences(a: Tensor, b: Tensor) -> Tensor:
    """Distances (..., n, m) by differences."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
