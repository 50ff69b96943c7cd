"""What is deleted, and when: idle offers expire, and files are deleted once no party can need them."""

from assay.chain.port import Chain
from assay.protocol.messages import OfferStatus
from assay_oracle.ledger.values import Offer
from assay_oracle.services.clock import Clock
from assay_oracle.services.delivery import Delivery
from assay_oracle.services.ports import Ledger
from assay_oracle.services.uploads import Uploads
from assay_oracle.services.watching import REORGANISATION_SECONDS, find_order, record_order
from assay_oracle.settings import Settings

UPLOAD_SECONDS = 86_400
"""Longest time from opening an offer to its last byte, in seconds: an upload takes one of the places for offers."""


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
        self._refused_deleted = False

    def expire_idle(self) -> None:
        """Expires unfinished uploads and unaccepted quotes that were idle for too long."""
        now = self._clock.now()
        for offer in self._ledger.offers.in_status(OfferStatus.UPLOADING):
            idle = now - offer.updated_at > self._settings.upload_idle_seconds
            if idle or now - offer.opened_at > UPLOAD_SECONDS:
                self._expire(offer, "upload_abandoned", "the upload was not finished in time; offer again")
        for offer in self._ledger.offers.in_status(OfferStatus.QUOTED):
            if now - offer.updated_at > self._settings.quote_idle_seconds:
                self._expire(offer, "quote_abandoned", "the quote was not accepted in time; offer again")

    def _expire(self, offer: Offer, code: str, reason: str) -> None:
        """Expires an offer unless its last byte, or its acceptance, arrived meanwhile."""
        expired = self._ledger.offers.expire(offer.offer_id, code, reason)
        if expired.status is OfferStatus.EXPIRED and expired.content_id is None:
            self._uploads.delete(offer.offer_id)

    def ended_with_upload(self) -> list[Offer]:
        """Declined and expired offers whose upload is still stored."""
        ended = self._ledger.offers.in_status(OfferStatus.DECLINED, OfferStatus.EXPIRED)
        return [offer for offer in ended if self._uploads.received(offer.offer_id)]

    def delete_upload(self, offer: Offer) -> None:
        """Deletes the upload of an ended offer once no signed quote of it can be posted.

        Until then its seller can post it, and its buyer must be able to download it. The chain is asked last, an hour
        after the last quote expired by its clock: a reorganisation may bring an order back, or bring it late.
        """
        ends = offer.updated_at
        evaluation = self._ledger.evaluations.of(offer)
        if evaluation is not None:
            ends = max([ends, *(signed.quote.expiry for signed in self._ledger.evaluations.quotes(evaluation))])
        due = ends + REORGANISATION_SECONDS
        if self._clock.now() <= due or self._chain.block_time() <= due:
            return
        posted = find_order(self._chain, evaluation.order_id()) if evaluation is not None else None
        if posted is not None:
            record_order(self._ledger, offer.offer_id, posted)
        else:
            self._uploads.delete(offer.offer_id)

    def delete_refused(self) -> None:
        """Deletes uploads of refused offers, once after the start: only a crash leaves any."""
        if not self._refused_deleted:
            for offer in self._ledger.offers.in_status(OfferStatus.REFUSED):
                self._uploads.delete(offer.offer_id)
            self._refused_deleted = True

    def delete_closed(self) -> None:
        """Deletes the files of orders that were closed long ago."""
        for sale in self._ledger.orders.closed(before=self._clock.now() - self._settings.keep_seconds):
            self._delivery.delete(sale.order_id)
            self._uploads.delete(sale.offer_id)
