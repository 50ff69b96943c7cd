"""The model owner's side: register and fund a model, then advance its orders. Every call can be repeated.

buyer = Buyer(chain, oracle, account, identity, folder)
model_id = buyer.register(terms, oracle_address)
buyer.fund(model_id, amount)
for purchase in buyer.poll(model_id): ...        downloads, checks, acknowledges, opens or disputes
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NoReturn

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
    OracleUnreachable,
    SealError,
)
from assay.files import private_file, private_folder, sync_folder, whole_file
from assay.oracle_api import DOWNLOAD_SECONDS, OracleClient
from assay.protocol import seal
from assay.protocol.messages import OrderRecord
from assay.protocol.structs import ModelTerms, Order, Status
from assay.protocol.tree import ChunkProof
from assay.protocol.types import ModelId
from assay.sale.escrow import EscrowRecords
from assay.sale.orders import OrderLog
from assay.sale.purchase import DEFAULT_SUFFIX, SUFFIXES, Purchase, suffix_of
from assay.sale.release import no_report

SETTLE_MARGIN = 600
"""In the last 600 s before the deadline, a buyer who has opened the file settles the order itself.

A reorganisation can take back the payment for a key that was handed over.
"""

POLL_SECONDS = 900
"""Seconds after which a poll leaves further downloads to the next one: a quarter of the shortest window to dispute."""

ShowProgress = Callable[[str, int], AbstractContextManager[seal.Progress]]
"""Takes a task's name and its total bytes; yields a function that takes the bytes done since its last call."""


@contextmanager
def _no_progress(_: str, __: int) -> Iterator[seal.Progress]:
    yield lambda _: None


class Buyer:
    """Buys for the models of ``account``.

    Args:
        chain: The settlement contract. Its account sends the transactions.
        oracle: Delivers the sealed files.
        account: The models' owner. Signs receipts and acknowledgements.
        identity: Age identity of the models' delivery key (``AGE-SECRET-KEY-1...``).
        folder: Downloads and opened files; made if it does not exist.
        now: Unix time; by default the latest block's.
        report: Receives what happens, in a sentence.
        progress: Shows the progress of downloads and of opening.
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
        report: Callable[[str], None] = no_report,
        progress: ShowProgress = _no_progress,
    ) -> None:
        self._chain = chain
        self._oracle = oracle
        self._account = account
        self._identity = identity
        self._folder = folder
        self._now = now or chain.block_time
        self._report = report
        self._progress = progress
        self._escrow = EscrowRecords(chain, account, identity, folder)
        self._until = float("inf")
        self._silence: OracleUnreachable | None = None
        private_folder(folder)

    # --- models -------------------------------------------------------------------------------------------------------

    def register(self, terms: ModelTerms, oracle: str) -> tuple[ModelId, int]:
        """Registers ``terms`` unless they are; returns the model's id and the gas used (0 if it was registered)."""
        model_id = self._chain.model_id(terms)
        if self._chain.model_state(model_id).registered:
            return model_id, 0
        return model_id, self._chain.register_model(terms, oracle).gas

    def terms(self, model_id: ModelId) -> ModelTerms:
        """Terms of a registered model.

        Raises:
            SaleError: No model with this id is registered.
        """
        return registered_terms(self._chain, model_id)

    def fund(self, model_id: ModelId, amount: int) -> int:
        """Adds ``amount`` base units to the model's budget; returns the gas used."""
        return self._chain.fund(self.terms(model_id), amount).gas

    # --- orders -------------------------------------------------------------------------------------------------------

    def poll(self, model_id: ModelId) -> list[Purchase]:
        """Advances every order of the model as far as possible now, oldest first.

        Raises:
            NodeUnreachable: Nothing can be done now.
        """
        found = OrderLog(self._chain, model_id, self._folder).update()
        self._until, self._silence = time.monotonic() + POLL_SECONDS, None
        done = {posted.order.order_id(): self.advance(posted) for posted in sorted(found, key=self._needs_oracle)}
        return [done[posted.order.order_id()] for posted in found]

    def _needs_oracle(self, posted: PostedOrder) -> bool:
        """Whether an order can wait: what is due on chain with what is on disk comes before all that the oracle slows.

        A window to dispute or to be refunded runs on while an oracle that answers slowly is asked about others.
        """
        return not (self._sealed(posted.order).exists() or self._opened(posted.order))

    def advance(self, posted: PostedOrder) -> Purchase:
        """Advances one order as far as possible now.

        While it is LOCKED, downloads the file, checks it against the commitment, signs a receipt if the terms ask for
        one, and acknowledges once the model's oracle has signed that it holds the key. Once PAID, opens the file with
        the key from the oracle. Once REVEALED, opens the file with the revealed key; disputes a chunk that the key does
        not open, or else acknowledges. After the deadline, refunds a LOCKED order, unless the file is open: then
        settles. Data that the seller revealed on chain is read from there.

        An error with this order is in the purchase's ``error``, so that it delays no other order.

        Raises:
            NodeUnreachable: Nothing can be done now.
        """
        state = self._chain.order_state(posted.order.order_id())
        purchase = Purchase(posted.order, state.status, state.deadline)
        try:
            self._do_next(purchase)
        except NodeUnreachable:
            raise
        except AssayError as error:
            purchase.error, purchase.note = error, error.message
        return purchase

    def _do_next(self, purchase: Purchase) -> None:
        order = purchase.order
        purchase.file = self._opened(order)
        if purchase.file:
            self._acknowledge(purchase)
        elif purchase.status is Status.LOCKED and self._now() > purchase.deadline:
            self._close(purchase, "refund", lambda: self._chain.refund(order))
        elif purchase.status is Status.PAID and self._open_revealed(purchase):
            return
        elif purchase.status in (Status.LOCKED, Status.REVEALED, Status.PAID):
            self._fetch_and_open(purchase)

    def _open_revealed(self, purchase: Purchase) -> bool:
        """Writes the data that the seller revealed on chain; False if it was sold by its key.

        Raises:
            ChainError: The node does not have the data.
            CommitmentMismatch: It is not what the order commits to.
        """
        order = purchase.order
        revealed = self._chain.revealed_data(order.order_id())
        if revealed is None:
            return False
        data = seal.open_revealed(revealed.plaintext, revealed.sealed_digests, revealed.chunk_size, order.data_root)
        aside = self._folder / self._name(order, ".part")
        with private_file(aside, "wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        self._finish_file(purchase, aside)
        return True

    def _finish_file(self, purchase: Purchase, aside: Path) -> None:
        purchase.file = self._folder / self._name(purchase.order, suffix_of(aside))
        aside.replace(purchase.file)
        sync_folder(self._folder)
        self._report(f"opened {purchase.file.name}")

    def _fetch_and_open(self, purchase: Purchase) -> None:
        """Consents while LOCKED, and opens the file if its key is available.

        Without the oracle, what is on disk and on chain must suffice.
        """
        order, sealed = purchase.order, self._sealed(purchase.order)
        key = self._chain.revealed_key(order.order_id())
        if key is not None and sealed.exists():
            self._open(purchase, sealed, key)
            return
        held = None
        try:
            held = self._ask(purchase, sealed)
        except OracleError as error:
            if isinstance(error, OracleUnreachable):
                self._silence = error
            if not sealed.exists():
                raise
            purchase.error, purchase.note = error, error.message
        key = key or self._escrow.key(order, purchase.status, held.key_envelope if held else None)
        if key is None:
            waiting = "paid" if purchase.status is Status.PAID else "sealed file checked"
            purchase.note = purchase.note or f"{waiting}; waiting for the key"
            return
        self._open(purchase, sealed, key)

    def _ask(self, purchase: Purchase, sealed: Path) -> OrderRecord:
        """Gets the sealed file and what else the oracle holds; consents while LOCKED.

        Raises:
            OracleUnreachable: The oracle does not answer, or did not answer in this poll before.
        """
        if self._silence:
            raise self._silence
        self._fetch(purchase.order, sealed)
        held = self._oracle.order(purchase.order.order_id())
        if purchase.status is Status.LOCKED:
            self._consent(purchase, held)
        return held

    def _consent(self, purchase: Purchase, held: OrderRecord) -> None:
        """Signs for the sealed file, which is on disk and matches the root, and pays on the oracle's statement.

        Raises:
            OracleMisbehaved: Another party signed the oracle's statement.
        """
        order, order_id = purchase.order, purchase.order.order_id()
        if order.require_receipt and held.receipt is None:
            signed = self._account.sign_message(self._chain.domain.receipt(order.digest()))
            self._oracle.put_receipt(order_id, bytes(signed.signature))
        if held.key_escrow is not None:
            acknowledgement = self._escrow.acknowledge(order, held.key_escrow)
            if held.acknowledgement != acknowledgement:
                self._oracle.put_acknowledgement(order_id, acknowledgement)
            purchase.note = "acknowledged; waiting for the payment"

    def _fetch(self, order: Order, sealed: Path) -> None:
        """Downloads the sealed file of an order to ``sealed``, unless it exists, and checks it.

        Raises:
            OracleMisbehaved: The oracle delivers something else than the order commits to.
        """
        if sealed.exists():
            return
        enveloped = self._folder / self._name(order, ".age")
        with self._progress("downloading", self._oracle.order(order.order_id()).sealed_bytes) as done:
            seconds = min(DOWNLOAD_SECONDS, self._until - time.monotonic())
            self._oracle.download(order.order_id(), enveloped, within=seconds, progress=done)
        try:
            with enveloped.open("rb") as source, whole_file(sealed) as target:
                envelope.decrypt_with(self._identity, source, target)
                with self._progress("checking", target.tell()) as done:
                    index = seal.check_chunks(target, progress=done)
                if index.data_root != order.data_root:
                    raise SealError(f"expected root 0x{order.data_root.hex()}, got 0x{index.data_root.hex()}")
        except (SealError, EnvelopeInvalid) as error:
            enveloped.unlink()
            raise OracleMisbehaved(
                f"the sealed file is not the one that the order commits to: {error.message}",
                hint="run the same command again to download it again",
            ) from None
        enveloped.unlink()

    def _open(self, purchase: Purchase, sealed: Path, key: bytes) -> None:
        order = purchase.order
        aside = self._folder / self._name(order, ".part")
        try:
            with (
                sealed.open("rb") as source,
                private_file(aside, "wb") as target,
                self._progress("opening", sealed.stat().st_size) as done,
            ):
                seal.open_sealed(source, key, target, progress=done)
                target.flush()
                os.fsync(target.fileno())
        except SealError:
            aside.unlink()
            self._dispute(purchase, sealed, key)
            return
        self._finish_file(purchase, aside)
        self._acknowledge(purchase)

    def _dispute(self, purchase: Purchase, sealed: Path, key: bytes) -> None:
        """Disputes the first chunk that the key does not open, once the key is on chain.

        Raises:
            ChunkMismatch: The copy on disk was altered since it was downloaded.
        """
        with sealed.open("rb") as source:
            try:
                bad = seal.find_bad_chunk(source, key)
            except SealError as error:
                sealed.unlink()
                raise ChunkMismatch(
                    f"the sealed file on disk was altered since its download ({error.message}), and was deleted",
                    hint="run the same command again to download it again",
                ) from None
            assert bad is not None
            purchase.note = f"the key does not open chunk {bad}"
            if purchase.status is Status.LOCKED:
                purchase.note += "; disputing once it is revealed on chain"
                return
            proof = seal.prove(source, bad)
        if purchase.status is Status.PAID:
            self._accuse(purchase, key, proof)
        self._close(purchase, "dispute", lambda: self._chain.dispute(purchase.order, key, proof))

    def _accuse(self, purchase: Purchase, key: bytes, proof: ChunkProof) -> NoReturn:
        """Keeps what proves that the oracle's statement, on which the buyer paid, was false.

        Raises:
            OracleMisbehaved: Always.
        """
        path = self._escrow.disprove(purchase.order, key, proof)
        raise OracleMisbehaved(
            f"the order is paid, and its key does not open chunk {proof.index}",
            hint=f"{path} proves to anyone that the oracle's signed statement was false: EscrowEvidence.disproves"
            if path
            else "the payment was not made on the oracle's statement: nothing can be claimed",
        )

    def _acknowledge(self, purchase: Purchase) -> None:
        """Sends the signed acknowledgement to the oracle, which settles with it. The file is on disk by now.

        A LOCKED order that the oracle cannot settle, or has not settled in time, is settled here: what is open is paid.
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
            purchase.note = f"opened; the oracle does not accept the acknowledgement: {error.message}"
            due = True
        if due and purchase.status is Status.LOCKED:
            self._close(purchase, "settle", lambda: self._chain.settle(order, acknowledgement))

    def _close(self, purchase: Purchase, function: str, send: Callable[[], Transaction]) -> None:
        """Calls ``send``, which closes an order, unless a transaction of this account is still to be mined."""
        if self._chain.unmined():
            purchase.note = "waiting for an earlier transaction of this account to be mined"
            return
        sent = send_unless_done(self._chain, purchase.order.order_id(), send, seen=purchase.status)
        if sent:
            purchase.gas[function] = sent.gas
        purchase.status = self._chain.order_state(purchase.order.order_id()).status

    def _opened(self, order: Order) -> Path | None:
        paths = (self._folder / self._name(order, suffix) for suffix in (*SUFFIXES.values(), DEFAULT_SUFFIX))
        return next((path for path in paths if path.exists()), None)

    def _sealed(self, order: Order) -> Path:
        return self._folder / self._name(order, ".sealed")

    def _name(self, order: Order, suffix: str) -> str:
        return order.order_id().hex() + suffix
