"""Sellers add up sparse updates through an aggregator and a holder of the key."""

import numpy as np
import pytest

from assay_bench.comparison.secure.paillier import SecretKey
from assay_bench.comparison.secure.permuted import permuted_sum, sparse

pytestmark = pytest.mark.unit


def test_the_sum_is_that_in_the_clear_and_zeros_are_not_encrypted() -> None:
    vectors = [sparse(np.random.default_rng(i).normal(size=40), 0.25) for i in range(3)]
    found = permuted_sum(vectors, SecretKey(512))
    assert np.allclose(found.total, sum(vectors), atol=1e-8)
    assert found.encrypted == 30
    assert found.sizes[:3] == [10 * (128 + 4)] * 3


def test_the_largest_entries_are_kept() -> None:
    assert list(sparse(np.array([0.1, -3.0, 2.0, 0.0]), 0.5)) == [0.0, -3.0, 2.0, 0.0]
