"""Orders: posted, watched, delivered, settled. Every step asks the chain first, so that doing it again does no harm.

The chain decides what is true; the journal remembers what is to be done about it.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from eth_account.messages import SignableMessage

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import is_signed_by, send_unless_done
from assay.chain.values import PostedOrder
from assay.errors import AssayError, ContractReverted, NodeUnreachable
from assay.protocol.messages import OfferStatus, OrderNotes
from assay.protocol.structs import Order, Status
from assay_oracle.errors import ModelUnknown, OrderNotLocked, OrderUnknown, SignatureInvalid
from assay_oracle.ledger.journal import Evaluation, Journal, Offer, Sale, SignedQuote
from assay_oracle.log import about
from assay_oracle.services.catalogue import PricedModel
from assay_oracle.storage.local import FileStore

_REORGANISATION_SECONDS = 3600
"""How long a closed order is still looked at: a reorganisation may open it again."""
UPLOAD_SECONDS = 86_400
"""The longest that an upload may take, whether it goes on or not: it keeps one of the places for offers."""
HAND_OVER_MARGIN = 900
"""Seconds before the deadline in which no key is handed over: less would leave the seller no time to reveal it.

More than the 600 s from the deadline at which the seller's client stops waiting for the buyer and reveals.
"""

log = logging.getLogger(__name__)


class OrderService:
    """The oracle's side of posted orders.

    Args:
        identity: age identity that uploads are enveloped to.
        confirmations: blocks on top of an order before its key is handed over, which nothing takes back.
        idle: seconds after which an upload, and a quote, that nobody goes on with lapses.
        keep: seconds that files of closed orders are kept for.
        now: unix time.
    """

    def __init__(
        self,
        *,
        identity: str,
        journal: Journal,
        store: FileStore,
        chain: Chain,
        models: Mapping[bytes, PricedModel],
        confirmations: int,
        idle: tuple[int, int],
        keep: int,
        now: Callable[[], int],
    ) -> None:
        self._identity = identity
        self._journal = journal
        self._store = store
        self._chain = chain
        self._models = models
        self._confirmations = confirmations
        self._upload_idle, self._quote_idle = idle
        self._keep = keep
        self._now = now

    # --- the loop's steps ---------------------------------------------------------------------------------------------

    def cycle(self) -> None:
        """Does all that is due once. What goes wrong with one order is logged and holds up no other.

        Raises:
            NodeUnreachable: nothing can be done now.
        """
        self._sweep()
        for offer in self._journal.offers(OfferStatus.QUOTED):
            self._guard(self._find_posted_by_seller, offer, offer.offer_id)
        for offer in self._journal.offers(OfferStatus.DECLINED, OfferStatus.EXPIRED):
            if self._store.received(offer.offer_id):
                self._guard(self._let_go, offer, offer.offer_id)
        for offer in self._journal.offers(OfferStatus.ACCEPTED):
            self._guard(self._post, offer, offer.offer_id)
        for sale in self._journal.sales(since=self._now() - _REORGANISATION_SECONDS):
            self._guard(self._watch, sale, sale.offer_id)

    def _guard(self, step: Callable[..., None], subject: Offer | Sale, offer_id: bytes) -> None:
        try:
            step(subject)
        except NodeUnreachable:
            raise
        except AssayError as error:
            log.warning("step failed; tried again", extra=about(offer=offer_id, code=error.code, cause=error.message))
        except Exception:
            log.exception("step failed; tried again", extra=about(offer=offer_id))

    def _evaluation(self, offer: Offer) -> Evaluation:
        assert offer.content_id is not None
        evaluation = self._journal.evaluation(offer.model_id, offer.content_id)
        assert evaluation is not None
        return evaluation

    def _found(self, order_id: bytes) -> PostedOrder | None:
        """The order as its event announced it, if the pair is used on chain."""
        if self._chain.order_state(order_id).status is Status.NONE:
            return None
        posted = self._chain.posted(order_id=order_id)
        return posted[-1] if posted else None

    def _find_posted_by_seller(self, offer: Offer) -> None:
        """A seller may post without the oracle, whose signature is enough."""
        evaluation = self._evaluation(offer)
        if not self._journal.quotes(evaluation):
            return
        posted = self._found(evaluation.quote(0).order_id())
        if posted:
            self._note_posted(offer, posted)

    def _let_go(self, offer: Offer) -> None:
        """Drops the upload of an offer that was declined or lapsed, once no signed quote of it can be posted.

        Until then its seller can still post it, and its buyer must be able to fetch it. The chain is asked last, an
        hour after the last quote ran out by its clock: a reorganisation may bring an order back, or bring it late.
        """
        ends = offer.updated_at
        if offer.content_id is not None:
            self._find_posted_by_seller(offer)
            if self._journal.sale_of(offer.offer_id) is not None:
                return
            ends = max([ends, *(signed.quote.expiry for signed in self._journal.quotes(self._evaluation(offer)))])
        if self._chain.block_time() > ends + _REORGANISATION_SECONDS:
            self._store.drop_upload(offer.offer_id)

    def _note_posted(self, offer: Offer, posted: PostedOrder) -> None:
        self._journal.add_sale(offer.offer_id, posted)
        log.info("order on chain", extra=about(offer=offer.offer_id, order=posted.order.order_id(), block=posted.block))

    def _post(self, offer: Offer) -> None:
        """Posts an accepted order unless it is on chain, or on its way there."""
        evaluation = self._evaluation(offer)
        posted = self._found(evaluation.quote(0).order_id())
        if posted:
            self._note_posted(offer, posted)
            return
        signed = self._accepted(offer, evaluation)
        if max(self._now(), self._chain.block_time()) > signed.quote.expiry:
            reason = "the quote ran out before the order could be posted; accept the renewed one, at the same price"
            self._journal.unaccept(offer.offer_id, "quote_expired", reason)
            return
        if self._chain.unmined():
            log.warning("a transaction waits to be mined; posting waits for it", extra=about(offer=offer.offer_id))
            return
        assert offer.key_hash is not None
        assert offer.acceptance is not None
        terms = self._model(offer.model_id).terms
        try:
            self._chain.post(terms, signed.quote, signed.signature, offer.key_hash, offer.acceptance)
        except ContractReverted as error:
            posted = self._found(evaluation.quote(0).order_id())
            if posted is None:
                reason = f"{error.message}; {error.hint}" if error.hint else error.message
                self._journal.unaccept(offer.offer_id, _snake(error.error), reason)
                log.warning("the contract refused an order", extra=about(offer=offer.offer_id, error=error.error))
                return
        posted = posted or self._found(evaluation.quote(0).order_id())
        if posted:
            self._note_posted(offer, posted)

    def _accepted(self, offer: Offer, evaluation: Evaluation) -> SignedQuote:
        return next(q for q in self._journal.quotes(evaluation) if q.digest == offer.accepted_quote)

    def _model(self, model_id: bytes) -> PricedModel:
        model = self._models.get(model_id)
        if model is None:
            raise ModelUnknown(
                f"model 0x{model_id.hex()} has open offers, and is not in the configuration",
                hint="put it back until its orders are closed",
            )
        return model

    def _watch(self, sale: Sale) -> None:
        """Follows one order: reorganisations, the key for the buyer, settlement, the end."""
        state = self._chain.order_state(sale.order_id)
        if state.status is Status.NONE:
            offer = self._journal.remove_sale(sale)
            log.warning("a reorganisation removed an order", extra=about(offer=sale.offer_id, then=offer.status))
            return
        if state.digest != sale.order.stored_digest():
            posted = self._found(sale.order_id)
            if posted:
                offer = self._journal.remove_sale(sale)
                self._note_posted(offer, posted)
            return
        if state.status is not sale.chain_status:
            sale = self._journal.note(sale.order_id, chain_status=state.status)
            log.info("order changed", extra=about(order=sale.order_id, status=state.status.name.lower()))
        if state.status is Status.LOCKED and sale.key_envelope is None:
            self._hand_key_over(sale, state.deadline)
        if state.status in (Status.LOCKED, Status.REVEALED) and sale.acknowledgement and not self._chain.unmined():
            self._settle(sale, sale.acknowledgement)
        self._reveal_what_was_handed_over(sale)

    def _settle(self, sale: Sale, acknowledgement: bytes) -> None:
        """Closes the order with the buyer's consent; what a wallet took back must keep no key from the chain."""
        try:
            send_unless_done(self._chain, sale.order_id, lambda: self._chain.settle(sale.order, acknowledgement))
        except ContractReverted as error:
            log.warning("the acknowledgement settles nothing", extra=about(order=sale.order_id, error=error.error))
            return
        self._journal.note(sale.order_id, chain_status=self._chain.order_state(sale.order_id).status)
        log.info("order settled", extra=about(order=sale.order_id))

    def _reveal_what_was_handed_over(self, sale: Sale) -> None:
        """Reveals a key that the buyer has and did not pay for by half of the window: its seller may be offline.

        The buyer has the key already, so revealing it loses nothing, and silence would refund a buyer who can read.
        """
        if sale.key_envelope is None:
            return
        state = self._chain.order_state(sale.order_id)
        offer = self._offer(sale)
        now = max(self._now(), self._chain.block_time())
        half = state.deadline - self._model(offer.model_id).terms.reveal_window // 2
        receipt = self._receipt(sale)
        if state.status is not Status.LOCKED or not half <= now <= state.deadline or receipt is None:
            return
        if self._chain.unmined():
            return
        key = envelope.unwrap_key(self._identity, offer.sealed_key)
        send_unless_done(self._chain, sale.order_id, lambda: self._chain.reveal_key(sale.order, key, receipt))
        self._journal.note(sale.order_id, chain_status=self._chain.order_state(sale.order_id).status)
        log.info("key revealed for the seller", extra=about(order=sale.order_id))

    def _hand_key_over(self, sale: Sale, deadline: int) -> None:
        """Envelopes the key to the buyer, where the seller wants that and nothing can take the payment any more.

        So the payment is locked for good, there is time left to reveal the key, and a receipt that the contract asks
        for is here: without it the seller could never reveal, and the buyer would be refunded with the data.
        """
        offer = self._offer(sale)
        agreed = offer.cooperative and offer.key_hash == sale.order.key_hash
        in_time = max(self._now(), self._chain.block_time()) < deadline - HAND_OVER_MARGIN
        if not agreed or not in_time or self._receipt(sale) is None or not self._is_deep(sale):
            return
        key = envelope.unwrap_key(self._identity, offer.sealed_key)
        recipient = envelope.recipient_of(self._model(offer.model_id).terms.delivery_key)
        self._journal.note(sale.order_id, key_envelope=envelope.wrap_key(recipient, key))
        log.info("key handed over", extra=about(order=sale.order_id))

    def _receipt(self, sale: Sale) -> bytes | None:
        """The receipt to reveal the key with: empty where the terms ask for none, None where it is still to come.

        A key's signature holds for ever. A wallet's holds now, and the wallet can take it back before the key is
        revealed: a seller who does not trust the buyer's wallet does not let the oracle hand the key over.
        """
        order = sale.order
        if not order.require_receipt:
            return b""
        message = self._chain.domain.receipt(order.digest())
        holds = sale.receipt is not None and is_signed_by(self._chain, order.buyer, message, sale.receipt)
        return sale.receipt if holds else None

    def _is_deep(self, sale: Sale) -> bool:
        """Whether enough blocks lie on the one that the order is in now: a reorganisation may have moved it."""
        posted = self._found(sale.order_id)
        if posted is None or posted.order != sale.order:
            return False
        if posted.block != sale.block:
            self._journal.note(sale.order_id, block=posted.block, posting=posted.transaction)
        return self._chain.block_number() >= posted.block + self._confirmations

    def _sweep(self) -> None:
        """Ends what was left alone, and deletes files that no one can need."""
        now = self._now()
        for offer in self._journal.offers(OfferStatus.UPLOADING, OfferStatus.QUOTED):
            uploading = offer.status is OfferStatus.UPLOADING
            too_old = uploading and now - offer.opened_at > UPLOAD_SECONDS
            if too_old or now - offer.updated_at > (self._upload_idle if uploading else self._quote_idle):
                code = "upload_abandoned" if uploading else "quote_abandoned"
                self._journal.expire(offer.offer_id, code, "nobody went on with it in time; offer again")
                if uploading:
                    self._store.drop_upload(offer.offer_id)
        for sale in self._journal.closed_sales(before=now - self._keep):
            self._store.drop_delivery(sale.order_id)
            self._store.drop_upload(sale.offer_id)

    # --- what the two sides ask for -----------------------------------------------------------------------------------

    def _sale(self, order_id: bytes) -> Sale:
        sale = self._journal.sale(order_id)
        if sale is None:
            raise OrderUnknown(
                "the oracle knows of no order of this id on chain",
                hint="once it is posted the oracle takes a moment to see it; ask again, then check the id",
            )
        return sale

    def _offer(self, sale: Sale) -> Offer:
        offer = self._journal.offer(sale.offer_id)
        assert offer is not None
        return offer

    def sealed(self, order_id: bytes) -> Path:
        """The envelope of the sealed file for the buyer.

        Raises:
            OrderUnknown: no such order on chain.
            OrderNotLocked: the file is gone: the order was closed long ago.
        """
        sale = self._sale(order_id)
        recipient = envelope.recipient_of(self._model(sale.order.model_id).terms.delivery_key)
        try:
            return self._store.delivery(order_id, sale.offer_id, identity=self._identity, recipient=recipient)
        except FileNotFoundError:
            raise OrderNotLocked(
                f"the sealed file is no longer here: files are kept {self._keep} s after an order is closed",
                hint="use the copy that was downloaded",
            ) from None

    def notes(self, order_id: bytes) -> OrderNotes:
        """What the oracle holds for the two sides.

        Raises:
            OrderUnknown, OrderNotLocked: as ``sealed``.
        """
        sale = self._sale(order_id)
        return OrderNotes(
            order_id=order_id,
            model_id=sale.order.model_id,
            seller=sale.order.seller,
            sealed_bytes=self.sealed(order_id).stat().st_size,
            key_envelope=sale.key_envelope,
            receipt=sale.receipt,
            acknowledgement=sale.acknowledgement,
        )

    def put_receipt(self, order_id: bytes, signature: bytes) -> OrderNotes:
        """Keeps the buyer's receipt for the seller.

        Raises:
            SignatureInvalid: not signed by the buyer over this order.
        """
        order = self._sale(order_id).order
        self._check_buyer(order, self._chain.domain.receipt(order.digest()), signature)
        self._journal.note(order_id, receipt=signature)
        return self.notes(order_id)

    def put_acknowledgement(self, order_id: bytes, signature: bytes) -> OrderNotes:
        """Keeps the buyer's acknowledgement; the next cycle settles with it.

        Raises:
            SignatureInvalid: not signed by the buyer over this order.
        """
        order = self._sale(order_id).order
        self._check_buyer(order, self._chain.domain.acknowledgement(order.digest()), signature)
        self._journal.note(order_id, acknowledgement=signature)
        return self.notes(order_id)

    def _check_buyer(self, order: Order, message: SignableMessage, signature: bytes) -> None:
        if not is_signed_by(self._chain, order.buyer, message, signature):
            raise SignatureInvalid(
                f"expected the signature of the order's buyer {order.buyer} over its digest "
                f"0x{order.digest().hex()}, got another",
                hint="sign with the key of the model's owner",
            )


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
