"""Keys in escrow: the oracle states that it holds an order's key, settles the order, and then hands the key over.

The buyer acknowledges on the oracle's signed statement, the contract pays, and only a confirmed payment releases the
key. So a payment that fails gives nothing away: the seller reveals the key on chain, as without an oracle.
"""

import logging
from functools import partial

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import registered_terms, send_unless_done
from assay.chain.values import EndedLate
from assay.errors import ContractReverted, TransactionFailed
from assay.protocol.statements import signer_of
from assay.protocol.structs import Status, key_hash, order_id
from assay.protocol.types import ModelId
from assay_oracle.ledger.values import Sale
from assay_oracle.log import about
from assay_oracle.services.ports import Ledger, Signer
from assay_oracle.services.uploads import Uploads

MAX_FAILED_SETTLEMENTS = 2
"""Settlements of one order that may be mined and fail, before none is sent any more.

On a wallet's signature they are counted over all orders of the model. A wallet (ERC-1271) may accept a signature in a
simulation and refuse it in the block: each costs the oracle at most ``GAS_LIMITS["settle"]``, and the model's owner
cannot make more of them by making more orders.
"""
CAME_FIRST = "StatusMismatch"
"""Error of a settlement before which another transaction moved the order: no wallet was asked. It is not counted, or
strangers could use up the attempts of a model: the node that is asked for the order's state may lag.
"""

log = logging.getLogger(__name__)


class Escrow:
    """The keys of all sales.

    Args:
        signer: None in a dry run: nothing is stated, and no key is handed over.
    """

    def __init__(self, *, ledger: Ledger, chain: Chain, uploads: Uploads, signer: Signer | None) -> None:
        self._ledger = ledger
        self._chain = chain
        self._uploads = uploads
        self._signer = signer
        self._mined_in = 0
        """Block of the last settlement. A node that does not have it yet would let it be sent again."""
        self._followed = -1
        """The latest block when the models' oracles were looked up."""
        self._stated: dict[ModelId, str] = {}
        """Of each model, the oracle for which the statements of its open orders are."""

    # --- what the oracle states ---------------------------------------------------------------------------------------

    def _state(self, sale: Sale) -> Sale:
        """Signs that the oracle holds the key of this very order; records an empty statement if it does not.

        Every chunk was opened with the key when the data was priced. The model's owner can name another oracle, which
        signs another price or payee for the pair, and a seller can lock another key in an order that it posts itself.
        """
        if sale.key_escrow is not None or self._signer is None:
            return sale
        offer = self._ledger.offers.get(sale.offer_id)
        evaluation = self._ledger.evaluations.of(offer)
        key = self._uploads.sealing_key(offer.sealed_key)
        agreed = evaluation is not None and evaluation.agrees_with(sale.order)
        if not agreed or key_hash(sale.order_id, key) != sale.order.key_hash:
            log.warning("an order locks another key, price or payee than agreed", extra=about(order=sale.order_id))
            return self._ledger.orders.set_key_escrow(sale.order_id, b"")
        return self._ledger.orders.set_key_escrow(sale.order_id, self._signer.sign_key_escrow(sale.order))

    def follow_oracles(self) -> None:
        """Signs statements of a replaced key anew, once a block; a buyer takes none but the model's present oracle's.

        An acknowledged order needs none: it is settled on what the buyer signed.

        Raises:
            NodeUnreachable: Nothing can be looked up now.
        """
        if self._signer is None:
            return
        open_sales = [sale for sale in self._ledger.orders.open() if sale.key_escrow and sale.acknowledgement is None]
        if not open_sales or (block := self._chain.block_number()) == self._followed:
            return
        for model_id in {sale.order.model_id for sale in open_sales}:
            oracle = self._chain.model_state(model_id).oracle
            if oracle not in self._signer.addresses or self._stated.get(model_id) == oracle:
                continue
            for sale in (sale for sale in open_sales if sale.order.model_id == model_id):
                message = self._chain.domain.key_escrow(sale.order.digest())
                if not self._signer.has_signed(message, sale.key_escrow or b"", oracle):
                    self._ledger.orders.set_key_escrow(sale.order_id, self._signer.sign_key_escrow(sale.order))
            self._stated[model_id] = oracle
        self._followed = block

    # --- the key ------------------------------------------------------------------------------------------------------

    def hand_over(self, sale: Sale) -> None:
        """Encrypts the key of a paid order to the buyer, once no reorganisation is expected to take the payment back.

        Whoever sent the settlement: the state of exactly this order counts.
        """
        if not self._state(sale).key_escrow:
            return
        state = self._chain.confirmed_state(sale.order_id)
        if (state.status, state.digest) != (Status.PAID, sale.order.stored_digest()):
            return
        key = self._uploads.sealing_key(self._ledger.offers.get(sale.offer_id).sealed_key)
        recipient = envelope.recipient_of(registered_terms(self._chain, sale.order.model_id).delivery_key)
        self._ledger.orders.set_key_envelope(sale.order_id, envelope.wrap_key(recipient, key))
        log.info("key handed over", extra=about(order=sale.order_id))

    # --- the payment --------------------------------------------------------------------------------------------------

    def advance(self, sale: Sale) -> None:
        """Does what is due for an order that is not closed: states that its key is held, settles it.

        The chain is asked about an order only once something is due by the ledger.
        """
        sale = self._state(sale)
        if sale.acknowledgement is not None:
            self._settle(sale, sale.acknowledgement)

    def _settle(self, sale: Sale, acknowledgement: bytes) -> None:
        """Settles with the buyer's acknowledgement. A refusal leaves the key secret, and the seller to reveal it."""
        if self._is_spent(sale, acknowledgement) or self._chain.unmined():
            return
        if self._chain.block_number() < self._mined_in or not self._ledger.leads_still():
            return
        settle = partial(self._chain.settle, sale.order, acknowledgement)
        try:
            sent = send_unless_done(self._chain, sale.order_id, settle)
            self._mined_in = sent.block if sent else self._mined_in
        except ContractReverted as error:
            log.warning("the contract refused to settle", extra=about(order=sale.order_id, error=error.error))
            if error.error == "BuyerSignatureInvalid":
                self._ledger.orders.set_acknowledgement(sale.order_id, None, acknowledgement)
            return
        except TransactionFailed as error:
            self._count_failure(sale, error.error, error.gas)
            return
        status = self._chain.order_state(sale.order_id).status
        if status > sale.chain_status:
            self._ledger.orders.set_status(sale.order_id, status)
        log.info("order settled", extra=about(order=sale.order_id))

    def end_late(self, ended: EndedLate) -> None:
        """Counts a settlement that was mined and failed after it had had its time."""
        if ended.function == "settle" and not ended.succeeded and ended.pair is not None:
            sale = self._ledger.orders.find(order_id(*ended.pair))
            if sale is not None:
                self._count_failure(sale, ended.error, ended.gas)

    def _count_failure(self, sale: Sale, error: str, gas: int) -> None:
        if error == CAME_FIRST:
            return
        self._ledger.offers.count_failed_settlement(sale.offer_id)
        log.warning("a settlement was mined and failed", extra=about(order=sale.order_id, gas=gas))

    def _is_spent(self, sale: Sale, acknowledgement: bytes) -> bool:
        """Whether too many settlements have failed: of this order, or on a signature of this model's wallet."""
        message = self._chain.domain.acknowledgement(sale.order.digest())
        if signer_of(message, acknowledgement) == sale.order.buyer:
            failed = self._ledger.offers.get(sale.offer_id).failed_settlements
        else:
            failed = self._ledger.offers.failed_settlements(sale.order.model_id)
        return failed >= MAX_FAILED_SETTLEMENTS
