"""A proven quote: what the owner prepares for a model, and the proof that the model's contract asks for."""

from dataclasses import dataclass
from pathlib import Path

from assay.chain.proven import creation_code
from assay.protocol.proof.curve import from_bytes
from assay.protocol.proof.evidence import quote_evidence
from assay.protocol.proof.proven import statistics_numbers
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay_bench.comparison.meter import Meter
from assay_bench.measure import children_seconds
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.scorers.pricer import Pricer, to_records
from assay_pricing.proof import folder as proofs
from assay_pricing.proof.circuit import model_numbers
from assay_pricing.proof.pricing import ProofPricing, sizes_of
from assay_pricing.proof.prover import set_up
from assay_pricing.sums.blind import money_terms
from assay_pricing.sums.form import form_of
from assay_pricing.sums.moments import Moments
from assay_pricing.sums.statistics import Statistics


def prepared(pricer: Pricer, folder: Path, max_price: int) -> ProofPricing:
    """Makes a development key in a new folder, and commits to the price function's integers.

    Raises:
        ProofError: The prover is not installed.
        DataError: The function has no price from sums.
    """
    form = form_of(pricer.function.method)
    money = money_terms(pricer.function, form, max_price)
    proofs.prepare(folder)
    key = set_up(sizes_of(form), folder / proofs.PROVING)
    proofs.write(folder, key, model_numbers(form.secret), money)
    return ProofPricing.of(pricer.function, proofs.ProofFolder.read(folder))


@dataclass(frozen=True)
class ProvenOffer:
    """An offer whose price is proven.

    Attributes:
        pricing: Of the model.
        statistics: Of the offer.
        records: Number of its records, which are distinct.
        meter: Counts the proof, and what goes from the oracle to the seller.
    """

    pricing: ProofPricing
    statistics: Statistics
    records: int
    meter: Meter

    @classmethod
    def of(cls, pricing: ProofPricing, pricer: Pricer, data: Dataset, meter: Meter) -> "ProvenOffer":
        """Computes the statistics of an offer."""
        terms = pricing.form.terms
        found = terms.statistics(Moments.of(terms.features, [to_records(data, pricer.schema)]))
        return cls(pricing, found, len(data), meter)

    @property
    def price(self) -> int:
        """In base units."""
        doubled = self.pricing.form.secret.doubled_price(self.statistics.shrinkage, self.statistics.solution)
        return self.pricing.folder.terms.money.price(doubled, self.records)

    def contract(self, operator: str, settlement: str, model_id: bytes) -> str:
        """Creation code of the model's ``ProvenOracle``."""
        key, terms = self.pricing.folder.key, self.pricing.folder.terms
        code = creation_code(operator, settlement, model_id, key, from_bytes(terms.model), terms.money.rule())
        return "0x" + code.hex()

    def evidence(self, quote: Quote, domain: Domain, signature: bytes) -> bytes:
        """Proves the quote's price; the seller verifies the proof, and that it is for the statistics of its data.

        Args:
            quote: At ``price``.
            domain: Of the settlement contract.
            signature: The operator's over the quote.
        """
        key, terms = self.pricing.folder.key, self.pricing.folder.terms
        before = children_seconds()
        made = self.pricing.prove(self.statistics, self.records, quote, domain)
        self.meter.seconds += children_seconds() - before
        self.meter.sent(len(key.to_bytes()))
        self.meter.sent(len(made.model_dump_json()))
        made.check(terms, key, domain, quote)
        numbers = statistics_numbers(self.statistics.shrinkage.tolist(), self.statistics.solution.tolist())
        made.check_statistics(key, numbers, self.records)
        return quote_evidence(quote, made.statement, made.proof, signature)
