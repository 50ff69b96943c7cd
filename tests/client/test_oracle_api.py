"""The HTTP client: whom it talks to, what it makes of bad answers, transfers that go on, retries."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from assay.errors import OracleMisbehaved, OracleRefused, OracleUnreachable, SettingsError
from assay.oracle_api import PIECE_BYTES, OracleClient
from assay.protocol.messages import OfferState, OfferStatus
from tests.kit.bids import bid
from tests.kit.market import ORACLE_URL, Market

pytestmark = pytest.mark.unit

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, **options: int) -> OracleClient:
    return OracleClient(ORACLE_URL, transport=httpx.MockTransport(answer), attempts=options.get("attempts", 1))


TRUSTED = (
    "https://oracle.example",
    "https://oracle.example:8550/",
    "http://127.0.0.1:8550",
    "http://localhost:1",
    "http://[::1]:1",
)
UNTRUSTED = (
    "http://oracle.example",
    "http://10.0.0.1",
    "http://127.0.0.1.evil.example",
    "oracle.example",
    "",
    "https://",
    "ftp://oracle.example",
    "http://[",
    "file:///etc",
)


@pytest.mark.parametrize("url", TRUSTED)
def test_tls_or_this_machine(url: str) -> None:
    assert OracleClient(url).url == url.rstrip("/")


@pytest.mark.parametrize("url", UNTRUSTED)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="expected the oracle's URL") as raised:
        OracleClient(url)
    assert "TLS" in str(raised.value.hint)


def test_problem_is_raised_with_its_code_and_hint() -> None:
    problem = {"code": "model_unknown", "message": "no such model", "hint": "look it up"}
    with pytest.raises(OracleRefused, match="no such model") as raised:
        client(lambda _: httpx.Response(404, json=problem)).info()
    assert (raised.value.problem, raised.value.status, raised.value.hint) == ("model_unknown", 404, "look it up")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json={"version": "1"}),
        httpx.Response(302, headers={"Location": "https://elsewhere.example"}),
        httpx.Response(500, content=b"\xff\xfe"),
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"not packed")),
    ],
    ids=["proxy", "page", "other_json", "redirect", "bytes", "packing"],
)
def test_answer_that_is_none_of_an_oracle(response: httpx.Response) -> None:
    with pytest.raises(OracleMisbehaved) as raised:
        client(lambda _: response).info()
    assert raised.value.hint


def test_call_is_tried_again_and_then_told() -> None:
    tries = []

    def refuse(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        raise httpx.ConnectError("refused")

    with pytest.raises(OracleUnreachable, match=ORACLE_URL) as raised:
        client(refuse, attempts=2).info()
    assert len(tries) == 2
    assert "same command again" in str(raised.value.hint)


def test_call_that_finds_an_answer_at_last(market: Market) -> None:
    failures = [httpx.ConnectError("refused")]

    def answer(request: httpx.Request) -> httpx.Response:
        if failures:
            raise failures.pop()
        return market.transport.handle_request(request)

    transport = httpx.MockTransport(answer)
    assert OracleClient(ORACLE_URL, transport=transport, attempts=2).info().chain_id == 31337


# --- uploads ----------------------------------------------------------------------------------------------------------


def test_upload_goes_on_behind_what_is_there(market: Market) -> None:
    made = bid(market.model_id, b"a\nb\n" * 2000)
    offer_id = market.http.open_offer(made.request).offer_id
    half = len(made.upload) // 2
    context = market.offers.appending(offer_id, 0)
    assert context is not None
    with context as appender:
        appender.write(made.upload[:half])
    done: list[int] = []
    state = market.http.upload(offer_id, io.BytesIO(made.upload), progress=done.append)
    assert state.status in (OfferStatus.PRICING, OfferStatus.QUOTED)
    assert done == [half, len(made.upload) - half]


def test_upload_of_many_pieces() -> None:
    content = bytes(2 * PIECE_BYTES + 5)
    received = bytearray()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            assert int(request.headers["Upload-Offset"]) == len(received)
            received.extend(request.read())
        state = OfferState(
            offer_id=bytes(32),
            status=OfferStatus.UPLOADING if len(received) < len(content) else OfferStatus.PRICING,
            received_bytes=len(received),
            upload_bytes=len(content),
        )
        return httpx.Response(200, text=state.model_dump_json())

    client(answer).upload(bytes(32), io.BytesIO(content))
    assert len(received) == len(content)


def test_oracle_that_keeps_nothing_is_not_fed_for_ever() -> None:
    state = OfferState(offer_id=bytes(32), status=OfferStatus.UPLOADING, received_bytes=0, upload_bytes=10)
    with pytest.raises(OracleMisbehaved, match="kept none"):
        client(lambda _: httpx.Response(200, text=state.model_dump_json())).upload(bytes(32), io.BytesIO(bytes(10)))


# --- downloads --------------------------------------------------------------------------------------------------------


def downloads(body: httpx.Response, whole: int = 10) -> OracleClient:
    notes = {
        "order_id": "0x" + 64 * "0",
        "model_id": "0x" + 64 * "0",
        "seller": "0x" + 40 * "0",
        "sealed_bytes": whole,
    }

    def answer(request: httpx.Request) -> httpx.Response:
        return body if request.url.path.endswith("/sealed") else httpx.Response(200, text=json.dumps(notes))

    return client(answer)


def test_download_never_exceeds_what_was_announced(tmp_path: Path) -> None:
    with pytest.raises(OracleMisbehaved, match="got more"):
        downloads(httpx.Response(206, stream=httpx.ByteStream(bytes(11)))).download(bytes(32), tmp_path / "file")
    assert (tmp_path / "file").stat().st_size <= 10


def test_download_that_ends_early_is_told(tmp_path: Path) -> None:
    with pytest.raises(OracleMisbehaved, match="of 10 bytes, got 7"):
        downloads(httpx.Response(206, stream=httpx.ByteStream(bytes(7)))).download(bytes(32), tmp_path / "file")


def test_answer_without_range_is_not_appended(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"xxx")
    with pytest.raises(OracleMisbehaved, match="partial answer"):
        downloads(httpx.Response(200, stream=httpx.ByteStream(bytes(10)))).download(bytes(32), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"xxx"


def test_whole_download_is_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(10))
    downloads(httpx.Response(500)).download(bytes(32), tmp_path / "file")


def test_client_closes_its_connections_where_its_context_ends(market: Market) -> None:
    with market.http as client:
        assert client.info().models
    with pytest.raises(RuntimeError, match="closed"):
        client.info()
