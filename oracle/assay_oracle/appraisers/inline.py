"""Prices in the daemon's own process, with ``assay_pricing``."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import reduce
from typing import TYPE_CHECKING, BinaryIO

from assay.errors import AssayError
from assay.protocol.proof.proven import ProvenPrice, statistics_numbers
from assay.protocol.schema import Schema
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote
from assay.protocol.types import OfferId
from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.appraisers.info import info_of
from assay_oracle.appraisers.proving import Proving
from assay_oracle.log import about
from assay_oracle.services.appraiser import BlindResult, BlindRound, ContextOffer, FunctionInfo, OfferAppraisal
from assay_pricing.blind.pricing import BlindPricing
from assay_pricing.errors import BlindError
from assay_pricing.proof.process import SetSums
from assay_pricing.records.records import Records, distinct
from assay_pricing.records.tables import parse_records
from assay_pricing.sums.form import form_of
from assay_pricing.sums.moments import Moments

if TYPE_CHECKING:
    from assay_pricing.function import PriceFunction

log = logging.getLogger(__name__)

Parse = Callable[[BinaryIO, Schema], Records]


class InlineAppraiser:
    """The ``Appraiser`` of one price function, and its own ``PricingSession``.

    Args:
        function: Fitted by the model's owner.
        cache: Opened records of offers, shared by the appraisers of all models.
        parse: Bytes and schema to records.
        blind: Prices encrypted sums; None if the price function has no price from sums.
        proving: Proves prices; None if no proof is asked for.
    """

    def __init__(
        self,
        function: "PriceFunction",
        cache: RecordCache,
        *,
        parse: Parse = parse_records,
        blind: BlindPricing | None = None,
        proving: Proving | None = None,
    ) -> None:
        self._function = function
        self._cache = cache
        self._parse = parse
        self._blind = blind
        self.proving = proving

    @property
    def info(self) -> FunctionInfo:
        """The price function that it applies."""
        blind = self._blind.terms if self._blind else None
        return info_of(self._function.manifest, blind, is_proven=self.proving is not None)

    def session(self, *, patience: float | None = None) -> AbstractContextManager["InlineAppraiser"]:  # noqa: ARG002
        """See ``Appraiser.session``."""
        return nullcontext(self)

    def open(self, source: BinaryIO, *, seconds: float) -> "InlineOffer":  # noqa: ARG002
        """Parses the data of an offer. Its records are not kept: most offers are never priced with another one.

        Nothing ends it after ``seconds``: a process can be ended, a thread cannot.

        Raises:
            DataError: The data does not fit the model's schema.
        """
        return InlineOffer(self, self._function, self._parse(source, self.info.schema))

    def keep(self, offer: ContextOffer, *, seconds: float) -> None:  # noqa: ARG002
        """See ``PricingSession.keep``. Nothing ends it after ``seconds``."""
        with suppress(AssayError):  # logged where an offer is priced without it
            self._records(offer)

    def answer(self, turn: BlindRound, *, seconds: float) -> BlindResult:  # noqa: ARG002
        """See ``PricingSession.answer``. Nothing ends it after ``seconds``.

        Raises:
            BlindError: The price function has no price from sums, or the message is not of its form.
        """
        if self._blind is None:
            raise BlindError("expected a model with a price from sums, this one has none")
        found = self._blind.answer(turn.context, turn.secret, turn.message, turn.before, turn.records)
        return BlindResult(b"", found) if isinstance(found, int) else BlindResult(found)

    def forget(self, offer_id: OfferId) -> None:
        """Drops the cached records of an offer."""
        self._cache.drop(offer_id)

    def context(self, offers: Sequence[ContextOffer]) -> Records | None:
        """The distinct records of all ``offers``; None without offers. A cached offer is not opened."""
        parts: list[Records] = []
        for offer in offers:
            try:
                parts.append(self._records(offer))
            except AssayError as error:
                log.error("priced without a damaged offer", extra=about(offer=offer.offer_id, cause=str(error)))
        return distinct(reduce(lambda joined, part: joined.join(part), parts)) if parts else None

    def _records(self, offer: ContextOffer) -> Records:
        records = self._cache.get(offer.offer_id)
        if records is None:
            with offer.open() as source:
                records = distinct(self._parse(source, self.info.schema))
            self._cache.put(offer.offer_id, records)
        return records if offer.rows is None else records.take(offer.rows)


class InlineOffer:
    """The ``OpenedOffer`` of an ``InlineAppraiser``."""

    def __init__(self, appraiser: InlineAppraiser, function: "PriceFunction", records: Records) -> None:
        self._appraiser = appraiser
        self._function = function
        self._records = records

    def hashes(self) -> Sequence[bytes]:
        """Canonical hash of each record, 32 bytes each."""
        return self._records.hashes()

    def sums(self) -> SetSums:
        """What a proof of the price of these records alone is of.

        Raises:
            DataError: The price function has no price from sums.
        """
        records = distinct(self._records)
        terms = form_of(self._function.method).terms
        found = terms.statistics(Moments.of(terms.features, [records]))
        numbers = statistics_numbers(found.shrinkage.tolist(), found.solution.tolist())
        return SetSums(numbers=tuple(numbers), records=records.n)

    def prove(self, quote: Quote, domain: Domain) -> ProvenPrice | None:
        """See ``OpenedOffer.prove``."""
        assert self._appraiser.proving is not None
        return self._appraiser.proving.prove(self.sums(), quote, domain)

    def appraise(
        self, *, known: frozenset[bytes], own: Sequence[ContextOffer], sold: Sequence[ContextOffer]
    ) -> OfferAppraisal:
        """Prices the offer as one set.

        Raises:
            DataError: There is no record.
        """
        appraisal = self._function.appraise(
            self._records, known=known, context=self._appraiser.context(own), sold=self._appraiser.context(sold)
        )
        return OfferAppraisal(
            price=appraisal.price,
            records=appraisal.records,
            priced=appraisal.priced,
            fidelity=appraisal.fidelity,
            reasons=appraisal.seller_reasons,
            document=appraisal.canonical_json(),
            digest=appraisal.digest(),
        )
