"""Nearest records and comparisons with limits are those of distances by differences."""

import pytest
import torch

from assay_pricing.learners.nearest import closer, nearest

pytestmark = pytest.mark.unit
EXACT = "donot_use_mm_for_euclid_dist"


def drawn(n: int, seed: int) -> torch.Tensor:
    """Records (n, 4) far from the origin."""
    return 1e3 + torch.randn((n, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("decimals", [9, 0], ids=["distinct", "equal distances"])
def test_the_nearest_distances_are_those_of_all_pairs_to_the_bit(decimals: int) -> None:
    x, among = drawn(700, 0).round(decimals=decimals), drawn(300, 1).round(decimals=decimals)
    expected = torch.cdist(x, among, compute_mode=EXACT)
    distances, rows = nearest(x, among, 5)
    assert torch.equal(distances, expected.topk(5, largest=False).values)
    assert torch.equal(distances, expected.gather(1, rows))
    assert all(len(set(row)) == 5 for row in rows.tolist())


def test_fewer_records_than_wanted_are_all_nearest() -> None:
    distances, rows = nearest(drawn(3, 0), drawn(2, 1), 5)
    assert distances.shape == rows.shape == (3, 2)


def test_equal_records_are_at_distance_zero_exactly() -> None:
    x = drawn(50, 0)
    distances, rows = nearest(x, x, 1)
    assert torch.equal(rows[:, 0], torch.arange(50))
    assert not distances.any()


def test_a_distance_that_equals_its_limit_is_not_below_it() -> None:
    x, among = drawn(200, 0), drawn(300, 1)
    distances = torch.cdist(x, among, compute_mode=EXACT)
    limits = distances.min(0).values
    limits[::2] = torch.inf
    assert torch.equal(closer(x, among, limits), distances < limits)
    assert torch.equal(closer(x, among, limits + 1e-13), distances < limits + 1e-13)
    assert closer(x[:0], among, limits).shape == (0, 300)
