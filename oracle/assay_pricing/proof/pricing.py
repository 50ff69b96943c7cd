"""Proofs of a price function's prices: from a set's statistics and a quote to a proven price."""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.protocol.proof.commitment import committed, opening_proof
from assay.protocol.proof.curve import ORDER, to_bytes
from assay.protocol.proof.key import Sizes
from assay.protocol.proof.proven import ProvenPrice, statistics_numbers
from assay.protocol.proof.statement import Statement
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay_pricing.errors import PriceDiffers, ProofError
from assay_pricing.proof.circuit import Inputs, matrix, model_numbers, symmetric
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
        return cls.of_form(form_of(function.method), folder)

    @classmethod
    def of_form(cls, form: PriceForm, folder: ProofFolder) -> "ProofPricing":
        """Of a price from sums; raises as ``of``."""
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
            PriceDiffers: The quote has another price than the set.
            ProofError: The prover failed.
        """
        numbers = statistics_numbers(found.shrinkage.tolist(), found.solution.tolist())
        return self.prove_numbers(numbers, records, quote, domain)

    def prove_numbers(self, numbers: list[int], records: int, quote: Quote, domain: Domain) -> ProvenPrice:
        """The same from the statistics in the order of their commitment.

        Raises:
            ProofError: As ``prove``, or there are too few or too many numbers.
        """
        d, k = self.folder.key.sizes.features, self.folder.key.sizes.outputs
        triangle = self.folder.key.sizes.triangle
        if len(numbers) != triangle + d * k:
            raise ProofError(f"expected {triangle + d * k} statistics for this key, got {len(numbers)}")
        shrinkage, solution = symmetric(d, numbers[:triangle]), matrix(d, k, numbers[triangle:])
        doubled = self.form.secret.doubled_price(shrinkage.astype(np.int64), solution.astype(np.int64))
        price = self.folder.terms.money.price(doubled, records)
        if price != quote.price:
            raise PriceDiffers(f"expected a quote at the price of these records alone, {price}, got {quote.price}")
        key, salt = self.folder.key, secrets.randbelow(ORDER)
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
