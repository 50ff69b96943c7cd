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
from assay.chain import PostedOrder, SettlementClient
from assay.errors import (
    ContractReverted,
    OfferRefused,
    OracleError,
    OracleMisbehaved,
    OrderDiffers,
    QuoteExpired,
    RevealTooLate,
    SaleError,
    UsageError,
)
from assay.offers import OfferRecord, OfferStore
from assay.oracle_api import OracleClient
from assay.protocol import seal
from assay.protocol.messages import AcceptanceRequest, OfferRequest, OfferState, OfferStatus, OrderNotes
from assay.protocol.quote import digest, signer_of
from assay.protocol.types import ModelTerms, Order, Quote, Status, key_hash

REVEAL_MARGIN = 300
"""Seconds before the deadline from which on a key stays secret: seen in the mempool and mined too late, it is lost."""

FINAL = (Status.PAID, Status.DISPUTED, Status.REFUNDED)

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
        now: unix time; by default the chain's latest block.
        say: told what happens, in a sentence.
        poll: seconds between two looks at the oracle or the chain.
    """

    def __init__(
        self,
        chain: SettlementClient,
        oracle: OracleClient,
        store: OfferStore,
        account: LocalAccount,
        *,
        now: Callable[[], int] | None = None,
        say: Say = _silent,
        poll: float = 1.0,
    ) -> None:
        self._chain = chain
        self._oracle = oracle
        self._store = store
        self._account = account
        self._now = now or chain.block_time
        self._say = say
        self._poll = poll
        self._pause = threading.Event()

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

        Returns the record with the quote that was checked, or without one where the oracle declined.

        Raises:
            OfferRefused: the data cannot be priced, or was priced for this model before.
            OracleMisbehaved: the quote is for other data, another seller or model, or not by the model's oracle.
        """
        terms = self._terms(record.model_id)
        message = self._chain.domain.offer(record.model_id, record.seller, record.data_root, record.nonce)
        info = self._oracle.info()
        upload = self._envelope(record, info.recipient)
        request = OfferRequest(
            model_id=record.model_id,
            seller=record.seller,
            data_root=record.data_root,
            nonce=record.nonce,
            signature=self._account.sign_message(message).signature,
            upload_bytes=upload.stat().st_size,
            sealed_key=envelope.wrap_key(info.recipient, self._store.key(record)),
        )
        state = self._oracle.open_offer(request)
        if state.offer_id != digest(message):
            raise OracleMisbehaved("the oracle answered with another offer's id")
        record = self._store.save(record.model_copy(update={"offer_id": state.offer_id}))
        with upload.open("rb") as file:
            state = self._oracle.upload(state.offer_id, file, progress=progress)
        state = self._wait_for(record, lambda s: s.status not in (OfferStatus.UPLOADING, OfferStatus.PRICING))
        if state.status is OfferStatus.REFUSED:
            self._store.save(record.model_copy(update={"outcome": "refused"}))
            raise OfferRefused(state.code or "refused", state.reason or "the oracle refused the data")
        if state.status is OfferStatus.DECLINED:
            return self._store.save(record.model_copy(update={"outcome": "declined"})), state
        if state.quote is None or state.oracle_signature is None:
            raise OracleMisbehaved(f"expected a quote with status {state.status}, got none")
        self._check_quote(record, terms, state.quote, state.oracle_signature)
        update = {"quote": state.quote, "oracle_signature": state.oracle_signature}
        return self._store.save(record.model_copy(update=update)), state

    def _envelope(self, record: OfferRecord, recipient: str) -> Path:
        path = self._store.upload(record)
        if not path.exists():
            aside = path.with_suffix(".part")
            with self._store.sealed(record).open("rb") as source, aside.open("wb") as target:
                envelope.seal_to(recipient, source, target)
            aside.replace(path)
        return path

    def _wait_for(self, record: OfferRecord, done: Callable[[OfferState], bool]) -> OfferState:
        assert record.offer_id is not None
        state = self._oracle.offer(record.offer_id)
        while not done(state):
            self._pause.wait(self._poll)
            state = self._oracle.offer(record.offer_id)
        return state

    def _terms(self, model_id: bytes) -> ModelTerms:
        found = self._chain.model_terms(model_id)
        if found is None:
            raise SaleError(
                f"expected a registered model, found none with id 0x{model_id.hex()}",
                hint="check the id, and that this is the chain it was registered on",
            )
        return found[0]

    def _check_quote(self, record: OfferRecord, terms: ModelTerms, quote: Quote, signature: bytes) -> None:
        asked = (record.model_id, record.seller, record.data_root)
        if (quote.model_id, quote.seller, quote.data_root) != asked:
            raise OracleMisbehaved("the quote is for another model, seller or data set than was offered")
        if not 0 < quote.price <= terms.max_price:
            raise OracleMisbehaved(f"expected a price from 1 to {terms.max_price}, got {quote.price}")
        if record.quote is not None and (quote.price, quote.content_id) != (
            record.quote.price,
            record.quote.content_id,
        ):
            raise OracleMisbehaved(
                f"the oracle quoted {record.quote.price} before and {quote.price} now, for one offer"
            )
        oracle = self._chain.model_state(record.model_id).oracle
        signer = signer_of(self._chain.domain.quote(quote), signature)
        if oracle is None or (signer != oracle and not self._chain.is_contract(oracle)):
            raise OracleMisbehaved(f"expected a quote signed by the model's oracle {oracle}, got one by {signer}")

    # --- acceptance ---------------------------------------------------------------------------------------------------

    def accept(self, record: OfferRecord, *, cooperative: bool = True) -> OfferRecord:
        """Sells at the quote's price: binds the key to the order, signs, and waits until the payment is locked.

        Raises:
            QuoteExpired: the quote can no longer be posted, and the oracle does not renew it.
            OrderDiffers: something else was posted for this pair.
        """
        record = self.bind(record)
        assert record.offer_id is not None
        assert record.key_hash is not None
        assert record.acceptance is not None
        state = self._oracle.accept(
            record.offer_id,
            AcceptanceRequest(key_hash=record.key_hash, signature=record.acceptance, cooperative=cooperative),
        )
        if state.status is not OfferStatus.POSTED:
            state = self._wait_for(record, lambda s: s.status is not OfferStatus.ACCEPTED)
        if state.status is not OfferStatus.POSTED:
            raise QuoteExpired(state.reason or f"the oracle did not post the order: {state.status}")
        self.order(record)
        return record

    def bind(self, record: OfferRecord, *, key: bytes | None = None) -> OfferRecord:
        """Binds the key to the quote's one order and signs the acceptance; on disk before it is sent anywhere.

        ``key`` replaces the sealing key, for tests of what then happens.
        """
        if record.quote is None:
            raise UsageError("expected an offer with a quote to accept, got one without")
        if self._now() > record.quote.expiry:
            raise QuoteExpired(
                f"the quote expired at {record.quote.expiry}",
                hint="run the offer again: the oracle renews its quote at the same price",
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
        terms = self._terms(record.model_id)
        sent = self._chain.post(terms, record.quote, record.oracle_signature, record.key_hash, record.acceptance)
        return sent.gas

    # --- release ------------------------------------------------------------------------------------------------------

    def order(self, record: OfferRecord) -> PostedOrder:
        """The posted order, found to be the one that was agreed.

        Raises:
            OrderDiffers: another one was posted for this pair, or none.
        """
        if record.quote is None:
            raise UsageError("expected an offer with a quote, got one without")
        posted = self._chain.posted(order_id=record.quote.order_id())
        if not posted:
            raise OrderDiffers(
                "the order is not on chain",
                hint="a reorganisation may have removed it; accept again while the quote lives",
            )
        order = posted[-1].order
        agreed = (record.quote.price, record.seller, record.data_root, record.key_hash)
        if (order.price, order.seller, order.data_root, order.key_hash) != agreed:
            raise OrderDiffers("the order on chain is not the one that was agreed", hint="do not reveal the key")
        return posted[-1]

    def release(self, record: OfferRecord, *, patience: int = 600) -> Status:
        """Hands the key over and waits until the sale has ended.

        ``patience``: seconds to leave the buyer for a cooperative close before the key goes on chain; 0 reveals at
        once.
        """
        start = self._now()
        while True:
            status = self.step(record, reveal=self._now() >= start + patience)
            if status in FINAL:
                return status
            self._pause.wait(self._poll)

    def step(self, record: OfferRecord, *, reveal: bool = True) -> Status:
        """Does the one thing that can be done now, if any, and returns the state after it.

        A LOCKED order is settled with the buyer's acknowledgement if there is one, else revealed if ``reveal`` or when
        the deadline comes near; a REVEALED one is finalized once the dispute window has passed.

        Raises:
            RevealTooLate: the deadline is too close to reveal safely.
        """
        posted = self.order(record)
        order = posted.order
        state = self._chain.order_state(order.order_id())
        if state.status is Status.LOCKED and self._chain.is_confirmed(posted.block):
            self._locked(record, order, state.deadline, reveal)
        elif state.status is Status.REVEALED and self._now() > state.deadline:
            self._tolerating_a_race(lambda: self._chain.finalize(order).gas, order)
        status = self._chain.order_state(order.order_id()).status
        if status in FINAL and record.outcome is None:
            self._store.save(record.model_copy(update={"outcome": status.name.lower()}))
        return status

    def _locked(self, record: OfferRecord, order: Order, deadline: int, reveal: bool) -> None:
        notes = self._notes(order)
        if notes and notes.acknowledgement:
            acknowledgement = notes.acknowledgement
            self._tolerating_a_race(lambda: self._chain.settle(order, acknowledgement).gas, order)
            return
        now = self._now()
        if not reveal and now < deadline - 2 * REVEAL_MARGIN:
            return
        if now > deadline - REVEAL_MARGIN:
            raise RevealTooLate(
                f"{max(deadline - now, 0)} s before the deadline, less than the {REVEAL_MARGIN} s that are safe",
                hint="the key stays secret and the buyer is refunded; offer other data",
            )
        receipt = b""
        if order.require_receipt:
            if notes is None or notes.receipt is None:
                self._say("waiting for the buyer's receipt")
                return
            receipt = notes.receipt
        self._chain.reveal_key(order, self._store.key(record), receipt)
        self._say("revealed the key")

    def reveal_data(self, record: OfferRecord) -> Status:
        """Reveals the data itself on chain, in public, and is paid at once; for small data that may be public."""
        order = self.order(record).order
        with self._store.sealed(record).open("rb") as sealed:
            plain, sealed_digests = seal.plaintext(sealed, self._store.key(record))
            chunk_size = seal.read_index(sealed).layout.chunk_size
        self._chain.reveal_data(order, chunk_size, plain, sealed_digests)
        return self.step(record)

    def _notes(self, order: Order) -> OrderNotes | None:
        """What the oracle holds; None if it is down, which must not keep a seller from revealing in time."""
        try:
            return self._oracle.notes(order.order_id())
        except OracleError as error:
            self._say(f"the oracle does not answer ({error.message}); going on without it")
            return None

    def _tolerating_a_race(self, send: Callable[[], int], order: Order) -> None:
        """Anyone may close an order: that somebody was faster is success."""
        try:
            send()
        except ContractReverted:
            if self._chain.order_state(order.order_id()).status not in FINAL:
                raise
