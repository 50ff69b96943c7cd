"""Both sides of a sale against the real oracle in the same process, over a chain in memory; no sockets."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount
from fastapi.routing import iter_route_contexts

from assay import envelope
from assay.oracle.api import OracleClient
from assay.protocol.messages import AcceptanceRequest, OfferState
from assay.protocol.statements import digest
from assay.protocol.structs import ModelTerms, Order, Status, key_hash
from assay.protocol.types import ModelId, OfferId
from assay.sale.acceptance import accepted
from assay.sale.buyer import Buyer
from assay.sale.offers import OfferRecord, OfferStore
from assay.sale.seller import Seller
from assay_oracle.access.gate import Gate
from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.appraisers.inline import InlineAppraiser
from assay_oracle.keys.signer import LocalSigner
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.ledger.journal import Journal
from assay_oracle.server.api.app import create_app
from assay_oracle.services.appraiser import Appraiser
from assay_oracle.services.catalogue import Catalogue, PricedModel
from assay_oracle.services.delivery import Delivery
from assay_oracle.services.offers import Offers
from assay_oracle.services.oracle import Oracle
from assay_oracle.services.ports import BlobStore
from assay_oracle.settings import Settings
from assay_oracle.storage.local import LocalStore
from assay_oracle.storage.scratch import ScratchFolder
from tests.kit.actors import (
    BUYER_IDENTITY,
    DOMAIN,
    ORACLE_IDENTITY,
    buyer_account,
    oracle_account,
    seller_account,
)
from tests.kit.bids import Bid, bid
from tests.kit.data import MAX_PRICE, LinePrices, parse_lines
from tests.kit.memory_chain import START, MemoryChain, MemoryNode
from tests.kit.memory_contract import MemoryContract

ORACLE_URL = "https://oracle.example"
OPERATOR_TOKEN = "an operator's token of a market, in a test"
ACCESS_KEY = b"\x0a" * 32
DAY = 86_400
BUDGET = 10**18


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

    def make(self) -> None:
        """Makes the application with all its routes, which are otherwise made when they are first asked for.

        FastAPI silences warnings meanwhile, which no two threads can do at one time.
        """
        app = create_app(self._market.oracle, self._market.gate(), dict)
        self._app = self._market.oracle, app
        assert list(iter_route_contexts(app.routes))

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
        if self._app[0] is not self._market.oracle:
            self._app = self._market.oracle, create_app(self._market.oracle, self._market.gate(), dict)
        transport = httpx.ASGITransport(self._app[1])
        answer = await transport.handle_async_request(asked)
        return answer, await answer.aread()


class Market:
    """One model, its oracle over ``folder``, and its sellers and buyer.

    ``restart`` is what a crash and a new start leave: the disk and the chain.
    """

    def __init__(self, folder: Path, *, ledger: str = "", **terms: Any) -> None:
        self.home = folder
        self.folder = folder / "oracle"
        self.ledger = ledger or f"sqlite:///{self.folder / 'journal.sqlite'}"
        self.transport = InProcess(self)
        self.said: list[str] = []
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
        self.contract = MemoryContract(DOMAIN)
        self.node = MemoryNode(self.contract)
        self.chain = MemoryChain(self.node, oracle_account.address)
        owner = self.chain.seen_by(self.terms.owner)
        owner.register_model(self.terms, oracle_account.address)
        owner.fund(self.terms, BUDGET)
        self.model_id = self.chain.model_id(self.terms)
        self.function = LinePrices()
        self.catalogue: Catalogue | None = None
        self.max_disk = 2**30
        self.accounts: tuple[LocalAccount, ...] = (oracle_account,)
        self.settings = Settings(
            quote_seconds=DAY,
            max_upload_bytes=2**20,
            max_open_offers=10,
            max_open_offers_per_seller=4,
            upload_idle_seconds=3600,
            quote_idle_seconds=30 * DAY,
            keep_seconds=DAY,
            urls=(ORACLE_URL,),
            requests_per_second=10**6,
            address_requests_per_second=10**6,
        )
        self._open()

    def now(self) -> int:
        return self.time

    def named(self, model_id: ModelId) -> str | None:
        """The oracle of a model on chain."""
        return self.chain.model_state(model_id).oracle

    def _open(self) -> None:
        self.journal = Journal(self.ledger, now=self.now)
        self.store = self.open_store()
        self.scratch = ScratchFolder(self.folder / "scratch")
        self.signer: LocalSigner | None = LocalSigner(
            *(self.accounts, DOMAIN, self.journal, self.named),
            committee=self.settings.committee,
            owners=self.chain.safe_owners,
        )
        self.open_oracle()

    def open_oracle(self, *, priced: Callable[[OfferId], None] = lambda _: None) -> None:
        """Puts the oracle together over the open journal and store; ``priced`` hears of each offer that is priced."""
        self.oracle = Oracle(
            catalogue=self.catalogue
            or Catalogue([PricedModel.registered(self.model_id, self.appraiser(), self.chain)]),
            ledger=self.journal,
            blobs=self.store,
            scratch=self.scratch,
            chain=self.chain,
            signer=self.signer,
            identity=ORACLE_IDENTITY,
            digests=ContentDigests(b"\x09" * 32),
            settings=self.settings,
            now=self.now,
            priced=priced,
        )

    def gate(self, **changes: Any) -> Gate:
        """A new entrance, as a daemon makes it when it starts."""
        return Gate(
            **{
                "chain": self.chain,
                "ledger": self.journal,
                "key": ACCESS_KEY,
                "settings": self.settings,
                "operator_token": OPERATOR_TOKEN,
                "now": self.now,
            }
            | changes
        )

    def open_store(self) -> BlobStore:
        return LocalStore(self.folder, max_bytes=self.max_disk)

    def appraiser(self) -> Appraiser:
        return InlineAppraiser(self.function, RecordCache(2**20), parse=parse_lines)

    @property
    def offers(self) -> Offers:
        return self.oracle.offers

    @property
    def delivery(self) -> Delivery:
        return self.oracle.delivery

    def received(self, offer_id: bytes) -> int:
        """Bytes of an upload that are stored."""
        return self.store.size(f"uploads/{offer_id.hex()}.age")

    def restart(self) -> None:
        self.journal.close()
        self._open()

    def pass_time(self, seconds: int) -> None:
        self.time += seconds
        self.node.pass_time(seconds)

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
        while self.oracle.evaluation.price_next():
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
        self.oracle.cycle()
        state = self.offers.state(state.offer_id)
        sale = self.journal.orders.of_offer(state.offer_id)
        assert sale is not None
        return made, state, sale.order

    # --- what the parties do through the client ---

    def work(self) -> None:
        """What the daemon's loops do."""
        while self.oracle.evaluation.price_next():
            pass
        self.oracle.cycle()

    @property
    def http(self) -> OracleClient:
        return OracleClient(ORACLE_URL, transport=self.transport, attempts=1)

    @property
    def as_seller(self) -> OracleClient:
        return self.http.as_party_of(seller_account, DOMAIN)

    @property
    def as_buyer(self) -> OracleClient:
        return self.http.as_party_of(buyer_account, DOMAIN)

    def bearer(self, account: LocalAccount) -> dict[str, str]:
        """The header of a request in a session of ``account``."""
        return {"Authorization": f"Bearer {self.gate().sessions.begin(account.address).token}"}

    def seller(self, account: LocalAccount = seller_account, **options: Any) -> Seller:
        store = OfferStore(self.home / account.address)
        chain = self.chain.seen_by(account.address)
        settings = {"poll": 0.001, "posting_patience": 0} | options
        return Seller(chain, self.http, store, account, report=self.said.append, **settings)

    def buyer(self, **options: Any) -> Buyer:
        folder = self.home / "purchases"
        chain = self.chain.seen_by(buyer_account.address)
        return Buyer(chain, self.http, buyer_account, BUYER_IDENTITY, folder, report=self.said.append, **options)

    def file(self, content: bytes = b"a\nb\nc\n", name: str = "data.lines") -> Path:
        path = self.home / name
        path.write_bytes(content)
        return path

    def quoted(self, content: bytes = b"a\nb\nc\n", seller: Seller | None = None) -> tuple[Seller, OfferRecord]:
        seller = seller or self.seller()
        record, _ = seller.offer(seller.prepare(self.file(content), self.model_id, chunk_size=1024))
        return seller, record

    def locked(self, content: bytes = b"a\nb\nc\n") -> tuple[Seller, OfferRecord]:
        seller, record = self.quoted(content)
        return seller, seller.accept(record)

    @property
    def steps(self) -> list[str]:
        """What moved orders on chain after they were posted, in order."""
        return [call.function for call in self.node.calls if call.function not in ("register_model", "fund", "post")]

    def bound_to(self, record: OfferRecord, key: bytes) -> OfferRecord:
        """The record of a seller who accepts with another key than the one that the data is sealed under."""
        forged = accepted(record, key, self.chain.domain, seller_account)
        return OfferStore(self.home / seller_account.address).save(forged)

    def status(self, record: OfferRecord) -> Status:
        assert record.quote is not None
        return self.chain.order_state(record.quote.order_id()).status
