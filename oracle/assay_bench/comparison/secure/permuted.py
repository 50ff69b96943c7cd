"""Sums of sparse vectors under doubly permuted homomorphic encryption (Yonetani et al., ICCV 2017), with Paillier.

Users encrypt what is not zero, and name its place under a permutation that they share. The aggregator adds what has the
same place, and has the sums decrypted in an order of its own. So it sees places without meaning, and the holder of the
key sees values without places. The users tell the aggregator their permutation when the sum is ready. No two collude.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gmpy2 import mpz

from assay_bench.comparison.secure.paillier import SecretKey
from assay_bench.figures import Floats

_FRACTION = 2**32
_INDEX_BYTES = 4


@dataclass(frozen=True)
class PermutedSum:
    """A run.

    Attributes:
        total: The sum (p,), to 2^-32 for each user.
        encrypted: Values that all users encrypted together.
        sizes: Bytes of each message: of the users, to the holder of the key and back.
    """

    total: Floats
    encrypted: int
    sizes: list[int]


def permuted_sum(vectors: Sequence[Floats], key: SecretKey) -> PermutedSum:
    """Users, aggregator and holder of the key in one process.

    Args:
        vectors: One for each user (p,); zeros are not encrypted.
        key: Of the holder of the key, who alone decrypts.
    """
    length, public = len(vectors[0]), key.public
    shared = np.random.default_rng(secrets.randbits(128)).permutation(length)
    sums: dict[int, mpz] = {}
    encrypted, sizes = 0, []
    for vector in vectors:
        places = np.flatnonzero(vector)
        for place in places:
            text = public.encrypt(round(float(vector[place]) * _FRACTION))
            at = int(shared[place])
            sums[at] = public.plus(sums[at], text) if at in sums else text
        encrypted += len(places)
        sizes.append(len(places) * (public.text_bytes + _INDEX_BYTES))
    order = np.random.default_rng(secrets.randbits(128)).permutation(list(sums))
    values = [key.decrypt_signed(sums[int(at)]) for at in order]
    sizes += [len(order) * public.text_bytes, len(order) * public.text_bytes // 2]
    permuted = np.zeros(length)
    permuted[order] = np.array(values, dtype=np.float64) / _FRACTION
    return PermutedSum(permuted[shared], encrypted, sizes)


def sparse(vector: Floats, share: float) -> Floats:
    """The vector (p,) with its largest entries by absolute value, a share of all; the others are zero."""
    kept = np.argsort(-np.abs(vector))[: max(1, round(share * len(vector)))]
    made = np.zeros_like(vector)
    made[kept] = vector[kept]
    return made
