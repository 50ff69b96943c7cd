"""The model owner's side: register and fund a model, then watch its orders, each one step by step.

buyer = Buyer(chain, oracle, account, identity, folder)
model_id = buyer.register(terms, oracle_address)
buyer.fund(model_id, amount)
for purchase in buyer.look(model_id): ...        downloads, checks, opens, acknowledges or disputes
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.chain.port import Chain
from assay.chain.queries import registered_terms, send_unless_done
from assay.chain.values import PostedOrder, Transaction
from assay.errors import (
    AssayError,
    ChunkMismatch,
    EnvelopeInvalid,
    NodeUnreachable,
    OracleError,
    OracleMisbehaved,
    SealError,
)
from assay.files import sync_folder, whole_file
from assay.oracle_api import OracleClient
from assay.protocol import seal
from assay.protocol.messages import OrderNotes
from assay.protocol.structs import ModelTerms, Order, Status, key_hash

_SUFFIXES = {b"PAR1": ".parquet", b"PK\x03\x04": ".npz"}
_OTHER_SUFFIX = ".csv"

SETTLE_MARGIN = 600
"""Seconds before the deadline from which on a buyer who has the file leaves settling to nobody else."""

Bars = Callable[[str, int], AbstractContextManager[seal.Progress]]
"""What is done and its bytes in all, to a function that takes the bytes done since its last call."""


@dataclass
class Purchase:
    """One order as the buyer sees it.

    ``gas`` is what this look spent, by step; ``note`` says what is waited for, or what is wrong; ``error`` is set where
    this look could not do what was due.
    """

    order: Order
    status: Status
    deadline: int
    file: Path | None = None
    note: str = ""
    error: AssayError | None = None
    gas: dict[str, int] = field(default_factory=dict)


def _silent(_: str) -> None:
    return


@contextmanager
def _unseen(_: str, __: int) -> Iterator[seal.Progress]:
    yield lambda _: None


class Buyer:
    """Buys for the models of ``account``.

    Args:
        chain: the settlement contract; its account sends the transactions.
        oracle: where sealed files are fetched.
        account: the models' owner; signs receipts and acknowledgements.
        identity: age identity of the models' delivery key (``AGE-SECRET-KEY-1...``).
        folder: where downloads and opened files go; made if it is not there.
        now: unix time; by default the chain's latest block.
        say: told what happens, in a sentence.
        bars: shows the progress of what takes long.
    """

    def __init__(
        self,
        chain: Chain,
        oracle: OracleClient,
        account: LocalAccount,
        identity: str,
        folder: Path,
        *,
        now: Callable[[], int] | None = None,
        say: Callable[[str], None] = _silent,
        bars: Bars = _unseen,
    ) -> None:
        self._chain = chain
        self._oracle = oracle
        self._account = account
        self._identity = identity
        self._folder = folder
        self._now = now or chain.block_time
        self._say = say
        self._bars = bars
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    # --- models -------------------------------------------------------------------------------------------------------

    def register(self, terms: ModelTerms, oracle: str) -> tuple[bytes, int]:
        """Registers ``terms``, once: returns the model's id, and the gas used (0 if it was registered before)."""
        model_id = self._chain.model_id(terms)
        if self._chain.model_state(model_id).registered:
            return model_id, 0
        return model_id, self._chain.register_model(terms, oracle).gas

    def terms(self, model_id: bytes) -> ModelTerms:
        """Terms of a registered model.

        Raises:
            SaleError: there is none with this id.
        """
        return registered_terms(self._chain, model_id)

    def fund(self, model_id: bytes, amount: int) -> int:
        """Adds ``amount`` base units to the model's budget; returns the gas used."""
        return self._chain.fund(self.terms(model_id), amount).gas

    # --- orders -------------------------------------------------------------------------------------------------------

    def look(self, model_id: bytes) -> list[Purchase]:
        """Takes every order of the model as far as it goes now; safe to run at any time and again."""
        return [self.step(posted) for posted in self._chain.posted(model_id=model_id)]

    def step(self, posted: PostedOrder) -> Purchase:
        """Takes one order as far as it goes now.

        While it is LOCKED: download, check against the commitment, leave a receipt if the terms ask for one; open it
        with the key from the oracle if the seller cooperates, and acknowledge. Once REVEALED: open with the revealed
        key; a chunk that it does not open is disputed, else acknowledge. After silence: refund, unless the file is
        open: then settle. Data that the seller revealed on chain is taken from there.

        What goes wrong with this order is in the purchase's ``error``, so that it holds up no other.

        Raises:
            NodeUnreachable: nothing can be done now.
        """
        state = self._chain.order_state(posted.order.order_id())
        purchase = Purchase(posted.order, state.status, state.deadline)
        try:
            self._advance(purchase)
        except NodeUnreachable:
            raise
        except AssayError as error:
            purchase.error, purchase.note = error, error.message
        return purchase

    def _advance(self, purchase: Purchase) -> None:
        order = purchase.order
        purchase.file = self._opened(order)
        if purchase.file:
            self._acknowledge(purchase)
        elif purchase.status is Status.LOCKED and self._now() > purchase.deadline:
            self._close(purchase, "refund", lambda: self._chain.refund(order))
        elif purchase.status is Status.PAID and self._take_revealed(purchase):
            return
        elif purchase.status in (Status.LOCKED, Status.REVEALED, Status.PAID):
            self._fetch_and_open(purchase)

    def _take_revealed(self, purchase: Purchase) -> bool:
        """Writes the data that the seller revealed on chain; False where it was sold by its key.

        Raises:
            ChainError, CommitmentMismatch: it is not to be had from the node, or not what the order commits to.
        """
        order = purchase.order
        revealed = self._chain.revealed_data(order.order_id())
        if revealed is None:
            return False
        data = seal.open_revealed(revealed.plaintext, revealed.sealed_digests, revealed.chunk_size, order.data_root)
        aside = self._folder / self._name(order, ".part")
        with aside.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        self._keep(purchase, aside)
        return True

    def _keep(self, purchase: Purchase, aside: Path) -> None:
        purchase.file = self._folder / self._name(purchase.order, _suffix_of(aside))
        aside.replace(purchase.file)
        sync_folder(self._folder)
        self._say(f"opened {purchase.file.name}")

    def _fetch_and_open(self, purchase: Purchase) -> None:
        """Where the oracle is down, what is on disk and on chain must do."""
        order = purchase.order
        sealed = self._folder / self._name(order, ".sealed")
        notes = None
        try:
            self._fetch(order, sealed)
            notes = self._oracle.notes(order.order_id())
            if purchase.status is Status.LOCKED and order.require_receipt and notes.receipt is None:
                signed = self._account.sign_message(self._chain.domain.receipt(order.digest()))
                self._oracle.put_receipt(order.order_id(), bytes(signed.signature))
        except OracleError as error:
            if not sealed.exists():
                raise
            purchase.error, purchase.note = error, error.message
        key = self._key(order, notes)
        if key is None:
            purchase.note = purchase.note or "sealed file checked; waiting for the key"
            return
        self._open(purchase, sealed, key)

    def _fetch(self, order: Order, sealed: Path) -> None:
        """Puts the sealed file of an order at ``sealed``, unless it is there, and checks it against its commitment.

        Raises:
            OracleMisbehaved: what the oracle delivers is not what the order commits to.
        """
        if sealed.exists():
            return
        enveloped = self._folder / self._name(order, ".age")
        with self._bars("downloading", self._oracle.notes(order.order_id()).sealed_bytes) as done:
            self._oracle.download(order.order_id(), enveloped, progress=done)
        try:
            with enveloped.open("rb") as source, whole_file(sealed) as target:
                envelope.open_with(self._identity, source, target)
                with self._bars("checking", target.tell()) as done:
                    index = seal.check_chunks(target, progress=done)
                if index.data_root != order.data_root:
                    raise SealError(f"expected root 0x{order.data_root.hex()}, got 0x{index.data_root.hex()}")
        except (SealError, EnvelopeInvalid) as error:
            enveloped.unlink()
            raise OracleMisbehaved(
                f"the sealed file is not the one that the order commits to: {error.message}",
                hint="run the same command again: it is fetched anew",
            ) from None
        enveloped.unlink()

    def _key(self, order: Order, notes: OrderNotes | None) -> bytes | None:
        """The key that the order locks, from the chain or through the oracle; None while it is secret."""
        key = self._chain.revealed_key(order.order_id())
        if key is None and notes and notes.key_envelope:
            try:
                key = envelope.unwrap_key(self._identity, notes.key_envelope)
            except EnvelopeInvalid:
                self._say("the key that the oracle handed over does not open; waiting for it on chain")
        if key is None or key_hash(order.order_id(), key) != order.key_hash:
            return None
        return key

    def _open(self, purchase: Purchase, sealed: Path, key: bytes) -> None:
        order = purchase.order
        aside = self._folder / self._name(order, ".part")
        try:
            with (
                sealed.open("rb") as source,
                aside.open("wb") as target,
                self._bars("opening", sealed.stat().st_size) as done,
            ):
                seal.open_sealed(source, key, target, progress=done)
                target.flush()
                os.fsync(target.fileno())
        except SealError:
            aside.unlink()
            self._dispute(purchase, sealed, key)
            return
        self._keep(purchase, aside)
        self._acknowledge(purchase)

    def _dispute(self, purchase: Purchase, sealed: Path, key: bytes) -> None:
        """Disputes the first chunk that the key does not open, once the key is on chain.

        Raises:
            SealError: the fault is with the copy on disk, which was right when it came.
        """
        with sealed.open("rb") as source:
            try:
                bad = seal.find_bad_chunk(source, key)
            except SealError as error:
                sealed.unlink()
                raise ChunkMismatch(
                    f"the sealed file on disk was altered since it came ({error.message}), and was deleted",
                    hint="run the same command again: it is fetched anew",
                ) from None
            assert bad is not None
            purchase.note = f"the key does not open chunk {bad}"
            if purchase.status is Status.LOCKED:
                purchase.note += "; disputing once it is revealed on chain"
            if purchase.status is not Status.REVEALED:
                return
            proof = seal.prove(source, bad)
        self._close(purchase, "dispute", lambda: self._chain.dispute(purchase.order, key, proof))

    def _acknowledge(self, purchase: Purchase) -> None:
        """Leaves the signed consent with the oracle, which settles; the file is safe on disk by now.

        What is open is paid for: a LOCKED order that the oracle cannot settle, or did not in time, is settled here.
        """
        order = purchase.order
        if purchase.status not in (Status.LOCKED, Status.REVEALED):
            return
        acknowledgement = bytes(
            self._account.sign_message(self._chain.domain.acknowledgement(order.digest())).signature
        )
        due = self._now() > purchase.deadline - SETTLE_MARGIN
        try:
            self._oracle.put_acknowledgement(order.order_id(), acknowledgement)
        except OracleError as error:
            purchase.note = f"opened; the oracle does not take the acknowledgement: {error.message}"
            due = True
        if due and purchase.status is Status.LOCKED:
            self._close(purchase, "settle", lambda: self._chain.settle(order, acknowledgement))

    def _close(self, purchase: Purchase, step: str, send: Callable[[], Transaction]) -> None:
        """Sends what closes an order, unless that was done and waits to be mined."""
        if self._chain.unmined():
            purchase.note = "waiting for an earlier transaction of this account to be mined"
            return
        sent = send_unless_done(self._chain, purchase.order.order_id(), send, seen=purchase.status)
        if sent:
            purchase.gas[step] = sent.gas
        purchase.status = self._chain.order_state(purchase.order.order_id()).status

    def _opened(self, order: Order) -> Path | None:
        paths = (self._folder / self._name(order, suffix) for suffix in (*_SUFFIXES.values(), _OTHER_SUFFIX))
        return next((path for path in paths if path.exists()), None)

    def _name(self, order: Order, suffix: str) -> str:
        return order.order_id().hex() + suffix


def _suffix_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    return _SUFFIXES.get(start, _OTHER_SUFFIX)
