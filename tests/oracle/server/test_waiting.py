"""Requests that wait until an offer is priced."""

import asyncio
import io
import threading
import time

import httpx
import pytest

from assay.oracle.api import OracleClient
from assay.protocol.messages import OfferState, OfferStatus
from assay.protocol.types import OfferId
from assay_oracle.server import waiting
from assay_oracle.server.api.app import create_app
from assay_oracle.server.waiting import Waiting
from tests.kit.bids import bid
from tests.kit.market import Market

pytestmark = pytest.mark.unit

OFFER = OfferId(bytes(32))
LONG = "wait=20"
ONCE = 0.05


def offer(status: OfferStatus) -> OfferState:
    return OfferState(offer_id=OFFER, status=status, received_bytes=1, upload_bytes=1)


class Pricing:
    """An offer that is priced once it was looked at ``looks`` times; each look is one of the ledger."""

    def __init__(self, looks: float = float("inf")) -> None:
        self.looks = looks
        self.seen = 0
        self.looked = threading.Event()

    def __call__(self) -> OfferState:
        self.seen += 1
        self.looked.set()
        return offer(OfferStatus.QUOTED if self.seen > self.looks else OfferStatus.PRICING)


def asked(held: Waiting, pricing: Pricing, prefer: str | None, *, then: str = "") -> OfferState:
    """The answer to a request; once it has looked at the offer, ``then`` is called with what waits."""

    async def ask() -> OfferState:
        request = asyncio.create_task(held.state(OFFER, pricing, prefer))
        if then:
            await asyncio.to_thread(pricing.looked.wait)
            pricing.looks = 0
            await asyncio.to_thread(getattr(held, then), *([OFFER] if then == "priced" else []))
        return await request

    return asyncio.run(ask())


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is not looked at by itself."""
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 3600.0)


@pytest.mark.parametrize("prefer", [None, "", "respond-async", "wait=0", "wait=x", "await=9"])
def test_request_that_does_not_ask_for_it_is_answered_at_once(patient: None, prefer: str | None) -> None:
    pricing = Pricing()
    assert asked(Waiting(), pricing, prefer).status is OfferStatus.PRICING
    assert pricing.seen == 1


@pytest.mark.parametrize("prefer", [LONG, "respond-async, wait=20", "wait=20; x=1", "wait=999999"])
@pytest.mark.parametrize("then", ["priced", "close"])
def test_request_is_answered_once_its_offer_is_priced_or_the_daemon_stops(
    patient: None, prefer: str, then: str
) -> None:
    pricing = Pricing()
    assert asked(Waiting(), pricing, prefer, then=then).status is OfferStatus.QUOTED
    assert pricing.seen == 2


def test_offer_that_another_daemon_priced_is_found_in_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.01)
    assert asked(Waiting(), Pricing(looks=3), LONG).status is OfferStatus.QUOTED


def test_time_that_a_request_may_wait_is_bounded(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_WAIT_SECONDS", ONCE)
    begun = time.monotonic()
    assert asked(Waiting(), Pricing(), "wait=999999").status is OfferStatus.PRICING
    assert time.monotonic() - begun >= ONCE


def test_those_who_wait_take_no_more_than_their_places(patient: None) -> None:
    held, first, late = Waiting(1), Pricing(), Pricing()

    async def ask() -> OfferState:
        request = asyncio.create_task(held.state(OFFER, first, LONG))
        await asyncio.to_thread(first.looked.wait)
        found = await held.state(OFFER, late, LONG)
        held.close()
        await request
        return found

    assert asyncio.run(ask()).status is OfferStatus.PRICING
    assert late.seen == 1


@pytest.mark.parametrize("sends", [True, False], ids=["upload", "look"])
def test_seller_hears_of_the_quote_in_the_answer_to_one_request(patient: None, market: Market, sends: bool) -> None:
    """The request comes while the offer waits, or is its upload; the daemon then prices it, and says so."""
    held, made = Waiting(), bid(market.model_id, b"one\n")
    market.open_oracle(priced=held.priced)
    market.transport._app = (market.oracle, create_app(market.oracle, market.gate(), dict, waiting=held))
    seller = market.as_seller
    opened = seller.open_offer(made.request)
    offer_id = opened.offer_id
    market.transport.idle = True
    if not sends:
        market.offers.append(offer_id, 0, made.upload)

    def price() -> None:
        while not held._waiting:
            time.sleep(0.001)
        market.oracle.evaluation.price_next()

    pricing = threading.Thread(target=price)
    pricing.start()
    try:
        if sends:
            found = seller.upload(offer_id, io.BytesIO(made.upload), opened=opened, wait=20)
        else:
            found = seller.offer(offer_id, wait=20)
        assert found.status is OfferStatus.QUOTED
    finally:
        pricing.join()


@pytest.mark.parametrize(("timeout", "sent"), [(30.0, "wait=15"), (100.0, "wait=20"), (1.0, None)])
def test_client_asks_for_less_than_its_own_time_out(timeout: float, sent: str | None) -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("prefer"))
        return httpx.Response(200, content=offer(OfferStatus.PRICING).model_dump_json())

    oracle = OracleClient("https://oracle.example", transport=httpx.MockTransport(answer), timeout=timeout)
    oracle.offer(OFFER, wait=20)
    assert seen == [sent]
