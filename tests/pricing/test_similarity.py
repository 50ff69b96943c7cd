"""Similarities against the definition, and to the bit in any order and any parts."""

import numpy as np
import pytest
import torch
from torch import Tensor

from assay_pricing.similarity import AT_RADIUS, UNIT, highest, total
from assay_pricing.surrogate.task import Sample
from tests.pricing.contexts import drawn, sample

pytestmark = pytest.mark.unit


def by_definition(first: Sample, second: Sample, radius: float) -> Tensor:
    squares = torch.cdist(first.x, second.x) ** 2
    same = (first.y[:, None] - second.y).abs() < 0.1
    return (1 - squares / (8 * radius**2)).clamp(min=0) ** 4 * same


def in_parts(first: Sample, second: Sample, radius: float, sizes: list[int]) -> Tensor:
    """The total as sums over parts of ``second``."""
    ends = np.cumsum(sizes)
    parts = [second.take(np.arange(end - size, end)) for end, size in zip(ends, sizes, strict=True)]
    return torch.stack([total(first, part, radius) for part in parts]).sum(0)


@pytest.mark.parametrize(
    ("n", "m", "k"), [(1, 1, 2), (512, 1024, 2), (700, 1500, 3), (700, 1500, 1), (3, 0, 2), (0, 3, 1)]
)
def test_tiles_add_up_to_the_definition(n: int, m: int, k: int) -> None:
    first, second = drawn(1, n, 3, k), drawn(2, m, 3, k)
    expected = by_definition(first, second, 0.7)
    np.testing.assert_allclose(total(first, second, 0.7) / UNIT, expected.sum(1), rtol=0.01, atol=0.01)
    if m:
        on_lattice = by_definition(*(sample((s.x * 256 / 0.7).round() * 0.7 / 256, s.y) for s in (first, second)), 0.7)
        np.testing.assert_allclose(total(first, second, 0.7) / UNIT, on_lattice.sum(1), atol=m / UNIT)
        np.testing.assert_allclose(highest(first, second, 0.7), on_lattice.max(1).values, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("spread", [0.01, 1.0])
def test_any_parts_in_any_order_have_the_same_total_to_the_bit(k: int, spread: float) -> None:
    first, second = drawn(3, 300, 5, k), drawn(4, 2600, 5, k)
    first, second = (sample(s.x * spread, s.y) for s in (first, second))
    whole = total(first, second, 0.5)
    rng = np.random.default_rng(0)
    for sizes in ([1, 2599], [1000, 1000, 600], [37] * 70 + [10]):
        assert torch.equal(in_parts(first, second, 0.5, sizes), whole)
        assert torch.equal(in_parts(first, second.take(rng.permutation(2600)), 0.5, sizes), whole)
    mixed = rng.permutation(300)
    assert torch.equal(total(first.take(mixed), second, 0.5), whole[torch.from_numpy(mixed)])


def test_products_and_differences_give_the_same_squares() -> None:
    """A radius so small that products of coordinates would be rounded."""
    near = sample([[1e9], [1e9 + 1e-5], [-1e9], [1e9 + 1e-3]], [0] * 4)
    copies = sample([[0.0], [1e-5], [1e-3]], [0] * 3)
    assert torch.equal(total(near, near, 1e-5)[torch.tensor([0, 1, 3])], total(copies, copies, 1e-5))


def test_what_lies_far_away_counts_nothing() -> None:
    """A million records at a distance of 5 radii would be four records under a Gaussian."""
    ring = sample([[5.0, 0.0], [0.0, 5.0], [2.9, 0.0]], [0] * 3)
    assert total(sample([[0.0, 0.0]], [0]), ring, 1.0).tolist() == [0.0]


def test_a_crowd_weighs_one_record() -> None:
    """All records lie within one radius of each other: an attacker's densest upload."""
    crowd = sample(drawn(3, 2000, 4, 2).x / 300, [0] * 2000)
    assert float((UNIT / total(crowd, crowd, 1.0)).sum()) == pytest.approx(1, rel=1e-3)


def test_sold_copies_are_found_and_nothing_else() -> None:
    rng = np.random.default_rng(5)
    sold = rng.normal(size=(3000, 16)) * 10
    copies = sold[:500] + 0.02 * rng.normal(size=(500, 16))
    found = highest(sample(sold, [0] * 3000), sample(copies, [0] * 500), 1.0)
    assert (found >= AT_RADIUS).tolist() == [True] * 500 + [False] * 2500
