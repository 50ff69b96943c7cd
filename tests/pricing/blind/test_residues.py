"""Residues: drawn from seeds, packed into bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_pricing.blind.residues import errors, pack, packed_size, rows, seed, ternary, uniform, unpack

pytestmark = pytest.mark.unit

PRIMES = (18014398508400641, 65537, 3)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(0, 2**32))
def test_what_is_packed_is_unpacked(count: int, number: int) -> None:
    residues = rows(seed("test", number), PRIMES, count)
    data = pack(residues, PRIMES)
    assert len(data) == packed_size(PRIMES, count) == sum(-(-prime.bit_length() * count // 8) for prime in PRIMES)
    assert (unpack(data, PRIMES, count) == residues).all()


def test_residues_that_are_not_below_their_prime_and_spare_bits_are_not_unpacked() -> None:
    assert unpack(pack(np.array([[65537]], np.uint64), (65537,)), (65537,), 1) is None
    assert unpack(bytes([0b0000_0100]), (3,), 1) is None
    assert unpack(bytes([0b0000_0010]), (3,), 1) is not None


def test_bits_are_packed_low_ones_first() -> None:
    assert pack(np.array([[1, 2, 0, 1, 2]], np.uint64), (3,)) == bytes([0b01_00_10_01, 0b10])


def test_seeds_of_other_parts_differ() -> None:
    assert len({seed("a", "b"), seed("ab"), seed("a", b"b", ""), seed("", "ab"), seed("b", "a")}) == 5
    assert seed("a", 1) == seed(b"a", "1")


def test_residues_are_uniform_and_the_same_for_the_same_seed() -> None:
    drawn = uniform(seed("u"), 65537, 20_000)
    assert (drawn == uniform(seed("u"), 65537, 20_000)).all()
    assert (drawn[:100] == uniform(seed("u"), 65537, 100)).all()
    assert not (drawn == uniform(seed("v"), 65537, 20_000)).all()
    counts = np.bincount((drawn * 16 // 65537).astype(int), minlength=16)
    assert (((counts - 1250) ** 2) / 1250).sum() < 50  # chi-squared, 15 degrees of freedom: 1e-5


def test_small_values_have_the_distributions_of_ring_learning_with_errors() -> None:
    small = ternary(seed("t"), 30_000)
    assert set(small.tolist()) == {-1, 0, 1}
    assert (np.abs(np.bincount(small + 1) - 10_000) < 500).all()
    noise = errors(seed("e"), 30_000)
    assert abs(noise).max() <= 21
    assert abs(noise.mean()) < 0.1
    assert abs(noise.std() - 10.5**0.5) < 0.06
