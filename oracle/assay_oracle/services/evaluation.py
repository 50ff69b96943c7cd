"""The one evaluation of each (model, content) pair: offers are priced in the order of ``queue``, by several threads.

Offers of one seller to one model are priced one after the other, also where several daemons share the ledger. A run
that was cut short begins again at a later call.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from assay.chain.port import Chain
from assay.errors import AssayError, ChainError
from assay.protocol.messages import AppraisalSummary, OfferStatus
from assay.protocol.structs import Status
from assay.protocol.types import ContentId, OfferId
from assay_oracle.errors import (
    INTERRUPTED,
    ClaimLost,
    DataRefused,
    ModelUnavailable,
    PricingCutShort,
    RecordsPricedMeanwhile,
    TooMuchBeside,
)
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.ledger.values import ALREADY_EVALUATED, Evaluation, Offer
from assay_oracle.log import about, following
from assay_oracle.services.appraiser import ContextOffer, OfferAppraisal, OpenedOffer, PricingSession
from assay_oracle.services.catalogue import Catalogue, PricedModel
from assay_oracle.services.ports import Ledger
from assay_oracle.services.pricing.context import most_valuable, shared_out
from assay_oracle.services.pricing.proofs import Proofs
from assay_oracle.services.pricing.queue import MAX_ATTEMPTS, Turns, seconds_for
from assay_oracle.services.pricing.restored import Restored
from assay_oracle.services.quotes import Quotes
from assay_oracle.services.uploads import Uploads

MAX_CONTEXT_RECORDS = 1_000_000
"""Distinct records, at most, in a seller's own offers that an offer is priced with. With more the offer is refused."""
NOT_ALONE = (
    "priced_alone",
    "expected no other open offer to this model, whose prices are proven of one set alone",
    "sell or decline the other offer, then offer again: no evaluation was used",
)
"""Code, message and hint of a refusal."""
MOST_CONSIDERED = 64
"""Offers of each kind, the oldest and the smallest, among which the next one is chosen."""

log = logging.getLogger(__name__)


class Evaluator:
    """Prices the offers whose upload is complete.

    Args:
        proofs: Keeps proofs of prices.
        digests: Keyed digests of records: content ids and record tags.
        most_seconds: Processor time that one attempt may take at most.
        workers: Number of processes that price; as many threads may call ``price_next``.
        priced: Called with each offer once an attempt at it has ended.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        ledger: Ledger,
        chain: Chain,
        uploads: Uploads,
        quotes: Quotes,
        proofs: Proofs,
        digests: ContentDigests,
        most_seconds: float,
        workers: int,
        priced: Callable[[OfferId], None],
    ) -> None:
        self._catalogue = catalogue
        self._ledger = ledger
        self._chain = chain
        self._uploads = uploads
        self._quotes = quotes
        self._proofs = proofs
        self._digests = digests
        self._restored = Restored(ledger, chain, digests)
        self._most_seconds = most_seconds
        self._turns = Turns(workers, most_seconds)
        self._priced = priced

    def price_next(self) -> bool:
        """Prices the offer whose turn it is; False if no offer is left to try now.

        Raises:
            ChainError: The chain cannot tell whether a sale is possible; the offer keeps waiting.
            OSError: The oracle's disk failed; the offer keeps waiting and lets the others pass.
        """
        if self._restored.holds_up():
            return False
        waiting = self._ledger.offers.waiting(MOST_CONSIDERED + len(self._turns.postponed))
        while (offer := self._turns.begin(waiting)) is not None:
            try:
                with following(offer=offer.offer_id):
                    begun = self._price(offer)
            finally:
                self._turns.end(offer)
                self._priced(offer.offer_id)
            if begun:
                return True
            taken = (offer.model_id, offer.seller)
            waiting = [other for other in waiting if (other.model_id, other.seller) != taken]
        self._turns.try_all_again()
        return False

    def _price(self, offer: Offer) -> bool:
        """Prices an offer, or ends it; False if another one of its seller is priced for this model."""
        try:
            model = self._catalogue.get(offer.model_id)
            model.check_ready(self._chain, self._quotes.oracles, offer.seller)
        except ChainError:
            raise
        except ModelUnavailable:
            self._turns.postpone(offer.offer_id)
            return True
        except AssayError as error:
            self._refuse(offer.offer_id, error.code, _text(error))
            return True
        attempt = self._ledger.offers.begin_attempt(offer)
        if attempt is None:
            return False
        try:
            self._attempt(offer, model, attempt)
        except (ClaimLost, RecordsPricedMeanwhile) as error:
            log.warning("an appraisal was not recorded", extra=about(offer=offer.offer_id, cause=error.message))
        finally:
            self._ledger.offers.end_attempt(offer)
        return True

    def _attempt(self, offer: Offer, model: PricedModel, attempt: int) -> None:
        offer_id = offer.offer_id
        try:
            if attempt > MAX_ATTEMPTS:
                reason = f"pricing this data failed {MAX_ATTEMPTS} times; the oracle's log has the cause"
                self._refuse(offer_id, "pricing_failed", reason)
                return
            seconds = seconds_for(offer.upload_bytes, attempt, self._most_seconds)
            try:
                priced = self._evaluate(offer, model, seconds)
            except PricingCutShort as error:
                self._cut_short(offer_id, error, is_last=attempt == MAX_ATTEMPTS or seconds >= self._most_seconds)
                return
            except (ChainError, RecordsPricedMeanwhile):
                self._ledger.offers.withdraw_attempt(offer_id)
                raise
            except OSError:
                self._turns.postpone(offer_id)
                self._ledger.offers.withdraw_attempt(offer_id)
                raise
        except (ChainError, ClaimLost, RecordsPricedMeanwhile):
            raise
        except ModelUnavailable:
            self._turns.postpone(offer_id)
            return
        except AssayError as error:
            self._refuse(offer_id, error.code, _text(error))
            return
        evaluation = self._ledger.evaluations.of(priced)
        price = None if evaluation is None else str(evaluation.price)
        log.info("offer priced", extra=about(offer=offer_id, model=offer.model_id, status=priced.status, price=price))
        if priced.status is not OfferStatus.QUOTED:
            self._uploads.delete(offer_id)

    def _cut_short(self, offer_id: OfferId, error: PricingCutShort, *, is_last: bool) -> None:
        """Ends an offer that takes too much, or lets it wait for an attempt with more time."""
        log.warning("pricing cut short", extra=about(offer=offer_id, code=error.code, cause=error.message))
        if error.code == INTERRUPTED:
            self._ledger.offers.withdraw_attempt(offer_id)
        elif is_last:
            self._refuse(offer_id, error.code, f"{error.message}; split the data into smaller offers")

    def _refuse(self, offer_id: OfferId, code: str, reason: str) -> None:
        self._ledger.offers.refuse(offer_id, code, reason)
        self._uploads.delete(offer_id)
        log.info("offer refused", extra=about(offer=offer_id, code=code))

    def _evaluate(self, offer: Offer, model: PricedModel, seconds: float) -> Offer:
        """Evaluates the offer's records for this model, unless its seller has an answer about them.

        Records that others had evaluated are valued too, and have no value: neither the answer nor its time tells
        them from records that would not improve the model.
        """
        with model.appraiser.session() as session:
            sold, own = self._beside(offer)
            if own and model.appraiser.info.is_proven:
                raise DataRefused(*NOT_ALONE[:2], hint=NOT_ALONE[2])
            self._keep(sold, session)
            with self._uploads.plaintext(offer, new=True) as plain:
                records = session.open(plain, seconds=seconds)
            hashes = records.hashes()
            *earlier, content_id = self._restored.content_ids(offer.model_id, hashes)
            if any(self._ledger.evaluations.answered(offer.model_id, i, offer.seller) for i in (*earlier, content_id)):
                return self._ledger.offers.refuse(offer.offer_id, *ALREADY_EVALUATED)
            tags = {value: self._digests.record_tag(offer.model_id, value) for value in set(hashes)}
            priced = self._ledger.evaluations.priced_tags(offer.model_id, tags.values())
            known = frozenset(value for value, tag in tags.items() if tag in priced)
            appraisal = self._appraise(records, known, sold, own)
        blind = self._ledger.blind.find(offer.offer_id)
        evaluation, summary = _capped(offer, content_id, appraisal, len(tags), model.terms.max_price)
        if blind is not None and blind.price is not None and evaluation.price != blind.price:
            evaluation, summary = _unpaid(evaluation, summary, "the price of their blind quote")
        if model.appraiser.info.is_proven and evaluation.price:
            proven = records.prove(evaluation.quote(0), self._chain.domain)
            if proven is None:
                evaluation, summary = _unpaid(evaluation, summary, "a price that is proven of them alone")
            else:
                self._proofs.keep(offer.offer_id, proven)
        used = [self._is_used(evaluation.under(i)) for i in (*earlier, content_id)]
        if any(used):
            return self._ledger.offers.decline_copy(offer.offer_id, content_id, summary)
        evaluated = self._ledger.evaluations.add(
            evaluation, tags.values(), summary, appraisal=appraisal.document, known=len(priced)
        )
        if evaluated.status is OfferStatus.QUOTED:
            self._quotes.sign(evaluation)
        return evaluated

    def _keep(self, sold: Sequence[Offer], session: PricingSession) -> None:
        """Has what others sold read in time of its own: strangers' files use up none of the offer's.

        Each takes the time at most in which it was once read for its own price. The seller's own other offers are read
        in the offer's time: their number is no way to more of the processor.
        """
        for other in sold:
            seconds = seconds_for(other.upload_bytes, MAX_ATTEMPTS, self._most_seconds)
            try:
                session.keep(self._context(other), seconds=seconds)
            except PricingCutShort as error:
                if error.code == INTERRUPTED:
                    raise
                log.error("a sold offer is not read in time", extra=about(offer=other.offer_id, cause=error.message))

    def _beside(self, offer: Offer) -> tuple[list[Offer], list[Offer]]:
        """What others sold, and the seller's own offers, whose uploads are there."""
        found = self._ledger.offers.context(offer.model_id, offer.seller, self._chain.block_time())
        sold, own = ([other for other in offers if self._uploads.is_complete(other)] for offers in found)
        return sold, own

    def _is_used(self, evaluation: Evaluation) -> bool:
        """Whether the pair was sold or evaluated before. The chain is asked in any case: it takes its time."""
        used = self._chain.order_state(evaluation.order_id()).status is not Status.NONE
        known = self._ledger.evaluations.find(evaluation.model_id, evaluation.content_id) is not None
        if used and not known:
            log.error("the chain has an order that the ledger never priced", extra=about(offer=evaluation.offer_id))
        return used or known

    def _appraise(
        self, records: OpenedOffer, known: frozenset[bytes], sold: Sequence[Offer], own: Sequence[Offer]
    ) -> OfferAppraisal:
        """Prices jointly with what others sold and with the seller's own offers: splitting data earns nothing."""
        self._check_room(own)
        return records.appraise(
            known=known,
            own=[self._context(other) for other in own],
            sold=[self._context(other, share) for other, share in shared_out(sold)],
        )

    def _check_room(self, own: Sequence[Offer]) -> None:
        count = sum(other.distinct_records for other in own)
        if count > MAX_CONTEXT_RECORDS:
            raise TooMuchBeside(
                f"expected at most {MAX_CONTEXT_RECORDS} distinct records in your other offers, got {count}",
                hint="no evaluation was used; wait until some expire: a declined offer counts until its quote expires",
            )

    def _context(self, offer: Offer, share: int | None = None) -> ContextOffer:
        """A context offer; with a ``share`` that many of its records, the most valuable ones."""
        rows = None
        if share is not None:
            rows = most_valuable(self._ledger.evaluations.appraisal(offer), share)
        return ContextOffer(offer.offer_id, partial(self._uploads.plaintext, offer), rows)


def _text(error: AssayError) -> str:
    """What a seller reads of an error."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _unpaid(evaluation: Evaluation, summary: AppraisalSummary, lacked: str) -> tuple[Evaluation, AppraisalSummary]:
    """The evaluation of data that do not have what their price rests on: the pair is used up, and nothing is paid."""
    reason = f"The data do not have {lacked}: nothing is paid."
    return replace(evaluation, price=0), summary.model_copy(update={"reasons": (reason,)})


def _capped(
    offer: Offer, content_id: ContentId, appraisal: OfferAppraisal, distinct: int, max_price: int
) -> tuple[Evaluation, AppraisalSummary]:
    """The evaluation to record, at no more than the model's highest price, and what the seller learns of it."""
    price = min(appraisal.price, max_price)
    capped = ("The price is limited to the highest price of the model.",) if price < appraisal.price else ()
    evaluation = Evaluation(
        model_id=offer.model_id,
        content_id=content_id,
        offer_id=offer.offer_id,
        seller=offer.seller,
        data_root=offer.data_root,
        price=price,
        digest=appraisal.digest,
    )
    summary = AppraisalSummary(
        records=appraisal.records,
        priced=distinct,
        fidelity=appraisal.fidelity,
        reasons=(*appraisal.reasons, *capped),
    )
    return evaluation, summary
