"""Sessions of the client: one login, another one where the oracle takes the token no longer, and who gets a token."""

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from assay.errors import OracleMisbehaved, OracleRefused, OracleUnreachable
from assay.oracle.api import OracleClient
from assay.oracle.session import Party
from assay.protocol.messages import LoginSession, OfferState
from assay.protocol.statements import audience
from assay.protocol.types import OfferId
from tests.kit.actors import DOMAIN, buyer_account, rival_account, seller_account
from tests.kit.bids import bid
from tests.kit.market import ORACLE_URL, Market
from tests.kit.problems import problem_details

pytestmark = pytest.mark.unit


def paths(market: Market) -> list[str]:
    return [f"{request.method} {request.url.path.removeprefix('/v1')}" for request in market.transport.seen]


@pytest.fixture
def offered(market: Market) -> tuple[Market, OfferId]:
    made = bid(market.model_id, b"one\n")
    offer_id = market.as_seller.open_offer(made.request).offer_id
    market.transport.seen.clear()
    return market, offer_id


def test_party_logs_in_once_and_asks_about_models_without_a_token(offered: tuple[Market, OfferId]) -> None:
    market, offer_id = offered
    client = market.as_seller
    for _ in range(3):
        client.offer(offer_id)
        client.info()
    assert paths(market).count("POST /login") == 1
    for request in market.transport.seen:
        assert ("Authorization" in request.headers) == request.url.path.startswith("/v1/offers")


def test_clients_of_one_party_share_its_session_and_another_party_has_its_own(offered: tuple[Market, OfferId]) -> None:
    market, offer_id = offered
    oracle = market.http
    for _ in range(2):
        oracle.as_party_of(seller_account, DOMAIN).offer(offer_id)
    assert paths(market).count("POST /login") == 1
    with pytest.raises(OracleRefused, match=f"expected an offer of {rival_account.address}") as raised:
        oracle.as_party_of(rival_account, DOMAIN).offer(offer_id)
    assert (raised.value.problem, raised.value.status) == ("offer_unknown", 404)
    assert "use the key that the offer was made with" in str(raised.value.hint)
    assert oracle.as_party_of(seller_account, DOMAIN).offer(offer_id).offer_id == offer_id


def test_session_that_expired_is_renewed_by_the_request_that_notices(offered: tuple[Market, OfferId]) -> None:
    market, offer_id = offered
    client = market.as_seller
    client.offer(offer_id)
    market.pass_time(market.settings.session_seconds)
    assert client.offer(offer_id).offer_id == offer_id
    assert paths(market).count("POST /login") == 2


def test_upload_and_download_go_on_over_the_end_of_a_session(market: Market, tmp_path: Path) -> None:
    market.settings = market.settings.model_copy(update={"session_seconds": 60})
    made = bid(market.model_id, b"one\n")
    seller = market.as_seller
    offer_id = seller.open_offer(made.request).offer_id
    market.pass_time(market.settings.session_seconds)
    seller.upload(offer_id, io.BytesIO(made.upload))
    market.work()
    market.accept(made, market.offers.state(offer_id))
    market.work()
    order_id = market.offers.state(offer_id).order_id
    assert order_id is not None
    buyer = market.as_buyer
    whole = buyer.order(order_id).sealed_bytes
    ask = market.transport.handle_request

    def expire_then_ask(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/sealed"):
            market.transport.handle_request = ask  # type: ignore[method-assign]
            market.pass_time(market.settings.session_seconds)
        return ask(request)

    market.transport.handle_request = expire_then_ask  # type: ignore[method-assign]
    buyer.download(order_id, tmp_path / "file")
    assert (tmp_path / "file").stat().st_size == whole


def test_many_threads_log_in_once(offered: tuple[Market, OfferId]) -> None:
    market, offer_id = offered
    market.transport.idle = True
    client = market.as_seller
    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(client.offer, [offer_id] * 8))) == 8
    assert paths(market).count("POST /login") == 1


def test_party_that_does_not_log_in_is_told_to(offered: tuple[Market, OfferId]) -> None:
    market, offer_id = offered
    with pytest.raises(OracleRefused) as raised:
        market.http.offer(offer_id)
    assert (raised.value.problem, raised.value.status) == ("token_missing", 401)
    assert "log in" in str(raised.value.hint)


def test_key_of_another_account_does_not_log_in(offered: tuple[Market, OfferId]) -> None:
    market, offer_id = offered
    rival = Party.by_key(rival_account, DOMAIN)
    with pytest.raises(OracleRefused) as raised:
        market.http.as_party(Party(DOMAIN, seller_account.address, rival.sign)).offer(offer_id)
    assert raised.value.problem == "signature_invalid"


def test_login_that_another_oracle_passes_on_is_refused(offered: tuple[Market, OfferId]) -> None:
    """The oracle in between answers as the real one does, byte by byte: the URL that was connected to gives it away."""
    market, offer_id = offered
    between = OracleClient("https://between.example", transport=market.transport, attempts=1)
    with pytest.raises(OracleRefused, match=r"got one at 'https://between\.example'") as raised:
        between.as_party_of(seller_account, DOMAIN).offer(offer_id)
    assert raised.value.problem == "login_invalid"


# --- oracles that answer otherwise ------------------------------------------------------------------------------------

Answer = Callable[[httpx.Request], httpx.Response]


def answering(answers: Answer, **options: int) -> OracleClient:
    transport = httpx.MockTransport(answers)
    client = OracleClient(ORACLE_URL, transport=transport, **options).as_party_of(seller_account, DOMAIN)
    client._requests.wait = lambda seconds: bool(pauses.append(seconds))  # type: ignore[arg-type, func-returns-value]
    return client


pauses: list[float] = []


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    yield
    pauses.clear()


OFFER = OfferId(bytes(32))
STATE = OfferState(offer_id=OFFER, status="uploading", received_bytes=0, upload_bytes=1).model_dump(mode="json")


def session(request: httpx.Request, account: str = seller_account.address) -> httpx.Response:
    if request.method == "GET":
        return httpx.Response(200, json={"nonce": "0x" + 64 * "1", "seconds": 120})
    made = LoginSession(account=account, token="token", expires_at=0)
    return httpx.Response(200, json=made.model_dump(mode="json"))


def test_oracle_that_takes_no_token_is_asked_twice() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/v1/login":
            return session(request)
        return httpx.Response(401, json=problem_details("token_invalid", "expected another", status=401))

    with pytest.raises(OracleRefused, match="expected another"):
        answering(answer).offer(OFFER)
    assert len([path for path in asked if path != "/v1/login"]) == 2


def test_session_of_another_account_is_not_used() -> None:
    with pytest.raises(OracleMisbehaved, match=f"expected a session of {seller_account.address}"):
        answering(lambda request: session(request, buyer_account.address)).offer(OFFER)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "é", "a" * 257])
def test_token_that_is_no_header_is_refused(token: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        answered = session(request)
        if request.method == "GET":
            return answered
        return httpx.Response(200, json=answered.json() | {"token": token})

    with pytest.raises(OracleMisbehaved):
        answering(answer).offer(OFFER)


@pytest.mark.parametrize("at", ["/v1/login", "/v1/offers/0x" + 64 * "0"])
def test_oracle_that_asks_to_wait_is_asked_again_after_that_time(at: str) -> None:
    refusals = iter([True])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == at and next(refusals, False):
            problem = problem_details("rate_exceeded", "expected fewer requests", status=429)
            return httpx.Response(429, json=problem, headers={"Retry-After": "7"})
        return session(request) if request.url.path == "/v1/login" else httpx.Response(200, json=STATE)

    assert answering(answer, attempts=2).offer(OFFER).offer_id == OFFER
    assert pauses == [7]


def test_oracle_that_asks_to_wait_for_ever_is_told_with_its_words() -> None:
    problem = problem_details("rate_exceeded", "expected fewer requests", status=429)
    with pytest.raises(OracleUnreachable, match="expected fewer requests"):
        answering(lambda _: httpx.Response(429, json=problem), attempts=3).offer(OFFER)
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://Oracle.Example/", "https://oracle.example"),
        ("https://oracle.example:443", "https://oracle.example"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("http://[::1]:8550/", "http://[::1]:8550"),
        ("https://oracle.example:8443/Assay/", "https://oracle.example:8443/Assay"),
    ],
)
def test_url_is_signed_in_one_form(url: str, signed: str) -> None:
    assert audience(url) == signed
    assert audience(signed) == signed
