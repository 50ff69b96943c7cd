"""``Settlement.sol`` in Python: the rules of a sale, in the contract's order, with the contract's errors.

Left out are what ``Chain`` cannot call (withdrawals, deposits, bonds, batches) and ERC-20 tokens. The scenario of
``tests/kit/scenario.py`` is played against the contract itself too, and both must answer alike.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eth_account.messages import SignableMessage

from assay.chain.values import EventKind, ModelState, OrderState, RevealedData, SafeOwners
from assay.protocol import seal
from assay.protocol.statements import SIGNATURE_BYTES, Domain, digest, signer_of
from assay.protocol.structs import ModelTerms, Order, Quote, Status, key_hash
from assay.protocol.tree import ChunkProof
from assay.protocol.types import NATIVE_TOKEN, ModelId, OrderId
from tests.kit.commitment import climb, count_chunks, leaf_of, sha256_of, top_of
from tests.kit.refusal import refusal

HALTED = "0x" + 39 * "0" + "1"
MIN_WINDOW = 3600
MAX_WINDOW = 30 * 86_400
MAX_AMOUNT = 2**96 - 1


@dataclass(frozen=True)
class Model:
    """A registered model; ``oracle`` is ``HALTED`` while it accepts no quotes."""

    terms: ModelTerms
    first_oracle: str
    oracle: str
    budget: int = 0


@dataclass(frozen=True)
class OrderEntry:
    """What the contract stores of an order, and the order itself, which it stores as a digest."""

    order: Order
    status: Status
    deadline: int


@dataclass
class Storage:
    """The contract's state. ``bonds`` holds amounts and unlock times, ``payments`` what was paid out."""

    models: dict[ModelId, Model] = field(default_factory=dict)
    orders: dict[OrderId, OrderEntry] = field(default_factory=dict)
    credits: dict[tuple[str, str], int] = field(default_factory=dict)
    bonds: dict[tuple[ModelId, str], tuple[int, int]] = field(default_factory=dict)
    payments: dict[tuple[str, str], int] = field(default_factory=dict)
    keys: dict[OrderId, bytes] = field(default_factory=dict)
    data: dict[OrderId, RevealedData] = field(default_factory=dict)

    def copy(self) -> "Storage":
        """The same state, to come back to."""
        return Storage(*(dict(part) for part in vars(self).values()))

    def order_state(self, order_id: OrderId) -> OrderState:
        """What the contract answers for an order."""
        entry = self.orders.get(order_id)
        if entry is None:
            return OrderState(Status.NONE, 0, bytes(26))
        return OrderState(entry.status, entry.deadline, entry.order.stored_digest())


@dataclass
class MemoryContract:
    """The contract of ``domain``.

    Attributes:
        wallets: Contract wallets (ERC-1271) with the prefix of their signatures: such a wallet accepts the prefix
            followed by the digest that was signed.
        safes: Safes: as many of a Safe's owners as its threshold sign its message of the digest, in ascending order.
        fickle: Contract wallets that accept any signature in a simulation, and none in a block.
        refusing: Accounts that refuse payments; they are credited.
        in_block: The present call is part of a block, and no simulation.
        sender: Account that sends the present transaction.
        time: Unix time of the present block.
        emit: Takes each event: kind, order id, key.
    """

    domain: Domain
    storage: Storage = field(default_factory=Storage)
    wallets: dict[str, bytes] = field(default_factory=dict)
    safes: dict[str, SafeOwners] = field(default_factory=dict)
    fickle: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    in_block: bool = False
    sender: str = NATIVE_TOKEN
    time: int = 0
    emit: Callable[[EventKind, OrderId, bytes | None], None] = lambda *_: None

    # --- for tests that need a state which no transaction leads to ----------------------------------------------------

    def change_model(self, model_id: ModelId, **changes: Any) -> None:
        """Replaces fields of a ``Model``."""
        self.storage.models[model_id] = replace(self.storage.models[model_id], **changes)

    def change_order(self, order_id: OrderId, **changes: Any) -> None:
        """Replaces fields of an ``OrderEntry``."""
        self.storage.orders[order_id] = replace(self.storage.orders[order_id], **changes)

    # --- models -------------------------------------------------------------------------------------------------------

    def model_id(self, terms: ModelTerms) -> ModelId:
        return terms.model_id(self.domain.chain_id, self.domain.contract)

    def register_model(self, terms: ModelTerms, oracle: str) -> None:
        if self.sender != terms.owner:
            raise refusal("CallerNotOwner", terms.owner, self.sender)
        if oracle in (NATIVE_TOKEN, HALTED):
            raise refusal("ZeroAddress")
        for window in (terms.reveal_window, terms.dispute_window):
            if not MIN_WINDOW <= window <= MAX_WINDOW:
                raise refusal("WindowOutOfBounds", window, MIN_WINDOW, MAX_WINDOW)
        model_id = self.model_id(terms)
        if model_id in self.storage.models:
            raise refusal("ModelExists", model_id)
        self.storage.models[model_id] = Model(terms, oracle, oracle)

    def fund(self, terms: ModelTerms, amount: int) -> None:
        model_id = self.model_id(terms)
        budget = self._model(model_id).budget
        if amount > MAX_AMOUNT - budget:
            raise refusal("AmountTooLarge", amount, MAX_AMOUNT - budget)
        if amount == 0:
            raise refusal("ZeroAmount")
        if terms.token != NATIVE_TOKEN:
            raise refusal("TokenNotContract", terms.token)
        self.change_model(model_id, budget=budget + amount)

    def model_state(self, model_id: ModelId) -> ModelState:
        model = self.storage.models.get(model_id)
        if model is None:
            return ModelState(None, 0, False)
        return ModelState(None if model.oracle == HALTED else model.oracle, model.budget, True)

    def _model(self, model_id: ModelId) -> Model:
        if model_id not in self.storage.models:
            raise refusal("ModelUnknown", model_id)
        return self.storage.models[model_id]

    # --- sale ---------------------------------------------------------------------------------------------------------

    def post(
        self, terms: ModelTerms, quote: Quote, oracle_signature: bytes, key_hash: bytes, seller_signature: bytes
    ) -> None:
        model_id = self.model_id(terms)
        order = Order(
            model_id=model_id,
            content_id=quote.content_id,
            buyer=terms.owner,
            seller=quote.seller,
            token=terms.token,
            price=quote.price,
            seller_bond=terms.seller_bond,
            dispute_window=terms.dispute_window,
            require_receipt=terms.require_receipt,
            data_root=quote.data_root,
            key_hash=key_hash,
        )
        order_id = order.order_id()
        if self.time > quote.expiry:
            raise refusal("QuoteExpired", quote.expiry)
        if quote.price == 0 or quote.price > terms.max_price:
            raise refusal("PriceOutOfBounds", quote.price, terms.max_price)
        if order_id in self.storage.orders:
            raise refusal("PairUsed", order_id, self.storage.orders[order_id].status)
        model = self._model(model_id)
        if model.oracle == HALTED:
            raise refusal("ModelHalted", model_id)
        if terms.oracle_bond > 0:
            self._check_bond(model_id, model.oracle, terms.oracle_bond)
        self._check_quote(quote, model_id, model.oracle, oracle_signature)
        acceptance = self.domain.acceptance(digest(self.domain.quote(quote)), key_hash)
        if not self._consents(quote.seller, acceptance, seller_signature):
            raise refusal("AcceptanceSignatureInvalid", quote.seller)

        self.storage.orders[order_id] = OrderEntry(order, Status.LOCKED, self.time + terms.reveal_window)
        self.emit(EventKind.POSTED, order_id, None)
        if quote.price > model.budget:
            raise refusal("BudgetTooSmall", quote.price, model.budget)
        self.change_model(model_id, budget=model.budget - quote.price)
        if terms.seller_bond > 0:
            self._debit(terms.token, quote.seller, terms.seller_bond)

    def reveal_key(self, order: Order, key: bytes, receipt: bytes = b"") -> None:
        order_id, entry = self._read(order)
        self._check_status(order_id, entry, Status.LOCKED)
        self._check_in_time(entry)
        self._check_key(order, key)
        if order.require_receipt:
            self._check_buyer(order.buyer, self.domain.receipt(order.digest()), receipt)
        self.change_order(order_id, status=Status.REVEALED, deadline=self.time + order.dispute_window)
        self.storage.keys[order_id] = key
        self.emit(EventKind.KEY_REVEALED, order_id, key)

    def reveal_data(self, order: Order, chunk_size: int, plaintext: bytes, sealed_digests: Sequence[bytes]) -> None:
        order_id, entry = self._read(order)
        self._check_status(order_id, entry, Status.LOCKED)
        self._check_in_time(entry)
        count = count_chunks(len(plaintext), chunk_size)
        if len(sealed_digests) != count:
            raise refusal("LengthMismatch", count, len(sealed_digests))
        chunks = [plaintext[start : start + chunk_size] for start in range(0, len(plaintext), chunk_size)]
        leaves = [
            leaf_of(index, len(chunk), hashlib.sha256(chunk).digest(), sealed)
            for index, (chunk, sealed) in enumerate(zip(chunks, sealed_digests, strict=True))
        ]
        self._check_root(order, len(plaintext), chunk_size, top_of(leaves))
        self.storage.data[order_id] = RevealedData(chunk_size, plaintext, tuple(sealed_digests))
        self.emit(EventKind.DATA_REVEALED, order_id, None)
        self._pay(order_id, order)

    def dispute(self, order: Order, key: bytes, proof: ChunkProof) -> None:
        order_id, entry = self._read(order)
        self._check_status(order_id, entry, Status.REVEALED)
        self._check_in_time(entry)
        self._check_key(order, key)
        self._check_chunk(order, proof)
        opened = seal.keystream(key, proof.index * proof.chunk_size // 64)(proof.sealed_chunk)
        if hashlib.sha256(opened).digest() == proof.plain_digest:
            raise refusal("ChunkMatches", proof.index)
        self.change_order(order_id, status=Status.DISPUTED, deadline=0)
        self._to_budget(order, order.price + order.seller_bond)
        self.emit(EventKind.DISPUTED, order_id, None)

    def settle(self, order: Order, acknowledgement: bytes) -> None:
        order_id, entry = self._read(order)
        if entry.status is not Status.REVEALED:
            self._check_status(order_id, entry, Status.LOCKED)
        self._check_buyer(order.buyer, self.domain.acknowledgement(order.digest()), acknowledgement)
        self._pay(order_id, order)

    def finalize(self, order: Order) -> None:
        order_id, entry = self._read(order)
        self._check_status(order_id, entry, Status.REVEALED)
        self._check_timed_out(entry)
        self._pay(order_id, order)

    def refund(self, order: Order) -> None:
        order_id, entry = self._read(order)
        self._check_status(order_id, entry, Status.LOCKED)
        self._check_timed_out(entry)
        self.change_order(order_id, status=Status.REFUNDED, deadline=0)
        amount = order.price + order.seller_bond
        if order.require_receipt:
            amount = order.price
            self._credit(order.token, order.seller, order.seller_bond)
        self._to_budget(order, amount)
        self.emit(EventKind.REFUNDED, order_id, None)

    def order_state(self, order_id: OrderId) -> OrderState:
        return self.storage.order_state(order_id)

    # --- evidence -----------------------------------------------------------------------------------------------------

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        """What the wallet contract at ``account`` says (ERC-1271)."""
        if account in self.fickle:
            return not self.in_block
        if account in self.safes:
            return self._is_signed_by_safe(account, digest, signature)
        return account in self.wallets and signature == self.wallets[account] + digest

    def _is_signed_by_safe(self, safe: str, digest: bytes, signature: bytes) -> bool:
        count = self.safes[safe].threshold
        parts = [signature[place * SIGNATURE_BYTES :][:SIGNATURE_BYTES] for place in range(count)]
        signers = [signer_of(self.domain.for_safe(safe, digest), part) for part in parts]
        numbers = [int(signer, 16) for signer in signers if signer in self.safes[safe].owners]
        return len(numbers) == count and numbers == sorted(set(numbers))

    def _signed(self, account: str, message: SignableMessage, signature: bytes) -> bool:
        if signer_of(message, signature) == account:
            return True
        return self.is_valid_signature(account, digest(message), signature)

    def _consents(self, account: str, message: SignableMessage, signature: bytes) -> bool:
        return self.sender == account or self._signed(account, message, signature)

    def _check_quote(self, quote: Quote, model_id: ModelId, oracle: str, signature: bytes) -> None:
        if quote.model_id != model_id:
            raise refusal("ModelMismatch", model_id, quote.model_id)
        if not self._signed(oracle, self.domain.quote(quote), signature):
            raise refusal("QuoteSignatureInvalid", oracle)

    def _check_buyer(self, buyer: str, message: SignableMessage, signature: bytes) -> None:
        if not self._consents(buyer, message, signature):
            raise refusal("BuyerSignatureInvalid", buyer)

    def _check_bond(self, model_id: ModelId, oracle: str, required: int) -> None:
        bond, unlocks_at = self.storage.bonds.get((model_id, oracle), (0, 0))
        if unlocks_at:
            raise refusal("OracleBondExiting", unlocks_at)
        if bond < required:
            raise refusal("OracleBondTooSmall", required, bond)

    # --- orders -------------------------------------------------------------------------------------------------------

    def _read(self, order: Order) -> tuple[OrderId, OrderEntry]:
        order_id = order.order_id()
        entry = self.storage.orders.get(order_id)
        if entry is None or entry.order.stored_digest() != order.stored_digest():
            raise refusal("OrderMismatch", order_id)
        return order_id, entry

    def _check_status(self, order_id: OrderId, entry: OrderEntry, expected: Status) -> None:
        if entry.status is not expected:
            raise refusal("StatusMismatch", order_id, entry.status)

    def _check_in_time(self, entry: OrderEntry) -> None:
        if self.time > entry.deadline:
            raise refusal("DeadlinePassed", entry.deadline)

    def _check_timed_out(self, entry: OrderEntry) -> None:
        if self.time <= entry.deadline:
            raise refusal("DeadlineNotPassed", entry.deadline)

    def _check_key(self, order: Order, key: bytes) -> None:
        if key_hash(order.order_id(), key) != order.key_hash:
            raise refusal("KeyMismatch", order.order_id())

    def _check_root(self, order: Order, total_bytes: int, chunk_size: int, top: bytes) -> None:
        root = sha256_of(b"assay/root/v1", total_bytes, chunk_size, top)
        if root != order.data_root:
            raise refusal("CommitmentMismatch", order.data_root, root)

    def _check_chunk(self, order: Order, proof: ChunkProof) -> None:
        count = count_chunks(proof.total_bytes, proof.chunk_size)
        if proof.index >= count:
            raise refusal("ChunkIndexOutOfBounds", proof.index, count)
        length = min(proof.chunk_size, proof.total_bytes - proof.index * proof.chunk_size)
        if len(proof.sealed_chunk) != length:
            raise refusal("ChunkLengthMismatch", length, len(proof.sealed_chunk))
        leaf = leaf_of(proof.index, length, proof.plain_digest, hashlib.sha256(proof.sealed_chunk).digest())
        top = climb(leaf, proof.index, count, proof.path)
        self._check_root(order, proof.total_bytes, proof.chunk_size, top)

    # --- money --------------------------------------------------------------------------------------------------------

    def _to_budget(self, order: Order, amount: int) -> None:
        budget = self.storage.models[order.model_id].budget + amount
        if budget <= MAX_AMOUNT:
            self.change_model(order.model_id, budget=budget)
        else:
            self._credit(order.token, order.buyer, amount)

    def _credit(self, token: str, account: str, amount: int) -> None:
        self.storage.credits[token, account] = self.storage.credits.get((token, account), 0) + amount

    def _debit(self, token: str, account: str, amount: int) -> None:
        available = self.storage.credits.get((token, account), 0)
        if amount > available:
            raise refusal("CreditTooSmall", amount, available)
        self.storage.credits[token, account] = available - amount

    def _pay(self, order_id: OrderId, order: Order) -> None:
        amount = order.price + order.seller_bond
        self.change_order(order_id, status=Status.PAID, deadline=0)
        self.emit(EventKind.PAID, order_id, None)
        if order.seller in self.refusing:
            self._credit(order.token, order.seller, amount)
        else:
            payee = order.token, order.seller
            self.storage.payments[payee] = self.storage.payments.get(payee, 0) + amount
