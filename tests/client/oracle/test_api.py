"""The HTTP client: whom it talks to, what it makes of bad answers, transfers that go on, retries."""

import io
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from assay.errors import OracleMisbehaved, OracleRefused, OracleUnreachable, SettingsError, UsageError
from assay.oracle.api import LEAST_PIECE_BYTES, PIECE_BYTES, OracleClient
from assay.protocol.messages import OfferState, OfferStatus
from assay.protocol.types import OfferId
from tests.kit.bids import bid
from tests.kit.market import ORACLE_URL, Market, Pieces
from tests.kit.problems import problem_details

pytestmark = pytest.mark.unit

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, *, attempts: int = 1, timeout: float = 60) -> OracleClient:
    """An oracle that answers so. Pauses pass at once, and are remembered in ``pauses``."""
    made = OracleClient(ORACLE_URL, transport=httpx.MockTransport(answer), attempts=attempts, timeout=timeout)
    made._requests.wait = lambda seconds: bool(pauses.append(seconds))  # type: ignore[arg-type, func-returns-value]
    return made


pauses: list[float] = []


@pytest.fixture(autouse=True)
def _no_pauses() -> None:
    pauses.clear()


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
    problem = problem_details("model_unknown", "no such model", status=404, hint="look it up")
    with pytest.raises(OracleRefused, match="no such model") as raised:
        client(lambda _: httpx.Response(404, json=problem)).info()
    assert (raised.value.problem, raised.value.status, raised.value.hint) == ("model_unknown", 404, "look it up")


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500, text="<html>failed</html>"),
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
    offer_id = market.as_seller.open_offer(made.request).offer_id
    half = len(made.upload) // 2
    context = market.offers.appending(offer_id, 0)
    assert context is not None
    with context as appender:
        appender.write(made.upload[:half])
    done: list[int] = []
    state = market.as_seller.upload(offer_id, io.BytesIO(made.upload), progress=done.append)
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
    with pytest.raises(OracleMisbehaved, match="kept none behind 0"):
        client(lambda _: httpx.Response(200, text=state.model_dump_json())).upload(bytes(32), io.BytesIO(bytes(10)))


class Proxied:
    """An oracle that takes an upload of ``content``, behind a proxy: ``refuse`` answers in its place, or not."""

    def __init__(self, content: bytes, refuse: Callable[[httpx.Request], httpx.Response | None]) -> None:
        self.content = content
        self.received = bytearray()
        self.sizes: list[int] = []
        self._refuse = refuse

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        refused = self._refuse(request)
        if refused is not None:
            return refused
        if request.method == "PATCH":
            assert int(request.headers["Upload-Offset"]) == len(self.received)
            self.sizes.append(len(body))
            self.received.extend(body)
        return self.state()

    def state(self, **changes: object) -> httpx.Response:
        status = OfferStatus.UPLOADING if len(self.received) < len(self.content) else OfferStatus.PRICING
        state = OfferState(
            offer_id=OFFER, status=status, received_bytes=len(self.received), upload_bytes=len(self.content)
        )
        return httpx.Response(200, json=state.model_dump(mode="json") | changes)

    def upload(self, **options: int) -> OfferState:
        return client(self, **options).upload(OFFER, io.BytesIO(self.content))


OFFER = OfferId(bytes(32))


@pytest.mark.parametrize("limit", [2**20, 2**17, LEAST_PIECE_BYTES])
def test_upload_adapts_to_what_a_proxy_takes(limit: int) -> None:
    def refuse(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(413, text="<html>too large</html>") if len(request.content) > limit else None

    proxied = Proxied(bytes(3 * max(limit, 2**17) + 5), refuse)
    proxied.upload()
    assert bytes(proxied.received) == proxied.content
    assert max(proxied.sizes) == min(limit, PIECE_BYTES)
    assert pauses == []


def test_proxy_that_takes_no_upload_is_told() -> None:
    proxied = Proxied(bytes(100_000), lambda r: httpx.Response(413, text="no") if r.method == "PATCH" else None)
    with pytest.raises(OracleRefused, match="takes no request of this size") as raised:
        proxied.upload()
    assert "client_max_body_size" in str(raised.value.hint)


def test_upload_that_the_oracle_itself_finds_too_large_is_not_sent_in_smaller_pieces() -> None:
    problem = problem_details("upload_too_large", "expected less", status=413)
    proxied = Proxied(bytes(100_000), lambda r: httpx.Response(413, json=problem) if r.method == "PATCH" else None)
    with pytest.raises(OracleRefused, match="expected less"):
        proxied.upload()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_upload_goes_on_after_a_restart_behind_a_proxy(status: int) -> None:
    failures = iter([False, False, True, True, False, True])

    def refuse(_: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, text="<html></html>") if next(failures, False) else None

    proxied = Proxied(bytes(3 * PIECE_BYTES), refuse)
    assert proxied.upload(attempts=4).status is OfferStatus.PRICING
    assert bytes(proxied.received) == proxied.content
    assert pauses


def test_piece_that_arrived_although_its_answer_was_lost_is_not_sent_twice() -> None:
    lost = iter([True])

    def answer(request: httpx.Request) -> httpx.Response:
        response = proxied(request)
        if request.method == "PATCH" and next(lost, False):
            raise httpx.ReadError("connection reset")
        return response

    proxied = Proxied(bytes(2 * PIECE_BYTES), lambda _: None)
    client(answer, attempts=2).upload(OFFER, io.BytesIO(proxied.content))
    assert bytes(proxied.received) == proxied.content


@pytest.mark.parametrize(
    "changes",
    [{"received_bytes": -1}, {"received_bytes": 2**70}, {"upload_bytes": 2**60}, {"offer_id": "0x" + 64 * "1"}],
    ids=["below_zero", "beyond_the_end", "another_length", "another_offer"],
)
def test_impossible_progress_of_an_upload_is_refused(changes: dict[str, object]) -> None:
    proxied = Proxied(bytes(10), lambda _: proxied.state(**changes))
    with pytest.raises(OracleMisbehaved):
        proxied.upload()


# --- retries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_proxy_without_an_oracle_behind_it_is_an_oracle_that_does_not_answer(status: int) -> None:
    tries = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        return httpx.Response(status, text="<html>bad gateway</html>")

    with pytest.raises(OracleUnreachable, match=str(status)):
        client(answer, attempts=3).info()
    assert (len(tries), pauses) == (3, [0.5, 1.0])


@pytest.mark.parametrize(
    ("named", "paused"),
    [("2", 2), ("999999999999", 30), ("-5", 0.5), ("1e9", 0.5), ("Fri, 31 Dec 9999 23:59:59 GMT", 0.5), ("٣", 0.5)],
)
def test_wait_that_a_server_asks_for_is_bounded(named: str, paused: float) -> None:
    response = httpx.Response(503, headers=[(b"Retry-After", named.encode())])
    with pytest.raises(OracleUnreachable):
        client(lambda _: response, attempts=2).info()
    assert pauses == [paused]


def test_wait_beyond_the_time_of_the_call_is_not_waited_for() -> None:
    with pytest.raises(OracleUnreachable):
        client(lambda _: httpx.Response(503, headers={"Retry-After": "20"}), attempts=4, timeout=5).info()
    assert pauses == []


def test_refusal_of_the_oracle_itself_is_not_tried_again() -> None:
    problem = problem_details("too_many_offers", "expected fewer open offers", status=429)
    with pytest.raises(OracleRefused, match="fewer open offers"):
        client(lambda _: httpx.Response(429, json=problem), attempts=4).info()
    assert pauses == []


# --- downloads --------------------------------------------------------------------------------------------------------


def notes(whole: int) -> dict[str, object]:
    """What the oracle holds of an order whose envelope has so many bytes."""
    zeros = "0x" + 64 * "0"
    return {"order_id": zeros, "model_id": zeros, "seller": "0x" + 40 * "0", "sealed_bytes": whole}


def downloads(body: httpx.Response, whole: int = 10) -> OracleClient:
    def answer(request: httpx.Request) -> httpx.Response:
        return body if request.url.path.endswith("/sealed") else httpx.Response(200, json=notes(whole))

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


@pytest.mark.parametrize("named", ["bytes 0-9/10", "bytes 3-8/10", "bytes 3-9/11", "bytes */10", "lines 3-9/10", ""])
def test_answer_with_another_range_is_not_appended(tmp_path: Path, named: str) -> None:
    (tmp_path / "file").write_bytes(b"xxx")
    body = httpx.Response(206, stream=httpx.ByteStream(bytes(7)), headers={"Content-Range": named})
    with pytest.raises(OracleMisbehaved, match="expected bytes 3 to 9 of 10"):
        downloads(body).download(bytes(32), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"xxx"


@pytest.mark.parametrize("named", ["bytes 3-9/10", "bytes 3-9/*"])
def test_answer_with_the_range_that_was_asked_for_is_appended(tmp_path: Path, named: str) -> None:
    (tmp_path / "file").write_bytes(b"xxx")
    body = httpx.Response(206, stream=httpx.ByteStream(bytes(7)), headers={"Content-Range": named})
    downloads(body).download(bytes(32), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"xxx" + bytes(7)


def test_whole_download_is_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(10))
    downloads(httpx.Response(500)).download(bytes(32), tmp_path / "file")


def test_download_that_breaks_off_goes_on_behind_what_is_there(tmp_path: Path) -> None:
    content = bytes(range(100))

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/sealed"):
            return httpx.Response(200, json=notes(len(content)))
        start = int(request.headers["Range"].removeprefix("bytes=").rstrip("-"))
        return httpx.Response(206, stream=Pieces(content[start:], 40 if start < 60 else None))

    client(answer, attempts=4).download(bytes(32), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == content


def test_download_has_a_time_of_its_own_and_keeps_what_came(tmp_path: Path) -> None:
    """Pieces that keep coming do not keep the caller for ever."""
    with pytest.raises(OracleUnreachable, match="got 0 of 10 bytes") as raised:
        downloads(httpx.Response(206, stream=Pieces(bytes(10), None))).download(bytes(32), tmp_path / "file", within=-1)
    assert "resumes" in str(raised.value.hint)


def test_download_that_the_disk_has_no_room_for_is_refused_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="free bytes"):
        downloads(httpx.Response(500), whole=2**62).download(bytes(32), tmp_path / "file")


def test_file_that_the_oracle_has_deleted_is_told(tmp_path: Path) -> None:
    with pytest.raises(OracleRefused, match="has deleted the sealed file"):
        downloads(httpx.Response(500), whole=0).download(bytes(32), tmp_path / "file")
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("whole", [-1, 2**80])
def test_length_of_a_download_that_cannot_be_is_refused(whole: int, tmp_path: Path) -> None:
    with pytest.raises(OracleMisbehaved):
        downloads(httpx.Response(500), whole=whole).download(bytes(32), tmp_path / "file")


def test_client_closes_its_connections_where_its_context_ends(market: Market) -> None:
    with market.http as client:
        assert client.info().models
    with pytest.raises(RuntimeError, match="closed"):
        client.info()
