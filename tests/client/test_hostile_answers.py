"""Servers that do anything but answer: each call ends in time, in bounded memory, with an error that says what came.

One table for the oracle and for the node: what one of them may send, the other may, too.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.chain.node import Node
from assay.errors import AssayError
from assay.oracle import downloads
from assay.oracle.api import OracleClient
from assay.protocol.types import OrderId
from tests.kit.hostile_server import BOMB, Behaviour, HostileServer, answer, head, in_turn, sends, whole
from tests.kit.problems import problem_details

pytestmark = pytest.mark.integration

SECONDS = 0.2
"""Time for one request."""
CEILING = 30
"""Seconds after which a call counts as one that never ends; with a busy machine's share."""

JSON = {"Content_Type": "application/json"}
DEEP = b'{"jsonrpc":"2.0","id":0,"result":' + 100_000 * b"["
LONG = b"9" * 5_000


def result(value: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":0,"result":' + value + b"}"


ANSWERS: dict[str, Behaviour] = {
    "page": answer(b"<html>hello</html>", Content_Type="text/html"),
    "nothing": answer(b""),
    "no_bytes_at_all": sends(),
    "no_http": sends(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "half_a_status_line": sends(b"HTTP/1.1 2"),
    "odd_status": answer(b"{}", "999 Odd"),
    "no_content": sends(head("204 No Content")),
    "unauthorised": answer(b"<html>log in</html>", "401 Unauthorized"),
    "forbidden": answer(b"<html>no</html>", "403 Forbidden"),
    "missing": answer(b"<html>not here</html>", "404 Not Found"),
    "teapot": answer(b"\xff\xfe", "418 Teapot"),
    "redirect": answer(b"", "302 Found", Location="https://elsewhere.example/"),
    "redirect_to_itself": answer(b"", "307 Temporary Redirect", Location="/"),
    "redirect_nowhere": answer(b"", "302 Found", Location="http://[:bad"),
    "not_utf8": answer(b"\xff\xfe\xfd", **JSON),
    "half_json": answer(b'{"jsonrpc": "2.0", ', **JSON),
    "deep_json": answer(DEEP, **JSON),
    "deep_whole_json": answer(DEEP + 100_000 * b"]" + b"}", **JSON),
    "list": answer(b"[]", **JSON),
    "null": answer(b"null", **JSON),
    "number": answer(b"17", **JSON),
    "nan": answer(result(b"NaN"), **JSON),
    "infinite": answer(result(b"1e400"), **JSON),
    "endless_number": answer(result(LONG), **JSON),
    "text_of_digits": answer(result(b'"0x' + LONG + b'"'), **JSON),
    "negative": answer(result(b"-1"), **JSON),
    "object": answer(result(b'{"number": {"a": 1}}'), **JSON),
    "list_as_result": answer(result(b"[[], {}, null]"), **JSON),
    "odd_error": answer(b'{"jsonrpc":"2.0","id":0,"error":[1]}', **JSON),
    "error_without_words": answer(b'{"jsonrpc":"2.0","id":0,"error":{"code":"x","message":{}}}', **JSON),
    "error_with_odd_data": answer(b'{"jsonrpc":"2.0","id":0,"error":{"code":3,"message":"no","data":[1]}}', **JSON),
    "shorter_than_said": sends(head(Content_Length=1000) + b'{"version": "1"'),
    "bad_chunks": sends(head(Transfer_Encoding="chunked") + b"zz\r\n{}\r\n"),
    "two_lengths": sends(head()[:-2] + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "odd_header": sends(head()[:-2] + b"no colon here\r\n\r\n{}"),
    "compressed_bomb": answer(BOMB, Content_Encoding="gzip"),
    "compressed_nonsense": answer(b"not packed", Content_Encoding="br"),
    "unknown_encoding": answer(b"{}", Content_Encoding="x-made-up"),
}
WITHOUT_END: dict[str, Callable[[HostileServer], Behaviour]] = {
    "drips_before_the_head": lambda server: server.drips(b""),
    "drips_a_header": lambda server: server.drips(b"HTTP/1.1 200 OK\r\nX-Long: "),
    "drips_the_body": lambda server: server.drips(head(Content_Length=10**9)),
    "drips_chunks": lambda server: server.drips(head(Transfer_Encoding="chunked")),
    "floods_the_head": lambda server: server.floods(b"HTTP/1.1 200 OK\r\nX-Long: "),
    "floods_the_body": lambda server: server.floods(head(Content_Length=10**15)),
    "floods_without_length": lambda server: server.floods(head(Connection="close")),
    "says_nothing": lambda server: server.drips(b"", every=3600),
}
CALLERS: dict[str, Callable[[str], object]] = {
    "oracle": lambda url: OracleClient(url, timeout=SECONDS, attempts=1).info(),
    "node": lambda url: Node(url, timeout=SECONDS).latest(),
}


def ends(call: Callable[[str], object], server: HostileServer) -> AssayError:
    """The error in which the call ends."""
    start = time.monotonic()
    with pytest.raises(AssayError) as raised:
        call(server.url)
    assert time.monotonic() - start < CEILING
    assert len(str(raised.value)) < 1000
    return raised.value


@pytest.mark.parametrize("call", CALLERS.values(), ids=CALLERS)
@pytest.mark.parametrize("name", ANSWERS)
def test_answer_that_is_none(name: str, call: Callable[[str], object]) -> None:
    with HostileServer(ANSWERS[name]) as server:
        ends(call, server)


@pytest.mark.parametrize("call", CALLERS.values(), ids=CALLERS)
@pytest.mark.parametrize("name", WITHOUT_END)
def test_answer_without_end(name: str, call: Callable[[str], object]) -> None:
    server = HostileServer(sends())
    server.serve(WITHOUT_END[name](server))
    with server:
        ends(call, server)


def test_redirect_is_not_followed_and_is_shown() -> None:
    with (
        HostileServer(answer(b"")) as elsewhere,
        HostileServer(answer(b"", "301 Moved", Location=elsewhere.url)) as server,
    ):
        assert elsewhere.url in ends(lambda url: OracleClient(url, attempts=1).info(), server).message
        ends(lambda url: Node(url).latest(), server)
        assert elsewhere.requests == []


def test_key_in_the_nodes_url_is_not_shown() -> None:
    with HostileServer(answer(b"<html></html>", "401 Unauthorized")) as server:
        with pytest.raises(AssayError) as raised:
            Node(f"{server.url}/v3/secret?key=secret").latest()
        assert b"/v3/secret?key=secret" in server.requests[0]
    assert "secret" not in raised.value.message
    assert "whole URL" in str(raised.value.hint)


def test_cookies_are_not_kept() -> None:
    with HostileServer(answer(b"{}", Set_Cookie="a=b")) as server:
        client = OracleClient(server.url, attempts=1)
        for _ in range(2):
            with pytest.raises(AssayError):
                client.info()
        assert not any(b"cookie" in request.lower() for request in server.requests)


def test_long_words_of_an_oracle_are_cut() -> None:
    problem = json.dumps(problem_details("x", 10**6 * "m", status=404, hint=10**6 * "h")).encode()
    with HostileServer(sends(whole(problem, "400 Bad Request"))) as server, pytest.raises(AssayError) as raised:
        OracleClient(server.url).info()
    assert len(raised.value.message) + len(str(raised.value.hint)) < 5000


def test_download_of_a_byte_now_and_then_is_cut_and_keeps_what_came(tmp_path: Path) -> None:
    zeros = "0x" + 64 * "0"
    record = {"order_id": zeros, "model_id": zeros, "seller": "0x" + 40 * "0", "sealed_bytes": 10_000}
    server = HostileServer(sends())
    drip = server.drips(head("206 Partial Content", Content_Length=10_000))
    server.serve(in_turn(answer(json.dumps(record).encode()), drip))
    with server:
        client = OracleClient(server.url, timeout=SECONDS, attempts=2)
        error = ends(lambda _: client.download(OrderId(bytes(32)), tmp_path / "file"), server)
    kept = (tmp_path / "file").stat().st_size
    assert f"got {kept} of 10000 bytes" in error.message
    assert 0 < kept < 1000
    assert b"range: bytes=0-" in server.requests[1].lower()


SPAN, WHOLE = 1000, 10_000
PARTIAL = "206 Partial Content"
DOWNLOADS: dict[str, Callable[[HostileServer], Behaviour]] = {
    "endless": lambda server: server.floods(head(PARTIAL)),
    "endless_with_the_right_range": lambda server: server.floods(head(PARTIAL, Content_Range="bytes 0-999/10000")),
    "slow": lambda server: server.drips(head(PARTIAL, Content_Length=SPAN)),
    "silent": lambda server: server.drips(b"", every=3600),
    "another_range": lambda _: answer(bytes(SPAN), PARTIAL, Content_Range="bytes 5-1004/10000"),
    "longer": lambda _: answer(bytes(WHOLE), PARTIAL),
    "shorter_than_said": lambda _: sends(head(PARTIAL, Content_Length=SPAN) + bytes(10)),
    "shorter": lambda _: answer(bytes(10), PARTIAL),
    "whole_file": lambda _: answer(bytes(WHOLE)),
    "another_status": lambda _: answer(bytes(SPAN), "226 IM Used"),
    "redirect": lambda _: answer(b"", "307 Temporary Redirect", Location="http://127.0.0.1:9/"),
}


@pytest.mark.parametrize("name", DOWNLOADS)
def test_download_over_several_connections_ends_in_time_and_bounds(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "SPAN_BYTES", SPAN)
    zeros = "0x" + 64 * "0"
    record = {"order_id": zeros, "model_id": zeros, "seller": "0x" + 40 * "0", "sealed_bytes": WHOLE}
    server = HostileServer(sends())
    server.serve(in_turn(answer(json.dumps(record).encode()), DOWNLOADS[name](server)))
    with server:
        client = OracleClient(server.url, timeout=SECONDS, attempts=2)
        ends(lambda _: client.download(OrderId(bytes(32)), tmp_path / "file", streams=4), server)
        assert 2 <= len(server.requests) <= 1 + 2 * 4 + 4
    assert (tmp_path / "file").stat().st_size <= SPAN


def test_call_with_all_its_attempts_ends_within_twice_the_time_of_one() -> None:
    server = HostileServer(sends())
    server.serve(server.drips(head(Content_Length=100_000)))
    with server:
        ends(lambda url: OracleClient(url, timeout=SECONDS, attempts=1000).info(), server)
        assert len(server.requests) <= 3
