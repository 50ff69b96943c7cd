"""How a seller is paid: on the buyer's acknowledgement, by revealing the key on chain, or by revealing the data.

After an acknowledgement the oracle hands the key to the buyer, once the payment is confirmed. Without one the key goes
on chain. It is worth its price only while the payment is locked, so it stays secret until the order on chain is the
agreed one, confirmed, and far enough from its deadline.
"""

import threading
from collections.abc import Callable

from eth_account.messages import SignableMessage

from assay.chain.port import Chain
from assay.chain.queries import current_time, send_unless_done
from assay.chain.values import PostedOrder, Transaction
from assay.errors import (
    ChainError,
    ContractReverted,
    NodeUnreachable,
    OracleError,
    OrderDiffers,
    OrderMissing,
    RevealTooLate,
    SaleError,
    TransactionFailed,
    TransactionPending,
    UsageError,
)
from assay.oracle_api import OracleClient
from assay.protocol import seal
from assay.protocol.messages import OrderRecord
from assay.protocol.statements import signer_of
from assay.protocol.structs import Order, Status
from assay.protocol.types import OrderId
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.trust import reliable_signature

REVEAL_MARGIN = 300
"""Seconds before the deadline after which a key is not revealed any more.

A transaction that is mined after the deadline makes the key public, unpaid.
"""

MAX_FAILURES = 2
"""Transactions of one sale that may be mined and fail; after that none is sent on a wallet's signature, or in a loop.

A wallet (ERC-1271) may accept a signature in a simulation and refuse it in the block. Each costs the seller at most
``GAS_LIMITS`` of its function.
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
        trust_wallet: Rely on signatures of a buyer that is a contract, which can take them back.
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
        """Whether another attempt cannot succeed, or costs too much."""
        if isinstance(error, TransactionFailed):
            return self._store.load(record.data_root).failures >= MAX_FAILURES
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
            self._send(record, order_id, lambda: self._chain.finalize(order), seen=Status.REVEALED)
        elif state.status is Status.REVEALED:
            self.report_once("waiting for the buyer, or for the end of the dispute window")
        status = self._chain.order_state(order_id).status
        if status in FINAL and record.outcome is None:
            self._store.save(record.model_copy(update={"outcome": status.name.lower()}))
        return status

    def _advance_locked(self, record: OfferRecord, posted: PostedOrder, deadline: int, reveal: bool) -> None:
        """Leaves the buyer time to acknowledge, on which the oracle settles. Then settles here, or reveals the key."""
        if not reveal and self.now() < deadline - 2 * REVEAL_MARGIN:
            self.report_once("waiting for the buyer to acknowledge")
            return
        held = self._record_of(posted.order)
        if held and held.acknowledgement and self._settle(record, posted.order, held.acknowledgement):
            return
        if self._is_safe_to_reveal(posted, deadline):
            self._reveal(record, posted.order, held.receipt if held else None)

    def _reveal(self, record: OfferRecord, order: Order, receipt: bytes | None) -> None:
        """Reveals the key on chain; if the terms ask for a receipt, once the buyer has signed it."""
        signature = b""
        if order.require_receipt:
            found = self._reliable(record, order, self._chain.domain.receipt(order.digest()), receipt)
            if found is None:
                self.report_once("waiting for the buyer's receipt")
                return
            signature = found
        key = self._store.key(record)
        self._send(record, order.order_id(), lambda: self._chain.reveal_key(order, key, signature), seen=Status.LOCKED)
        self._report("revealed the key")

    def _settle(self, record: OfferRecord, order: Order, acknowledgement: bytes) -> bool:
        """Closes the order with the buyer's acknowledgement; False if that is not possible.

        A wallet contract can take its signature back, or fail in any way. That must keep no key from the chain.
        """
        message = self._chain.domain.acknowledgement(order.digest())
        try:
            signature = self._reliable(record, order, message, acknowledgement)
            if signature is None:
                return False
            self._send(record, order.order_id(), lambda: self._chain.settle(order, signature), seen=Status.LOCKED)
        except (NodeUnreachable, TransactionPending):
            raise
        except (ChainError, SaleError) as error:
            self.report_once(f"the buyer's acknowledgement does not settle the order ({error.message})")
            return False
        return True

    def _reliable(
        self, record: OfferRecord, order: Order, message: SignableMessage, signature: bytes | None
    ) -> bytes | None:
        """The buyer's signature if it is valid and can be relied on; None if there is none.

        Raises:
            SaleError: It is a wallet's that is not trusted, or that has let ``MAX_FAILURES`` transactions fail.
        """
        found = reliable_signature(self._chain, order, message, signature, trust_wallet=self._trust_wallet)
        if found is not None and signer_of(message, found) != order.buyer and record.failures >= MAX_FAILURES:
            raise SaleError(
                f"{record.failures} transactions of this sale were mined and failed: the wallet {order.buyer} took its "
                "signature back",
                hint="no more are sent on its signature; a key that was in one of them is public",
            )
        return found

    def _send(self, record: OfferRecord, order_id: OrderId, send: Callable[[], Transaction], *, seen: Status) -> None:
        """``send_unless_done``; counts a transaction that was mined and failed, on disk."""
        try:
            send_unless_done(self._chain, order_id, send, seen=seen)
        except TransactionFailed:
            record = self._store.load(record.data_root)
            self._store.save(record.model_copy(update={"failures": record.failures + 1}))
            raise

    def _is_safe_to_reveal(self, posted: PostedOrder, deadline: int) -> bool:
        """Whether what is revealed now will be paid for: the order stays, and the transaction is mined in time.

        Raises:
            RevealTooLate: The transaction might be mined after the deadline.
        """
        now = self.now()
        if now > deadline - REVEAL_MARGIN:
            raise RevealTooLate(
                f"{max(deadline - now, 0)} s before the deadline, less than the {REVEAL_MARGIN} s that are safe",
                hint="the key stays secret and the buyer is refunded; offer other data",
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
        self._send(
            record,
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
