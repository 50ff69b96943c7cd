"""Residues modulo primes: drawn from a seed, and packed into as many bits as they need."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

DOMAIN = b"assay/blind/v1"


def seed(*parts: bytes | int | str) -> bytes:
    """SHAKE256's input for a use of a seed: every part with its length, so that no two lists of parts are alike."""
    whole = bytearray(DOMAIN)
    for part in parts:
        text = part if isinstance(part, bytes) else str(part).encode()
        whole += len(text).to_bytes(4, "big") + text
    return bytes(whole)


def uniform(source: bytes, prime: int, count: int) -> Words:
    """``count`` residues modulo ``prime``, uniform: words of SHAKE256's stream, cut to its bits, that are below."""
    mask = np.uint64(2 ** prime.bit_length() - 1)
    drawn = count + 16
    while True:
        words = np.frombuffer(hashlib.shake_256(source).digest(8 * drawn), "<u8") & mask
        accepted = words[words < prime]
        if len(accepted) >= count:
            return accepted[:count].astype(np.uint64)
        drawn *= 2


def rows(source: bytes, primes: Sequence[int], count: int) -> Words:
    """``uniform`` for each of ``primes``, shape (primes, count): together uniform modulo their product."""
    return np.stack([uniform(source + prime.to_bytes(8, "big"), prime, count) for prime in primes])


def ternary(source: bytes, count: int) -> npt.NDArray[np.int64]:
    """``count`` values of -1, 0 and 1, uniform."""
    return uniform(source, 3, count).astype(np.int64) - 1


def errors(source: bytes, count: int) -> npt.NDArray[np.int64]:
    """``count`` values of the centred binomial distribution over 42 bits: SEAL's error, of deviation 3.24."""
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(source).digest(6 * count), np.uint8)).reshape(count, 48)
    found: npt.NDArray[np.int64] = bits[:, :21].sum(axis=1, dtype=np.int64) - bits[:, 21:42].sum(axis=1, dtype=np.int64)
    return found


def packed_size(primes: Sequence[int], count: int) -> int:
    """Bytes of ``pack`` for rows of ``count`` residues."""
    return sum(-(-prime.bit_length() * count // 8) for prime in primes)


def pack(residues: Words, primes: Sequence[int]) -> bytes:
    """Rows of residues, each in the bits of its prime, low bits first.

    Args:
        residues: Shape (primes, count).
        primes: One for each row.
    """
    return b"".join(
        np.packbits(_bits(row, prime.bit_length()), bitorder="little").tobytes()
        for row, prime in zip(residues, primes, strict=True)
    )


def _bits(row: Words, width: int) -> npt.NDArray[np.uint8]:
    octets = np.ascontiguousarray(row, "<u8").view(np.uint8).reshape(len(row), 8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :width].reshape(-1)


def unpack(data: bytes, primes: Sequence[int], count: int) -> Words | None:
    """What ``pack`` packed, shape (primes, count); None if a residue is not below its prime, or a spare bit is set.

    Args:
        data: ``packed_size`` bytes.
        primes: One for each row.
        count: Residues of a row.
    """
    found = np.zeros((len(primes), count), np.uint64)
    start = 0
    for row, prime in enumerate(primes):
        width = prime.bit_length()
        size = -(-width * count // 8)
        bits = np.unpackbits(np.frombuffer(data, np.uint8, size, start), bitorder="little")
        if bits[width * count :].any():
            return None
        wide = np.zeros((count, 64), np.uint8)
        wide[:, :width] = bits[: width * count].reshape(count, width)
        found[row] = np.packbits(wide, axis=1, bitorder="little").view("<u8").reshape(count)
        if (found[row] >= prime).any():
            return None
        start += size
    return found
