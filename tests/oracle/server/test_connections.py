"""Real connections to the oracle's application: slow ones, silent ones, too many of them."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import uvicorn

from assay.protocol.messages import OfferStatus
from assay_oracle.server import connections
from assay_oracle.server.api import bodies
from assay_oracle.server.api.app import create_app
from tests.kit.actors import seller_account
from tests.kit.bids import bid
from tests.kit.market import Market

pytestmark = pytest.mark.integration

INFO = b"GET /v1/info HTTP/1.1\r\nHost: oracle\r\n\r\n"
WAIT = 20


class Served:
    """The oracle of a market on a port of its own."""

    def __init__(self, market: Market, **changes: Any) -> None:
        self.market = market
        self.port = 0
        self._server = uvicorn.Server(
            connections.bounded(create_app(market.oracle, market.gate(**changes), dict), host="127.0.0.1", port=0)
        )
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve()))

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    def connect(self, *sent: bytes) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
        with suppress(ConnectionError):  # the answer may come, and end the connection, before all is sent
            made.sendall(b"".join(sent))
        return made


@pytest.fixture
def served(market: Market) -> Iterator[Served]:
    made = Served(market)
    made.start()
    yield made
    made.stop()


def authorization(market: Market) -> str:
    """The line that says who asks."""
    return f"Authorization: {market.bearer(seller_account)['Authorization']}\r\n"


def answer(connection: socket.socket) -> bytes:
    """Everything until the other side closes the connection, or resets it."""
    received = b""
    with connection, suppress(ConnectionResetError):
        while piece := connection.recv(2**16):
            received += piece
    return received


def ask(served: Served, request: bytes = INFO) -> bytes:
    return answer(served.connect(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)))


@pytest.mark.parametrize("sent", [b"", INFO[:20], INFO + INFO[:20]], ids=["nothing", "half a head", "the next head"])
def test_head_that_does_not_come_ends_the_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    assert answer(served.connect(sent)).count(b"200 OK") == sent.count(b"\r\n\r\n")


def test_body_that_does_not_come_is_answered_and_ends_the_connection(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    found = answer(served.connect(b"POST /v1/offers HTTP/1.1\r\nHost: oracle\r\nContent-Length: 9\r\n\r\n{"))
    assert b"408 Request Timeout" in found
    assert b"request_timed_out" in found


def test_upload_whose_connection_fell_silent_keeps_its_bytes_and_can_be_resumed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PIECE_SECONDS", 0.2)
    market = served.market
    made = bid(market.model_id, b"one\n")
    offer_id = market.offers.open_offer(made.request).offer_id
    path = f"PATCH /v1/offers/0x{offer_id.hex()}/upload HTTP/1.1\r\nHost: oracle\r\n{authorization(market)}"
    path += "Content-Length: {}\r\n"
    length = len(made.upload)
    start = (path.format(length) + "Upload-Offset: 0\r\n\r\n").encode()
    assert b"408 Request Timeout" in answer(served.connect(start, made.upload[:100]))
    assert market.offers.state(offer_id).received_bytes == 100
    rest = (path.format(length - 100) + "Upload-Offset: 100\r\n\r\n").encode()
    body = ask(served, rest + made.upload[100:]).partition(b"\r\n\r\n")[2]
    assert json.loads(body)["status"] == OfferStatus.PRICING


def test_answer_that_nobody_reads_ends_the_connection(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.2)
    served = Served(market)
    ended = threading.Event()
    lost = connections.BoundedProtocol.connection_lost

    def noticed(self: connections.BoundedProtocol, error: Exception | None) -> None:
        lost(self, error)
        ended.set()

    monkeypatch.setattr(connections.BoundedProtocol, "connection_lost", noticed)
    served.start()
    try:
        with served.connect() as deaf:
            deaf.settimeout(0.1)
            with suppress(OSError):
                while True:  # requests whose answers fill the buffers of both sides
                    deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: oracle\r\n\r\n" * 100)
            assert ended.wait(WAIT)
    finally:
        served.stop()


@pytest.mark.parametrize(
    "sent", [b"", b"POST /v1/offers HTTP/1.1\r\nHost: oracle\r\nContent-Length: 9\r\n\r\n{"], ids=["head", "body"]
)
def test_any_number_of_silent_connections_keeps_nobody_out(
    served: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 8)
    with ExitStack() as opened:
        silent = [opened.enter_context(served.connect(sent)) for _ in range(40)]
        assert b"200 OK" in ask(served)
        assert [connection for connection in silent[:30] if answer(connection)] == []


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """The most connections, lowered."""
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 4)
    return 4


def test_any_number_of_connections_that_read_no_answer_keeps_nobody_out(
    served: Served, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, pause = threading.Semaphore(0), connections.BoundedProtocol.pause_writing

    def noticed(self: connections.BoundedProtocol) -> None:
        pause(self)
        full.release()

    monkeypatch.setattr(connections.BoundedProtocol, "pause_writing", noticed)
    with ExitStack() as opened:
        for _ in range(few):
            deaf = opened.enter_context(served.connect())
            deaf.settimeout(0.01)
            while not full.acquire(blocking=False):  # until the answers fill the buffers of both sides
                with suppress(TimeoutError):
                    deaf.send(b"GET /openapi.json HTTP/1.1\r\nHost: oracle\r\n\r\n" * 100)
        for _ in range(2 * few):
            assert b"200 OK" in ask(served)


def test_upload_that_arrives_outlasts_more_silent_connections_than_there_are_places(
    served: Served, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece of a body renews the wait for it: no connection that is silent for longer displaces it."""
    monkeypatch.setattr(connections, "PIECE_BYTES", 1024)
    market = served.market
    made = bid(market.model_id, b"one\n" * 20_000)
    offer_id = market.offers.open_offer(made.request).offer_id
    head = f"PATCH /v1/offers/0x{offer_id.hex()}/upload HTTP/1.1\r\nHost: oracle\r\n{authorization(market)}"
    head += "Connection: close\r\n"
    upload = served.connect((head + f"Content-Length: {len(made.upload)}\r\nUpload-Offset: 0\r\n\r\n").encode())
    with ExitStack() as opened:
        for start in range(0, len(made.upload), 2048):
            upload.sendall(made.upload[start : start + 2048])
            for _ in range(few // 2):
                opened.enter_context(served.connect())
            assert b"200 OK" in ask(served)
        assert b"200 OK" in answer(upload)


def test_head_has_a_bounded_length_and_no_protocol_but_http_is_spoken(served: Served) -> None:
    assert b"200 OK" not in ask(served, b"GET / HTTP/1.1\r\nHost: oracle\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n")
    upgrade = b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + b"A" * 22 + b"==\r\n"
    last = INFO[:-2] + b"Connection: close\r\n\r\n"
    found = served.connect(INFO[:-2], b"Connection: Upgrade\r\n", upgrade, b"\r\n", last)
    assert answer(found).count(b"200 OK") == 2


def test_body_behind_a_refusal_is_no_request(served: Served) -> None:
    smuggled = INFO * 3_000
    head = b"POST /v1/offers HTTP/1.1\r\nHost: oracle\r\nContent-Length: %d\r\n\r\n" % len(smuggled)
    found = answer(served.connect(head, smuggled, INFO[:-2], b"Connection: close\r\n\r\n"))
    assert (found.count(b"413 "), found.count(b"200 OK")) == (1, 1)


def test_nobody_on_this_machine_says_whom_a_request_is_counted_against(market: Market) -> None:
    """The server itself believes no ``X-Forwarded-For``: only the proxies that the settings name are believed."""
    settings = market.settings.model_copy(update={"address_requests_per_second": 0.1})
    served = Served(market, settings=settings)
    served.start()
    try:
        found = [ask(served, INFO[:-2] + b"X-Forwarded-For: 203.0.113.%d\r\n\r\n" % number) for number in range(2)]
    finally:
        served.stop()
    assert [b"200 OK" in found[0], b"429 " in found[1]] == [True, True]
