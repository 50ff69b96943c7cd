"""What is deleted, and when: idle offers expire, and files are deleted once no party can need them."""

from collections.abc import Callable
from typing import TypeVar

from assay.chain.port import Chain
from assay.protocol.messages import OfferStatus
from assay.protocol.types import OfferId, OrderId
from assay_oracle.ledger.values import Offer, Sale
from assay_oracle.services.clock import Clock
from assay_oracle.services.delivery import Delivery
from assay_oracle.services.ports import Ledger
from assay_oracle.services.uploads import Uploads
from assay_oracle.services.watching import REORGANISATION_SECONDS, find_order, record_order
from assay_oracle.settings import Settings

Subject = TypeVar("Subject", Offer, Sale)

UPLOAD_SECONDS = 86_400
"""Longest time from opening an offer to its last byte, in seconds: an upload takes one of the places for offers."""

EMPTY_SECONDS = 600
"""Longest time from opening an offer to its first byte, in seconds."""
UNEVALUATED_SECONDS = 7 * 86_400
"""How long the ledger keeps an offer that ended without an evaluation, in seconds, and"""
UNEVALUATED_OFFERS = 10_000
"""how many of these it keeps."""


class Retention:
    """Expires idle offers and deletes files."""

    def __init__(
        self, *, ledger: Ledger, chain: Chain, clock: Clock, uploads: Uploads, delivery: Delivery, settings: Settings
    ) -> None:
        self._ledger = ledger
        self._chain = chain
        self._clock = clock
        self._uploads = uploads
        self._delivery = delivery
        self._settings = settings

    def expire_idle(self) -> None:
        """Expires unfinished uploads that were idle for too long."""
        now = self._clock.now()
        for offer in self._ledger.offers.in_status(OfferStatus.UPLOADING):
            idle = now - offer.updated_at > self._settings.upload_idle_seconds
            if idle or now - offer.opened_at > UPLOAD_SECONDS:
                self._expire(offer, "upload_abandoned", "the upload was not finished in time; offer again")
            elif now - offer.updated_at > EMPTY_SECONDS and not self._uploads.received(offer.offer_id):
                self._expire(offer, "upload_abandoned", "no byte of the upload arrived in time; offer again")

    def expire_quotes(self) -> None:
        """Expires quotes that were not sold in time: each used up the one evaluation of its records.

        Time counts from the evaluation: an acceptance that cannot be posted prolongs nothing.
        """
        for offer in self._older_by_both_clocks(self._settings.quote_idle_seconds, self._ledger.offers.unsold):
            self._expire(offer, "quote_abandoned", "the quote was not accepted in time; offer again")

    def _expire(self, offer: Offer, code: str, reason: str) -> None:
        """Expires an offer unless its last byte, or its acceptance, arrived meanwhile."""
        expired = self._ledger.offers.expire(offer.offer_id, code, reason)
        if expired.status is OfferStatus.EXPIRED and expired.content_id is None:
            self._uploads.delete(offer.offer_id)

    def ended_with_upload(self) -> list[Offer]:
        """Ended offers whose upload may be stored, and of which no signed quote can be posted any more.

        Until then its seller can post it, and its buyer must be able to download it: an hour after the last quote
        expired by our clock and by the chain's, as a reorganisation may bring an order back, or bring it late. A
        refused offer never had a quote.
        """
        return self._older_by_both_clocks(REORGANISATION_SECONDS, self._ledger.offers.ended_with_upload)

    def delete_upload(self, offer: Offer) -> None:
        """Deletes the upload of an ended offer, unless its order is on chain: the chain is asked last."""
        evaluation = self._ledger.evaluations.of(offer)
        posted = find_order(self._chain, evaluation.order_id()) if evaluation is not None else None
        if posted is not None:
            record_order(self._ledger, offer.offer_id, posted)
        else:
            self._delete(offer.offer_id, evaluation.order_id() if evaluation is not None else None)

    def _delete(self, offer_id: OfferId, order_id: OrderId | None) -> None:
        """Deletes the upload, and then the buyer's envelope, which could be made of it again.

        A reorganisation may have removed an order whose envelope was made.
        """
        self._uploads.delete(offer_id)
        if order_id is not None:
            self._delivery.delete(order_id)
        self._ledger.offers.mark_deleted(offer_id)

    def forget_unevaluated(self) -> None:
        """Deletes what the ledger has of offers that ended without an evaluation, so that it does not fill up."""
        before = self._clock.now() - min(UNEVALUATED_SECONDS, self._settings.keep_seconds)
        self._ledger.offers.forget_unevaluated(before=before, keep=UNEVALUATED_OFFERS)

    def delete_closed(self) -> None:
        """Deletes the files of orders that were closed so long ago that no reorganisation opens them again.

        The chain is asked last: a reorganisation may have come before that, while its events could not be read.
        """
        kept = max(self._settings.keep_seconds, REORGANISATION_SECONDS)
        for sale in self._older_by_both_clocks(kept, self._ledger.orders.closed_with_files):
            if self._chain.order_state(sale.order_id).status is sale.chain_status:
                self._delete(sale.offer_id, sale.order_id)

    def _older_by_both_clocks(self, seconds: int, find: Callable[..., list[Subject]]) -> list[Subject]:
        """What ``find`` lists as older than this, by our clock and by the chain's.

        The chain is asked only if our clock finds something: a cycle with nothing to do costs the node no request.
        """
        if not find(before=self._clock.now() - seconds):
            return []
        return find(before=self._clock.earliest() - seconds)
