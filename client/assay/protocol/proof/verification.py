"""Whether a proof of Groth16 (2016) holds: one equation of four pairings."""

import sys
from typing import TYPE_CHECKING, Any

from assay.errors import UsageError
from assay.protocol.proof.curve import FIELD, Point, combination, is_on_curve, negative, total
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
    public = total([combination([1, *statement.numbers], key.stated), *statement.points])
    pairs = [(negative(a), b), (key.alpha, key.beta), (public, key.gamma), (c, key.delta)]
    return _is_one(pairs)


def _is_one(pairs: list[tuple[Point, G2]]) -> bool:
    """Whether the product of pairings is 1, and all points are of their groups."""
    curve = pairings()
    product = curve.FQ12.one()
    for first, second in pairs:
        x, y = (curve.FQ2([real, imaginary]) for imaginary, real in (second[:2], second[2:]))
        wide: Any = (x, y, curve.FQ2.one())
        if not curve.is_on_curve(wide, curve.b2) or not curve.is_inf(curve.multiply(wide, curve.curve_order)):
            return False
        if first != (0, 0):
            narrow: Any = (curve.FQ(first[0]), curve.FQ(first[1]), curve.FQ.one())
            product *= curve.pairing(wide, narrow, final_exponentiate=False)
    return bool(curve.final_exponentiate(product) == curve.FQ12.one())


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
