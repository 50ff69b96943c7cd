"""The seller's side: offers opened, uploaded, accepted or declined. ``state`` is all that a seller may know."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version

from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.errors import QuoteExpired
from assay.protocol.messages import (
    AcceptanceRequest,
    ModelInfo,
    ModelUnavailability,
    OfferRequest,
    OfferState,
    OfferStatus,
    OracleInfo,
)
from assay.protocol.statements import Domain, digest, signer_of
from assay.protocol.structs import key_hash
from assay.protocol.types import ZERO_ADDRESS, ModelId, OfferId
from assay_oracle.errors import KeyMismatch, OfferConflict, SignatureInvalid, UploadBusy, UploadTooLarge
from assay_oracle.ledger.values import Evaluation, Offer, SignedQuote
from assay_oracle.log import about
from assay_oracle.services.catalogue import Catalogue
from assay_oracle.services.clock import Clock
from assay_oracle.services.ports import Ledger
from assay_oracle.services.posting import MAX_FAILED_POSTS
from assay_oracle.services.pricing.proofs import Proofs
from assay_oracle.services.quotes import Quotes
from assay_oracle.services.uploads import Appender, Uploads
from assay_oracle.settings import Settings

_UNPRICED = (OfferStatus.UPLOADING, OfferStatus.PRICING, OfferStatus.REFUSED)
"""Offers that have no order; sellers ask about them again and again."""
STALLED_SECONDS = 60
"""An upload of which no byte arrived for longer makes room for others where the storage is full."""

log = logging.getLogger(__name__)


class Offers:
    """Offers of sellers.

    Args:
        committee_tag: Of a member of a committee; empty for an oracle alone.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        ledger: Ledger,
        chain: Chain,
        clock: Clock,
        uploads: Uploads,
        quotes: Quotes,
        proofs: Proofs,
        committee_tag: bytes,
        settings: Settings,
    ) -> None:
        self._catalogue = catalogue
        self._ledger = ledger
        self._chain = chain
        self._clock = clock
        self._uploads = uploads
        self._quotes = quotes
        self._proofs = proofs
        self._committee_tag = committee_tag
        self._settings = settings

    @property
    def domain(self) -> Domain:
        """Chain and contract that everything is signed for."""
        return self._chain.domain

    def info(self) -> OracleInfo:
        """Who the oracle is."""
        signatures = self._quotes.sign_recipient(self._uploads.recipient)
        return OracleInfo(
            version=version("assay"),
            chain_id=self.domain.chain_id,
            contract=self.domain.contract,
            oracle=next(iter(self._quotes.oracles), ZERO_ADDRESS),
            recipient=self._uploads.recipient,
            recipient_signature=next(iter(signatures), b""),
            further_signatures=signatures[1:],
            committee=self._settings.committee,
            content_tag=self._committee_tag or None,
            max_upload_bytes=self._settings.max_upload_bytes,
            models=self._catalogue.ids,
            unavailable=tuple(
                ModelUnavailability(model_id=model.model_id, code=model.code) for model in self._catalogue.unavailable
            ),
        )

    def model(self, model_id: ModelId) -> ModelInfo:
        """What a data owner needs to know about a model.

        Raises:
            ModelUnknown: The oracle does not price for it.
        """
        found = self._catalogue.get(model_id).info()
        blind = None if self._settings.committee else found.blind  # see ``BlindQuotes.open``
        return found.model_copy(update={"max_chunk_size": self._settings.max_chunk_size, "blind": blind})

    # --- opening and uploading ----------------------------------------------------------------------------------------

    def open_offer(self, request: OfferRequest) -> OfferState:
        """Opens an offer, or finds the one that was opened by the same statement.

        Raises:
            SignatureInvalid: The seller did not sign the statement.
            ModelUnknown, ModelNotReady: The offer could not lead to a sale.
            EnvelopeInvalid, RequestInvalid: The sealing key cannot be decrypted, or is not a key.
            OfferConflict: The same statement came with another length or key.
            UploadTooLarge, TooManyOffers: More than the oracle takes.
        """
        message = self.domain.offer(request.model_id, request.seller, request.data_root, request.nonce)
        offer_id = OfferId(digest(message))
        offer = self._ledger.offers.find(offer_id)
        if offer is None:
            model = self._catalogue.get(request.model_id)
            self._check_length(request)
            if not is_signed_by(self._chain, request.seller, message, request.signature):
                raise SignatureInvalid(
                    f"expected the offer to be signed by its seller {request.seller}, got another signature",
                    hint="check the key, and that chain id and contract are the ones of GET /v1/info",
                )
            self._uploads.sealing_key(request.sealed_key)
            model.check_ready(self._chain, self._quotes.oracles, request.seller)
            self._make_place()
            per_seller = self._settings.max_open_offers_per_seller
            most = per_seller * self._settings.max_upload_bytes
            offer = self._ledger.offers.add(offer_id, request, per_seller=per_seller, max_bytes=most)
            log.info("offer opened", extra=about(offer=offer_id, model=request.model_id, bytes=request.upload_bytes))
        self._check_same(offer, request)
        return self.state_of(offer)

    def _make_place(self) -> None:
        """Displaces uploads until there is a place: those that arrive slowest since they were opened.

        A large upload that was left holds no place against one that arrives: a place is kept by bytes that go on
        arriving, for each place anew. A complete upload takes none.
        """
        uploading = self._ledger.offers.in_status(OfferStatus.UPLOADING)
        excess = len(uploading) + 1 - self._settings.max_open_offers
        if excess > 0:
            slowest = sorted(uploading, key=lambda offer: (self._bytes_per_second(offer), offer.updated_at))
            for offer in slowest[:excess]:
                self._displace(offer.offer_id)

    def _bytes_per_second(self, offer: Offer) -> float:
        return self._uploads.received(offer.offer_id) / (max(self._clock.now() - offer.opened_at, 0) + 1)

    def _displace_stalled(self, offer_id: OfferId) -> bool:
        """Displaces the largest other upload of which no byte arrived for a while; whether there was one."""
        before = self._clock.now() - STALLED_SECONDS
        stalled = [
            (received, offer.offer_id)
            for offer in self._ledger.offers.unchanged(OfferStatus.UPLOADING, before=before)
            if offer.offer_id != offer_id and (received := self._uploads.received(offer.offer_id))
        ]
        if not stalled:
            return False
        self._displace(max(stalled)[1])
        return True

    def _displace(self, offer_id: OfferId) -> None:
        """Removes an offer whose upload is not complete; its seller can open it again by the same statement."""
        if self._ledger.offers.remove(offer_id):
            self._uploads.delete(offer_id)
            log.info("upload displaced", extra=about(offer=offer_id))

    def _check_length(self, request: OfferRequest) -> None:
        limit = self._settings.max_upload_bytes
        if request.upload_bytes > limit:
            raise UploadTooLarge(
                f"expected an upload of at most {limit} bytes, got {request.upload_bytes}",
                hint="split the data into several offers",
            )

    def _check_same(self, offer: Offer, request: OfferRequest) -> None:
        keys = {self._uploads.sealing_key(sealed) for sealed in {offer.sealed_key, request.sealed_key}}
        if offer.upload_bytes != request.upload_bytes or len(keys) > 1:
            raise OfferConflict(
                f"expected {offer.upload_bytes} bytes and the key that this offer was opened with, got others",
                hint="send the same envelope again, or offer under a fresh nonce",
            )

    def appending(self, offer_id: OfferId, offset: int) -> AbstractContextManager[Appender] | None:
        """Where to write the bytes of an upload from ``offset`` on; None if the offer takes no more.

        Raises:
            OfferUnknown: There is no such offer.
            UploadOffsetMismatch, UploadBusy: See ``Uploads.append``.
        """
        offer = self._ledger.offers.get(offer_id)
        if offer.status is not OfferStatus.UPLOADING:
            return None
        return self._appending(offer, offset)

    @contextmanager
    def _appending(self, offer: Offer, offset: int) -> Iterator[Appender]:
        """Only bytes that arrive keep an upload from expiring."""
        before = self._uploads.received(offer.offer_id)
        try:
            with self._uploads.append(
                offer.offer_id,
                offset=offset,
                length=offer.upload_bytes,
                make_place=lambda: self._displace_stalled(offer.offer_id),
            ) as appender:
                yield appender
        finally:
            if self._ledger.offers.find(offer.offer_id) is None:
                self._uploads.delete(offer.offer_id)  # displaced meanwhile
            elif before < self._uploads.received(offer.offer_id) < offer.upload_bytes:
                self._ledger.offers.touch(offer.offer_id)  # ``uploaded`` marks a complete one

    def append(self, offer_id: OfferId, offset: int, content: bytes) -> OfferState:
        """Writes bytes of an upload from ``offset`` on, unless the offer takes no more; the state after them.

        Raises:
            OfferUnknown, UploadOffsetMismatch, UploadBusy: See ``appending``.
            UploadTooLarge, StorageFull: See ``Appender.write``.
        """
        try:
            context = self.appending(offer_id, offset)
            if context is not None:
                with context as appender:
                    appender.write(content)
        finally:
            state = self.uploaded(offer_id)
        return state

    def uploaded(self, offer_id: OfferId) -> OfferState:
        """The state after some bytes arrived; a complete upload waits to be priced."""
        offer = self._ledger.offers.get(offer_id)
        if offer.status is OfferStatus.UPLOADING and self._uploads.is_complete(offer):
            offer = self._ledger.offers.mark_uploaded(offer_id)
        return self.state_of(offer)

    def _completed(self, offer: Offer) -> Offer:
        """An offer whose last bytes arrived, and may not be on the disk yet; as it is while a request appends."""
        try:
            with self._appending(offer, offer.upload_bytes):
                pass
        except UploadBusy:
            return offer
        return self._ledger.offers.mark_uploaded(offer.offer_id)

    # --- state --------------------------------------------------------------------------------------------------------

    def state(self, offer_id: OfferId) -> OfferState:
        """What the seller may know of an offer. Reading it signs nothing.

        A quoted offer without a signed quote is answered as ``pricing``: the signature is made next. An upload that was
        complete when the daemon was killed waits to be priced from here on.

        Raises:
            OfferUnknown: There is no such offer.
        """
        return self.state_of(self._ledger.offers.get(offer_id))

    def state_of(self, offer: Offer) -> OfferState:
        """``state`` of an offer as the ledger has it."""
        if offer.status is OfferStatus.UPLOADING and self._uploads.is_complete(offer):
            offer = self._completed(offer)
        offer_id = offer.offer_id
        signed = self._quotes.of(offer)
        sale = None if offer.status in _UNPRICED else self._ledger.orders.of_offer(offer_id)
        uploading = offer.status is OfferStatus.UPLOADING
        unsigned = offer.status is OfferStatus.QUOTED and signed is None
        return OfferState(
            offer_id=offer_id,
            status=OfferStatus.PRICING if unsigned else offer.status,
            received_bytes=self._uploads.received(offer_id) if uploading else offer.upload_bytes,
            upload_bytes=offer.upload_bytes,
            reason=offer.reason,
            code=offer.code,
            quote=signed.quote if signed else None,
            oracle_signature=signed.signature if signed and signed.signature else None,
            appraisal=None if unsigned else offer.summary,
            order_id=signed.quote.order_id() if signed else None,
            transaction=sale.transaction if sale else None,
            proof=self._proofs.text(offer_id) if signed and self._catalogue.is_proven(offer.model_id) else None,
        )

    def quote_until(self, offer_id: OfferId, expiry: int) -> OfferState:
        """The state of a quoted offer, with a quote at the same price that expires at ``expiry`` (unix time).

        Raises:
            OfferConflict: The offer has no open quote, or too many that are valid.
            RequestInvalid: The quote would expire before now, or after the lifetime of one.
            ModelNotReady: The model has another oracle.
        """
        offer = self._ledger.offers.get(offer_id)
        evaluation = self._ledger.evaluations.of(offer)
        if offer.status is not OfferStatus.QUOTED or evaluation is None:
            raise _without_quote(offer)
        signed = self._quotes.until(evaluation, expiry)
        return self.state_of(offer).model_copy(update={"quote": signed.quote, "oracle_signature": signed.signature})

    # --- the seller's answer ------------------------------------------------------------------------------------------

    def accept(self, offer_id: OfferId, request: AcceptanceRequest) -> OfferState:
        """Records the seller's acceptance for posting. The same acceptance again changes nothing.

        Raises:
            OfferConflict: There is no quote to accept, or another key was accepted.
            KeyMismatch: The locked key is not the one that opens the priced file.
            QuoteExpired: The accepted quote has expired.
            SignatureInvalid: The key of the quote's seller did not sign the acceptance.
        """
        offer = self._ledger.offers.get(offer_id)
        if offer.status in (OfferStatus.ACCEPTED, OfferStatus.POSTED) and offer.key_hash == request.key_hash:
            return self.state(offer_id)
        evaluation = self._ledger.evaluations.of(offer)
        if offer.status is not OfferStatus.QUOTED or evaluation is None:
            raise _without_quote(offer)
        self._quotes.check_postable(evaluation)
        if key_hash(evaluation.order_id(), self._uploads.sealing_key(offer.sealed_key)) != request.key_hash:
            raise KeyMismatch(
                "expected the hash of the key that opens the priced file, for this order; got another hash",
                hint='lock keccak256(abi.encode("assay/key/v1", orderId, key)) with the key that was sent',
            )
        self._check_postable(offer)
        signed = self._accepted_quote(evaluation, request)
        if self._clock.latest() > signed.quote.expiry:
            raise QuoteExpired(
                f"the quote expired at {signed.quote.expiry}",
                hint="GET the offer for a renewed quote at the same price, and accept that quote",
            )
        accepted = self._ledger.offers.accept(
            offer_id,
            quote=signed.digest,
            key_hash=request.key_hash,
            signature=request.signature,
        )
        if accepted.key_hash != request.key_hash:
            raise OfferConflict(
                f"expected an offer with an open quote, this one became {accepted.status} meanwhile",
                hint="GET the offer for its state",
            )
        log.info("quote accepted", extra=about(offer=offer_id))
        return self.state(offer_id)

    def _check_postable(self, offer: Offer) -> None:
        if offer.failed_posts >= MAX_FAILED_POSTS:
            raise OfferConflict(
                f"{offer.failed_posts} transactions that posted this order were mined and failed; the oracle sends no "
                "more of them",
                hint="post the order from the seller's account: the quote and its signature suffice",
            )

    def _accepted_quote(self, evaluation: Evaluation, request: AcceptanceRequest) -> SignedQuote:
        """The pair's quote that the acceptance was signed for.

        A wallet's answer in a simulation need not hold in the block, where the oracle would pay for it.
        """
        for signed in self._ledger.evaluations.quotes(evaluation):
            message = self.domain.acceptance(signed.digest, request.key_hash)
            if signer_of(message, request.signature) == evaluation.seller:
                return signed
        raise SignatureInvalid(
            f"expected an acceptance of this offer's quote signed by the key of its seller {evaluation.seller}, "
            "got another",
            hint="sign Acceptance(quoteDigest, keyHash) for the quote that GET answers with; a wallet contract posts "
            "its order itself",
        )

    def decline(self, offer_id: OfferId) -> OfferState:
        """Ends an offer; an evaluation that was made stays used.

        A signed quote can still be posted, so the upload of a quoted offer stays until the quote expires; ``Retention``
        deletes it then.

        Raises:
            OfferConflict: The offer was accepted.
        """
        self._ledger.offers.get(offer_id)
        offer = self._ledger.offers.decline(offer_id)
        if offer.status in (OfferStatus.ACCEPTED, OfferStatus.POSTED):
            raise OfferConflict(
                f"expected an offer that is not accepted, this one is {offer.status}",
                hint="an accepted quote is binding: the order is posted",
            )
        if offer.content_id is None:
            self._uploads.delete(offer_id)
        return self.state(offer_id)


def _without_quote(offer: Offer) -> OfferConflict:
    return OfferConflict(
        f"expected an offer with an open quote, this one is {offer.status}", hint="GET the offer for its state"
    )
