"""``assay.chain.port.Chain`` in memory: blocks, transactions and events around a ``MemoryContract``; no sockets."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.amounts import ETHER, Token
from assay.chain.gas import WALLET_GAS
from assay.chain.port import Chain
from assay.chain.values import (
    Block,
    Cursor,
    EndedLate,
    EventKind,
    EventPage,
    ModelState,
    OrderEvent,
    OrderState,
    PostedOrder,
    RegisteredModel,
    RevealedData,
    SafeOwners,
    Transaction,
)
from assay.errors import ContractReverted, NodeUnreachable, SettingsError, TransactionFailed
from assay.protocol.statements import Domain
from assay.protocol.structs import ModelTerms, Order, Quote
from assay.protocol.tree import ChunkProof
from assay.protocol.types import NATIVE_TOKEN, ModelId, OrderId
from tests.kit.memory_contract import MemoryContract, Storage

START = 1_800_000_000
FIRST_BLOCK = 100
GAS = 50_000
REWIND = 64
"""Blocks that are read again after a reorganisation."""


@dataclass(frozen=True)
class Call:
    """A transaction that was mined: the contract's function, who called it, with what."""

    function: str
    sender: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Mined:
    """A block with what happened in it, and the contract's state after it."""

    block: Block
    calls: tuple[Call, ...]
    events: tuple[tuple[EventKind, OrderId, bytes | None], ...]
    storage: Storage

    @property
    def transaction(self) -> bytes:
        """Hash of the block's one transaction."""
        return hashlib.sha256(b"transaction" + self.block.hash).digest()


@dataclass
class MemoryNode:
    """A node with ``contract`` on its chain. Each transaction is mined at once, in a block of its own.

    Attributes:
        time: Unix time of the latest block, and of the next one.
        confirmations: Blocks that must follow a block until it counts as confirmed.
        page_blocks: Blocks that one page of events covers at most.
        down: The node does not answer.
        unmined: Transactions that the node is said to know, in no block yet.
        before_next: Called once, before the next transaction is executed: another account was faster.
        after_post: Called after each posted order.
        failed: Transactions that were mined and failed, oldest first.
        ended_late: Transactions that were mined after their sender ceased to wait, until it is told.
    """

    contract: MemoryContract
    time: int = START
    confirmations: int = 0
    page_blocks: int = 1_000
    down: bool = False
    unmined: int = 0
    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    before_next: Callable[[], object] | None = None
    after_post: Callable[[], object] = lambda: None
    blocks: list[Mined] = field(default_factory=list)
    failed: list[Call] = field(default_factory=list)
    ended_late: list[EndedLate] = field(default_factory=list)
    _forks: int = 0

    def __post_init__(self) -> None:
        self.mine()

    @property
    def head(self) -> Block:
        """The latest block."""
        return self.blocks[-1].block

    @property
    def calls(self) -> list[Call]:
        """All transactions on the chain, oldest first."""
        return [call for mined in self.blocks for call in mined.calls]

    def called(self, function: str) -> list[Call]:
        """Transactions on the chain that called ``function``, a method of ``Chain``."""
        return [call for call in self.calls if call.function == function]

    # --- what moves the chain -----------------------------------------------------------------------------------------

    def mine(self, count: int = 1) -> None:
        """Mines empty blocks."""
        for _ in range(count):
            self._append((), ())

    def pass_time(self, seconds: int) -> None:
        """Mines a block that is ``seconds`` later."""
        self.time += seconds
        self.mine()

    def execute(self, call: Call) -> Mined:
        """Mines a transaction, unless the contract refuses it in a simulation."""
        if self.before_next:
            faster, self.before_next = self.before_next, None
            faster()
        contract, before = self.contract, self.contract.storage.copy()
        events = self._call(call)
        if contract.fickle:
            contract.storage, contract.in_block = before, True
            try:
                events = self._call(call)
            except ContractReverted as error:
                self.failed.append(call)
                self.mine()
                text = f"mined and failed: {error.message}"
                raise TransactionFailed(text, gas=WALLET_GAS, error=error.error) from error
            finally:
                contract.in_block = False
        mined = self._append((call,), events)
        if call.function == "post":
            self.after_post()
        return mined

    def _call(self, call: Call) -> tuple[tuple[EventKind, OrderId, bytes | None], ...]:
        """Runs a call; its events. What the contract refuses changes nothing."""
        events: list[tuple[EventKind, OrderId, bytes | None]] = []
        contract, before = self.contract, self.contract.storage.copy()
        contract.sender, contract.time = call.sender, self.time
        contract.emit = lambda *event: events.append(event)
        try:
            getattr(contract, call.function)(*call.arguments)
        except Exception:
            contract.storage = before
            raise
        return tuple(events)

    def reorganise(self, depth: int | None = None) -> list[Call]:
        """Replaces the last ``depth`` blocks by empty ones with other hashes; by default all since the first order.

        Returns:
            The transactions that are no longer on the chain. ``execute`` mines one again.
        """
        if depth is None:
            posts = [place for place, mined in enumerate(self.blocks) if any(c.function == "post" for c in mined.calls)]
            depth = len(self.blocks) - posts[0] if posts else 0
        kept = len(self.blocks) - depth
        dropped = self.blocks[kept:]
        del self.blocks[kept:]
        self._forks += 1
        self.contract.storage = self.blocks[-1].storage.copy()
        self.mine(depth)
        return [call for mined in dropped for call in mined.calls]

    def _append(self, calls: tuple[Call, ...], events: tuple[tuple[EventKind, OrderId, bytes | None], ...]) -> Mined:
        number = FIRST_BLOCK + len(self.blocks)
        block = Block(number, hashlib.sha256(b"block %d of fork %d" % (number, self._forks)).digest(), self.time)
        self.blocks.append(Mined(block, calls, events, self.contract.storage.copy()))
        return self.blocks[-1]

    # --- what happened ------------------------------------------------------------------------------------------------

    def block_at(self, number: int) -> Block | None:
        """Block ``number``; None if the chain has none."""
        place = number - FIRST_BLOCK
        return self.blocks[place].block if 0 <= place < len(self.blocks) else None

    def posted(self, order_id: OrderId) -> PostedOrder:
        """An order as its event announced it."""
        mined = next(mined for mined in self.blocks if (EventKind.POSTED, order_id, None) in mined.events)
        order = self.contract.storage.orders[order_id].order
        return PostedOrder(order, mined.block.number, mined.transaction)

    def events(self, first: int, last: int) -> tuple[OrderEvent, ...]:
        """Events of blocks ``first`` to ``last``, both included."""
        return tuple(
            OrderEvent(
                kind,
                order_id,
                mined.block.number,
                mined.transaction,
                posted=self.posted(order_id) if kind is EventKind.POSTED else None,
                key=key,
            )
            for mined in self.blocks[max(0, first - FIRST_BLOCK) : last + 1 - FIRST_BLOCK]
            for kind, order_id, key in mined.events
        )


class MemoryChain:
    """``Chain`` as ``account`` sees it; None for one that only reads. Views of one node share everything."""

    def __init__(self, node: MemoryNode, account: str | None = None) -> None:
        self.memory = node
        self._account = account

    def seen_by(self, account: str | None) -> "MemoryChain":
        """The same chain, seen from another account."""
        return MemoryChain(self.memory, account)

    @property
    def domain(self) -> Domain:
        return self.memory.contract.domain

    @property
    def confirmations(self) -> int:
        return self.memory.confirmations

    @property
    def _node(self) -> MemoryNode:
        if self.memory.down:
            raise NodeUnreachable("no answer from the node")
        return self.memory

    @property
    def _contract(self) -> MemoryContract:
        return self._node.contract

    def _send(self, function: str, *arguments: Any) -> Transaction:
        if self._account is None:
            raise SettingsError("expected a key to send transactions with, got none", hint="name a keystore")
        mined = self._node.execute(Call(function, self._account, arguments))
        return Transaction(mined.transaction, mined.block.number, GAS)

    # --- the node -----------------------------------------------------------------------------------------------------

    def block_time(self) -> int:
        return self._node.time

    def block_number(self) -> int:
        return self._node.head.number

    def time_of(self, block: int) -> int:
        found = self._node.block_at(max(block, FIRST_BLOCK))
        assert found is not None
        return found.time

    def balance(self, account: str, token: str = NATIVE_TOKEN) -> int:
        return self._node.balances.get((token, account), 0)

    def is_confirmed(self, block: int) -> bool:
        return self.block_number() >= block + self._node.confirmations

    def token(self, address: str) -> Token:
        return ETHER if address == NATIVE_TOKEN else Token.erc20(address, None, None)

    def is_contract(self, account: str) -> bool:
        contract = self._contract
        wallets = (contract.wallets, contract.safes, contract.fickle, contract.refusing)
        return any(account in kind for kind in wallets)

    def safe_owners(self, account: str) -> SafeOwners | None:
        return self._contract.safes.get(account)

    def is_valid_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        return self._contract.is_valid_signature(account, digest, signature)

    def resend(self) -> list[EndedLate]:
        ended, self._node.ended_late = self._node.ended_late, []
        return ended

    def unmined(self) -> int:
        return self._node.unmined

    # --- events -------------------------------------------------------------------------------------------------------

    def events_since(self, cursor: Cursor | None) -> EventPage:
        node = self._node
        head, first, reorganised = node.head, FIRST_BLOCK, False
        if cursor is not None:
            found = node.block_at(cursor.block)
            reorganised = found is None or found.hash != cursor.hash
            first = min(cursor.block, head.number) - REWIND if reorganised else cursor.block + 1
        last = node.block_at(min(head.number, max(first, FIRST_BLOCK) + node.page_blocks - 1))
        assert last is not None
        events = node.events(first, last.number)
        return EventPage(events, Cursor(last.number, last.hash), complete=last == head, reorganised=reorganised)

    def posted(
        self, *, order_id: OrderId | None = None, model_id: ModelId | None = None, seller: str | None = None
    ) -> list[PostedOrder]:
        found = (self._node.posted(key) for key in self._contract.storage.orders)
        return [
            posted
            for posted in found
            if order_id in (None, posted.order.order_id())
            and model_id in (None, posted.order.model_id)
            and seller in (None, posted.order.seller)
        ]

    def history(self, order_id: OrderId) -> list[Transaction]:
        return [
            Transaction(mined.transaction, mined.block.number, GAS, mined.calls[0].sender, GAS * 10**9)
            for mined in self._node.blocks
            if any(event[1] == order_id for event in mined.events)
        ]

    def revealed_key(self, order_id: OrderId) -> bytes | None:
        return self._contract.storage.keys.get(order_id)

    def revealed_data(self, order_id: OrderId) -> RevealedData | None:
        return self._contract.storage.data.get(order_id)

    # --- models -------------------------------------------------------------------------------------------------------

    def model_id(self, terms: ModelTerms) -> ModelId:
        return self.memory.contract.model_id(terms)

    def register_model(self, terms: ModelTerms, oracle: str) -> Transaction:
        return self._send("register_model", terms, oracle)

    def fund(self, terms: ModelTerms, amount: int) -> Transaction:
        return self._send("fund", terms, amount)

    def model_state(self, model_id: ModelId) -> ModelState:
        return self._contract.model_state(model_id)

    def model_terms(self, model_id: ModelId) -> tuple[ModelTerms, str] | None:
        model = self._contract.storage.models.get(model_id)
        return None if model is None else (model.terms, model.first_oracle)

    def models(self, owner: str | None = None) -> Iterator[RegisteredModel]:
        for model_id, model in reversed(self._contract.storage.models.items()):
            if owner in (None, model.terms.owner):
                yield RegisteredModel(model_id, model.terms, model.first_oracle, FIRST_BLOCK)

    def credit(self, token: str, account: str) -> int:
        return self._contract.storage.credits.get((token, account), 0)

    def oracle_bond(self, model_id: ModelId, oracle: str) -> tuple[int, int]:
        return self._contract.storage.bonds.get((model_id, oracle), (0, 0))

    # --- orders -------------------------------------------------------------------------------------------------------

    def order_state(self, order_id: OrderId) -> OrderState:
        return self._contract.order_state(order_id)

    def confirmed_state(self, order_id: OrderId) -> OrderState:
        blocks = self._node.blocks
        deep = blocks[max(0, len(blocks) - 1 - self._node.confirmations)]
        return deep.storage.order_state(order_id)

    def post(
        self, terms: ModelTerms, quote: Quote, oracle_signature: bytes, key_hash: bytes, seller_signature: bytes
    ) -> Transaction:
        return self._send("post", terms, quote, oracle_signature, key_hash, seller_signature)

    def reveal_key(self, order: Order, key: bytes, receipt: bytes = b"") -> Transaction:
        return self._send("reveal_key", order, key, receipt)

    def reveal_data(
        self, order: Order, chunk_size: int, plaintext: bytes, sealed_digests: Sequence[bytes]
    ) -> Transaction:
        return self._send("reveal_data", order, chunk_size, plaintext, sealed_digests)

    def dispute(self, order: Order, key: bytes, proof: ChunkProof) -> Transaction:
        return self._send("dispute", order, key, proof)

    def settle(self, order: Order, acknowledgement: bytes) -> Transaction:
        return self._send("settle", order, acknowledgement)

    def finalize(self, order: Order) -> Transaction:
        return self._send("finalize", order)

    def refund(self, order: Order) -> Transaction:
        return self._send("refund", order)


_implements: type[Chain] = MemoryChain
