"""What is delivered for a posted order: the sealed file and the key to the buyer, signed statements to both sides."""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from eth_account.messages import SignableMessage

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import is_signed_by, registered_terms, send_unless_done
from assay.errors import ContractReverted
from assay.protocol.messages import OrderRecord
from assay.protocol.structs import Order, Status
from assay.protocol.types import OrderId
from assay_oracle.errors import DeliveryDeleted, SignatureInvalid
from assay_oracle.ledger.values import Offer, Sale
from assay_oracle.log import about
from assay_oracle.services.clock import Clock
from assay_oracle.services.ports import BlobStore, Ledger
from assay_oracle.services.uploads import Uploads
from assay_oracle.services.watching import find_order

HAND_OVER_MARGIN = 900
"""The key is not handed over later than this before the deadline, in seconds: the seller needs time to reveal it.

More than the 600 s before the deadline at which the seller's client stops waiting for the buyer and reveals.
"""
_OPEN = (Status.LOCKED, Status.REVEALED)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SealedDelivery:
    """The buyer's envelope of the sealed file: ``size`` in bytes, ``open`` gives a seekable stream."""

    size: int
    open: Callable[[], AbstractContextManager[BinaryIO]]


class Delivery:
    """Both sides of posted orders.

    Args:
        keep_seconds: How long files of closed orders are kept; for the message about a deleted one.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        chain: Chain,
        clock: Clock,
        uploads: Uploads,
        blobs: BlobStore,
        keep_seconds: int,
    ) -> None:
        self._ledger = ledger
        self._chain = chain
        self._clock = clock
        self._uploads = uploads
        self._blobs = blobs
        self._keep_seconds = keep_seconds
        self._making = threading.Lock()

    # --- the sealed file ----------------------------------------------------------------------------------------------

    def sealed(self, order_id: OrderId) -> SealedDelivery:
        """The sealed file of an order, encrypted to the buyer once, so that a download can be resumed.

        Raises:
            OrderUnknown: There is no such order on chain.
            DeliveryDeleted: The order was closed long ago, and its files are deleted.
        """
        sale = self._ledger.orders.get(order_id)
        name = _name(order_id)
        with self._making:
            if not self._blobs.size(name):
                self._encrypt(sale, name)
        return SealedDelivery(self._blobs.size(name), lambda: self._blobs.open(name))

    def _encrypt(self, sale: Sale, name: str) -> None:
        try:
            with self._uploads.sealed(sale.offer_id) as sealed, self._blobs.create(name) as target:
                envelope.encrypt_to(self._recipient(sale.order), sealed, target)
        except FileNotFoundError:
            raise DeliveryDeleted(
                f"the sealed file was deleted: files are kept for {self._keep_seconds} s after an order is closed",
                hint="use the copy that was downloaded",
            ) from None

    def _recipient(self, order: Order) -> str:
        return envelope.recipient_of(registered_terms(self._chain, order.model_id).delivery_key)

    def delete(self, order_id: OrderId) -> None:
        """Deletes the buyer's envelope of an order; does nothing if it does not exist."""
        self._blobs.delete(_name(order_id))

    # --- statements ---------------------------------------------------------------------------------------------------

    def record(self, order_id: OrderId) -> OrderRecord:
        """What the oracle holds for the two sides of an order.

        Raises:
            OrderUnknown, DeliveryDeleted: As ``sealed``.
        """
        sale = self._ledger.orders.get(order_id)
        return OrderRecord(
            order_id=order_id,
            model_id=sale.order.model_id,
            seller=sale.order.seller,
            sealed_bytes=self.sealed(order_id).size,
            key_envelope=sale.key_envelope,
            receipt=sale.receipt,
            acknowledgement=sale.acknowledgement,
        )

    def put_receipt(self, order_id: OrderId, signature: bytes) -> OrderRecord:
        """Stores the buyer's receipt for the seller.

        Raises:
            SignatureInvalid: The buyer did not sign it over this order.
        """
        order = self._ledger.orders.get(order_id).order
        self._check_buyer(order, self._chain.domain.receipt(order.digest()), signature)
        self._ledger.orders.set_receipt(order_id, signature)
        return self.record(order_id)

    def put_acknowledgement(self, order_id: OrderId, signature: bytes) -> OrderRecord:
        """Stores the buyer's acknowledgement; the next cycle settles the order with it.

        Raises:
            SignatureInvalid: The buyer did not sign it over this order.
        """
        order = self._ledger.orders.get(order_id).order
        self._check_buyer(order, self._chain.domain.acknowledgement(order.digest()), signature)
        self._ledger.orders.set_acknowledgement(order_id, signature)
        return self.record(order_id)

    def _check_buyer(self, order: Order, message: SignableMessage, signature: bytes) -> None:
        if not is_signed_by(self._chain, order.buyer, message, signature):
            raise SignatureInvalid(
                f"expected the signature of the order's buyer {order.buyer} over its digest "
                f"0x{order.digest().hex()}, got another",
                hint="sign with the key of the model's owner",
            )

    # --- what is due --------------------------------------------------------------------------------------------------

    def advance(self, sale: Sale) -> None:
        """Does what is due for an open order: hands its key over, settles it, or reveals a key that was handed over.

        The key comes first: a settled order is closed, and its buyer must have the key. The chain is asked about an
        order only once something is due by the ledger.
        """
        if sale.chain_status is Status.LOCKED and sale.key_envelope is None:
            self._hand_over(sale)
        if sale.acknowledgement is not None and sale.chain_status in _OPEN and self._settle(sale):
            return
        if sale.chain_status is Status.LOCKED and sale.key_envelope is not None:
            self._reveal(sale)

    def _hand_over(self, sale: Sale) -> None:
        """Encrypts the key to the buyer if the seller agreed to that and nothing can take the payment any more."""
        offer = self._ledger.offers.get(sale.offer_id)
        if self._is_agreed(sale, offer) and self._is_safe_to_hand_over(sale):
            key = self._uploads.sealing_key(offer.sealed_key)
            key_envelope = envelope.wrap_key(self._recipient(sale.order), key)
            self._ledger.orders.set_key_envelope(sale.order_id, key_envelope)
            log.info("key handed over", extra=about(order=sale.order_id))

    def _settle(self, sale: Sale) -> bool:
        """Settles with the buyer's acknowledgement; False if that is not possible now.

        A wallet may take its signature back: a refused acknowledgement must not keep the key from being revealed.
        """
        assert sale.acknowledgement is not None
        acknowledgement = sale.acknowledgement
        if self._chain.unmined():
            return False
        try:
            send_unless_done(self._chain, sale.order_id, lambda: self._chain.settle(sale.order, acknowledgement))
        except ContractReverted as error:
            log.warning("the contract refused to settle", extra=about(order=sale.order_id, error=error.error))
            return False
        self._update_status(sale)
        log.info("order settled", extra=about(order=sale.order_id))
        return True

    def _is_agreed(self, sale: Sale, offer: Offer) -> bool:
        """The seller lets the oracle hand over the key of this very order, and a required receipt has arrived.

        The model's owner can name another oracle, which signs another price and another payee for the pair; the key
        hash that the seller accepted is public once its order is sent, and can be locked in such an order too.
        """
        order, evaluation = sale.order, self._ledger.evaluations.of(offer)
        if evaluation is None or not offer.cooperative:
            return False
        accepted = (evaluation.seller, evaluation.price, evaluation.data_root, offer.key_hash)
        if (order.seller, order.price, order.data_root, order.key_hash) != accepted:
            return False
        return sale.receipt is not None or not order.require_receipt

    def _is_safe_to_hand_over(self, sale: Sale) -> bool:
        """Nothing can take the payment any more, and there is time left to reveal the key.

        Without a valid receipt where the terms ask for one the seller could never reveal, and the buyer would be
        refunded with the data.
        """
        if not self._chain.is_confirmed(sale.block):
            return False
        if self._clock.latest() >= self._deadline(sale) - HAND_OVER_MARGIN:
            return False
        return self._receipt(sale) is not None and self._is_confirmed(sale)

    def _is_confirmed(self, sale: Sale) -> bool:
        """Whether the block that contains the order now is deep enough: a reorganisation may have moved the order."""
        posted = find_order(self._chain, sale.order_id)
        if posted is None or posted.order != sale.order:
            return False
        self._ledger.orders.add(sale.offer_id, posted)
        return self._chain.is_confirmed(posted.block)

    def _reveal(self, sale: Sale) -> None:
        """Reveals a key that the buyer has and did not pay for in half of the reveal window: the seller may be offline.

        The buyer has the key, so revealing it loses nothing; a key that stays secret would refund the buyer.
        """
        deadline = self._deadline(sale)
        half = deadline - registered_terms(self._chain, sale.order.model_id).reveal_window // 2
        if not half <= self._clock.latest() <= deadline:
            return
        receipt = self._receipt(sale)
        if receipt is None or self._chain.unmined():
            return
        if self._chain.order_state(sale.order_id).status is not Status.LOCKED:
            return
        key = self._uploads.sealing_key(self._ledger.offers.get(sale.offer_id).sealed_key)
        send_unless_done(self._chain, sale.order_id, lambda: self._chain.reveal_key(sale.order, key, receipt))
        self._update_status(sale)
        log.info("key revealed for the seller", extra=about(order=sale.order_id))

    def _receipt(self, sale: Sale) -> bytes | None:
        """The receipt to reveal the key with: empty if the terms require none, None while a valid one is missing.

        A key's signature is valid for ever. A wallet's is valid now, and the wallet can take it back before the key is
        revealed: a seller who does not trust the buyer's wallet does not let the oracle hand the key over.
        """
        order = sale.order
        if not order.require_receipt:
            return b""
        message = self._chain.domain.receipt(order.digest())
        valid = sale.receipt is not None and is_signed_by(self._chain, order.buyer, message, sale.receipt)
        return sale.receipt if valid else None

    def _deadline(self, sale: Sale) -> int:
        """Unix time at which the order's state times out; the chain is asked once per state."""
        if sale.deadline is not None:
            return sale.deadline
        state = self._chain.order_state(sale.order_id)
        if state.status is sale.chain_status:
            self._ledger.orders.set_deadline(sale.order_id, state.deadline)
        return state.deadline

    def _update_status(self, sale: Sale) -> None:
        """Records the state after a transaction of our own, before its event is read."""
        status = self._chain.order_state(sale.order_id).status
        if status > sale.chain_status:
            self._ledger.orders.set_status(sale.order_id, status)


def _name(order_id: OrderId) -> str:
    return f"deliveries/{order_id.hex()}.age"
