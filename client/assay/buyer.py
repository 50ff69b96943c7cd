"""The model owner's side: register and fund a model, then watch its orders, each one step by step.

buyer = Buyer(chain, oracle, account, identity, folder)
model_id = buyer.register(terms, oracle_address)
buyer.fund(model_id, amount)
for purchase in buyer.look(model_id): ...        downloads, checks, opens, acknowledges or disputes
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.chain import PostedOrder, SettlementClient
from assay.errors import ChunkMismatch, ContractReverted, OracleError, OracleMisbehaved, SaleError, SealError
from assay.files import sync_folder
from assay.oracle_api import OracleClient
from assay.protocol import seal
from assay.protocol.messages import OrderNotes
from assay.protocol.types import ModelTerms, Order, Status, key_hash

_SUFFIXES = ((b"PAR1", ".parquet"), (b"PK\x03\x04", ".npz"))


@dataclass
class Purchase:
    """One order as the buyer sees it. ``gas`` is what this look spent, by step."""

    order: Order
    status: Status
    deadline: int
    file: Path | None = None
    note: str = ""
    gas: dict[str, int] | None = None


def _silent(_: str) -> None:
    return


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
    """

    def __init__(
        self,
        chain: SettlementClient,
        oracle: OracleClient,
        account: LocalAccount,
        identity: str,
        folder: Path,
        *,
        now: Callable[[], int] | None = None,
        say: Callable[[str], None] = _silent,
    ) -> None:
        self._chain = chain
        self._oracle = oracle
        self._account = account
        self._identity = identity
        self._folder = folder
        self._now = now or chain.block_time
        self._say = say
        folder.mkdir(parents=True, exist_ok=True)

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
        found = self._chain.model_terms(model_id)
        if found is None:
            raise SaleError(
                f"expected a registered model, found none with id 0x{model_id.hex()}",
                hint="check the id, and that this is the chain it was registered on",
            )
        return found[0]

    def fund(self, model_id: bytes, amount: int) -> int:
        """Adds ``amount`` base units to the model's budget; returns the gas used."""
        return self._chain.fund(self.terms(model_id), amount).gas

    # --- orders -------------------------------------------------------------------------------------------------------

    def look(self, model_id: bytes, *, progress: seal.Progress | None = None) -> list[Purchase]:
        """Takes every order of the model as far as it goes now; safe to run at any time and again."""
        return [self.step(posted, progress=progress) for posted in self._chain.posted(model_id=model_id)]

    def step(self, posted: PostedOrder, *, progress: seal.Progress | None = None) -> Purchase:
        """Takes one order as far as it goes now.

        While it is LOCKED: download, check against the commitment, leave a receipt if the terms ask for one; open it
        with the key from the oracle if the seller cooperates, and acknowledge. Once REVEALED: open with the revealed
        key; a chunk that it does not open is disputed, else acknowledge. After silence: refund.
        """
        order = posted.order
        state = self._chain.order_state(order.order_id())
        purchase = Purchase(order, state.status, state.deadline, gas={})
        opened = self._opened(order)
        if state.status is Status.LOCKED and self._now() > state.deadline:
            self._close(purchase, "refund", lambda: self._chain.refund(order).gas)
        elif opened:
            purchase.file = opened
            self._acknowledge(purchase)
        elif state.status in (Status.LOCKED, Status.REVEALED, Status.PAID):
            self._fetch_and_open(purchase, progress)
        return purchase

    def _fetch_and_open(self, purchase: Purchase, progress: seal.Progress | None) -> None:
        order = purchase.order
        try:
            sealed = self._sealed(order, progress)
            notes = self._oracle.notes(order.order_id())
        except OracleError as error:
            purchase.note = error.message
            sealed = self._folder / self._name(order, ".sealed")
            if not sealed.exists():
                return
            notes = None
        if purchase.status is Status.LOCKED and order.require_receipt and notes and notes.receipt is None:
            signed = self._account.sign_message(self._chain.domain.receipt(order.digest()))
            self._oracle.put_receipt(order.order_id(), bytes(signed.signature))
        key = self._key(order, notes)
        if key is None:
            purchase.note = "sealed file checked; waiting for the key"
            return
        self._open(purchase, sealed, key)

    def _sealed(self, order: Order, progress: seal.Progress | None) -> Path:
        """The sealed file of an order, fetched if it is not here, and found to match its commitment.

        Raises:
            OracleMisbehaved: what the oracle delivers is not what the order commits to.
        """
        path = self._folder / self._name(order, ".sealed")
        if path.exists():
            return path
        enveloped = self._folder / self._name(order, ".age")
        self._oracle.download(order.order_id(), enveloped, progress=progress)
        aside = path.with_suffix(".part")
        try:
            with enveloped.open("rb") as source, aside.open("w+b") as target:
                envelope.open_with(self._identity, source, target)
                index = seal.check_chunks(target)
                if index.data_root != order.data_root:
                    raise SealError(f"expected root 0x{order.data_root.hex()}, got 0x{index.data_root.hex()}")
                os.fsync(target.fileno())
        except SealError as error:
            enveloped.unlink()
            raise OracleMisbehaved(
                f"the sealed file is not the one that the order commits to: {error.message}"
            ) from None
        aside.replace(path)
        sync_folder(self._folder)
        enveloped.unlink()
        return path

    def _key(self, order: Order, notes: OrderNotes | None) -> bytes | None:
        """The key that the order locks, from the chain or through the oracle; None while it is secret."""
        key = self._chain.revealed_key(order.order_id())
        if key is None and notes and notes.key_envelope:
            key = envelope.unwrap_key(self._identity, notes.key_envelope)
        if key is None or key_hash(order.order_id(), key) != order.key_hash:
            return None
        return key

    def _open(self, purchase: Purchase, sealed: Path, key: bytes) -> None:
        order = purchase.order
        aside = self._folder / self._name(order, ".part")
        try:
            with sealed.open("rb") as source, aside.open("wb") as target:
                seal.open_sealed(source, key, target)
                target.flush()
                os.fsync(target.fileno())
        except ChunkMismatch:
            aside.unlink()
            self._dispute(purchase, sealed, key)
            return
        purchase.file = self._folder / self._name(order, _suffix_of(aside))
        aside.replace(purchase.file)
        sync_folder(self._folder)
        self._say(f"opened {purchase.file.name}")
        self._acknowledge(purchase)

    def _dispute(self, purchase: Purchase, sealed: Path, key: bytes) -> None:
        if purchase.status is Status.LOCKED:
            purchase.note = "the key does not open the data; disputing once it is revealed on chain"
            return
        with sealed.open("rb") as source:
            bad = seal.find_bad_chunk(source, key)
            assert bad is not None
            proof = seal.prove(source, bad)
        self._close(purchase, "dispute", lambda: self._chain.dispute(purchase.order, key, proof).gas)
        purchase.note = f"the key does not open chunk {bad}"

    def _acknowledge(self, purchase: Purchase) -> None:
        """Leaves the signed consent with the oracle, which settles; the file is safe on disk by now."""
        order = purchase.order
        if purchase.status not in (Status.LOCKED, Status.REVEALED):
            return
        signed = self._account.sign_message(self._chain.domain.acknowledgement(order.digest()))
        try:
            self._oracle.put_acknowledgement(order.order_id(), bytes(signed.signature))
        except OracleError as error:
            purchase.note = f"opened; the oracle does not take the acknowledgement: {error.message}"

    def _close(self, purchase: Purchase, step: str, send: Callable[[], int]) -> None:
        """Anyone may close an order: that somebody was faster is no failure."""
        order_id = purchase.order.order_id()
        try:
            gas = send()
        except ContractReverted:
            state = self._chain.order_state(order_id)
            if state.status is purchase.status:
                raise
        else:
            assert purchase.gas is not None
            purchase.gas[step] = gas
        purchase.status = self._chain.order_state(order_id).status

    def _opened(self, order: Order) -> Path | None:
        for suffix in (".parquet", ".npz", ".csv"):
            path = self._folder / self._name(order, suffix)
            if path.exists():
                return path
        return None

    def _name(self, order: Order, suffix: str) -> str:
        return order.order_id().hex() + suffix


def _suffix_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    return next((suffix for magic, suffix in _SUFFIXES if start == magic), ".csv")
