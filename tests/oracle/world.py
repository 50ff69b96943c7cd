"""An oracle with a chain that works in memory, a price function that can be worked out by hand, and its actors."""

import hashlib
import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

from eth_account import Account
from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.chain.values import ModelState, OrderState, PostedOrder, Transaction
from assay.errors import ContractReverted, NodeUnreachable
from assay.protocol import seal
from assay.protocol.messages import AcceptanceRequest, OfferRequest, OfferState
from assay.protocol.schema import Feature, Schema
from assay.protocol.statements import Domain, digest, signer_of
from assay.protocol.types import ModelTerms, Order, Quote, Status, key_hash
from assay_oracle.keys.signer import Signer
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.ledger.journal import Journal
from assay_oracle.services.catalogue import PricedModel
from assay_oracle.services.offers import Limits, OfferService
from assay_oracle.services.orders import OrderService
from assay_oracle.storage.local import FileStore
from assay_pricing.errors import DataError

CONTRACT = "0x" + 39 * "0" + "1"
DOMAIN = Domain(chain_id=31337, contract=CONTRACT)
START = 1_800_000_000
DAY = 86_400
PRICE_PER_RECORD = 10**15
MAX_PRICE = 10**17
SCHEMA = Schema(task="classification", features=(Feature(name="x"),), label="y", classes=("0", "1"))

oracle_account: LocalAccount = Account.from_key(b"\x01" * 32)
buyer_account: LocalAccount = Account.from_key(b"\x02" * 32)
seller_account: LocalAccount = Account.from_key(b"\x03" * 32)
rival_account: LocalAccount = Account.from_key(b"\x04" * 32)
ORACLE_IDENTITY = envelope.new_identity()
BUYER_IDENTITY = envelope.new_identity()


@dataclass
class Lines:
    """Records are lines of text; ``!`` makes one malformed. Blank lines and order do not matter."""

    lines: list[bytes]

    @property
    def n(self) -> int:
        return len(self.lines)

    def hashes(self) -> tuple[bytes, ...]:
        return tuple(hashlib.sha256(line).digest() for line in self.lines)

    def join(self, other: "Lines") -> "Lines":
        return Lines(self.lines + other.lines)


def parse_lines(source: BinaryIO, schema: Schema) -> Lines:
    assert schema == SCHEMA
    lines = [line.strip() for line in source.read().splitlines() if line.strip()]
    if not lines or any(b"!" in line for line in lines):
        raise DataError("expected good lines, got a bad one", hint="mend it")
    return Lines(lines)


@dataclass
class LineAppraisal:
    price: int
    records: int
    priced: int
    fidelity: float = 0.97
    reasons: tuple[str, ...] = ("counted",)

    def canonical_json(self) -> bytes:
        return json.dumps([self.price, self.records, self.priced]).encode()

    def digest(self) -> bytes:
        return hashlib.sha256(self.canonical_json()).digest()


@dataclass
class LinePrices:
    """Pays ``PRICE_PER_RECORD`` for each distinct record that was not priced before, and nothing for ``junk``.

    A record that begins with the word of one beside the offer, or sold before, is a near copy, and worth nothing.
    """

    hash: bytes = hashlib.sha256(b"line prices").digest()
    schema: Schema = SCHEMA
    calls: int = 0
    before: Callable[[], None] = lambda: None

    @property
    def manifest(self) -> Any:
        rule = SimpleNamespace(kind="graded")
        return SimpleNamespace(metric="log_loss", method="lines", fidelity=0.97, rule=rule)

    def appraise(
        self,
        records: Lines,
        *,
        known: frozenset[bytes] = frozenset(),
        beside: Lines | None = None,
        sold: Lines | None = None,
    ) -> LineAppraisal:
        self.calls += 1
        self.before()
        fresh = {line for line in records.lines if hashlib.sha256(line).digest() not in known}
        near = {line.split()[0] for other in (beside, sold) if other for line in other.lines}
        worth = [line for line in fresh if not line.startswith(b"junk") and line.split()[0] not in near]
        return LineAppraisal(price=len(worth) * PRICE_PER_RECORD, records=records.n, priced=len(fresh))


@dataclass
class MemoryChain:
    """The contract's rules for posting and settling, in memory. ``reorganise`` takes the newest orders back."""

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
        return OrderState(status, self.deadlines[order_id], posted.order.digest()[-26:])

    def posted(self, *, order_id: bytes | None = None) -> list[PostedOrder]:
        return [posted for key, (posted, _) in self.orders.items() if key == order_id]

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

    def reveal_key(self, order: Order, key: bytes, receipt: bytes = b"") -> Transaction:
        posted, status = self.orders[order.order_id()]
        if status is not Status.LOCKED:
            raise ContractReverted("StatusMismatch", {"actual": status})
        if self.time > self.deadlines[order.order_id()]:
            raise ContractReverted("DeadlinePassed", {})
        if key_hash(order.order_id(), key) != order.key_hash:
            raise ContractReverted("KeyMismatch", {})
        if order.require_receipt and signer_of(self.domain.receipt(order.digest()), receipt) != order.buyer:
            raise ContractReverted("BuyerSignatureInvalid", {"buyer": order.buyer})
        self.reveals.append((key, receipt))
        self.orders[order.order_id()] = (posted, Status.REVEALED)
        self.deadlines[order.order_id()] = self.time + order.dispute_window
        return Transaction(bytes(32), self.block, 60_000)

    def settle(self, order: Order, acknowledgement: bytes) -> Transaction:
        posted, status = self.orders[order.order_id()]
        if status not in (Status.LOCKED, Status.REVEALED):
            raise ContractReverted("StatusMismatch", {"actual": status})
        self.settles += 1
        self.orders[order.order_id()] = (posted, Status.PAID)
        return Transaction(bytes(32), self.block, 60_000)

    def reorganise(self) -> None:
        self.orders.clear()


_nonces = itertools.count(1)


@dataclass(frozen=True)
class Bid:
    """What a seller prepared: the request, the upload, the key."""

    request: OfferRequest
    upload: bytes
    key: bytes
    account: LocalAccount

    def with_(self, **changes: Any) -> "Bid":
        return replace(self, **changes)


def seal_lines(data: bytes, key: bytes) -> tuple[bytes, bytes]:
    """Sealed file and root."""
    sealed = io.BytesIO()
    commitment = seal.seal(io.BytesIO(data), sealed, key, chunk_size=1024)
    return sealed.getvalue(), commitment.data_root


def enveloped(content: bytes, recipient: str) -> bytes:
    target = io.BytesIO()
    envelope.seal_to(recipient, io.BytesIO(content), target)
    return target.getvalue()


def bid(
    model_id: bytes,
    data: bytes,
    *,
    account: LocalAccount = seller_account,
    key: bytes | None = None,
    sent_key: bytes | None = None,
    upload: bytes | None = None,
    spoil: Callable[[bytes], bytes] = lambda sealed: sealed,
    domain: Domain = DOMAIN,
    recipient: str = envelope.public_of(ORACLE_IDENTITY),
) -> Bid:
    """A seller's offer of ``data``; ``sent_key``, ``upload`` and ``spoil`` are what a dishonest one does."""
    number = next(_nonces)
    key = key or hashlib.sha256(b"key %d" % number).digest()
    sealed, root = seal_lines(data, key)
    nonce = number.to_bytes(32, "big")
    upload = enveloped(spoil(sealed), recipient) if upload is None else upload
    message = domain.offer(model_id, account.address, root, nonce)
    request = OfferRequest(
        model_id=model_id,
        seller=account.address,
        data_root=root,
        nonce=nonce,
        signature=bytes(account.sign_message(message).signature),
        upload_bytes=len(upload),
        sealed_key=envelope.wrap_key(recipient, sent_key or key),
    )
    return Bid(request, upload, key, account)


class World:
    """One oracle over ``folder``. ``restart`` is what a crash and a new start leave: the disk and the chain."""

    make_chain: Callable[[ModelTerms], Any] = MemoryChain

    def __init__(self, folder: Path, **terms: Any) -> None:
        self.folder = folder
        self.time = START
        self.terms = ModelTerms(
            **{
                "owner": buyer_account.address,
                "function_hash": LinePrices().hash,
                "delivery_key": envelope.delivery_key_of(envelope.public_of(BUYER_IDENTITY)),
                "max_price": MAX_PRICE,
                "reveal_window": 3600,
                "dispute_window": 3600,
            }
            | terms
        )
        self.model_id = self.terms.model_id(DOMAIN.chain_id, DOMAIN.contract)
        self.chain = self.make_chain(self.terms)
        self.function = LinePrices()
        self.max_disk = 2**30
        self.confirmations = 0
        self._open()

    def now(self) -> int:
        return self.time

    def _open(self) -> None:
        self.journal = Journal(self.folder / "journal.sqlite", now=self.now)
        self.store = FileStore(self.folder, max_bytes=self.max_disk)
        model = PricedModel.load(self.model_id, Path("unused"), self.chain, lambda _: self.function)
        models = {self.model_id: model}
        self.signer = Signer(oracle_account, DOMAIN, self.journal)
        self.offers = OfferService(
            identity=ORACLE_IDENTITY,
            digests=ContentDigests(b"\x09" * 32),
            signer=self.signer,
            journal=self.journal,
            store=self.store,
            chain=self.chain,
            models=models,
            parse=parse_lines,
            limits=Limits(DAY, max_upload_bytes=2**20, max_open_offers=10, max_open_offers_per_seller=4),
            now=self.now,
        )
        self.orders = OrderService(
            identity=ORACLE_IDENTITY,
            journal=self.journal,
            store=self.store,
            chain=self.chain,
            models=models,
            confirmations=self.confirmations,
            idle=(3600, 30 * DAY),
            keep=DAY,
            now=self.now,
        )

    def restart(self) -> None:
        self.journal.close()
        self._open()

    def pass_time(self, seconds: int) -> None:
        self.time += seconds
        self.chain.time += seconds

    # --- what a seller does ---

    def upload(self, offer: Bid, *, offset: int = 0, upto: int | None = None) -> OfferState:
        offer_id = self.offers.open_offer(offer.request).offer_id
        context = self.offers.appending(offer_id, offset)
        assert context is not None
        with context as appender:
            appender.write(offer.upload[offset:upto])
        return self.offers.uploaded(offer_id)

    def offer(self, data: bytes | Bid, **options: Any) -> tuple[Bid, OfferState]:
        """Sends a whole offer and has it priced."""
        made = data if isinstance(data, Bid) else bid(self.model_id, data, **options)
        offer_id = self.upload(made).offer_id
        while self.offers.price_next():
            pass
        return made, self.offers.state(offer_id)

    def acceptance(self, made: Bid, state: OfferState, **changes: Any) -> AcceptanceRequest:
        assert state.quote is not None
        locked = changes.pop("key_hash", key_hash(state.quote.order_id(), made.key))
        account = changes.pop("account", made.account)
        message = DOMAIN.acceptance(digest(DOMAIN.quote(state.quote)), locked)
        signature = bytes(account.sign_message(message).signature)
        return AcceptanceRequest(**{"key_hash": locked, "signature": signature} | changes)

    def accept(self, made: Bid, state: OfferState, **changes: Any) -> OfferState:
        return self.offers.accept(state.offer_id, self.acceptance(made, state, **changes))

    def sell(self, data: bytes, **changes: Any) -> tuple[Bid, OfferState, Order]:
        """From offer to locked order."""
        made, state = self.offer(data)
        self.accept(made, state, **changes)
        self.orders.cycle()
        state = self.offers.state(state.offer_id)
        sale = self.journal.sale_of(state.offer_id)
        assert sale is not None
        return made, state, sale.order
