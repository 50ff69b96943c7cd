"""Ridge regression on encrypted sums of several owners (Giacomelli et al., ACNS 2018), under Paillier.

Every owner encrypts its ``X^T X`` and ``X^T Y``. The engine, who wants the model, adds them up to ``A W = B``. It masks
that as ``(A R)(R^-1 (W + r)) = B + A r`` with secret R and r. The holder of the key solves it, and sees nothing but
uniform numbers. Integers modulo n stand for the rational W, which the extended Euclidean algorithm finds again.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import gmpy2
import numpy as np
import numpy.typing as npt
from gmpy2 import mpz

from assay_bench.comparison.secure.paillier import PublicKey, SecretKey
from assay_bench.figures import Floats

Integers = npt.NDArray[np.int64]
Matrix = list[list[mpz]]


@dataclass(frozen=True)
class Encrypted:
    """Sums of one owner, or of several: the upper triangle of A (d, d), and B (d, k)."""

    triangle: dict[tuple[int, int], mpz]
    right: Matrix

    def at(self, i: int, j: int) -> mpz:
        """An entry of A."""
        return self.triangle[min(i, j), max(i, j)]


@dataclass(frozen=True)
class Solved:
    """A run.

    Attributes:
        weights: The ridge model (d, k), exact but for rounding to doubles.
        sizes: Bytes of each message: of the owners, to the holder of the key and back.
    """

    weights: Floats
    sizes: list[int]


def encrypted(public: PublicKey, x: Integers, y: Integers) -> Encrypted:
    """An owner's sums of integer records (n, d) with integer targets (n, k)."""
    a, b = x.T @ x, x.T @ y
    size = len(a)
    triangle = {(i, j): public.encrypt(int(a[i, j])) for i in range(size) for j in range(i, size)}
    return Encrypted(triangle, [[public.encrypt(int(value)) for value in row] for row in b])


def solved(key: SecretKey, owners: Sequence[tuple[Integers, Integers]], damping: int) -> Solved:
    """The ridge model of all owners' records, by the protocol.

    Args:
        key: Of the holder of the key.
        owners: Integer records (n, d) and integer targets (n, k) of each.
        damping: Added to the diagonal, positive.

    Raises:
        ValueError: The key is too small for the solution's numerators and denominators.
    """
    public, (width, outputs) = key.public, (owners[0][0].shape[1], owners[0][1].shape[1])
    _check_room(public, owners, damping)
    sent = [encrypted(public, x, y) for x, y in owners]
    total = _sum(public, sent, damping)
    n = public.n
    mask = [[mpz(secrets.randbelow(int(n))) for _ in range(width)] for _ in range(width)]
    shift = [[mpz(secrets.randbelow(int(n))) for _ in range(outputs)] for _ in range(width)]
    left = [[_combined(public, total, i, [row[j] for row in mask]) for j in range(width)] for i in range(width)]
    right = [
        [public.plus(total.right[i][k], _combined(public, total, i, [row[k] for row in shift])) for k in range(outputs)]
        for i in range(width)
    ]
    opened = [[[key.decrypt(text) for text in row] for row in side] for side in (left, right)]
    masked = _solution(opened[0], opened[1], n)
    weights = np.empty((width, outputs))
    for i in range(width):
        for k in range(outputs):
            value = sum(mask[i][j] * masked[j][k] for j in range(width)) - shift[i][k]
            weights[i, k] = float(_fraction(value % n, n))
    texts = width * (width + 1) // 2 + width * outputs
    sizes = [texts * public.text_bytes] * len(owners)
    sizes += [width * (width + outputs) * public.text_bytes, width * outputs * public.text_bytes // 2]
    return Solved(weights, sizes)


def _check_room(public: PublicKey, owners: Sequence[tuple[Integers, Integers]], damping: int) -> None:
    """By Hadamard's inequality on the columns of A, of which B's takes the place of one in a numerator."""
    x, y = (np.vstack(parts) for parts in zip(*owners, strict=True))
    a, b = x.T @ x + damping * np.eye(x.shape[1], dtype=np.int64), x.T @ y
    lengths = [np.log2(np.linalg.norm(part.astype(float), axis=0)) for part in (a, b)]
    bits = lengths[0].sum() + max(lengths[1].max() - lengths[0].min(), 0) + 1
    if 2 * bits + 1 > public.n.bit_length():
        raise ValueError(f"expected a key of at least {int(2 * bits + 2)} bits, got {public.n.bit_length()}")


def _sum(public: PublicKey, parts: Sequence[Encrypted], damping: int) -> Encrypted:
    first, *others = parts
    triangle, right = dict(first.triangle), [list(row) for row in first.right]
    for other in others:
        for place, text in other.triangle.items():
            triangle[place] = public.plus(triangle[place], text)
        right = [
            [public.plus(a, b) for a, b in zip(*rows, strict=True)] for rows in zip(right, other.right, strict=True)
        ]
    for i in range(len(right)):
        triangle[i, i] = public.plus(triangle[i, i], public.encrypt(damping))
    return Encrypted(triangle, right)


def _combined(public: PublicKey, total: Encrypted, row: int, factors: Sequence[mpz]) -> mpz:
    """A row of A times a column in the clear."""
    text = mpz(1)
    for j, factor in enumerate(factors):
        text = public.plus(text, public.times(total.at(row, j), factor))
    return text


def _solution(left: Matrix, right: Matrix, n: mpz) -> Matrix:
    """Of ``left X = right`` modulo n, by elimination."""
    rows = [a + b for a, b in zip(left, right, strict=True)]
    for i in range(len(rows)):
        pivot = next(r for r in range(i, len(rows)) if gmpy2.gcd(rows[r][i], n) == 1)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        inverse = gmpy2.invert(rows[i][i], n)
        rows[i] = [value * inverse % n for value in rows[i]]
        for other in range(len(rows)):
            if other != i:
                factor = rows[other][i]
                rows[other] = [(a - factor * b) % n for a, b in zip(rows[other], rows[i], strict=True)]
    return [row[len(rows) :] for row in rows]


def _fraction(value: mpz, n: mpz) -> Fraction:
    """The fraction that a value modulo n stands for, with numerator and denominator below the root of n/2."""
    bound = gmpy2.isqrt(n // 2)
    before, now, old, new = n, value, mpz(0), mpz(1)
    while now > bound:
        quotient = before // now
        before, now = now, before - quotient * now
        old, new = new, old - quotient * new
    return Fraction(int(now), int(new))
