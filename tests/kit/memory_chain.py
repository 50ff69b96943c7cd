"""The settlement contract in memory: its rules, its errors and its state, with no node."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from eth_account.messages import SignableMessage

from assay.chain.values import ModelState, OrderState, PostedOrder, RevealedData, Transaction
from assay.errors import ContractReverted, NodeUnreachable
from assay.protocol import seal
from assay.protocol.seal import ChunkProof, Layout
from assay.protocol.statements import Domain, digest, signer_of
from assay.protocol.types import ModelTerms, Order, Quote, Status, key_hash
from tests.kit.actors import DOMAIN, oracle_account

START = 1_800_000_000
GAS = 50_000


def opens_to_its_digest(key: bytes, proof: ChunkProof) -> bool:
    plain = seal.keystream(key, proof.index * proof.chunk_size // 64)(proof.sealed_chunk)
    return hashlib.sha256(plain).digest() == proof.plain_digest


@dataclass
class MemoryChain:
    """The contract's rules, in memory. ``reorganise`` takes all orders back; ``rival`` acts before the next call."""

    terms: ModelTerms
    time: int = START
    domain: Domain = DOMAIN
    budget: int = 10**18
    oracle: str | None = oracle_account.address
    credits: int = 0
    bond: tuple[int, int] = (0, 0)
    down: bool = False
    block: int = 100
    waiting: int = 0
    posts: int = 0
    settles: int = 0
    reveals: list[tuple[bytes, bytes]] = field(default_factory=list)
    confirmations: int = 0
    keys: dict[bytes, bytes] = field(default_factory=dict)
    data: dict[bytes, RevealedData] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    rival: Any = None
    orders: dict[bytes, tuple[PostedOrder, Status]] = field(default_factory=dict)
    deadlines: dict[bytes, int] = field(default_factory=dict)
    wallets: dict[str, bytes] = field(default_factory=dict)
    after_post: Callable[[], None] = lambda: None

    def _reach(self) -> None:
        if self.down:
            raise NodeUnreachable("no answer from the node")

    def block_time(self) -> int:
        self._reach()
        return self.time

    def block_number(self) -> int:
        self._reach()
        return self.block

    def is_contract(self, account: str) -> bool:
        self._reach()
        return account in self.wallets

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        return signature == self.wallets[account] + digest

    def unmined(self) -> int:
        self._reach()
        return self.waiting

    def model_state(self, model_id: bytes) -> ModelState:
        self._reach()
        return ModelState(self.oracle, self.budget, True)

    def model_terms(self, model_id: bytes) -> tuple[ModelTerms, str] | None:
        own = self.terms.model_id(DOMAIN.chain_id, DOMAIN.contract) == model_id
        return (self.terms, oracle_account.address) if own else None

    def credit(self, token: str, account: str) -> int:
        return self.credits

    def oracle_bond(self, model_id: bytes, oracle: str) -> tuple[int, int]:
        return self.bond

    def order_state(self, order_id: bytes) -> OrderState:
        self._reach()
        if order_id not in self.orders:
            return OrderState(Status.NONE, 0, bytes(26))
        posted, status = self.orders[order_id]
        return OrderState(status, self.deadlines.get(order_id, 0), posted.order.stored_digest())

    def is_confirmed(self, block: int) -> bool:
        return self.block_number() >= block + self.confirmations

    def model_id(self, terms: ModelTerms) -> bytes:
        return terms.model_id(self.domain.chain_id, self.domain.contract)

    def posted(
        self, *, order_id: bytes | None = None, model_id: bytes | None = None, seller: str | None = None
    ) -> list[PostedOrder]:
        self._reach()
        return [
            posted
            for posted, _ in self.orders.values()
            if order_id in (None, posted.order.order_id())
            and model_id in (None, posted.order.model_id)
            and seller in (None, posted.order.seller)
        ]

    def revealed_key(self, order_id: bytes) -> bytes | None:
        return self.keys.get(order_id)

    def revealed_data(self, order_id: bytes) -> RevealedData | None:
        return self.data.get(order_id)

    def post(
        self, terms: ModelTerms, quote: Quote, oracle_signature: bytes, key_hash: bytes, seller_signature: bytes
    ) -> Transaction:
        self._reach()
        if self.time > quote.expiry:
            raise ContractReverted("QuoteExpired", {"expiry": quote.expiry})
        if quote.order_id() in self.orders:
            raise ContractReverted("PairUsed", {})
        if quote.price > self.budget:
            raise ContractReverted("BudgetTooSmall", {"required": quote.price, "available": self.budget})
        if signer_of(self.domain.quote(quote), oracle_signature) != self.oracle:
            raise ContractReverted("QuoteSignatureInvalid", {"oracle": self.oracle})
        quote_digest = digest(self.domain.quote(quote))
        if signer_of(self.domain.acceptance(quote_digest, key_hash), seller_signature) != quote.seller:
            raise ContractReverted("AcceptanceSignatureInvalid", {"seller": quote.seller})
        order = Order(
            model_id=quote.model_id,
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
        self.block += 1
        self.posts += 1
        self.budget -= quote.price
        posted = PostedOrder(order, self.block, hashlib.sha256(order.digest()).digest())
        self.orders[order.order_id()] = (posted, Status.LOCKED)
        self.deadlines[order.order_id()] = self.time + terms.reveal_window
        self.after_post()
        return Transaction(posted.transaction, self.block, 120_000)

    def _move(self, name: str, order: Order, start: tuple[Status, ...], end: Status, *, window: int = 0) -> Transaction:
        self._reach()
        if self.rival:
            rival, self.rival = self.rival, None
            rival()
        order_id = order.order_id()
        posted, status = self.orders[order_id]
        if posted.order != order:
            raise ContractReverted("OrderMismatch", {"orderId": order_id})
        if status not in start:
            raise ContractReverted("StatusMismatch", {"orderId": order_id, "actual": status})
        self.block += 1
        self.sent.append(name)
        self.orders[order_id] = (posted, end)
        self.deadlines[order_id] = self.time + window if window else 0
        return Transaction(bytes(32), self.block, GAS)

    def _in_time(self, order: Order) -> None:
        deadline = self.deadlines[order.order_id()]
        if self.time > deadline:
            raise ContractReverted("DeadlinePassed", {"deadline": deadline})

    def _timed_out(self, order: Order) -> None:
        deadline = self.deadlines[order.order_id()]
        if self.time <= deadline:
            raise ContractReverted("DeadlineNotPassed", {"deadline": deadline})

    def _takes(self, account: str, message: SignableMessage, signature: bytes) -> bool:
        if signer_of(message, signature) == account:
            return True
        return account in self.wallets and self.is_valid_signature(account, digest(message), signature)

    def reveal_key(self, order: Order, key: bytes, receipt: bytes = b"") -> Transaction:
        self._in_time(order)
        if key_hash(order.order_id(), key) != order.key_hash:
            raise ContractReverted("KeyMismatch", {"orderId": order.order_id()})
        if order.require_receipt and not self._takes(order.buyer, self.domain.receipt(order.digest()), receipt):
            raise ContractReverted("BuyerSignatureInvalid", {"buyer": order.buyer})
        sent = self._move("reveal_key", order, (Status.LOCKED,), Status.REVEALED, window=order.dispute_window)
        self.keys[order.order_id()] = key
        self.reveals.append((key, receipt))
        return sent

    def reveal_data(
        self, order: Order, chunk_size: int, plain: bytes, sealed_digests: tuple[bytes, ...]
    ) -> Transaction:
        self._in_time(order)
        layout = Layout(len(plain), chunk_size)
        chunks = [plain[i * chunk_size : (i + 1) * chunk_size] for i in range(layout.count)]
        pairs = zip(chunks, sealed_digests, strict=True)
        entries = b"".join(hashlib.sha256(chunk).digest() + sealed for chunk, sealed in pairs)
        if seal.root_of(layout, entries) != order.data_root:
            raise ContractReverted("CommitmentMismatch", {})
        sent = self._move("reveal_data", order, (Status.LOCKED,), Status.PAID)
        self.data[order.order_id()] = RevealedData(chunk_size, plain, sealed_digests)
        return sent

    def dispute(self, order: Order, key: bytes, proof: ChunkProof) -> Transaction:
        self._in_time(order)
        if key_hash(order.order_id(), key) != order.key_hash or not seal.verify_proof(proof, order.data_root):
            raise ContractReverted("CommitmentMismatch", {})
        if opens_to_its_digest(key, proof):
            raise ContractReverted("ChunkMatches", {"index": proof.index})
        return self._move("dispute", order, (Status.REVEALED,), Status.DISPUTED)

    def settle(self, order: Order, acknowledgement: bytes) -> Transaction:
        if not self._takes(order.buyer, self.domain.acknowledgement(order.digest()), acknowledgement):
            raise ContractReverted("BuyerSignatureInvalid", {"buyer": order.buyer})
        self.settles += 1
        return self._move("settle", order, (Status.LOCKED, Status.REVEALED), Status.PAID)

    def finalize(self, order: Order) -> Transaction:
        self._timed_out(order)
        return self._move("finalize", order, (Status.REVEALED,), Status.PAID)

    def refund(self, order: Order) -> Transaction:
        self._timed_out(order)
        return self._move("refund", order, (Status.LOCKED,), Status.REFUNDED)

    def reorganise(self) -> None:
        self.orders.clear()
