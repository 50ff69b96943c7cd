"""A stranger adds an appraiser, a kind of quote, a storage or an API error in one place: a toy of each."""

import io
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest

from assay.errors import AssayError
from assay.protocol.messages import OfferStatus, Problem
from assay.protocol.statements import Domain
from assay.protocol.structs import Quote, Status
from assay_oracle.errors import RequestError
from assay_oracle.ledger.values import Offer
from assay_oracle.services.appraiser import ContextOffer, FunctionInfo, OfferAppraisal
from assay_oracle.services.ports import BlobStore
from tests.kit.actors import seller_account
from tests.kit.bids import bid
from tests.kit.data import SCHEMA
from tests.kit.market import ORACLE_URL, Market

pytestmark = pytest.mark.unit

HASH = sha256(b"toy price function").digest()


def appraised(price: int, document: bytes) -> OfferAppraisal:
    return OfferAppraisal(
        price=price,
        records=1,
        priced=1,
        fidelity=1.0,
        reasons=("a toy",),
        document=document,
        digest=sha256(document).digest(),
    )


# --- an appraiser -----------------------------------------------------------------------------------------------------


class ByteCount:
    """Pays one base unit for each byte of the data, which is one record."""

    info = FunctionInfo(HASH, SCHEMA, metric="bytes", pricing="graded", method="count", fidelity=1.0)

    def session(self) -> "AbstractContextManager[ByteCount]":
        return nullcontext(self)

    def keep(self, offer: ContextOffer, *, seconds: float) -> None:
        """It keeps nothing."""

    def forget(self, offer_id: bytes) -> None:
        """It keeps nothing."""

    def open(self, source: BinaryIO, *, seconds: float) -> "CountedBytes":
        return CountedBytes(source.read())


class CountedBytes:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def hashes(self) -> Sequence[bytes]:
        return [sha256(self.data).digest()]

    def prove(self, quote: Quote, domain: Domain) -> None:
        """No proof is asked for."""

    def appraise(
        self, *, known: frozenset[bytes], own: Sequence[ContextOffer], sold: Sequence[ContextOffer]
    ) -> OfferAppraisal:
        for offer in own:
            with offer.open() as other:
                if other.read() == self.data[::-1]:
                    return appraised(0, b"the seller's other offer backwards")
        return appraised(len(self.data), self.data)


class CountingMarket(Market):
    def appraiser(self) -> ByteCount:
        return ByteCount()


def test_another_appraiser_prices_and_sells(tmp_path: Path) -> None:
    market = CountingMarket(tmp_path, function_hash=HASH)
    _, state, order = market.sell(b"12345")
    assert order.price == 5
    assert state.appraisal is not None
    assert state.appraisal.reasons == ("a toy",)
    assert market.offers.model(market.model_id).metric == "bytes"
    assert market.offer(b"54321")[1].status is OfferStatus.DECLINED
    market.journal.close()


# --- another kind of quote --------------------------------------------------------------------------------------------


class ProofInvalid(AssayError):
    """The proof that came with the data does not prove its price."""


class Proven:
    """Sees no records: prices by a claim that comes with a proof, as a proof system would have it."""

    info = FunctionInfo(HASH, SCHEMA, metric="log_loss", pricing="graded", method="proven", fidelity=1.0)

    def session(self) -> "AbstractContextManager[ByteCount]":
        return nullcontext(self)

    def keep(self, offer: ContextOffer, *, seconds: float) -> None:
        """It keeps nothing."""

    def forget(self, offer_id: bytes) -> None:
        """It keeps nothing."""

    def open(self, source: BinaryIO, *, seconds: float) -> "Claim":
        claim, _, proof = source.read().partition(b" ")
        if proof != proof_of(claim):
            raise ProofInvalid("expected a proof of the claimed price, got another", hint="prove the claim again")
        return Claim(int(claim))


def proof_of(claim: bytes) -> bytes:
    return sha256(b"proof" + claim).hexdigest().encode()


class Claim:
    def __init__(self, price: int) -> None:
        self.price = price

    def hashes(self) -> Sequence[bytes]:
        return [sha256(b"commitment %d" % self.price).digest()]

    def prove(self, quote: Quote, domain: Domain) -> None:
        """No proof is asked for."""

    def appraise(
        self, *, known: frozenset[bytes], own: Sequence[ContextOffer], sold: Sequence[ContextOffer]
    ) -> OfferAppraisal:
        return appraised(self.price, b"proven %d" % self.price)


class ProvenMarket(Market):
    def appraiser(self) -> Proven:
        return Proven()


def test_another_kind_of_quote_is_signed_posted_and_settled(tmp_path: Path) -> None:
    market = ProvenMarket(tmp_path, function_hash=HASH)
    _, refused = market.offer(b"77 " + proof_of(b"78"))
    assert (refused.status, refused.code) == (OfferStatus.REFUSED, "proof_invalid")
    _, state, order = market.sell(b"77 " + proof_of(b"77"))
    assert state.status is OfferStatus.POSTED
    assert order.price == 77
    assert market.chain.order_state(order.order_id()).status is Status.LOCKED
    market.journal.close()


# --- a storage --------------------------------------------------------------------------------------------------------


class MemoryStore:
    """Blobs in a dictionary."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def size(self, name: str) -> int:
        return len(self.blobs.get(name, b""))

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        if name not in self.blobs:
            raise FileNotFoundError(name)
        yield io.BytesIO(self.blobs[name])

    @contextmanager
    def append(self, name: str) -> Iterator[BinaryIO]:
        end = io.BytesIO()
        try:
            yield end
        finally:
            self.blobs[name] = self.blobs.get(name, b"") + end.getvalue()

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        blob = io.BytesIO()
        yield blob
        self.blobs[name] = blob.getvalue()

    def delete(self, name: str) -> None:
        self.blobs.pop(name, None)


class RemoteMarket(Market):
    remote = MemoryStore()

    def open_store(self) -> BlobStore:
        return self.remote


def test_another_storage_holds_uploads_and_deliveries(tmp_path: Path) -> None:
    market = RemoteMarket(tmp_path)
    _, state, order = market.sell(b"one\ntwo\n")
    market.restart()
    with market.delivery.sealed(order.order_id()).open() as delivery:
        assert delivery.read(3) == b"age"
    assert {name.split("/")[0] for name in market.remote.blobs} == {"uploads", "deliveries"}
    assert not (market.folder / "uploads").exists()
    assert market.received(state.offer_id) == state.upload_bytes
    market.journal.close()


# --- an error of the API ----------------------------------------------------------------------------------------------


class MarketClosed(RequestError):
    """The oracle takes no offers at night."""

    status = 451


def test_another_error_is_answered_with_its_status_and_code(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: Offer) -> None:
        raise MarketClosed("expected daylight, got night", hint="come back at dawn")

    offer_id = market.offers.open_offer(bid(market.model_id, b"one\n").request).offer_id
    monkeypatch.setattr(market.offers, "state_of", closed)
    with httpx.Client(transport=market.transport) as http:
        answer = http.get(f"{ORACLE_URL}/v1/offers/0x{offer_id.hex()}", headers=market.bearer(seller_account))
    assert answer.status_code == 451
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert Problem.model_validate_json(answer.content) == Problem(
        type="docs/errors.md#market_closed",
        title="The oracle takes no offers at night",
        status=451,
        detail="expected daylight, got night",
        instance=f"/v1/offers/0x{offer_id.hex()}",
        code="market_closed",
        hint="come back at dawn",
    )
