"""A blind quote: the seller's data are priced from encrypted sums, before a byte of them is uploaded.

The sale goes on as any other (``seller``): the oracle then prices the data themselves, and their price must be the
blind quote's.
"""

import hashlib
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eth_account.signers.local import LocalAccount
from pydantic import ValidationError

from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.errors import OracleMisbehaved, UsageError, listed_faults
from assay.oracle.api import OracleClient
from assay.protocol.messages import BlindAnswer, BlindRequest, BlindTerms, BlindValues, ModelInfo
from assay.protocol.statements import digest
from assay.protocol.types import OfferId
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.trust import oracle_of

if TYPE_CHECKING:
    from assay_pricing.blind.form import Integers
    from assay_pricing.blind.seller import BlindSeller
    from assay_pricing.sums.statistics import Terms


@dataclass(frozen=True)
class Sums:
    """Sums over a set's records, of features that the model publishes.

    Attributes:
        second: Q, shape (d, d).
        first: U, shape (d, k).
        records: Number of records.
        terms: Sizes and bounds, by what the model publishes of sums.
        leverage: Largest share of one record in what the set's regression answers at it.
    """

    second: "Integers"
    first: "Integers"
    records: int
    terms: BlindTerms
    leverage: float


class BlindQuoting:
    """Asks for blind quotes of offers that were not sent yet.

    Args:
        chain: The settlement contract.
        oracle: Prices the sums.
        store: The record of offers.
        account: Signs.
    """

    def __init__(self, chain: Chain, oracle: OracleClient, store: OfferStore, account: LocalAccount) -> None:
        self._chain = chain
        self._oracle = oracle.as_party_of(account, chain.domain)
        self._store = store
        self._account = account

    def quote(self, record: OfferRecord, sums: Sums) -> OfferRecord:
        """The offer with its blind quote, verified. One that has a quote keeps it.

        The keys are in memory alone. After an interruption everything is encrypted anew; nothing was used up. Once the
        price was asked for, the oracle keeps it, and answers with it.

        Raises:
            UsageError: The offer was sent, or the libraries are not installed.
            BlindError: The sums exceed the model's bounds, or an answer of the oracle is not of its form.
            SettingsError: The oracle is not the model's; nothing was sent.
            OracleRefused: The model has no blind quotes, the seller has too many, or a message was refused.
            OracleMisbehaved: The answer is for another offer, with other terms, or not by the model's oracle.
        """
        if record.blind_quote is not None:
            return record
        if record.offer_id is not None:
            raise UsageError(
                "expected data that were not sent to the oracle, got an offer that is open",
                hint="continue it: assay sell",
            )
        oracle_of(self._chain, self._oracle, record.model_id)
        message = self._chain.domain.offer(record.model_id, record.seller, record.data_root, record.nonce)
        request = BlindRequest(
            model_id=record.model_id,
            seller=record.seller,
            data_root=record.data_root,
            nonce=record.nonce,
            signature=self._account.sign_message(message).signature,
            records=sums.records,
        )
        offer_id = OfferId(digest(message))
        opened = self._oracle.open_blind(request)
        if opened.offer_id != offer_id:
            raise OracleMisbehaved("the oracle answered with another offer's id")
        if opened.terms != sums.terms:
            raise OracleMisbehaved("expected the sizes and bounds of the model's sums, the oracle answered with others")
        answer = opened.answer or self._asked(offer_id, seller_of(sums.terms, offer_id), sums)
        self._check(record, sums.records, answer)
        return self._store.update(record, blind_quote=answer.quote, blind_signature=answer.oracle_signature)

    def _asked(self, offer_id: OfferId, seller: "BlindSeller", sums: Sums) -> BlindAnswer:
        """The three messages and their answers."""
        encrypted = seller.first(sums.second, sums.first)
        first = hashlib.sha256(encrypted).digest()
        products = seller.second(self._oracle.blind_sums(offer_id, encrypted))
        values = seller.values(self._oracle.blind_products(offer_id, first, products))
        second = hashlib.sha256(products).digest()
        return self._oracle.blind_price(offer_id, BlindValues(sums=first, products=second, values=values))

    def _check(self, record: OfferRecord, records: int, answer: BlindAnswer) -> None:
        quote = answer.quote
        expected = (record.model_id, record.seller, record.data_root, records)
        if (quote.model_id, quote.seller, quote.data_root, quote.records) != expected:
            raise OracleMisbehaved("the blind quote is for another model, seller or data set than was asked for")
        oracle = self._chain.model_state(record.model_id).oracle
        message = self._chain.domain.blind_quote(quote)
        if oracle is None or not is_signed_by(self._chain, oracle, message, answer.oracle_signature):
            raise OracleMisbehaved(
                f"expected a blind quote signed by the model's oracle {oracle}, got another signature"
            )


def seller_of(terms: BlindTerms, offer_id: OfferId) -> "BlindSeller":
    """The seller's side of the quote of an offer, by the terms of its sums.

    Raises:
        BlindError: The terms are out of bounds.
        UsageError: The libraries are not installed.
    """
    try:
        from assay_pricing.blind.seller import BlindSeller
        from assay_pricing.blind.shape import Shape
    except ImportError as error:
        raise _missing(error) from None
    return BlindSeller(Shape(**terms.model_dump()), offer_id, secrets.token_bytes)


def sums_of(file: Path, model: ModelInfo) -> Sums:
    """The sums of the distinct records in a file, by the terms that a model publishes.

    Args:
        file: The records.
        model: Verified to be of the price function that the chain names (``trust.check_model``).

    Raises:
        UsageError: The model has no blind quotes, or the libraries are not installed.
        OracleMisbehaved: The model's terms are not of their form.
        DataError: The file does not fit the model's schema, or its sums exceed the model's bounds.
    """
    terms = terms_of(model)
    try:
        from assay_pricing.records.records import distinct
        from assay_pricing.records.tables import parse_records
        from assay_pricing.sums.moments import Moments
    except ImportError as error:
        raise _missing(error) from None
    with file.open("rb") as source:
        records = distinct(parse_records(source, model.schema_))
    found = terms.statistics(Moments.of(terms.features, [records]))
    sizes = BlindTerms(**asdict(terms.shape))
    return Sums(found.shrinkage, found.solution, records.n, sizes, terms.leverage(found, records))


def terms_of(model: ModelInfo) -> "Terms":
    """How sums are computed, as the oracle published it for a model.

    Raises:
        UsageError: The model has no blind quotes, or the libraries are not installed.
        OracleMisbehaved: The terms are not of their form.
    """
    if model.sums is None:
        raise UsageError(
            "expected a model with blind quotes, this one has none",
            hint="offer the data: assay sell",
        )
    try:
        from assay_pricing.sums.statistics import Terms
    except ImportError as error:
        raise _missing(error) from None
    try:
        return Terms.model_validate(model.sums)
    except ValidationError as error:
        raise OracleMisbehaved(
            f"expected the terms of sums of docs/price-format.md, got others: {listed_faults(error.errors())[:500]}",
            hint="tell the oracle's operator; nothing was sent",
        ) from None


def _missing(error: ImportError) -> UsageError:
    return UsageError(
        f"expected the libraries for blind quotes, they are not installed: {error}",
        hint="pip install 'assay[blind,formats]'",
    )
