"""Both sides of a sale against the real oracle in the same process, over a chain in memory; no sockets."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from assay.chain.values import OrderState, PostedOrder, RevealedData, Transaction
from assay.errors import ContractReverted
from assay.oracle_api import OracleClient
from assay.protocol import seal
from assay.protocol.seal import ChunkProof, Layout
from assay.protocol.statements import digest, signer_of
from assay.protocol.types import ModelTerms, Order, Quote, Status, key_hash
from assay.sale.buyer import Buyer
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.seller import Seller
from assay_oracle.server.api import create_app
from tests.oracle.world import BUYER_IDENTITY, MemoryChain, World, buyer_account, seller_account

ORACLE_URL = "https://oracle.example"
GAS = 50_000


def opens_to_its_digest(key: bytes, proof: ChunkProof) -> bool:
    plain = seal.keystream(key, proof.index * proof.chunk_size // 64)(proof.sealed_chunk)
    return seal.hashlib.sha256(plain).digest() == proof.plain_digest


@dataclass
class Chain(MemoryChain):
    """The rest of the contract's rules. ``late`` is how much later than now a transaction is mined."""

    confirmations: int = 0
    deadlines: dict[bytes, int] = field(default_factory=dict)
    keys: dict[bytes, bytes] = field(default_factory=dict)
    data: dict[bytes, RevealedData] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    registered: bool = True
    rival: Any = None

    def is_confirmed(self, block: int) -> bool:
        return self.block_number() >= block + self.confirmations

    def model_id(self, terms: ModelTerms) -> bytes:
        return terms.model_id(self.domain.chain_id, self.domain.contract)

    def order_state(self, order_id: bytes) -> OrderState:
        state = super().order_state(order_id)
        return OrderState(state.status, self.deadlines.get(order_id, 0), state.digest)

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

    def post(self, terms: ModelTerms, quote: Quote, *rest: Any) -> Transaction:
        receipt = super().post(terms, quote, *rest)
        self.deadlines[quote.order_id()] = self.time + terms.reveal_window
        return receipt

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
        return sent

    def reveal_data(
        self, order: Order, chunk_size: int, plain: bytes, sealed_digests: tuple[bytes, ...]
    ) -> Transaction:
        self._in_time(order)
        layout = Layout(len(plain), chunk_size)
        chunks = [plain[i * chunk_size : (i + 1) * chunk_size] for i in range(layout.count)]
        pairs = zip(chunks, sealed_digests, strict=True)
        entries = b"".join(seal.hashlib.sha256(chunk).digest() + sealed for chunk, sealed in pairs)
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
        return self._move("settle", order, (Status.LOCKED, Status.REVEALED), Status.PAID)

    def finalize(self, order: Order) -> Transaction:
        self._timed_out(order)
        return self._move("finalize", order, (Status.REVEALED,), Status.PAID)

    def refund(self, order: Order) -> Transaction:
        self._timed_out(order)
        return self._move("refund", order, (Status.LOCKED,), Status.REFUNDED)


class Pieces(httpx.SyncByteStream):
    """A body that comes in pieces, and breaks off after ``cut`` bytes."""

    def __init__(self, body: bytes, cut: int | None) -> None:
        self._body = body
        self._cut = cut

    def __iter__(self) -> Iterator[bytes]:
        body = self._body if self._cut is None else self._body[: self._cut]
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]
        if self._cut is not None:
            raise httpx.ReadError("connection reset")


class InProcess(httpx.BaseTransport):
    """The oracle's own HTTP application. Between two requests the daemon's loops come round.

    Set ``down`` for an oracle that does not answer, ``cuts`` for answers that break off after so many bytes.
    """

    def __init__(self, market: "Market") -> None:
        self._market = market
        self.down = False
        self.idle = False
        self.cuts: list[int] = []
        self.seen: list[httpx.Request] = []
        self._app: tuple[object, Any] = (None, None)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused")
        if not self.idle:
            self._market.work()
        self.seen.append(request)
        answer, body = asyncio.run(self._ask(request.read(), request))
        cut = self.cuts.pop(0) if self.cuts and request.url.path.endswith("/sealed") else None
        return httpx.Response(answer.status_code, headers=answer.headers, stream=Pieces(body, cut))

    async def _ask(self, body: bytes, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        asked = httpx.Request(request.method, request.url, headers=request.headers, content=body)
        if self._app[0] is not self._market.offers:
            self._app = self._market.offers, create_app(self._market.offers, self._market.orders, dict)
        transport = httpx.ASGITransport(self._app[1])
        answer = await transport.handle_async_request(asked)
        return answer, await answer.aread()


class Market(World):
    """One model, its oracle, and whoever trades."""

    make_chain = Chain
    chain: Chain

    def __init__(self, folder: Path, **terms: Any) -> None:
        super().__init__(folder / "oracle", **terms)
        self.home = folder
        self.transport = InProcess(self)
        self.said: list[str] = []

    def work(self) -> None:
        """What the daemon's loops do."""
        while self.offers.price_next():
            pass
        self.orders.cycle()

    @property
    def http(self) -> OracleClient:
        return OracleClient(ORACLE_URL, transport=self.transport, attempts=1)

    def seller(self, account: LocalAccount = seller_account, **options: Any) -> Seller:
        store = OfferStore(self.home / account.address)
        return Seller(self.chain, self.http, store, account, say=self.said.append, poll=0.001, **options)

    def buyer(self, **options: Any) -> Buyer:
        folder = self.home / "purchases"
        return Buyer(self.chain, self.http, buyer_account, BUYER_IDENTITY, folder, say=self.said.append, **options)

    def file(self, content: bytes = b"a\nb\nc\n", name: str = "data.csv") -> Path:
        path = self.home / name
        path.write_bytes(content)
        return path

    def quoted(self, content: bytes = b"a\nb\nc\n", seller: Seller | None = None) -> tuple[Seller, OfferRecord]:
        seller = seller or self.seller()
        record, _ = seller.offer(seller.prepare(self.file(content), self.model_id, chunk_size=1024))
        return seller, record

    def locked(self, content: bytes = b"a\nb\nc\n", *, cooperative: bool = False) -> tuple[Seller, OfferRecord]:
        seller, record = self.quoted(content)
        return seller, seller.accept(record, cooperative=cooperative)

    def status(self, record: OfferRecord) -> Status:
        assert record.quote is not None
        return self.chain.order_state(record.quote.order_id()).status
