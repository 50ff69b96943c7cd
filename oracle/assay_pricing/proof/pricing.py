"""Proofs of a price function's prices: from a set's statistics and a quote to a proven price."""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.protocol.proof.commitment import committed, opening_proof
from assay.protocol.proof.curve import ORDER, to_bytes
from assay.protocol.proof.key import Sizes
from assay.protocol.proof.proven import ProvenPrice, statistics_numbers
from assay.protocol.proof.statement import Statement
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay_pricing.errors import ProofError
from assay_pricing.proof.circuit import Inputs, model_numbers
from assay_pricing.proof.folder import ProofFolder
from assay_pricing.proof.prover import proven
from assay_pricing.sums.form import PriceForm, form_of

if TYPE_CHECKING:
    from assay_pricing.function import PriceFunction
    from assay_pricing.sums.statistics import Statistics


def sizes_of(form: PriceForm) -> Sizes:
    """The sizes of a price's circuit."""
    shape = form.terms.shape
    return Sizes(shape.features, shape.outputs, shape.price_bits)


@dataclass(frozen=True)
class ProofPricing:
    """Proves prices of one model.

    Attributes:
        form: The owner's integers.
        folder: Keys, and the commitment to these integers.
    """

    form: PriceForm
    folder: ProofFolder

    @classmethod
    def of(cls, function: "PriceFunction", folder: ProofFolder) -> "ProofPricing":
        """Of a price function and the folder that was made for it.

        Raises:
            DataError: The function has no price from sums.
            ProofError: The folder was made for another one.
        """
        form = form_of(function.method)
        if folder.key.sizes != sizes_of(form):
            raise ProofError(f"expected a key for {sizes_of(form)}, got one for {folder.key.sizes}")
        if to_bytes(committed(model_numbers(form.secret), folder.salt, folder.key.model)) != folder.terms.model:
            raise ProofError("expected a commitment to this price function's integers, got one to others")
        return cls(form, folder)

    def prove(self, found: "Statistics", records: int, quote: Quote, domain: Domain) -> ProvenPrice:
        """Proves the price of a quote.

        Args:
            found: Statistics of the set.
            records: Number of its distinct records.
            quote: Whose price it is.
            domain: Where the quote is valid.

        Raises:
            ProofError: The quote has another price than the set, or the prover failed.
        """
        doubled = self.form.secret.doubled_price(found.shrinkage, found.solution)
        price = self.folder.terms.money.price(doubled, records)
        if price != quote.price:
            raise ProofError(f"expected a quote at the price of these records alone, {price}, got {quote.price}")
        key, salt = self.folder.key, secrets.randbelow(ORDER)
        numbers = statistics_numbers(found.shrinkage.tolist(), found.solution.tolist())
        least, most = self.folder.terms.money.enclosing(price, records, key.sizes.price_bits)
        statement = Statement(
            chain_id=domain.chain_id,
            contract=domain.contract,
            key=key.digest,
            model=self.folder.terms.model,
            model_id=quote.model_id,
            content_id=quote.content_id,
            seller=quote.seller,
            data_root=quote.data_root,
            price=price,
            records=records,
            statistics=to_bytes(committed([*numbers, doubled], salt, key.statistics)),
            least=least,
            most=most,
        )
        inputs = Inputs(statement.numbers, numbers, doubled, salt, model_numbers(self.form.secret), self.folder.salt)
        proof = proven(key.sizes, inputs, self.folder.proving)
        opening = opening_proof([doubled], salt, key.price, key.digest, lambda: secrets.randbelow(ORDER))
        return ProvenPrice(statement=statement, proof=proof, opening=opening)
