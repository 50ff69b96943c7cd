"""Commitments to integers (Pedersen 1991) with the points of a verification key as bases, and proofs of an opening.

The last number is a salt, uniform modulo the group's order: the commitment then tells nothing of the others. A proof of
an opening is Schnorr's for a representation (Okamoto 1992), made non-interactive by a hash (Fiat and Shamir 1986).
"""

from collections.abc import Callable, Sequence

from eth_utils.crypto import keccak

from assay.protocol.proof.curve import ORDER, POINT_BYTES, Point, combination, from_bytes, negative, to_bytes, total

_TAG = b"assay/proof/opening/1"


def committed(numbers: Sequence[int], salt: int, bases: Sequence[Point]) -> Point:
    """The commitment to integers of either sign.

    Raises:
        ValueError: There are not as many numbers and salt as bases.
    """
    return combination([*numbers, salt], bases)


def opening_proof(
    numbers: Sequence[int], salt: int, bases: Sequence[Point], key: bytes, draw: Callable[[], int]
) -> bytes:
    """Proof that its maker knows the numbers of a commitment: a point, and a response of 32 bytes for each base.

    Args:
        numbers: That the commitment is to.
        salt: Of the commitment.
        bases: Of the commitment.
        key: Digest of the verification key that these are of.
        draw: Returns a uniform number modulo ``ORDER``, another one each time.
    """
    secret = [*numbers, salt]
    masks = [draw() for _ in secret]
    point = combination(masks, bases)
    challenge = _challenge(key, committed(numbers, salt, bases), point)
    responses = [(mask + challenge * number) % ORDER for mask, number in zip(masks, secret, strict=True)]
    return to_bytes(point) + b"".join(response.to_bytes(32, "big") for response in responses)


def is_opened(commitment: Point, proof: bytes, bases: Sequence[Point], key: bytes) -> bool:
    """Whether a proof of ``opening_proof`` holds; of other bytes it does not."""
    if len(proof) != POINT_BYTES + 32 * len(bases):
        return False
    try:
        point = from_bytes(proof[:POINT_BYTES])
    except ValueError:
        return False
    responses = [int.from_bytes(proof[i : i + 32], "big") for i in range(POINT_BYTES, len(proof), 32)]
    challenge = _challenge(key, commitment, point)
    rest = combination([*responses, ORDER - challenge], [*bases, commitment])
    return max(responses) < ORDER and total([rest, negative(point)]) == (0, 0)


def _challenge(key: bytes, commitment: Point, point: Point) -> int:
    return int.from_bytes(keccak(_TAG + key + to_bytes(commitment) + to_bytes(point)), "big") % ORDER
