"""Two parties compute on matrices that neither has."""

import numpy as np
import pytest

from assay_bench.comparison.secure.sharing import Pair

pytestmark = pytest.mark.unit


def test_products_and_sums_are_those_in_the_clear() -> None:
    draw, pair = np.random.default_rng(0), Pair(seed=1)
    a, b, c = draw.normal(size=(20, 8)), draw.normal(size=(8, 5)), draw.normal(size=(20, 5))
    found = pair.opened(pair.product(pair.matmul(pair.share(a), pair.share(b)), pair.share(c)))
    assert np.allclose(found, (a @ b) * c, atol=2e-3)
    assert pair.opened(pair.total(pair.share(c)))[0] == pytest.approx(c.sum(), abs=2e-3)
    difference = pair.opened(pair.share(a) - pair.share(a / 2) + pair.share(a))
    assert np.allclose(difference, 1.5 * a, atol=1e-4)


def test_a_share_says_nothing_of_the_matrix() -> None:
    pair = Pair(seed=1)
    shared = pair.share(np.zeros((64, 64)))
    for share in (shared.first, shared.second):
        assert abs(np.unpackbits(share.view(np.uint8)).mean() - 0.5) < 0.02


def test_messages_are_counted() -> None:
    pair = Pair(seed=1)
    a, b = pair.share(np.ones((2, 3))), pair.share(np.ones((3, 4)))
    assert (pair.bytes_sent, pair.rounds, pair.dealt_bytes) == (8 * (6 + 12), 2, 0)
    pair.matmul(a, b)
    assert (pair.bytes_sent, pair.rounds) == (8 * (6 + 12) + 2 * 8 * (6 + 12), 3)
    assert pair.dealt_bytes == 2 * 8 * (6 + 12 + 8)
