"""Sums, products and rotations under CKKS against the same in the clear."""

import numpy as np
import pytest

from assay_bench.comparison.secure.ckks import Ckks

pytestmark = pytest.mark.unit


def test_arithmetic_on_ciphertexts_is_that_in_the_clear() -> None:
    ckks = Ckks(8192, 2, rotations=(1, 2))
    a, b = np.random.default_rng(0).normal(size=(2, ckks.slots))
    x, y = ckks.encrypt(a), ckks.encrypt(b)
    assert np.allclose(ckks.decrypt(ckks.product(x, y)), a * b, atol=1e-5)
    low = ckks.times(x, 0.5)
    assert np.allclose(ckks.decrypt(ckks.plus(low, y)), 0.5 * a + b, atol=1e-5)
    assert np.allclose(ckks.decrypt(ckks.plus_clear(ckks.times(x, b), a)), a * b + a, atol=1e-5)
    four = a + np.roll(a, -1) + np.roll(a, -2) + np.roll(a, -3)
    assert np.allclose(ckks.decrypt(ckks.rotated_total(x, (1, 2))), four, atol=1e-5)


def test_a_fresh_ciphertext_is_sent_in_half_the_bytes() -> None:
    ckks = Ckks(8192, 2)
    text = ckks.encrypt(np.zeros(1))
    assert ckks.size(text) == 2 * 3 * 8192 * 8
    assert ckks.size(text, fresh=True) == ckks.size(text) // 2


def test_levels_that_would_cost_security_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 9 levels"):
        Ckks(8192, 9)
