"""The verification key of a circuit: points of Groth16, and which of them belong to which number.

The circuit's public numbers are, in this order, four of the statement, the statistics with the doubled price and a
salt, and the model's integers with a salt of their own. The points of the last two sections are bases of commitments,
so that a verifier needs two points in place of these numbers.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from assay.protocol.proof.curve import FIELD, POINT_BYTES, Point, from_bytes, is_on_curve, to_bytes

MAGIC = b"assay/proof/key/1\n"
STATED = 4
"""Numbers of the statement: binding, least and greatest doubled price, and the check of all three."""
G2 = tuple[int, int, int, int]
"""A point of G2: x and y, each as the imaginary and the real part, as the EVM has them (EIP-197)."""
G2_BYTES = 128
GENERATOR: G2 = (
    11559732032986387107991004021392285783925812861821192530917403151452391805634,
    10857046999023057135944570762232829481370756359578518086990519993285655852781,
    4082367875863433681332203403145435568316851327593401208105741076214120093531,
    8495653923123431417604973247489272438418190587263600148770280649306958101930,
)
"""Of G2 (EIP-197)."""


@dataclass(frozen=True)
class Sizes:
    """What a circuit is for.

    Attributes:
        features: d.
        outputs: k.
        price_bits: The doubled price is below ``2**price_bits`` in magnitude.
    """

    features: int
    outputs: int
    price_bits: int

    def __post_init__(self) -> None:
        for name, most in (("features", 512), ("outputs", 64), ("price_bits", 240)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"expected {name} from 1 to {most}, got {getattr(self, name)}")

    @property
    def triangle(self) -> int:
        """Entries on and above the diagonal of a d x d matrix, row by row."""
        return self.features * (self.features + 1) // 2

    @property
    def statistics(self) -> int:
        """Numbers of the commitment to statistics: triangle of Q, U row by row, the doubled price, a salt."""
        return self.triangle + self.features * self.outputs + 2

    @property
    def model(self) -> int:
        """Numbers of the model: P and H row by row, triangle of K, a salt."""
        return self.triangle + 2 * self.features * self.outputs + 1


@dataclass(frozen=True)
class VerificationKey:
    """What proofs of one circuit are verified with.

    Attributes:
        sizes: Of the circuit.
        alpha: Point of G1.
        beta: Points of G2, as the next two.
        gamma: The same.
        delta: The same.
        points: One for the constant 1, and one for each public number.
    """

    sizes: Sizes
    alpha: Point
    beta: G2
    gamma: G2
    delta: G2
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        expected = 1 + STATED + self.sizes.statistics + self.sizes.model
        if len(self.points) != expected:
            raise ValueError(f"expected a key of {expected} points for {self.sizes}, got {len(self.points)}")
        if not all(map(is_on_curve, (self.alpha, *self.points))):
            raise ValueError("expected points of BN254 in a verification key, got another pair of numbers")
        if GENERATOR in (self.gamma, self.delta) or self.gamma == self.delta:  # as before the first contribution
            raise ValueError("expected a key that somebody contributed a secret to, got one that anyone forges by")

    @property
    def stated(self) -> tuple[Point, ...]:
        """Points of the constant and of the statement's numbers (5,)."""
        return self.points[: 1 + STATED]

    @property
    def statistics(self) -> tuple[Point, ...]:
        """Bases of the commitment to statistics and doubled price."""
        return self.points[1 + STATED : 1 + STATED + self.sizes.statistics]

    @property
    def price(self) -> tuple[Point, ...]:
        """Those of them for the doubled price and the salt."""
        return self.statistics[-2:]

    @property
    def model(self) -> tuple[Point, ...]:
        """Bases of the commitment to a model's integers."""
        return self.points[1 + STATED + self.sizes.statistics :]

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the key's bytes: its name."""
        return hashlib.sha256(self.to_bytes()).digest()

    def to_bytes(self) -> bytes:
        """The key as a file: ``MAGIC``, sizes in 4 bytes each, alpha, beta, gamma, delta, points; big-endian."""
        sizes = (self.sizes.features, self.sizes.outputs, self.sizes.price_bits)
        parts = [MAGIC, *(size.to_bytes(4, "big") for size in sizes), to_bytes(self.alpha)]
        parts += [part.to_bytes(32, "big") for point in (self.beta, self.gamma, self.delta) for part in point]
        return b"".join([*parts, *map(to_bytes, self.points)])

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse of ``to_bytes``.

        Raises:
            ValueError: The bytes are no key: foreign, cut short or altered.
        """
        start = len(MAGIC) + 12
        first = start + POINT_BYTES + 3 * G2_BYTES
        if not data.startswith(MAGIC) or len(data) < first or (len(data) - first) % POINT_BYTES:
            raise ValueError("expected a verification key of Assay, got other bytes")
        sizes = Sizes(*(int.from_bytes(data[i : i + 4], "big") for i in range(len(MAGIC), start, 4)))
        words = [int.from_bytes(data[i : i + 32], "big") for i in range(start + POINT_BYTES, first, 32)]
        if max(words) >= FIELD:
            raise ValueError("expected points of BN254 in a verification key, got another pair of numbers")
        second: list[G2] = [(a, b, c, d) for a, b, c, d in zip(*(words[i::4] for i in range(4)), strict=True)]
        points = tuple(from_bytes(data[i : i + POINT_BYTES]) for i in range(first, len(data), POINT_BYTES))
        return cls(sizes, from_bytes(data[start : start + POINT_BYTES]), second[0], second[1], second[2], points)

    @classmethod
    def of(cls, sizes: Sizes, made: "SnarkjsKey", gamma: G2, points: Sequence[Point]) -> Self:
        """A key whose points of public numbers are divided by another gamma.

        Raises:
            ValueError: The points are those of another circuit than one of these sizes.
        """
        return cls(sizes, made.alpha, made.beta, gamma, made.delta, tuple(points))


@dataclass(frozen=True)
class SnarkjsKey:
    """A verification key as snarkjs and groth16py make it; the attributes are those of ``VerificationKey``."""

    alpha: Point
    beta: G2
    gamma: G2
    delta: G2
    points: tuple[Point, ...]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads a key.

        Raises:
            ValueError: It is none.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            beta, gamma, delta = (_second(found[name]) for name in ("vk_beta_2", "vk_gamma_2", "vk_delta_2"))
            points = tuple(_first(point) for point in found["IC"])
            return cls(_first(found["vk_alpha_1"]), beta, gamma, delta, points)
        except (KeyError, TypeError, IndexError, json.JSONDecodeError) as error:
            raise ValueError(f"expected a verification key of snarkjs, got other text: {error!r}") from None


def _first(point: Sequence[str]) -> Point:
    """A point of G1 in the coordinates of snarkjs, whose third is 1, or 0 at infinity."""
    return (int(point[0]), int(point[1])) if int(point[2]) else (0, 0)


def _second(point: Sequence[Sequence[str]]) -> G2:
    """A point of G2; snarkjs has the real part first."""
    (x, y), (z, w) = point[0], point[1]
    return int(y), int(x), int(w), int(z)
