"""How a key reaches the buyer: cooperatively through the oracle, by revealing it on chain, or by revealing the data.

A key is worth its price only while the payment is locked. So it stays secret until the order on chain is the agreed
one, confirmed, and far enough from its deadline.
"""

import threading
from collections.abc import Callable

from assay.chain.port import Chain
from assay.chain.queries import current_time, send_unless_done
from assay.chain.values import PostedOrder
from assay.errors import (
    ChainError,
    ContractReverted,
    NodeUnreachable,
    OracleError,
    OrderDiffers,
    OrderMissing,
    RevealTooLate,
    TransactionPending,
    UsageError,
)
from assay.oracle_api import OracleClient
from assay.protocol import seal
from assay.protocol.messages import OrderRecord
from assay.protocol.structs import Order, Status
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.trust import valid_receipt

REVEAL_MARGIN = 300
"""Seconds before the deadline after which a key is not revealed any more.

A transaction that is mined after the deadline makes the key public, unpaid.
"""

FINAL = (Status.PAID, Status.DISPUTED, Status.REFUNDED)
TRANSIENT = ("StatusMismatch", "DeadlineNotPassed")
"""Errors of the contract that a node raises while it lags behind the node that answered for the order's state."""


def no_report(_: str) -> None:
    """Reports nothing."""


class Release:
    """Carries posted orders of one seller to their end.

    Args:
        chain: The settlement contract. Its account sends the transactions.
        oracle: Delivers keys and holds the buyer's statements.
        store: The record of offers.
        clock: Unix time besides the latest block's, which stands still while a node or a chain does.
        report: Receives what happens, in a sentence.
        poll: Seconds between two requests for the state of an order.
        trust_wallet: Accept the receipt of a buyer that is a contract, which can take it back.
    """

    def __init__(
        self,
        chain: Chain,
        oracle: OracleClient,
        store: OfferStore,
        *,
        clock: Callable[[], int] | None,
        report: Callable[[str], None],
        poll: float,
        trust_wallet: bool,
    ) -> None:
        self._chain = chain
        self._oracle = oracle
        self._store = store
        self._clock = clock
        self._report = report
        self._last_report = ""
        self._poll = poll
        self._trust_wallet = trust_wallet
        self._pause = threading.Event()

    def now(self) -> int:
        """Unix time to keep deadlines by."""
        return current_time(self._chain, self._clock)

    def wait(self) -> None:
        """Waits until the next request is due."""
        self._pause.wait(self._poll)

    def report_once(self, text: str) -> None:
        """Reports what a loop finds again and again, once."""
        if text != self._last_report:
            self._last_report = text
            self._report(text)

    # --- the order ----------------------------------------------------------------------------------------------------

    def order(self, record: OfferRecord) -> PostedOrder:
        """The posted order of an offer, verified to be the agreed one.

        Raises:
            OrderDiffers: Another order was posted for this pair.
            OrderMissing: No order was posted, or a reorganisation removed it.
        """
        if record.quote is None:
            raise UsageError("expected an offer with a quote, got one without")
        posted = self._chain.posted(order_id=record.quote.order_id())
        if not posted:
            raise OrderMissing(
                "the order is not on chain",
                hint="a reorganisation may have removed it: run the same command again",
            )
        order = posted[-1].order
        agreed = (record.quote.price, record.seller, record.data_root, record.key_hash)
        if (order.price, order.seller, order.data_root, order.key_hash) != agreed:
            raise OrderDiffers("the order on chain is not the one that was agreed", hint="do not reveal the key")
        return posted[-1]

    def run(self, record: OfferRecord, *, patience: int) -> Status:
        """Advances the order until the sale has ended; see ``Seller.release``."""
        clock = self._clock or self._chain.block_time
        start: int | None = None
        while True:
            try:
                now = clock()
                start = now if start is None else start
                status = self.advance(record, reveal=now >= start + patience)
                if status in FINAL:
                    return status
            except (ChainError, OrderMissing) as error:
                if self._is_permanent(error, record):
                    raise
                self.report_once(f"{error.message}; trying again")
            self.wait()

    def _is_permanent(self, error: ChainError | OrderMissing, record: OfferRecord) -> bool:
        """Whether another attempt cannot succeed."""
        if isinstance(error, ContractReverted):
            return error.error not in TRANSIENT
        if isinstance(error, OrderMissing) and record.quote:
            try:
                return self.now() > record.quote.expiry
            except ChainError:
                return False
        return False

    def advance(self, record: OfferRecord, *, reveal: bool) -> Status:
        """Does what can be done for the order now; see ``Seller.advance``."""
        record = self._store.load(record.data_root)
        posted = self.order(record)
        order, order_id = posted.order, posted.order.order_id()
        state = self._chain.order_state(order_id)
        if state.status is Status.LOCKED:
            self._advance_locked(record, posted, state.deadline, reveal)
        elif state.status is Status.REVEALED and self._chain.block_time() > state.deadline:
            send_unless_done(self._chain, order_id, lambda: self._chain.finalize(order), seen=Status.REVEALED)
        elif state.status is Status.REVEALED:
            self.report_once("waiting for the buyer, or for the end of the dispute window")
        status = self._chain.order_state(order_id).status
        if status in FINAL and record.outcome is None:
            self._store.save(record.model_copy(update={"outcome": status.name.lower()}))
        return status

    def _advance_locked(self, record: OfferRecord, posted: PostedOrder, deadline: int, reveal: bool) -> None:
        order = posted.order
        held = self._record_of(order)
        if held and held.key_envelope and not record.handed_over:
            record = self._store.save(record.model_copy(update={"handed_over": True}))
        if held and held.acknowledgement and self._settle(order, held.acknowledgement):
            return
        if not reveal and self.now() < deadline - 2 * REVEAL_MARGIN:
            self.report_once("waiting for the buyer to close")
            return
        if self._is_safe_to_reveal(posted, deadline, secret=not record.handed_over):
            self._reveal(record, order, held.receipt if held else None)

    def _reveal(self, record: OfferRecord, order: Order, receipt: bytes | None) -> None:
        """Reveals the key on chain; if the terms ask for a receipt, once the buyer has signed it."""
        signature = b""
        if order.require_receipt:
            found = valid_receipt(self._chain, order, receipt, trust_wallet=self._trust_wallet)
            if found is None:
                self.report_once("waiting for the buyer's receipt")
                return
            signature = found
        key = self._store.key(record)
        send_unless_done(
            self._chain, order.order_id(), lambda: self._chain.reveal_key(order, key, signature), seen=Status.LOCKED
        )
        self._report("revealed the key")

    def _settle(self, order: Order, acknowledgement: bytes) -> bool:
        """Closes the order with the buyer's acknowledgement; False if the contract refuses it.

        A wallet contract can take its signature back, or fail in any way. That must keep no key from the chain.
        """
        try:
            send_unless_done(
                self._chain, order.order_id(), lambda: self._chain.settle(order, acknowledgement), seen=Status.LOCKED
            )
        except (NodeUnreachable, TransactionPending):
            raise
        except ChainError as error:
            self.report_once(f"the buyer's acknowledgement does not settle the order ({error.message})")
            return False
        return True

    def _is_safe_to_reveal(self, posted: PostedOrder, deadline: int, *, secret: bool = True) -> bool:
        """Whether what is revealed now will be paid for: the order stays, and the transaction is mined in time.

        A key that the buyer already has (not ``secret``) cannot be lost by revealing it: then any time will do.

        Raises:
            RevealTooLate: The transaction might be mined after the deadline.
        """
        now = self.now()
        if now > deadline - REVEAL_MARGIN and secret:
            raise RevealTooLate(
                f"{max(deadline - now, 0)} s before the deadline, less than the {REVEAL_MARGIN} s that are safe",
                hint="the key stays secret and the buyer is refunded; offer other data",
            )
        if now > deadline:
            raise RevealTooLate(
                f"the deadline passed {now - deadline} s ago, and the buyer has the key through the oracle",
                hint="if the buyer pays after all, the same command shows it",
            )
        if not self._chain.is_confirmed(posted.block):
            self.report_once("waiting until no reorganisation can take the payment back")
            return False
        if self._chain.unmined():
            self.report_once("waiting for an earlier transaction of this account to be mined")
            return False
        return True

    def reveal_data(self, record: OfferRecord) -> Status:
        """Reveals the data itself on chain; see ``Seller.reveal_data``."""
        while True:
            posted = self.order(record)
            order, order_id = posted.order, posted.order.order_id()
            state = self._chain.order_state(order_id)
            if state.status is not Status.LOCKED:
                return self.advance(record, reveal=True)
            if self._is_safe_to_reveal(posted, state.deadline):
                break
            self.wait()
        with self._store.sealed(record).open("rb") as sealed:
            plain, sealed_digests = seal.plaintext(sealed, self._store.key(record))
            chunk_size = seal.read_index(sealed).layout.chunk_size
        send_unless_done(
            self._chain,
            order_id,
            lambda: self._chain.reveal_data(order, chunk_size, plain, sealed_digests),
            seen=Status.LOCKED,
        )
        return self.advance(record, reveal=True)

    def _record_of(self, order: Order) -> OrderRecord | None:
        """What the oracle holds; None if it does not answer, which must not keep a seller from revealing in time."""
        try:
            return self._oracle.order(order.order_id())
        except OracleError as error:
            self.report_once(f"the oracle does not answer ({error.message}); continuing without it")
            return None
