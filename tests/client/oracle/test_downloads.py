"""Downloads over several connections: every byte once, in order, whatever one of the connections does."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from assay.errors import OracleMisbehaved, OracleUnreachable
from assay.oracle import downloads as module
from assay.oracle.api import OracleClient
from tests.kit.market import ORACLE_URL, Pieces

pytestmark = pytest.mark.unit

SPAN = 1000
CONTENT = bytes(range(256)) * 40
Answer = Callable[[range], httpx.Response]


@pytest.fixture(autouse=True)
def _short_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPAN_BYTES", SPAN)


def honest(span: range, cut: int | None = None) -> httpx.Response:
    named = f"bytes {span.start}-{span.stop - 1}/{len(CONTENT)}"
    return httpx.Response(206, stream=Pieces(CONTENT[span.start : span.stop], cut), headers={"Content-Range": named})


def wait_until(holds: Callable[[], bool]) -> None:
    """Waits for a condition; 60 s at most."""
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)


def size_of(folder: Path, at: int) -> int:
    """Bytes that wait of the span from ``at`` on."""
    with suppress(FileNotFoundError):
        return (folder / str(at)).stat().st_size
    return 0


class Oracle:
    """An oracle that answers requests for a part of ``CONTENT`` by ``answer``, in threads of their own."""

    def __init__(self, answer: Answer = honest) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self.asked: list[range] = []
        self.at_once = self.most_at_once = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/sealed"):
            zeros = "0x" + 64 * "0"
            order = {"order_id": zeros, "model_id": zeros, "seller": "0x" + 40 * "0", "sealed_bytes": len(CONTENT)}
            return httpx.Response(200, json=order)
        first, _, last = request.headers["Range"].removeprefix("bytes=").partition("-")
        span = range(int(first), int(last) + 1 if last else len(CONTENT))
        with self._lock:
            self.asked.append(span)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self._answer(span)
        finally:
            with self._lock:
                self.at_once -= 1

    def download(self, target: Path, *, streams: int = 4, received: Callable[[int], None] | None = None) -> None:
        client = OracleClient(ORACLE_URL, transport=httpx.MockTransport(self), attempts=3)
        client._requests.wait = lambda _: False  # type: ignore[assignment]
        client.download(bytes(32), target, streams=streams, received=received)


@pytest.mark.parametrize("streams", [1, 2, 4, 16])
@pytest.mark.parametrize("have", [0, 1, 999, 1000, 9_500, 10_240])
def test_every_byte_comes_once(tmp_path: Path, streams: int, have: int) -> None:
    oracle, target = Oracle(), tmp_path / "file"
    target.write_bytes(CONTENT[:have])
    oracle.download(target, streams=streams)
    assert target.read_bytes() == CONTENT
    asked = sorted(oracle.asked, key=lambda span: span.start)
    assert [at for span in asked for at in span] == list(range(have, len(CONTENT)))
    assert oracle.most_at_once <= streams


def test_requests_are_under_way_at_once(tmp_path: Path) -> None:
    """Each of the first four is answered only when all four came."""
    together = threading.Barrier(4)

    def answer(span: range) -> httpx.Response:
        if span.start < 4 * SPAN:
            together.wait(10)
        return honest(span)

    Oracle(answer).download(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_span_that_breaks_off_is_asked_for_from_where_it_broke(tmp_path: Path) -> None:
    broken: set[int] = set()

    def answer(span: range) -> httpx.Response:
        if span.start % SPAN or span.start in broken:
            return honest(span)
        broken.add(span.start)
        return honest(span, cut=300)

    oracle = Oracle(answer)
    oracle.download(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert range(3300, 4000) in oracle.asked


def bad(answer: Answer) -> Answer:
    """An oracle whose answers about the fourth span are of another kind."""
    return lambda span: answer(span) if 3 * SPAN <= span.start < 4 * SPAN else honest(span)


def claims(named: str, body: bytes, status: int = 206) -> Answer:
    return lambda _: httpx.Response(status, stream=httpx.ByteStream(body), headers={"Content-Range": named})


HOSTILE: dict[str, Answer] = {
    "another_range": claims("bytes 2000-2999/10240", CONTENT[:SPAN]),
    "open_range": claims("bytes 3000-10239/10240", CONTENT[3000:]),
    "another_length": claims("bytes 3000-3999/99", CONTENT[:SPAN]),
    "too_much": claims("bytes 3000-3999/10240", CONTENT[: SPAN + 1]),
    "too_little": claims("bytes 3000-3999/10240", CONTENT[: SPAN - 1]),
    "nothing": claims("bytes 3000-3999/10240", b""),
    "whole_file": claims("", CONTENT, 200),
    "redirect": lambda _: httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
    "not_there": lambda _: httpx.Response(404, text="<html>"),
    "no_content": lambda _: httpx.Response(204),
    "not_satisfiable": lambda _: httpx.Response(416, headers={"Content-Range": "bytes */10240"}),
    "compressed": lambda _: httpx.Response(206, headers={"Content-Encoding": "gzip"}, stream=Pieces(b"x", None)),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("streams", [1, 4])
def test_answer_of_another_kind_ends_the_download_and_spoils_nothing(tmp_path: Path, name: str, streams: int) -> None:
    answer = HOSTILE[name]
    oracle = Oracle(bad(answer) if streams > 1 else lambda span: answer(span))
    target = tmp_path / "file"
    target.write_bytes(CONTENT[:500])
    with pytest.raises(OracleMisbehaved):
        oracle.download(target, streams=streams)
    kept = target.read_bytes()
    assert kept == CONTENT[: len(kept)] or name in ("too_little", "too_much")
    assert len(kept) >= 500
    if streams == 4:
        assert len(kept) <= 500 + 4 * SPAN


def test_proxy_without_an_oracle_behind_it_is_asked_again(tmp_path: Path) -> None:
    refusals = iter([True, True])

    def answer(span: range) -> httpx.Response:
        return httpx.Response(503, text="<html>") if next(refusals, False) else honest(span)

    Oracle(answer).download(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_span_that_never_comes_keeps_what_lies_before(tmp_path: Path) -> None:
    def refuse(_: range) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(OracleUnreachable, match="of 10240 bytes") as raised:
        Oracle(bad(refuse)).download(tmp_path / "file")
    kept = (tmp_path / "file").read_bytes()
    assert f"got {len(kept)} " in raised.value.message
    assert kept == CONTENT[: 3 * SPAN]


def test_spans_that_wait_for_one_before_them_are_not_asked_for_again(tmp_path: Path) -> None:
    def refuse(_: range) -> httpx.Response:
        wait_until(lambda: all(size_of(waiting, at) == SPAN for at in (4000, 5000, 6000)))
        raise httpx.ConnectError("refused")

    target = tmp_path / "file"
    waiting = module.waiting_spans(target)
    with pytest.raises(OracleUnreachable):
        Oracle(bad(refuse)).download(target)
    again = Oracle()
    again.download(target)
    assert target.read_bytes() == CONTENT
    assert sorted(span.start for span in again.asked) == [3000, 7000, 8000, 9000, 10_000]
    assert not waiting.exists()


def test_span_that_waits_with_other_bytes_is_asked_for_anew_once_it_was_given_on(tmp_path: Path) -> None:
    class Wrong(Exception):
        pass

    target = tmp_path / "file"
    waiting = module.waiting_spans(target)
    waiting.mkdir()
    (waiting / "2000").write_bytes(bytes(2 * SPAN))

    def received(length: int) -> None:
        if length > 2000 and bytes(SPAN) in target.read_bytes():
            raise Wrong

    with pytest.raises(Wrong):
        Oracle().download(target, received=received)
    os.truncate(target, 2000)
    Oracle().download(target, received=received)
    assert target.read_bytes() == CONTENT


def test_caller_that_wants_no_more_ends_all_of_them(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def received(length: int) -> None:
        if length >= 2000:
            raise Enough

    oracle = Oracle()
    with pytest.raises(Enough):
        oracle.download(tmp_path / "file", received=received)
    assert (tmp_path / "file").read_bytes() == CONTENT[:2000]
    wait_until(lambda: not any(thread.name.startswith("span") for thread in threading.enumerate()))
    assert max(span.start for span in oracle.asked) < 7 * SPAN
