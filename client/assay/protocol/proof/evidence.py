"""What a ``ProvenOracle`` takes for a signature (ERC-1271): of a quote its proof, of other statements their content."""

from typing import NamedTuple

from assay.protocol.proof.curve import Point, total
from assay.protocol.proof.key import VerificationKey
from assay.protocol.proof.statement import Statement
from assay.protocol.structs import Quote

EVIDENCE_BYTES = 736
_ECDSA_BYTES = 65


class Rule(NamedTuple):
    """From a doubled price to money, in a contract.

    Attributes:
        numerator: The gain in millionths is ``doubled price * numerator / 2**shift``, rounded down; below 2^48.
        shift: See ``numerator``.
        rate: Base units for each unit of gain.
        cap: Highest price by the rule.
        grid: Prices by the rule are multiples of it.
        floor: Lower prices are 0.
        max_price: Highest price of the model's terms.
        least_cut: Millionths that are taken from the gain of any set, whatever its size.
        most_cut: The most that are taken, by a set's size.
    """

    numerator: int
    shift: int
    rate: int
    cap: int
    grid: int
    floor: int
    max_price: int
    least_cut: int = 0
    most_cut: int = 0


def quote_evidence(quote: Quote, statement: Statement, proof: bytes, signature: bytes) -> bytes:
    """Evidence of a quote.

    Args:
        quote: Of the statement's price.
        statement: What was proven.
        proof: Of Groth16, 256 bytes.
        signature: The operator's over the quote, 65 bytes.
    """
    words = [
        quote.model_id,
        quote.content_id,
        bytes(12) + bytes.fromhex(quote.seller[2:]),
        quote.data_root,
        quote.price.to_bytes(32, "big"),
        quote.expiry.to_bytes(32, "big"),
        quote.evaluation,
        statement.records.to_bytes(32, "big"),
        statement.statistics,
        *(bound.to_bytes(32, "big", signed=True) for bound in (statement.least, statement.most)),
        proof,
        signature[:64],
        signature[64:].rjust(32, b"\0"),
    ]
    return b"".join(words)


def signature_in(evidence: bytes) -> bytes:
    """The operator's signature of 65 bytes in the evidence of a statement; 65 bytes or fewer as they are."""
    return evidence[-96:-32] + evidence[-1:] if len(evidence) == EVIDENCE_BYTES else evidence[:_ECDSA_BYTES]


def other_evidence(encoded: bytes, signature: bytes) -> bytes:
    """Evidence of a statement that is no quote.

    Args:
        encoded: Its type's hash and its fields, as EIP-712 encodes them.
        signature: The operator's, 65 bytes.
    """
    return signature[:_ECDSA_BYTES] + encoded


def constructor_values(
    operator: str, contract: str, model_id: bytes, key: VerificationKey, model: Point, rule: Rule
) -> list[object]:
    """Arguments of the constructor of ``ProvenOracle``."""
    return [operator, contract, model_id, key_values(key), list(model), tuple(rule)]


def key_values(key: VerificationKey) -> tuple[object, ...]:
    """The part of a key that a contract has."""
    points = [list(map(list, key.stated)), key.digest, key.sizes.price_bits]
    return (list(key.alpha), list(key.beta), list(key.gamma), list(key.delta), *points)


def deployed_values(key: VerificationKey, model: Point) -> tuple[object, ...]:
    """The same as the contract answers it: the commitment to the model is added to the binding's point."""
    alpha, beta, gamma, delta, stated, digest, bits = key_values(key)
    assert isinstance(stated, list)
    binding = list(total([key.stated[1], model]))
    return (alpha, beta, gamma, delta, [stated[0], binding, *stated[2:]], digest, bits)
