"""Contributions to gamma, the secret that the points of public numbers are divided by: what snarkjs leaves at 1.

A commitment is a sum of these points that a prover chooses. Divided by a secret that no other point has, it can be of
them alone; undivided, it could be of any points, and add any number to both sides of any constraint.

Each party draws s, replaces gamma by ``s gamma`` and each point by ``1/s`` of it, proves that it knows s (Schnorr 1991,
by a hash as in Fiat and Shamir 1986) and forgets it. Pairings show that the points are the key's own, divided by gamma.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from eth_utils.crypto import keccak
from pydantic import Field, ValidationError

from assay.protocol.proof.curve import ORDER, POINT_BYTES, Point, combination, from_bytes, multiple, negative, to_bytes
from assay.protocol.proof.key import G2, G2_BYTES
from assay.protocol.proof.verification import is_one, pairings, wide
from assay.protocol.types import Bytes32, HexBytes, Value
from assay_pricing.errors import ProofError

_TAG = b"assay/proof/gamma/1"
_CHECK_BITS = 128
_HINT = "ask the party before for the file as it wrote it"


class Contribution(Value):
    """What one party made of gamma.

    Attributes:
        name: Of the party.
        gamma: What it left.
        mask: Of its proof, as the next.
        response: Modulo the group's order.
    """

    name: str = Field(max_length=200)
    gamma: HexBytes = Field(min_length=G2_BYTES, max_length=G2_BYTES)
    mask: HexBytes = Field(min_length=G2_BYTES, max_length=G2_BYTES)
    response: Bytes32


class Gamma(Value):
    """The file beside a key (zkey): contributions in their order, and the points that they left.

    Attributes:
        contributions: In their order.
        points: Of the constant and of all public numbers, 64 bytes each.
    """

    contributions: tuple[Contribution, ...] = ()
    points: HexBytes

    @classmethod
    def begun(cls, points: Sequence[Point]) -> Self:
        """Before the first contribution: the points of a key."""
        return cls(points=b"".join(map(to_bytes, points)))

    @classmethod
    def beside(cls, key: Path) -> Self:
        """Reads the file of a key.

        Raises:
            ProofError: It is missing or damaged.
        """
        file = file_of(key)
        try:
            return cls.model_validate_json(file.read_bytes())
        except OSError as error:
            raise ProofError(f"expected contributions to gamma at {file}: {error.strerror}", hint=_HINT) from None
        except ValidationError as error:
            raise ProofError(f"expected contributions to gamma at {file}, got other content: {error}") from None

    def write(self, key: Path) -> None:
        """Writes the file of a key, which must be new.

        Raises:
            ProofError: It cannot be written, or is there.
        """
        file = file_of(key)
        try:
            with file.open("x") as target:
                target.write(self.model_dump_json())
        except OSError as error:
            raise ProofError(f"expected a new file at {file}: {error.strerror}", hint="name another key") from None

    @property
    def places(self) -> tuple[Point, ...]:
        """The points.

        Raises:
            ProofError: The bytes are none.
        """
        try:
            parts = range(0, len(self.points), POINT_BYTES)
            return tuple(from_bytes(self.points[i : i + POINT_BYTES]) for i in parts)
        except ValueError as error:
            raise ProofError(f"expected points of a key beside it: {error}", hint=_HINT) from None

    def last(self, start: G2) -> G2:
        """Gamma as the last party left it."""
        return _second(self.contributions[-1].gamma) if self.contributions else start

    def contributed(self, name: str, start: G2) -> Self:
        """With one more contribution, by a secret that is forgotten.

        Args:
            name: Of the party.
            start: Gamma before the first contribution.
        """
        secret, mask = (1 + secrets.randbelow(ORDER - 1) for _ in range(2))
        before = self.last(start)
        after, masked = scaled(secret, before), scaled(mask, before)
        response = (mask + _challenge(name, before, after, masked) * secret) % ORDER
        made = Contribution(name=name, gamma=_bytes(after), mask=_bytes(masked), response=response.to_bytes(32, "big"))
        points = b"".join(map(to_bytes, divided(secret, self.places)))
        return self.model_copy(update={"contributions": (*self.contributions, made), "points": points})

    def check(self, start: G2, points: Sequence[Point]) -> None:
        """Checks every contribution, and that the points are those of a key, divided by gamma.

        Args:
            start: Gamma of the key, as the next.
            points: Of the constant and of public numbers.

        Raises:
            ProofError: A contribution was not made to the one before, or the points are others.
        """
        before = start
        for made in self.contributions:
            after, mask = _second(made.gamma), _second(made.mask)
            if not _is_made(made, before, after, mask):
                raise ProofError(
                    f"expected a contribution of {made.name!r} to the gamma before, got another", hint=_HINT
                )
            before = after
        factors = [1 + secrets.randbits(_CHECK_BITS) for _ in points]
        found = self.places
        if len(found) != len(points) or not is_one(
            [(combination(factors, found), before), (negative(combination(factors, points)), start)]
        ):
            raise ProofError("expected the key's own points, divided by gamma, got others", hint=_HINT)


def file_of(key: Path) -> Path:
    """The file of contributions to gamma, beside a key."""
    return key.with_name(f"{key.name}.gamma")


def scaled(scalar: int, point: G2) -> G2:
    """A multiple of a point of G2."""
    curve = pairings()
    x, y = curve.normalize(curve.multiply(wide(point), scalar))
    (a, b), (c, d) = (tuple(map(int, part.coeffs)) for part in (x, y))
    return b, a, d, c


def divided(secret: int, points: Sequence[Point]) -> list[Point]:
    """Points, divided by a secret."""
    inverse = pow(secret, -1, ORDER)
    return [multiple(inverse, point) for point in points]


def _is_made(made: Contribution, before: G2, after: G2, mask: G2) -> bool:
    """Schnorr's equation: ``response before = mask + challenge after``."""
    curve = pairings()
    points: list[Any] = [wide(point) for point in (after, mask)]
    if any(point is None or curve.is_inf(point) for point in points):
        return False
    challenge = _challenge(made.name, before, after, mask)
    left = curve.multiply(wide(before), int.from_bytes(made.response, "big"))
    return bool(curve.eq(left, curve.add(points[1], curve.multiply(points[0], challenge))))


def _challenge(name: str, before: G2, after: G2, mask: G2) -> int:
    content = b"".join(map(_bytes, (before, after, mask))) + name.encode()
    return int.from_bytes(keccak(_TAG + content), "big") % ORDER


def _bytes(point: G2) -> bytes:
    return b"".join(part.to_bytes(32, "big") for part in point)


def _second(data: bytes) -> G2:
    a, b, c, d = (int.from_bytes(data[i : i + 32], "big") for i in range(0, G2_BYTES, 32))
    return a, b, c, d
