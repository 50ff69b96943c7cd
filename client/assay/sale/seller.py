"""The data owner's side of a sale, step by step; every step can be run again after a crash and finds what was done.

seller = Seller(chain, oracle, store, account)
record = seller.prepare(Path("data.parquet"), model_id)     seal; key and file are on disk
state  = seller.offer(record)                               upload; wait for the quote
record = seller.accept(record)                              sign; wait until the payment is locked
status = seller.release(record)                             key to the chain, or cooperative; until paid
"""

import threading
from collections.abc import Callable
from pathlib import Path

from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import current_time, registered_terms, send_unless_done
from assay.chain.values import PostedOrder
from assay.errors import (
    ChainError,
    ContractReverted,
    NodeUnreachable,
    OfferRefused,
    OracleError,
    OracleMisbehaved,
    OracleUnreachable,
    OrderDiffers,
    OrderMissing,
    QuoteExpired,
    RevealTooLate,
    SaleError,
    TransactionPending,
    UsageError,
)
from assay.files import whole_file
from assay.oracle_api import OracleClient
from assay.protocol import seal
from assay.protocol.messages import AcceptanceRequest, OfferRequest, OfferState, OfferStatus, OrderNotes
from assay.protocol.statements import digest, signer_of
from assay.protocol.structs import ModelTerms, Order, Status, key_hash
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.trust import check_quote, oracle_of

REVEAL_MARGIN = 300
"""Seconds before the deadline from which on a key stays secret: seen in the mempool and mined too late, it is lost."""

POSTING_PATIENCE = 60
"""Seconds in which one's own node must show an order that the oracle's node has seen."""

FINAL = (Status.PAID, Status.DISPUTED, Status.REFUNDED)
PASSING = ("StatusMismatch", "DeadlineNotPassed")
"""What the contract refuses through a node that lags behind the one that was asked for the order's state."""
_PENDING = (OfferStatus.UPLOADING, OfferStatus.PRICING)

Say = Callable[[str], None]


def _silent(_: str) -> None:
    return


class Seller:
    """Sells data from ``account`` through one oracle.

    Args:
        chain: the settlement contract; its account sends the transactions.
        oracle: where data is priced.
        store: the record of offers.
        account: who is paid, and signs.
        now: unix time of a clock to heed beside the latest block's, which is old where a node or a chain stands still.
        say: told what happens, in a sentence.
        poll: seconds between two looks at the oracle or the chain.
        trust_wallet: rely on the receipt of a buyer that is a contract, which can take it back.
    """

    def __init__(
        self,
        chain: Chain,
        oracle: OracleClient,
        store: OfferStore,
        account: LocalAccount,
        *,
        now: Callable[[], int] | None = None,
        say: Say = _silent,
        poll: float = 1.0,
        trust_wallet: bool = False,
    ) -> None:
        self._chain = chain
        self._oracle = oracle
        self._store = store
        self._account = account
        self._clock = now
        self._say = say
        self._said = ""
        self._poll = poll
        self._trust_wallet = trust_wallet
        self._pause = threading.Event()

    def _now(self) -> int:
        """Unix time to keep deadlines by."""
        return current_time(self._chain, self._clock)

    def _tell(self, text: str) -> None:
        """Says what a loop meets again and again, once."""
        if text != self._said:
            self._said = text
            self._say(text)

    # --- offer --------------------------------------------------------------------------------------------------------

    def prepare(
        self,
        source: Path,
        model_id: bytes,
        *,
        chunk_size: int = seal.DEFAULT_CHUNK_SIZE,
        progress: seal.Progress | None = None,
    ) -> OfferRecord:
        """Seals ``source`` for one model, or finds the unfinished offer of it.

        Raises:
            UsageError: there is no such file.
            DataEmpty: it is empty.
        """
        if not source.is_file():
            raise UsageError(f"expected a data file at {source}, found none")
        found = self._store.find(source, model_id=model_id, seller=self._account.address)
        if found:
            self._say("found the unfinished offer of this file")
            return found
        return self._store.create(
            source,
            oracle_url=self._oracle.url,
            model_id=model_id,
            seller=self._account.address,
            chunk_size=chunk_size,
            progress=progress,
        )

    def offer(self, record: OfferRecord, *, progress: seal.Progress | None = None) -> tuple[OfferRecord, OfferState]:
        """Opens the offer, uploads what is missing, and waits for the price.

        Returns the record with the quote that was checked, or without one where the oracle declined. Once it is quoted,
        asks again: the oracle renews a quote that ran out, at the same price.

        Raises:
            SettingsError: the oracle is not the model's; nothing was sent.
            SaleError: the model takes no quotes, or needs the receipt of a buyer that can take it back.
            OfferRefused: the data cannot be priced, or was priced for this model before; or the offer lapsed.
            OracleMisbehaved: the quote is for other data, another seller or model, or not by the model's oracle.
        """
        record = self._store.load(record.data_root)
        terms = registered_terms(self._chain, record.model_id)
        self._check_receipts(terms)
        record = self._send(record, oracle_of(self._chain, self._oracle, record.model_id).recipient, progress)
        self._tell("waiting for the price")
        state = self._wait_for(record, lambda s: s.status not in _PENDING)
        if state.status in (OfferStatus.REFUSED, OfferStatus.EXPIRED):
            self._store.save(record.model_copy(update={"outcome": str(state.status)}))
            raise OfferRefused(state.code or str(state.status), state.reason or f"the offer is {state.status}")
        if state.status is OfferStatus.DECLINED:
            return self._store.save(record.model_copy(update={"outcome": "declined"})), state
        return self._take_quote(record, terms, state), state

    def _send(self, record: OfferRecord, recipient: str, progress: seal.Progress | None) -> OfferRecord:
        """Opens the offer and uploads what the oracle lacks; the record with the offer's id."""
        message = self._chain.domain.offer(record.model_id, record.seller, record.data_root, record.nonce)
        upload = self._envelope(record, recipient)
        request = OfferRequest(
            model_id=record.model_id,
            seller=record.seller,
            data_root=record.data_root,
            nonce=record.nonce,
            signature=self._account.sign_message(message).signature,
            upload_bytes=upload.stat().st_size,
            sealed_key=envelope.wrap_key(recipient, self._store.key(record)),
        )
        state = self._oracle.open_offer(request)
        if state.offer_id != digest(message):
            raise OracleMisbehaved("the oracle answered with another offer's id")
        record = self._store.save(record.model_copy(update={"offer_id": state.offer_id}))
        with upload.open("rb") as file:
            self._oracle.upload(state.offer_id, file, progress=progress)
        return record

    def _envelope(self, record: OfferRecord, recipient: str) -> Path:
        path = self._store.upload(record)
        if not path.exists():
            with self._store.sealed(record).open("rb") as source, whole_file(path) as target:
                envelope.seal_to(recipient, source, target)
        return path

    def _wait_for(self, record: OfferRecord, done: Callable[[OfferState], bool]) -> OfferState:
        assert record.offer_id is not None
        state = self._oracle.offer(record.offer_id)
        while not done(state):
            self._pause.wait(self._poll)
            state = self._oracle.offer(record.offer_id)
        return state

    def _take_quote(self, record: OfferRecord, terms: ModelTerms, state: OfferState) -> OfferRecord:
        if state.quote is None or state.oracle_signature is None:
            raise OracleMisbehaved(f"expected a signed quote with status {state.status}, got none")
        check_quote(self._chain, record, terms, state.quote, state.oracle_signature)
        update = {"quote": state.quote, "oracle_signature": state.oracle_signature}
        return self._store.save(record.model_copy(update=update))

    # --- acceptance ---------------------------------------------------------------------------------------------------

    def accept(self, record: OfferRecord, *, cooperative: bool = True) -> OfferRecord:
        """Sells at the quote's price: binds the key to the order, signs, and waits until the payment is locked.

        An order that is on chain already is found there, whether or not the oracle answers and the quote still lives.

        Raises:
            OfferRefused: the order cannot be posted.
            SaleError: it needs the receipt of a buyer that can take it back.
            QuoteExpired: the quote ran out, and the oracle does not renew it.
            OrderDiffers: something else was posted for this pair.
        """
        record = self._store.load(record.data_root)
        if self._is_posted(record):
            self.order(record)
            return record
        if record.quote is None or record.offer_id is None:
            raise UsageError("expected an offer with a quote to accept, got one without")
        terms = registered_terms(self._chain, record.model_id)
        self._check_receipts(terms)
        state = self._oracle.offer(record.offer_id)
        if state.status is OfferStatus.QUOTED:
            record = self._take_quote(record, terms, state)
        record = self.bind(record)
        self._have_posted(record, cooperative)
        self.order(record)
        return record

    def _have_posted(self, record: OfferRecord, cooperative: bool) -> None:
        """Sends the acceptance and waits until one's own node shows the order, or ought to."""
        assert record.offer_id is not None
        assert record.key_hash is not None
        assert record.acceptance is not None
        request = AcceptanceRequest(key_hash=record.key_hash, signature=record.acceptance, cooperative=cooperative)
        try:
            self._oracle.accept(record.offer_id, request)
            self._tell("waiting for the payment to be locked")
            state = self._wait_for(record, lambda s: s.status is not OfferStatus.ACCEPTED)
        except OracleUnreachable:
            if not self._is_posted(record):
                raise
        else:
            if state.status is not OfferStatus.POSTED:
                raise OfferRefused(
                    state.code or str(state.status),
                    state.reason or f"the oracle did not post the order: the offer is {state.status}",
                    hint="run the same command again when that is mended",
                )
        for _ in range(int(POSTING_PATIENCE / self._poll)):
            if self._is_posted(record):
                return
            self._pause.wait(self._poll)

    def _is_posted(self, record: OfferRecord) -> bool:
        if record.quote is None or record.key_hash is None:
            return False
        return self._chain.order_state(record.quote.order_id()).status is not Status.NONE

    def bind(self, record: OfferRecord, *, key: bytes | None = None) -> OfferRecord:
        """Binds the key to the quote's one order and signs the acceptance; on disk before it is sent anywhere.

        ``key`` replaces the sealing key, for tests of what then happens.
        """
        if record.quote is None:
            raise UsageError("expected an offer with a quote to accept, got one without")
        if self._now() > record.quote.expiry:
            raise QuoteExpired(
                f"the quote expired at {record.quote.expiry}",
                hint="offer again: the oracle renews its quote at the same price",
            )
        locked = key_hash(record.quote.order_id(), key or self._store.key(record))
        quote_digest = digest(self._chain.domain.quote(record.quote))
        signature = self._account.sign_message(self._chain.domain.acceptance(quote_digest, locked)).signature
        return self._store.save(record.model_copy(update={"key_hash": locked, "acceptance": bytes(signature)}))

    def decline(self, record: OfferRecord) -> OfferRecord:
        """Says no. Nothing was given away but the one evaluation."""
        assert record.offer_id is not None
        self._oracle.decline(record.offer_id)
        return self._store.save(record.model_copy(update={"outcome": "declined"}))

    def post(self, record: OfferRecord) -> int:
        """Posts the accepted order without the oracle, whose signature is enough; returns the gas used."""
        if record.quote is None or record.oracle_signature is None or record.key_hash is None or not record.acceptance:
            raise UsageError("expected an accepted offer to post, got one that is not")
        terms = registered_terms(self._chain, record.model_id)
        sent = self._chain.post(terms, record.quote, record.oracle_signature, record.key_hash, record.acceptance)
        return sent.gas

    # --- release ------------------------------------------------------------------------------------------------------

    def order(self, record: OfferRecord) -> PostedOrder:
        """The posted order, found to be the one that was agreed.

        Raises:
            OrderDiffers: another one was posted for this pair.
            OrderMissing: none was, or a reorganisation removed it.
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

    def release(self, record: OfferRecord, *, patience: int = 600) -> Status:
        """Hands the key over and waits until the sale has ended.

        ``patience``: seconds to leave the buyer for a cooperative close before the key goes on chain; 0 reveals at
        once. Faults that pass, of the node or by a reorganisation, are waited out.

        Raises:
            OrderDiffers: the order on chain is not the one that was agreed.
            OrderMissing: it is gone, and its quote ran out, so that it will not come back.
            RevealTooLate: the deadline is too close to reveal safely.
            ContractReverted: the contract refuses, and will go on refusing.
        """
        clock = self._clock or self._chain.block_time
        start: int | None = None
        while True:
            try:
                now = clock()
                start = now if start is None else start
                status = self.step(record, reveal=now >= start + patience)
                if status in FINAL:
                    return status
            except (ChainError, OrderMissing) as error:
                if self._stays(error, record):
                    raise
                self._tell(f"{error.message}; trying again")
            self._pause.wait(self._poll)

    def _stays(self, error: ChainError | OrderMissing, record: OfferRecord) -> bool:
        """Whether trying again cannot help."""
        if isinstance(error, ContractReverted):
            return error.error not in PASSING
        if isinstance(error, OrderMissing) and record.quote:
            try:
                return self._now() > record.quote.expiry
            except ChainError:
                return False
        return False

    def step(self, record: OfferRecord, *, reveal: bool = True) -> Status:
        """Does the one thing that can be done now, if any, and returns the state after it.

        A LOCKED order is settled with the buyer's acknowledgement if there is one, else revealed if ``reveal`` or when
        the deadline comes near; a REVEALED one is finalized once the dispute window has passed.

        Raises:
            RevealTooLate: the deadline is too close to reveal safely.
        """
        record = self._store.load(record.data_root)
        posted = self.order(record)
        order, order_id = posted.order, posted.order.order_id()
        state = self._chain.order_state(order_id)
        if state.status is Status.LOCKED:
            self._locked(record, posted, state.deadline, reveal)
        elif state.status is Status.REVEALED and self._chain.block_time() > state.deadline:
            send_unless_done(self._chain, order_id, lambda: self._chain.finalize(order), seen=Status.REVEALED)
        elif state.status is Status.REVEALED:
            self._tell("waiting for the buyer, or for the end of the dispute window")
        status = self._chain.order_state(order_id).status
        if status in FINAL and record.outcome is None:
            self._store.save(record.model_copy(update={"outcome": status.name.lower()}))
        return status

    def _locked(self, record: OfferRecord, posted: PostedOrder, deadline: int, reveal: bool) -> None:
        order, order_id = posted.order, posted.order.order_id()
        notes = self._notes(order)
        if notes and notes.key_envelope and not record.handed_over:
            record = self._store.save(record.model_copy(update={"handed_over": True}))
        if notes and notes.acknowledgement and self._settle(order, notes.acknowledgement):
            return
        if not reveal and self._now() < deadline - 2 * REVEAL_MARGIN:
            self._tell("waiting for the buyer to close")
            return
        if not self._is_safe_to_reveal(posted, deadline, secret=not record.handed_over):
            return
        receipt = self._receipt(order, notes) if order.require_receipt else b""
        if receipt is None:
            self._tell("waiting for the buyer's receipt")
            return
        send_unless_done(
            self._chain,
            order_id,
            lambda: self._chain.reveal_key(order, self._store.key(record), receipt),
            seen=Status.LOCKED,
        )
        self._say("revealed the key")

    def _receipt(self, order: Order, notes: OrderNotes | None) -> bytes | None:
        """The buyer's receipt, if there is one that will still hold when the key is in the mempool.

        Raises:
            SaleError: it is a wallet's, which can take it back.
        """
        receipt = notes.receipt if notes else None
        if receipt is None or signer_of(self._chain.domain.receipt(order.digest()), receipt) == order.buyer:
            return receipt
        if not self._chain.is_contract(order.buyer):
            return None
        self._check_trusted(order.buyer)
        return receipt

    def _check_receipts(self, terms: ModelTerms) -> None:
        if terms.require_receipt and self._chain.is_contract(terms.owner):
            self._check_trusted(terms.owner)

    def _check_trusted(self, wallet: str) -> None:
        if not self._trust_wallet:
            raise SaleError(
                f"expected a buyer whose receipt stays valid, {wallet} is a contract: it can take its receipt back "
                "when it sees the key in the mempool, and owe nothing",
                hint="sell to a model without receipts, or, if you trust this buyer, say so: --trust-wallet",
            )

    def _settle(self, order: Order, acknowledgement: bytes) -> bool:
        """Closes the order with the buyer's consent; False where the contract refuses that.

        A wallet can take its signature back, or fail in any way it likes: that must keep no key from the chain.
        """
        try:
            send_unless_done(
                self._chain, order.order_id(), lambda: self._chain.settle(order, acknowledgement), seen=Status.LOCKED
            )
        except (NodeUnreachable, TransactionPending):
            raise
        except ChainError as error:
            self._tell(f"the buyer's acknowledgement does not settle the order ({error.message})")
            return False
        return True

    def _is_safe_to_reveal(self, posted: PostedOrder, deadline: int, *, secret: bool = True) -> bool:
        """Whether what is revealed now will be paid for: the order stays, and the transaction is mined in time.

        A key that is no longer ``secret`` to the buyer cannot be lost by revealing it: then any time is good.

        Raises:
            RevealTooLate: it might be mined too late.
        """
        now = self._now()
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
            self._tell("waiting until no reorganisation can take the payment back")
            return False
        if self._chain.unmined():
            self._tell("waiting for an earlier transaction of this account to be mined")
            return False
        return True

    def reveal_data(self, record: OfferRecord) -> Status:
        """Reveals the data itself on chain, in public, and is paid at once; for small data that may be public.

        Raises:
            RevealTooLate: the deadline is too close.
        """
        while True:
            posted = self.order(record)
            order, order_id = posted.order, posted.order.order_id()
            state = self._chain.order_state(order_id)
            if state.status is not Status.LOCKED:
                return self.step(record)
            if self._is_safe_to_reveal(posted, state.deadline):
                break
            self._pause.wait(self._poll)
        with self._store.sealed(record).open("rb") as sealed:
            plain, sealed_digests = seal.plaintext(sealed, self._store.key(record))
            chunk_size = seal.read_index(sealed).layout.chunk_size
        send_unless_done(
            self._chain,
            order_id,
            lambda: self._chain.reveal_data(order, chunk_size, plain, sealed_digests),
            seen=Status.LOCKED,
        )
        return self.step(record)

    def _notes(self, order: Order) -> OrderNotes | None:
        """What the oracle holds; None if it is down, which must not keep a seller from revealing in time."""
        try:
            return self._oracle.notes(order.order_id())
        except OracleError as error:
            self._tell(f"the oracle does not answer ({error.message}); going on without it")
            return None
