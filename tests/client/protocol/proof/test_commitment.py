"""Commitments to integers, and proofs that their maker knows these."""

import random
from collections.abc import Callable

import pytest

from assay.protocol.proof.commitment import committed, is_opened, opening_proof
from assay.protocol.proof.curve import ORDER, Point, combination, to_bytes, total

pytestmark = pytest.mark.unit

KEY = bytes(range(32))
BASES = [combination([random.Random(i).randrange(ORDER)], [(1, 2)]) for i in range(5)]
NUMBERS, SALT = [5, -7, 0, 2**60], 12345


def draws(seed: int) -> Callable[[], int]:
    source = random.Random(seed)
    return lambda: source.randrange(ORDER)


def proof_of(numbers: list[int], bases: list[Point] = BASES) -> bytes:
    return opening_proof(numbers, SALT, bases, KEY, draws(1))


def test_a_commitment_is_the_sum_of_its_parts_and_hides_them_by_its_salt() -> None:
    parts = [combination([number], [base]) for number, base in zip([*NUMBERS, SALT], BASES, strict=True)]
    assert committed(NUMBERS, SALT, BASES) == total(parts)
    assert committed(NUMBERS, SALT + 1, BASES) != committed(NUMBERS, SALT, BASES)
    with pytest.raises(ValueError, match="expected 5 scalars, got 4"):
        committed(NUMBERS[1:], SALT, BASES)


def test_an_opening_is_proven_of_one_commitment_under_one_key() -> None:
    commitment, proof = committed(NUMBERS, SALT, BASES), proof_of(NUMBERS)
    assert is_opened(commitment, proof, BASES, KEY)
    assert not is_opened(commitment, proof, BASES, bytes(32))
    assert not is_opened(committed(NUMBERS, SALT + 1, BASES), proof, BASES, KEY)
    assert not is_opened(commitment, proof, BASES[::-1], KEY)
    for i in (0, 40, 70, len(proof) - 1):
        assert not is_opened(commitment, proof[:i] + bytes([proof[i] ^ 1]) + proof[i + 1 :], BASES, KEY)
    assert not is_opened(commitment, proof[:-32], BASES, KEY)
    above = (int.from_bytes(proof[-32:], "big") + ORDER).to_bytes(33, "big")[-32:]
    assert not is_opened(commitment, proof[:-32] + above, BASES, KEY)


def test_a_commitment_that_reaches_beyond_the_models_bases_has_no_opening() -> None:
    """With a part of the constant 1 an owner could void every constraint, and prove any price."""
    other = combination([777], [(1, 2)])
    commitment = total([committed(NUMBERS, SALT, BASES), other])
    assert not is_opened(commitment, proof_of(NUMBERS), BASES, KEY)
    assert not is_opened(commitment, to_bytes(other) + proof_of(NUMBERS)[64:], BASES, KEY)
