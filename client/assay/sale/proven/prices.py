"""The proof of one price, as whoever has the data checks it: what it is bound to, and whose statistics it is of."""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from assay.errors import ExitCode, OracleMisbehaved
from assay.protocol.messages import ModelInfo
from assay.protocol.proof.proven import ProvenPrice, statistics_numbers
from assay.protocol.statements import Domain
from assay.protocol.structs import Order, Quote
from assay.sale.blind import sums_of
from assay.sale.proven.terms import opened_terms


class PriceDisproven(OracleMisbehaved):
    """Data do not have the price that their oracle proved.

    Remedy: keep the files that the hint names; do not sell at this price, or, as the model's owner, name another oracle
    (`assay model set-oracle`).
    """

    exit_code = ExitCode.EVIDENCE


class PriceProofs:
    """Checks proofs of one model's prices.

    Args:
        domain: Where the prices are valid.
        terms: Folder of the model's key, terms and opening, from its owner.
        model: What the oracle publishes of the model, verified: how statistics are computed.

    Raises:
        UsageError: A file of the model's is missing or damaged.
        OracleMisbehaved: These files contradict each other.
    """

    def __init__(self, domain: Domain, terms: Path, model: Callable[[], ModelInfo]) -> None:
        self._domain = domain
        self.key, self.terms = opened_terms(terms)
        self._model = model

    def checked(self, proof: str | None, priced: Quote | Order, hint: str) -> ProvenPrice:
        """The proof of the price of a quote or of an order.

        Args:
            proof: What the oracle has of it; None for nothing.
            priced: The quote, or the order.
            hint: What to do where there is none.

        Raises:
            OracleMisbehaved: It is none, or does not hold for this price.
        """
        if proof is None:
            raise OracleMisbehaved("expected a price that is proven, the oracle has no proof of it", hint=hint)
        try:
            proven = ProvenPrice.model_validate_json(proof)
        except ValidationError as error:
            raise OracleMisbehaved(f"expected a proven price, got other text: {error}"[:500], hint=hint) from None
        proven.check(self.terms, self.key, self._domain, priced)
        return proven

    def is_of(self, proven: ProvenPrice, file: Path) -> bool:
        """Whether a price was proven for the statistics of the data in a file.

        Raises:
            AssayError: The file cannot be read, or is not of the model's schema.
        """
        sums = sums_of(file, self._model())
        numbers = statistics_numbers(sums.second.tolist(), sums.first.tolist())
        try:
            proven.check_statistics(self.key, numbers, sums.records)
        except OracleMisbehaved:
            return False
        return True
