"""Whether a proof of Groth16 (2016) holds: one equation of four pairings."""

import sys
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError
from assay.protocol.proof.curve import FIELD, INFINITY, Point, combination, is_on_curve, negative, total
from assay.protocol.proof.key import G2, VerificationKey
from assay.protocol.proof.statement import PROOF_BYTES, Statement

if TYPE_CHECKING:
    from types import ModuleType


def holds(key: VerificationKey, statement: Statement, proof: bytes) -> bool:
    """Whether a proof is of a statement.

    Args:
        key: By which it was made; the statement names it.
        statement: What is claimed.
        proof: A, B and C as the EVM has points (EIP-196, EIP-197): 256 bytes.

    Raises:
        UsageError: The library of pairings is not installed.
    """
    bound = 2**key.sizes.price_bits
    if statement.key != key.digest or not -bound <= statement.least <= statement.most <= bound:
        return False
    if len(proof) != PROOF_BYTES:
        return False
    words = [int.from_bytes(proof[i : i + 32], "big") for i in range(0, PROOF_BYTES, 32)]
    a, c, b = (words[0], words[1]), (words[6], words[7]), (words[2], words[3], words[4], words[5])
    if max(words) >= FIELD or not (is_on_curve(a) and is_on_curve(c)):
        return False
    numbers, (model, statistics) = statement.numbers, statement.points
    public = total([combination([1, *numbers, numbers[0]], [*key.stated, model]), statistics])
    pairs = [(negative(a), b), (key.alpha, key.beta), (public, key.gamma), (c, key.delta)]
    return is_one(pairs)


def is_one(pairs: list[tuple[Point, G2]]) -> bool:
    """Whether the product of pairings is 1, and all points are of their groups.

    Args:
        pairs: The points of G1 are on the curve.
    """
    curve = pairings()
    product = curve.FQ12.one()
    for first, second in pairs:
        if (place := wide(second)) is None:
            return False
        if first != INFINITY:
            narrow: Any = (curve.FQ(first[0]), curve.FQ(first[1]), curve.FQ.one())
            product *= curve.pairing(place, narrow, final_exponentiate=False)
    return bool(curve.final_exponentiate(product) == curve.FQ12.one())


def wide(point: G2) -> Any:
    """A point as the library has it; None if it is none of G2."""
    curve = pairings()
    x, y = (curve.FQ2([real, imaginary]) for imaginary, real in (point[:2], point[2:]))
    found = (x, y, curve.FQ2.one())
    is_of_group = curve.is_on_curve(found, curve.b2) and curve.is_inf(curve.multiply(found, curve.curve_order))
    return found if max(point) < FIELD and is_of_group else None


def pairings() -> "ModuleType":
    """The library of pairings.

    Its import raises the limit of recursion so far that a deep JSON text of a dishonest server would end the process.

    Raises:
        UsageError: It is not installed.
    """
    limit = sys.getrecursionlimit()
    try:
        from py_ecc import optimized_bn128
    except ImportError as error:
        raise UsageError(
            f"expected the library that verifies proofs, it is not installed: {error}",
            hint="pip install 'assay[proof]'",
        ) from None
    finally:
        sys.setrecursionlimit(limit)
    return optimized_bn128
