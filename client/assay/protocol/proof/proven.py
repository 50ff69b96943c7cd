"""What is published of a model whose prices are proven, a proven price, and the check of one against the other."""

from collections.abc import Sequence

from pydantic import Field

from assay.errors import OracleMisbehaved
from assay.protocol.proof.commitment import is_opened
from assay.protocol.proof.curve import POINT_BYTES, combination, from_bytes, negative, total
from assay.protocol.proof.key import VerificationKey
from assay.protocol.proof.money import MoneyTerms
from assay.protocol.proof.statement import PROOF_BYTES, Statement
from assay.protocol.proof.verification import holds
from assay.protocol.statements import Domain
from assay.protocol.structs import Order, Quote
from assay.protocol.types import Bytes32, HexBytes, Value

_HINT = "do not sell at this price; tell the model's owner"


class ProofTerms(Value):
    """What proofs of a model's prices are checked with, beside the verification key itself.

    Attributes:
        key: Digest of the verification key.
        model: Commitment to the model's integers.
        money: From a doubled price to money.
    """

    key: Bytes32
    model: HexBytes = Field(min_length=64, max_length=64)
    money: MoneyTerms

    def check_opened(self, key: VerificationKey, opening: bytes) -> None:
        """Checks once for a model that its owner knows what she committed to.

        Raises:
            OracleMisbehaved: The key is another one, or the commitment has no proven opening.
        """
        _same("verification key", self.key.hex(), key.digest.hex())
        if not is_opened(from_bytes(self.model), opening, key.model, key.digest):
            raise OracleMisbehaved(
                "expected a model's commitment with a proven opening, got none: any price could be proven", hint=_HINT
            )


class ProvenPrice(Value):
    """A price with its proof; the opening is for those who have the data.

    Attributes:
        statement: What was proven.
        proof: A, B and C of Groth16.
        opening: Proof that the commitment to the statistics has, beside these, a doubled price and a salt alone.
    """

    statement: Statement
    proof: HexBytes = Field(min_length=PROOF_BYTES, max_length=PROOF_BYTES)
    opening: HexBytes = Field(min_length=POINT_BYTES + 64, max_length=POINT_BYTES + 64)

    def check(
        self, terms: ProofTerms, key: VerificationKey, domain: Domain, quote: Quote | Order | None = None
    ) -> None:
        """Checks that the price of a quote, or of an order, follows from both commitments.

        Args:
            terms: Of the model.
            key: That they name.
            domain: Where the quote is valid.
            quote: That the proof came with; None checks the statement as it stands.

        Raises:
            OracleMisbehaved: It is of something else, which is named, or does not hold.
        """
        stated = self.statement
        _same("chain", stated.chain_id, domain.chain_id)
        _same("contract", stated.contract, domain.contract)
        if quote is not None:
            for name in ("model_id", "content_id", "seller", "data_root", "price"):
                _same(name.replace("_", " "), _shown(getattr(stated, name)), _shown(getattr(quote, name)))
        _same("verification key", stated.key.hex(), terms.key.hex())
        _same("verification key", key.digest.hex(), terms.key.hex())
        _same("model's commitment", stated.model.hex(), terms.model.hex())
        for bound in (stated.least, stated.most):
            _same("price of its bounds", stated.price, terms.money.price(bound, stated.records))
        if not holds(key, stated, self.proof):
            raise OracleMisbehaved("expected a proof that holds for its statement, this one does not", hint=_HINT)

    def check_statistics(self, key: VerificationKey, numbers: Sequence[int], records: int) -> None:
        """Checks that the statistics are those of data that the caller has.

        Args:
            key: That the proof is by.
            numbers: Triangle of Q, and U, of the data's distinct records.
            records: Number of these.

        Raises:
            OracleMisbehaved: The price was proven for other data: this, and the oracle's signature, is evidence.
        """
        _same("number of records", self.statement.records, records)
        if len(numbers) != key.sizes.statistics - 2:
            raise OracleMisbehaved(f"expected {key.sizes.statistics - 2} statistics for this key, got {len(numbers)}")
        rest = total([self.statement.points[1], negative(combination(numbers, key.statistics[:-2]))])
        if not is_opened(rest, self.opening, key.price, key.digest):
            raise OracleMisbehaved(
                "expected a proof for the statistics of these data, it is for others",
                hint="do not sell at this price; proof, quote and data together show it to anyone",
            )


def statistics_numbers(second: Sequence[Sequence[int]], first: Sequence[Sequence[int]]) -> list[int]:
    """Q (d, d) and U (d, k) in the order of their commitment: the triangle of Q row by row, then U row by row."""
    triangle = [int(value) for i, row in enumerate(second) for value in row[i:]]
    return triangle + [int(value) for row in first for value in row]


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise OracleMisbehaved(f"expected a proof for the {what} {expected}, got one for {found}", hint=_HINT)


def _shown(value: object) -> object:
    return f"0x{value.hex()}" if isinstance(value, bytes) else value
