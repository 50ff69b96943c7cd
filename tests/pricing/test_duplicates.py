"""Exact duplicates by hash, near duplicates by hand on a line."""

import hashlib

import numpy as np
import pytest
import torch

from assay_pricing.appraisal import Verdict
from assay_pricing.duplicates import Kernel, classify_exact_duplicates, effective_count, near_radius, salted_hashes
from tests.pricing.contexts import drawn, sample

pytestmark = pytest.mark.unit
FAR = sample([[100.0]], [0])
NEAR = (7 / 8) ** 4
"""Similarity at a distance of one radius."""


def line(*places: float, y: float = 0.0):
    return sample([[place] for place in places], [y] * len(places))


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def test_salted_hashes_are_sorted_and_hold_no_copy() -> None:
    salt = b"salt"
    found = salted_hashes([digest("b"), digest("a"), digest("b")], salt)
    assert found.shape == (2, 16)
    expected = sorted(hashlib.sha256(salt + digest(text)).digest()[:16] for text in "ab")
    assert [bytes(row) for row in found.numpy()] == expected


def test_each_record_has_the_first_verdict_that_applies() -> None:
    salt = b"salt"
    owned = salted_hashes([digest("owned")], salt)
    known = frozenset({digest("priced"), digest("owned")})
    offered = [digest(text) for text in ("new", "owned", "priced", "new", "owned")]
    assert classify_exact_duplicates(offered, owned, salt, known) == [
        Verdict.USEFUL,
        Verdict.OWNED,
        Verdict.PRICED,
        Verdict.REPEATED,
        Verdict.REPEATED,
    ]
    assert classify_exact_duplicates(offered[:2], owned, b"other salt", frozenset())[1] is Verdict.USEFUL


def test_the_radius_is_half_the_smallest_distances_of_the_owners_records() -> None:
    """On 0, 1, 3, 7 the nearest neighbours are 1, 1, 2 and 4 away; a copy of 0 changes nothing."""
    assert near_radius(line(0, 1, 3, 7)) == pytest.approx(0.5)
    assert near_radius(line(0, 0, 1, 3, 7)) == pytest.approx(0.5)
    base = drawn(0, 700, 3, 2)  # more than one block
    distances = torch.cdist(base.x, base.x) + torch.diag(torch.full((700,), torch.inf, dtype=torch.float64))
    assert near_radius(base) == pytest.approx(float(np.quantile(distances.min(1).values, 0.05)) / 2)


def test_one_record_or_copies_of_one_have_no_radius() -> None:
    assert near_radius(line(2)) == 0
    assert near_radius(line(2, 2, 2)) == 0


def test_weights_on_a_line_are_one_over_the_kernel_density() -> None:
    kernel = Kernel(2.0)
    np.testing.assert_allclose(kernel.weights(line(0, 2), FAR), [1 / (1 + NEAR)] * 2)
    near_base = kernel.weights(line(0, 2), line(2))
    np.testing.assert_allclose(near_base, [1 / (1 + 2 * NEAR), 1 / (2 + NEAR)])
    np.testing.assert_allclose(kernel.weights(line(0, 0, 0, 50), FAR), [1 / 3, 1 / 3, 1 / 3, 1])


def test_records_of_other_labels_share_no_weight() -> None:
    offer = sample([[0.0], [0.0]], [0, 1])
    np.testing.assert_allclose(Kernel(2.0).weights(offer, FAR), [1, 1])
    targets = sample([[0.0], [0.0], [0.0]], [0.0, 0.09, 0.2])
    np.testing.assert_allclose(Kernel(2.0).weights(targets, FAR), [1 / 2, 1 / 2, 1])


def test_without_a_radius_every_record_counts_in_full() -> None:
    kernel = Kernel(0.0)
    assert kernel.weights(line(0, 0), FAR).tolist() == [1, 1]
    assert kernel.is_copied(line(0), line(0)).tolist() == [False]


def test_blocks_of_records_add_up() -> None:
    offer, base = drawn(1, 700, 2, 3), drawn(2, 600, 2, 3)
    everyone = offer.join(base)
    squares = torch.cdist(offer.x, everyone.x) ** 2
    similarity = (1 - squares / (8 * 0.3**2)).clamp(min=0) ** 4
    density = (similarity * (offer.y[:, None] == everyone.y)).sum(1)
    np.testing.assert_allclose(Kernel(0.3).weights(offer, base), 1 / density, rtol=3e-3)


def test_a_record_is_copied_within_the_radius_under_the_same_label() -> None:
    kernel = Kernel(2.0)
    assert kernel.is_copied(line(0, 10, 20), line(1.99, 12.01)).tolist() == [True, False, False]
    assert kernel.is_copied(line(0), line(0, y=1)).tolist() == [False]
    assert kernel.is_copied(line(0, 1), sample(np.zeros((0, 1)), [])).tolist() == [False] * 2


@pytest.mark.parametrize(
    ("weights", "count"), [([0.5, 0.5], 1), ([1.0, 0.99], 1), ([1 / 3] * 3, 1), ([], 0), ([-1.0], 0), ([0.1] * 10, 1)]
)
def test_distinct_records_are_counted_in_full_ones(weights: list[float], count: int) -> None:
    assert effective_count(np.array(weights)) == count
