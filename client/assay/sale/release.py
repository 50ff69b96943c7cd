"""How a seller is paid: on the buyer's acknowledgement, by revealing the key on chain, or by revealing the data.

After an acknowledgement the oracle hands the key to the buyer, once the payment is confirmed. Without one the key goes
on chain. It is worth its price only while the payment is locked, so it stays secret until the order on chain is the
agreed one, confirmed, and far enough from its deadline.
"""

import threading
from collections.abc import Callable
from typing import Any

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
from assay.protocol import seal
from assay.protocol.messages import OrderRecord
from assay.protocol.statements import signer_of
from assay.protocol.structs import Order, Status
from assay.protocol.types import OrderId
from assay.sale.members.order_records import OrderRecords
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.trust import reliable_signature

REVEAL_MARGIN = 300
"""Seconds before the deadline after which a key is not revealed any more.

A transaction that is mined after the deadline makes the key public, unpaid.
"""

DISPLACE_MARGIN = 1800
"""Seconds before the deadline from which a reveal takes the place of a transaction that stays unmined.

Before, the seller waits for it: it may be another command's.
"""

MAX_FAILURES = 2
"""Transactions of one sale that may be mined and fail; after that none is sent on a wallet's signature, or in a loop.

A wallet (ERC-1271) may accept a signature in a simulation and refuse it in the block. Each costs the seller at most
``GAS_LIMITS`` of its function.
"""

FINAL = (Status.PAID, Status.DISPUTED, Status.REFUNDED)
OUTCOMES = tuple(status.name.lower() for status in FINAL)
"""Outcomes of an offer that are states of its order."""
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
        oracle: OrderRecords,
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
        self._public: set[bytes] = set()  # data roots of sales whose key is public, also where the disk was full

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

    def run(self, record: OfferRecord, *, patience: int = 0, direct: bool = False) -> Status:
        """Advances the order until its end is confirmed; see ``Seller.release``. With ``direct``, reveals the data."""
        clock = self._clock or self._chain.block_time
        start: int | None = None
        while True:
            try:
                now = clock()
                start = now if start is None else start
                status, ended = self._advance(record, reveal=now >= start + patience, direct=direct)
                if ended:
                    return status
            except (ChainError, OrderMissing, RevealTooLate) as error:
                if self._is_permanent(error, record):
                    raise
                by_clock = " by this machine's clock, not by the chain's" if isinstance(error, RevealTooLate) else ""
                self.report_once(f"{error.message}{by_clock}; trying again")
            self.wait()

    def _is_permanent(self, error: ChainError | SaleError, record: OfferRecord) -> bool:
        """Whether another attempt cannot succeed, or costs too much. The chain says so, not the clock."""
        if isinstance(error, TransactionFailed):
            return self._store.load(record.data_root).failures >= MAX_FAILURES
        if isinstance(error, ContractReverted):
            return error.error not in TRANSIENT
        try:
            if isinstance(error, OrderMissing):
                return not can_be_posted(self._chain, self._store.load(record.data_root))
            if isinstance(error, RevealTooLate) and record.quote:
                state = self._chain.order_state(record.quote.order_id())
                return state.status is Status.LOCKED and self._chain.block_time() > state.deadline - REVEAL_MARGIN
        except ChainError:
            pass
        return False

    def advance(self, record: OfferRecord, *, reveal: bool) -> Status:
        """Does what can be done for the order now; see ``Seller.advance``."""
        return self._advance(record, reveal=reveal)[0]

    def note(self, record: OfferRecord, **changes: Any) -> OfferRecord:
        """Saves what the chain has, too. A full disk must keep no key from the chain, and no sale from its end."""
        if all(getattr(record, name) == value for name, value in changes.items()):
            return record
        try:
            return self._store.update(record, **changes)
        except OSError as error:
            if "is_public" in changes:
                self._public.add(record.data_root)
            self.report_once(f"the state of the sale cannot be saved ({error.strerror}): the chain has it")
            return record.model_copy(update=changes)

    def _advance(self, record: OfferRecord, *, reveal: bool, direct: bool = False) -> tuple[Status, bool]:
        """Does what can be done for the order now; its state after that, and whether that is its confirmed end."""
        record = self._store.load(record.data_root)
        posted = self.order(record)
        order, order_id = posted.order, posted.order.order_id()
        state = self._chain.order_state(order_id)
        if state.status is Status.LOCKED and direct:
            self._reveal_data(record, posted, state.deadline)
        elif state.status is Status.LOCKED:
            self._advance_locked(record, posted, state.deadline, reveal)
        elif state.status is Status.REVEALED and self._chain.block_time() > state.deadline:
            self._send(record, order_id, lambda: self._chain.finalize(order), seen=Status.REVEALED)
        elif state.status is Status.REVEALED:
            self.report_once("waiting for the buyer, or for the end of the dispute window")
        status = self._chain.order_state(order_id).status
        ended = is_final(self._chain, order, status)
        self.note(self._store.load(record.data_root), outcome=status.name.lower() if ended else None)
        if status in FINAL and not ended:
            self.report_once(
                f"{status.name.lower()}: waiting for {self._chain.confirmations} confirmations, after which no "
                "reorganisation is expected to change it. After Ctrl-C the same command continues"
            )
        return status, ended

    def _advance_locked(self, record: OfferRecord, posted: PostedOrder, deadline: int, reveal: bool) -> None:
        """Leaves the buyer time to acknowledge, on which the oracle settles. Then settles here, or reveals the key."""
        if not reveal and self.now() < deadline - 2 * REVEAL_MARGIN:
            self.report_once("waiting for the buyer to acknowledge")
            return
        is_free = not self._chain.unmined()
        held = self._record_of(posted.order)
        if is_free and held and held.acknowledgement and self._settle(record, posted.order, held.acknowledgement):
            return
        if self._is_safe_to_reveal(record, posted, deadline):
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
        self._publish(record, order.order_id(), lambda: self._chain.reveal_key(order, key, signature))
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

    def _send(
        self, record: OfferRecord, order_id: OrderId, send: Callable[[], Transaction], *, seen: Status
    ) -> Transaction | None:
        """``send_unless_done``; counts a transaction that was mined and failed, on disk."""
        try:
            return send_unless_done(self._chain, order_id, send, seen=seen)
        except TransactionFailed:
            stored = self._store.load(record.data_root)
            self.note(stored, failures=stored.failures + 1)
            raise

    def _publish(self, record: OfferRecord, order_id: OrderId, send: Callable[[], Transaction]) -> None:
        """Sends what reveals a locked order; records at once, before the node may fail, that nothing is secret now."""

        def send_noted() -> Transaction:
            try:
                sent = send()
            except (TransactionFailed, TransactionPending):
                self.note(record, is_public=True)
                raise
            self.note(record, is_public=True)
            return sent

        self._send(record, order_id, send_noted, seen=Status.LOCKED)

    def _is_safe_to_reveal(self, record: OfferRecord, posted: PostedOrder, deadline: int) -> bool:
        """Whether what is revealed now will be paid for: the order stays, and the transaction is mined in time.

        What a reorganisation took out of a block, when it was public already, is sent again at once.

        Raises:
            RevealTooLate: The transaction might be mined after the deadline.
        """
        now = self.now()
        if (record.is_public or record.data_root in self._public) and self._chain.block_time() <= deadline:
            return self._is_free_to_send(deadline)
        if now > deadline - REVEAL_MARGIN:
            raise RevealTooLate(
                f"{max(deadline - now, 0)} s before the deadline, less than the {REVEAL_MARGIN} s that are safe",
                hint="the key stays secret and the buyer is refunded; offer other data",
            )
        confirmed = self._chain.confirmed_state(posted.order.order_id())
        if (confirmed.status, confirmed.digest) != (Status.LOCKED, posted.order.stored_digest()):
            self.report_once("waiting until no reorganisation can take the payment back")
            return False
        return self._is_free_to_send(deadline)

    def _is_free_to_send(self, deadline: int) -> bool:
        if self.now() < deadline - DISPLACE_MARGIN and self._chain.unmined():
            self.report_once("waiting for an earlier transaction of this account to be mined")
            return False
        return True

    def _reveal_data(self, record: OfferRecord, posted: PostedOrder, deadline: int) -> None:
        """Reveals the data itself on chain; see ``Seller.reveal_data``.

        Raises:
            SaleError: The node does not take the transaction, which is too large or too dear. The key is neither.
        """
        if not self._is_safe_to_reveal(record, posted, deadline):
            return
        order = posted.order
        with self._store.sealed(record).open("rb") as sealed:
            plain, sealed_digests = seal.plaintext(sealed, self._store.key(record))
            chunk_size = seal.read_index(sealed).layout.chunk_size
        try:
            self._publish(
                record, order.order_id(), lambda: self._chain.reveal_data(order, chunk_size, plain, sealed_digests)
            )
        except (NodeUnreachable, ContractReverted, TransactionPending, TransactionFailed):
            raise
        except ChainError as error:
            raise SaleError(
                f"the data cannot be revealed on chain: {error.message}",
                hint="reveal the key before the deadline: run the same command without --direct",
            ) from error

    def _record_of(self, order: Order) -> OrderRecord | None:
        """What the oracle holds; None if it does not answer, which must not keep a seller from revealing in time."""
        try:
            return self._oracle.record(order)
        except OracleError as error:
            self.report_once(f"the oracle does not answer ({error.message}); continuing without it")
            return None


# --- the end, by the confirmed chain and never by a clock -------------------------------------------------------------


def is_final(chain: Chain, order: Order, status: Status) -> bool:
    """Whether ``status``, the latest state of an order, is its end and no reorganisation is expected to change it."""
    if status not in FINAL:
        return False
    confirmed = chain.confirmed_state(order.order_id())
    return (confirmed.status, confirmed.digest) == (status, order.stored_digest())


def can_be_posted(chain: Chain, record: OfferRecord) -> bool:
    """Whether the order of an accepted offer is on chain or can still come there.

    It cannot once a confirmed block without the order is later than every quote that was accepted. Contract and
    reorganisations know no other time than that of blocks.
    """
    if record.quote is None:
        return False
    order_id = record.quote.order_id()
    states = (chain.order_state(order_id), chain.confirmed_state(order_id))
    if any(state.status is not Status.NONE for state in states):
        return True
    confirmed = chain.block_number() - chain.confirmations
    return confirmed < 0 or chain.time_of(confirmed) <= max(record.accepted_until, record.quote.expiry)


def is_borne_out(chain: Chain, record: OfferRecord) -> bool:
    """Whether the chain bears out the saved outcome of an offer.

    An outcome is a note. A reorganisation can undo the state that it names, and an oracle's word ends no offer whose
    acceptance is out.
    """
    if record.acceptance is None or record.quote is None:
        return True
    if record.outcome not in OUTCOMES:
        return not can_be_posted(chain, record)
    order_id = record.quote.order_id()
    states = (chain.order_state(order_id), chain.confirmed_state(order_id))
    return all(state.status.name.lower() == record.outcome for state in states)
