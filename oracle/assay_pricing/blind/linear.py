"""An oblivious linear map: the seller has X, the oracle Y, and each gets a share of X Y modulo t.

The seller encrypts X, symmetrically, with second polynomials that both sides derive from a salt. The oracle multiplies
by Y, adds ``u`` times an encryption of zero and an error, and rounds to the kept primes. To every coefficient that it
returns it adds a number that is uniform modulo the product q of the kept primes: this coefficient then tells nothing,
whatever the seller encrypted and by whatever key. The second polynomial is hidden by ``a u + e``, a sample of ring
learning with errors whose ``a`` is not of the seller's choice. So the seller learns ``X Y + M`` modulo t, with M
uniform, and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assay_pricing.blind.layout import DEGREE, Layout, Residues
from assay_pricing.blind.residues import Words, errors, pack, packed_size, rows, seed, ternary, unpack
from assay_pricing.blind.ring import Key, Parameters, Ring, ring_of
from assay_pricing.errors import BlindError

SALT_BYTES = 32


@dataclass(frozen=True)
class LinearMap:
    """One map, modulo several plaintext moduli.

    Attributes:
        moduli: The plaintext moduli, of one width, so that their rings have the same primes.
        weight_bits: Entries of Y are below ``2**weight_bits`` in magnitude.
    """

    layout: Layout
    moduli: tuple[int, ...]
    weight_bits: int

    @property
    def rings(self) -> list[Ring]:
        """One ring for each modulus."""
        return [ring_of(Parameters(modulus, self.weight_bits)) for modulus in self.moduli]

    def request_size(self) -> int:
        """Bytes up: the salt, an encryption of zero, and for each modulus the blocks of X."""
        polynomials = 1 + len(self.moduli) * self.layout.blocks
        return SALT_BYTES + polynomials * packed_size(self.rings[0].fresh_primes, DEGREE)

    def response_size(self) -> int:
        """Bytes down: for each modulus and group the second polynomial, and what is wanted of the first."""
        primes = self.rings[0].kept_primes
        wanted = [len(self.layout.wanted(group)) for group in range(self.layout.groups)]
        return len(self.moduli) * sum(packed_size(primes, DEGREE) + packed_size(primes, count) for count in wanted)


class Requester:
    """The seller's side of one map, under a key of its own.

    Args:
        linear: The map.
        context: What it belongs to; the oracle has the same.
        salt: 32 random bytes, never used before.
    """

    def __init__(self, linear: LinearMap, context: bytes, salt: bytes) -> None:
        self._linear = linear
        self._context = context
        self._salt = salt
        self._keys: list[Key] = []
        for ring in linear.rings:
            self._keys.append(Key(ring, self._keys[0] if self._keys else None))

    def request(self, matrices: Sequence[Residues]) -> bytes:
        """The encryption of X, given modulo each modulus."""
        ring, key = self._linear.rings[0], self._keys[0]
        zero = key.encrypt(np.zeros(DEGREE, np.uint64), _second(ring, self._context, self._salt, "zero"))
        found = [self._salt, pack(zero, ring.fresh_primes)]
        for index, (ring, key, matrix) in enumerate(zip(self._linear.rings, self._keys, matrices, strict=True)):
            for block, polynomial in enumerate(self._linear.layout.left(matrix)):
                encrypted = key.encrypt(polynomial, _second(ring, self._context, self._salt, index, block))
                found.append(pack(encrypted, ring.fresh_primes))
        return b"".join(found)

    def shares(self, response: bytes) -> list[Residues]:
        """``X Y + M`` modulo each modulus, of X's rows and Y's columns.

        Raises:
            BlindError: The response is not of its form.
        """
        check_length(response, self._linear.response_size(), "response")
        layout, start, found = self._linear.layout, 0, []
        for ring, key in zip(self._linear.rings, self._keys, strict=True):
            groups = []
            for group in range(layout.groups):
                wanted = layout.wanted(group)
                first, start = _unpacked(response, start, ring.kept_primes, DEGREE)
                few, start = _unpacked(response, start, ring.kept_primes, len(wanted))
                zeroth = np.zeros_like(first)
                zeroth[:, wanted] = few
                groups.append(key.decrypt(zeroth, first)[wanted])
            found.append(layout.gathered(groups))
        return found


def evaluate(linear: LinearMap, request: bytes, weights: Sequence[Residues], context: bytes, secret: bytes) -> bytes:
    """The oracle's side: the response to a request.

    Args:
        linear: The map.
        request: What came.
        weights: Y modulo each modulus.
        context: What the map belongs to.
        secret: 32 bytes that no other request is answered with: of one secret and two requests, the difference of the
            responses would tell Y.

    Raises:
        BlindError: The request is not of its form.
    """
    check_length(request, linear.request_size(), "request")
    layout, salt, start = linear.layout, request[:SALT_BYTES], SALT_BYTES
    zero, start = _unpacked(request, start, linear.rings[0].fresh_primes, DEGREE)
    found = []
    for index, (ring, matrix) in enumerate(zip(linear.rings, weights, strict=True)):
        ciphertexts = []
        for block in range(layout.blocks):
            zeroth, start = _unpacked(request, start, ring.fresh_primes, DEGREE)
            ciphertexts.append(ring.transformed(zeroth, _second(ring, context, salt, index, block)))
        ciphertexts.append(ring.transformed(zero, _second(ring, context, salt, "zero")))
        for group, factors in enumerate(layout.right_of(matrix)):
            hiding = ternary(seed(secret, "ternary", index, group), DEGREE) % ring.plain_modulus
            zeroth, first = ring.inner_product(ciphertexts, [*factors, hiding.astype(np.uint64)])
            first = _added(first, errors(seed(secret, "error", index, group), DEGREE), ring.fresh_primes)
            zeroth, first = ring.reduced(zeroth, first)
            few = zeroth[:, layout.wanted(group)] + _pad(linear, secret, index, group)
            found.append(pack(first, ring.kept_primes))
            found.append(pack(few % np.array(ring.kept_primes, np.uint64)[:, None], ring.kept_primes))
    return b"".join(found)


def masks(linear: LinearMap, secret: bytes) -> list[Residues]:
    """M modulo each modulus: what the oracle's answer under ``secret`` added to X Y."""
    return [
        linear.layout.gathered(
            [_rounded(ring, _pad(linear, secret, index, group)) for group in range(linear.layout.groups)]
        )
        for index, ring in enumerate(linear.rings)
    ]


def check_length(message: bytes, expected: int, name: str) -> None:
    """Raises ``BlindError`` unless a message has the length that its parameters give it."""
    if len(message) != expected:
        raise BlindError(
            f"expected a {name} of {expected} bytes, got {len(message)}",
            hint="check that both sides use the same model and the same version",
        )


def _second(ring: Ring, context: bytes, salt: bytes, *index: int | str) -> Words:
    """The second polynomial of a ciphertext: from the salt, so that it is not sent."""
    return rows(seed(context, salt, *index), ring.fresh_primes, DEGREE)


def _pad(linear: LinearMap, secret: bytes, index: int, group: int) -> Words:
    """Uniform modulo q: what is added to the returned coefficients of a group."""
    primes = linear.rings[index].kept_primes
    return rows(seed(secret, "pad", index, group), primes, len(linear.layout.wanted(group)))


def _rounded(ring: Ring, pad: Words) -> Residues:
    """What decryption makes of a number modulo q alone: ``t / q`` times it, rounded, modulo t."""
    first, second = ring.kept_primes
    inverse = pow(first, -1, second)
    whole = [low + first * ((high - low) * inverse % second) for low, high in _pairs(pad)]
    t, q = ring.plain_modulus, ring.kept_product
    return np.array([(2 * t * value + q) // (2 * q) % t for value in whole], np.uint64)


def _pairs(pad: Words) -> Iterator[tuple[int, int]]:
    return zip(pad[0].tolist(), pad[1].tolist(), strict=True)


def _added(polynomial: Words, small: "np.ndarray[tuple[int], np.dtype[np.int64]]", primes: Sequence[int]) -> Words:
    return np.stack(
        [(row + (small % prime).astype(np.uint64)) % prime for row, prime in zip(polynomial, primes, strict=True)]
    )


def _unpacked(message: bytes, start: int, primes: Sequence[int], count: int) -> tuple[Words, int]:
    end = start + packed_size(primes, count)
    found = unpack(message[start:end], primes, count)
    if found is None:
        raise BlindError("expected residues below their primes in a message, got a larger one", hint="send it again")
    return found, end
