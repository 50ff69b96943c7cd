"""The model owner's side: register and fund a model, then advance its orders. Every call can be repeated.

buyer = Buyer(chain, oracle, account, identity, folder)
model_id = buyer.register(terms, oracle_address)
buyer.fund(model_id, amount)
for purchase in buyer.poll(model_id): ...        downloads, checks, acknowledges, opens or disputes
"""

import errno
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from eth_account.signers.local import LocalAccount

from assay.chain.port import Chain
from assay.chain.queries import registered_terms, send_unless_done, state_of
from assay.chain.values import PostedOrder, Transaction
from assay.errors import (
    AssayError,
    ChainError,
    NodeUnreachable,
    OracleError,
    OracleMisbehaved,
    SealError,
    UsageError,
)
from assay.files import private_folder
from assay.oracle.committee import Committee, Oracle
from assay.oracle.downloads import DEFAULT_STREAMS
from assay.protocol import seal
from assay.protocol.messages import OrderRecord
from assay.protocol.structs import ModelTerms, Order, Status
from assay.protocol.types import ModelId, OrderId
from assay.sale.deliveries import Deliveries, ShowProgress, no_progress
from assay.sale.escrow import EscrowRecords
from assay.sale.members.order_records import OrderRecords
from assay.sale.orders import OrderLog
from assay.sale.purchase import Purchase, PurchaseFiles, find_proof
from assay.sale.release import FINAL, no_report

SETTLE_MARGIN = 600
"""In the last 600 s before the deadline, a buyer who has opened the file settles the order itself.

A reorganisation can take back the payment for a key that was handed over.
"""
DISPUTE_MARGIN = 1800
"""Seconds before the end of its window from which a dispute waits for no earlier transaction of the account."""


class Buyer:
    """Buys for the models of ``account``.

    Args:
        chain: The settlement contract. Its account sends the transactions.
        oracle: Delivers the sealed files; the daemons of its members, if the model's oracle is a committee.
        account: The models' owner. Signs receipts and acknowledgements.
        identity: Age identity of the models' delivery key (``AGE-SECRET-KEY-1...``).
        folder: Downloads and opened files; made if it does not exist.
        now: Unix time; by default the latest block's.
        report: Receives what happens, in a sentence.
        progress: Shows the progress of downloads and of opening.
        streams: Requests of a download that are under way at a time.
        check: Raises ``OracleMisbehaved`` for what the oracle has of an order that must not be paid for.
    """

    def __init__(
        self,
        chain: Chain,
        oracle: Oracle,
        account: LocalAccount,
        identity: str,
        folder: Path,
        *,
        now: Callable[[], int] | None = None,
        report: Callable[[str], None] = no_report,
        progress: ShowProgress = no_progress,
        streams: int = DEFAULT_STREAMS,
        check: Callable[[Order, OrderRecord], None] = lambda *_: None,
    ) -> None:
        self._chain = chain
        self._account, self._check = account, check
        self._folder, self._now = folder, now or chain.block_time
        self._report = report
        self._progress = progress
        self._files = PurchaseFiles(folder)
        records = OrderRecords(chain, Committee.of(oracle).as_party_of(account, chain.domain), identity)
        self._deliveries = Deliveries(records, identity, self._files, progress, streams=streams)
        self._escrow = EscrowRecords(chain, account, identity, folder)
        self._ended: dict[OrderId, Purchase] = {}
        self._left: set[OrderId] = set()
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
        """Advances every order of the model as far as possible now, the most urgent first; oldest first in the result.

        An error with one order delays no other: it is in the purchase's ``error``.

        Raises:
            NodeUnreachable: Nothing can be done now.
        """
        found = OrderLog(self._chain, model_id, self._folder).update()
        self._deliveries.begin()
        purchases = [self._look(posted.order) for posted in found]
        now, faults = self._now(), list[Exception]()
        turns = sorted(((self._turn(purchase, now), purchase) for purchase in purchases), key=lambda pair: pair[0])
        self._left = set()
        for (can_wait, *_), purchase in turns:
            if can_wait and self._deliveries.seconds_left <= 0:
                self._left.add(purchase.order.order_id())
                purchase.note = purchase.note or "left to the next poll"
                continue
            try:
                self._carry(purchase)
            except NodeUnreachable as error:
                self._chain.block_number()  # one that answers here only cannot answer what this order needs
                purchase.fail(error)
            except Exception as fault:
                faults.append(fault)
        if faults:
            raise faults[0]
        return purchases

    def advance(self, posted: PostedOrder) -> Purchase:
        """Advances one order as far as possible now.

        While it is LOCKED, downloads the file, checks it against the commitment, signs a receipt if the terms ask for
        one, and acknowledges once the model's oracle has signed that it holds the key. Once PAID, opens the file with
        the key from the oracle. Once REVEALED, opens the file with the revealed key; disputes a chunk that the key does
        not open, or else acknowledges. After the deadline, refunds a LOCKED order, unless the file is open: then
        settles. Data that the seller revealed on chain is read from there.

        An error with this order, or with the disk, is in the purchase's ``error``.

        Raises:
            NodeUnreachable: Nothing can be done now.
        """
        self._deliveries.begin()
        purchase = self._look(posted.order)
        self._carry(purchase)
        return purchase

    def _look(self, order: Order) -> Purchase:
        """An order in its present state. One that has ended for certain is not asked for again."""
        known = self._ended.pop(order.order_id(), None)
        if known and known.order == order and (known.file is None or known.file.exists()):
            self._ended[order.order_id()] = known
            return Purchase(order, known.status, known.deadline, known.file)
        purchase = Purchase(order, Status.NONE, 0)
        try:
            state = state_of(self._chain, order)
        except NodeUnreachable:
            raise
        except AssayError as error:
            purchase.fail(error)
        else:
            purchase.status, purchase.deadline = state.status, state.deadline
        return purchase

    def _turn(self, purchase: Purchase, now: int) -> tuple[bool, bool, bool, int]:
        """An order's place among those of a poll; the first member says that it can wait for the next one.

        A window to dispute that is open comes before all else, and what is on disk before what the oracle slows. What
        the last poll had no time for comes before the rest.
        """
        order, opened, on_disk = purchase.order, False, False
        with suppress(OSError):
            opened = self._files.opened(order, purchase.status) is not None
            on_disk = opened or self._files.sealed(order).exists()
        is_disputable = purchase.status is Status.REVEALED and not opened and now <= purchase.deadline
        return not is_disputable, order.order_id() not in self._left, not on_disk, purchase.deadline

    def _carry(self, purchase: Purchase) -> None:
        """Does for an order what is due; keeps an error in it.

        Raises:
            NodeUnreachable: No answer to what this order needs.
        """
        if purchase.error or purchase.order.order_id() in self._ended:
            return
        try:
            self._do_next(purchase)
        except NodeUnreachable:
            raise
        except AssayError as error:
            purchase.fail(error)
        except OSError as error:
            purchase.fail_on_disk(error)
        if purchase.status in FINAL and not purchase.error and (purchase.file or purchase.status is not Status.PAID):
            self._remember(purchase)

    def _remember(self, purchase: Purchase) -> None:
        """Keeps an order that has ended, if no reorganisation is expected to undo that."""
        order = purchase.order
        with suppress(ChainError):
            state = self._chain.confirmed_state(order.order_id())
            if (state.status, state.digest) == (purchase.status, order.stored_digest()):
                self._ended[order.order_id()] = purchase

    def _do_next(self, purchase: Purchase) -> None:
        order = purchase.order
        purchase.file = self._files.opened(order, purchase.status)
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
        with self._files.writing(order) as target:
            target.write(data)
        self._finish(purchase)
        return True

    def _finish(self, purchase: Purchase) -> None:
        purchase.file = self._files.opened(purchase.order, purchase.status)
        self._report(f"opened {purchase.file.name if purchase.file else 'nothing'}")

    def _fetch_and_open(self, purchase: Purchase) -> None:
        """Consents while LOCKED, and opens the file if its key is available.

        Without the oracle, what is on disk and on chain must suffice.
        """
        order, sealed = purchase.order, self._files.sealed(purchase.order)
        key = self._escrow.revealed_key(order)
        if key is not None and sealed.exists():
            self._open(purchase, sealed, key)
            return
        held = None
        try:
            held = self._ask(purchase, sealed)
        except OracleError as error:
            if not sealed.exists():
                raise
            purchase.fail(error)
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
        self._deliveries.fetch(purchase.order, sealed)
        held = self._deliveries.record(purchase.order)
        if purchase.status is Status.LOCKED:
            self._consent(purchase, sealed, held)
        return held

    def _consent(self, purchase: Purchase, sealed: Path, held: OrderRecord) -> None:
        """Signs for the sealed file, every chunk of which was checked, and pays on the oracle's statement.

        There is no receipt for chunks that make a dispute dear. After an acknowledgement there is nothing to dispute.

        Raises:
            OracleMisbehaved: Another party signed the oracle's statement, or ``check`` raised it.
        """
        order = purchase.order
        self._check(order, held)
        try:
            self._deliveries.check_chunk_size(order, sealed)
        except OracleMisbehaved as error:
            purchase.fail(error)
        else:
            if order.require_receipt and held.receipt is None:
                self._files.check(order, sealed)
                signed = self._account.sign_message(self._chain.domain.receipt(order.digest()))
                self._deliveries.put_receipt(order, bytes(signed.signature))
        if held.key_escrow is not None:
            acknowledgement = self._escrow.acknowledge(order, held.key_escrow)
            if self._deliveries.by_committee:
                self._close(purchase, "settle", lambda: self._chain.settle(order, b""))
            elif held.acknowledgement != acknowledgement:
                self._deliveries.put_acknowledgement(order, acknowledgement)
            purchase.note = purchase.note or "acknowledged; waiting for the payment"

    def _open(self, purchase: Purchase, sealed: Path, key: bytes) -> None:
        """Writes the data; if that fails for any reason, disputes a chunk that the key does not open.

        Raises:
            ChunkMismatch: The copy on disk was altered since it was downloaded.
            OSError, UsageError: The data cannot be written, and the key opens every chunk.
        """
        try:
            with (
                sealed.open("rb") as source,
                self._progress("opening", sealed.stat().st_size) as done,
                self._files.writing(purchase.order) as target,
            ):
                seal.open_sealed(source, key, target, progress=done).check_root(purchase.order.data_root)
        except (SealError, OSError, UsageError) as error:
            if not self._dispute(purchase, sealed, key):
                raise error from None
            return
        self._finish(purchase)
        self._acknowledge(purchase)

    def _dispute(self, purchase: Purchase, sealed: Path, key: bytes) -> bool:
        """Disputes the first chunk that the key does not open, once the key is on chain. Needs no room on the disk.

        Returns:
            Whether there is such a chunk.

        Raises:
            ChunkMismatch: The copy on disk was altered since it was downloaded.
            OSError: It cannot be read.
        """
        order = purchase.order
        try:
            proof = find_proof(sealed, key, order.data_root)
        except SealError as error:
            self._files.reject(order, sealed, error)
        except OSError as error:
            if error.errno in (errno.EIO, errno.EACCES, errno.EPERM):
                self._files.set_aside(order, sealed)  # the next poll downloads it again
            raise
        if proof is None:
            return False
        purchase.note = f"the key does not open chunk {proof.index}"
        if purchase.status is Status.LOCKED:
            purchase.note += "; disputing once it is revealed on chain"
            return True
        if purchase.status is Status.PAID:
            self._escrow.accuse(order, key, proof)
        self._close(purchase, "dispute", lambda: self._chain.dispute(order, key, proof))
        return True

    def _acknowledge(self, purchase: Purchase) -> None:
        """Sends the signed acknowledgement to the oracle, which settles with it. The file is on disk by now.

        A LOCKED order that the oracle cannot settle, or has not settled in time, is settled here: what is open is paid.
        """
        order = purchase.order
        if purchase.status not in (Status.LOCKED, Status.REVEALED):
            return
        signed = self._account.sign_message(self._chain.domain.acknowledgement(order.digest()))
        acknowledgement = bytes(signed.signature)
        due = self._now() > purchase.deadline - SETTLE_MARGIN
        try:
            self._deliveries.put_acknowledgement(order, acknowledgement)
        except OracleError as error:
            purchase.note = f"opened; the oracle does not accept the acknowledgement: {error.message}"
            due = True
        if due and purchase.status is Status.LOCKED:
            self._close(purchase, "settle", lambda: self._chain.settle(order, acknowledgement))

    def _close(self, purchase: Purchase, function: str, send: Callable[[], Transaction]) -> None:
        """Calls ``send``, which closes an order, unless a transaction of this account is still to be mined.

        A dispute whose window is about to end takes its place.
        """
        can_wait = purchase.status is not Status.REVEALED or self._now() < purchase.deadline - DISPUTE_MARGIN
        if can_wait and self._chain.unmined():
            purchase.note = "waiting for an earlier transaction of this account to be mined"
            return
        if sent := send_unless_done(self._chain, purchase.order.order_id(), send, seen=purchase.status):
            purchase.gas[function] = sent.gas
        purchase.status = self._chain.order_state(purchase.order.order_id()).status
