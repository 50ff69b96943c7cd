"""What both sides of a posted order fetch and leave at the oracle: the sealed file, the key, signed statements."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

from eth_account.messages import SignableMessage

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import is_signed_by, registered_terms
from assay.protocol.messages import OrderRecord
from assay.protocol.statements import signer_of
from assay.protocol.structs import Order
from assay.protocol.types import OrderId
from assay_oracle.errors import DeliveryDeleted, SignatureInvalid
from assay_oracle.ledger.values import Sale
from assay_oracle.services.ports import BlobStore, Ledger
from assay_oracle.services.pricing.proofs import Proofs
from assay_oracle.services.uploads import Uploads

OTHERS_SECONDS = 0.2
"""Pause between two looks at what another daemon makes."""


@dataclass(frozen=True)
class SealedDelivery:
    """The buyer's envelope of the sealed file: ``size`` in bytes, ``open`` gives a seekable stream."""

    size: int
    open: Callable[[], AbstractContextManager[BinaryIO]]


class Delivery:
    """Both sides of posted orders.

    Args:
        proofs: Of prices.
        keep_seconds: How long files of closed orders are kept; for the message about a deleted one.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        chain: Chain,
        uploads: Uploads,
        blobs: BlobStore,
        proofs: Proofs,
        keep_seconds: int,
    ) -> None:
        self._ledger = ledger
        self._chain = chain
        self._uploads = uploads
        self._blobs = blobs
        self._proofs = proofs
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
            while not self._blobs.size(name):
                with self._ledger.alone(name) as first:
                    if first and not self._blobs.size(name):
                        self._encrypt(sale, name)
                if not first:
                    time.sleep(OTHERS_SECONDS)
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
        with self._making:
            self._blobs.delete(_name(order_id))

    # --- statements ---------------------------------------------------------------------------------------------------

    def record(self, order_id: OrderId) -> OrderRecord:
        """What the oracle holds for the two sides of an order.

        Raises:
            OrderUnknown: There is no such order on chain.
        """
        sale = self._ledger.orders.get(order_id)
        try:
            sealed_bytes = self.sealed(order_id).size
        except DeliveryDeleted:
            sealed_bytes = 0  # the key of a paid order outlives the file, which its buyer has
        return OrderRecord(
            order_id=order_id,
            model_id=sale.order.model_id,
            seller=sale.order.seller,
            sealed_bytes=sealed_bytes,
            key_escrow=sale.key_escrow or None,
            key_envelope=sale.key_envelope,
            receipt=sale.receipt,
            acknowledgement=sale.acknowledgement,
            proof=self._proofs.text(sale.offer_id),
        )

    def put_receipt(self, order_id: OrderId, signature: bytes) -> OrderRecord:
        """Stores the buyer's receipt for the seller.

        Raises:
            SignatureInvalid: The buyer did not sign it over this order.
        """
        store, message = self._ledger.orders.set_receipt, self._chain.domain.receipt
        return self._put(order_id, signature, message, lambda sale: sale.receipt, store)

    def put_acknowledgement(self, order_id: OrderId, signature: bytes) -> OrderRecord:
        """Stores the buyer's acknowledgement; the next cycle settles the order with it.

        Raises:
            SignatureInvalid: The buyer did not sign it over this order.
        """
        store, message = self._ledger.orders.set_acknowledgement, self._chain.domain.acknowledgement
        return self._put(order_id, signature, message, lambda sale: sale.acknowledgement, store)

    def _put(
        self,
        order_id: OrderId,
        signature: bytes,
        message: Callable[[bytes], SignableMessage],
        held: Callable[[Sale], bytes | None],
        store: Callable[[OrderId, bytes, bytes | None], bool],
    ) -> OrderRecord:
        """Stores a statement in place of the one that was found; looks again where that changed meanwhile."""
        stored = False
        while not stored:
            sale = self._ledger.orders.get(order_id)
            if not self._is_better(sale.order, message(sale.order.digest()), signature, held(sale)):
                break
            stored = store(order_id, signature, held(sale))
        return self.record(order_id)

    def _is_better(self, order: Order, message: SignableMessage, signature: bytes, held: bytes | None) -> bool:
        """Whether a valid signature of the buyer replaces the one that is ``held``.

        What a key signed stays valid, and stays: anyone may hand in a signature that a wallet accepts for a moment.
        What a wallet accepts stays while it does: anyone may lengthen a signature of which the wallet reads the start,
        and each byte is gas.
        """
        if not is_signed_by(self._chain, order.buyer, message, signature):
            raise SignatureInvalid(
                f"expected the signature of the order's buyer {order.buyer} over its digest "
                f"0x{order.digest().hex()}, got another",
                hint="sign with the key of the model's owner",
            )
        if held is None:
            return True
        if signer_of(message, held) == order.buyer:
            return False
        is_by_key = signer_of(message, signature) == order.buyer
        return is_by_key or not is_signed_by(self._chain, order.buyer, message, held)


def _name(order_id: OrderId) -> str:
    return f"deliveries/{order_id.hex()}.age"
