"""One JSON-RPC endpoint over HTTP: every request ends in time, and no answer fills memory.

Hosted nodes refuse in many ways: by an HTTP status with or without a JSON-RPC error, by a JSON-RPC error under status
200, by silence. What passes (too many requests, a restart behind a proxy) is asked again; what does not is one of three
exceptions, which ``Node.errors`` translates.
"""

import json
import re
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, cast

from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from assay.bounded_http import GATEWAY_STATUSES, Answer, BoundedHttp, NoAnswer, parts_of
from assay.errors import SettingsError

MOST_ANSWER_BYTES = 2**25
"""The largest answer: logs of a crowded range of blocks have some millions of bytes."""
ATTEMPTS = 4
"""How often a request is sent to a node that does not answer, where there is no other node."""
ANSWER_SECONDS = 30.0
"""Time for one request with its whole answer; all attempts end within twice this time."""
SEARCH_SECONDS = 600.0
"""Time for an answer of any length that is searched as it comes."""
_NO_DIGIT = re.compile(rb"[^0-9a-f]")
_TOO_OFTEN = re.compile(
    r"too many requests|(rate|rps).?limit|request (limit|rate)|(requests?|calls?) per|(per |/)sec|throughput|throttl",
    re.I,
)
"""How nodes say that requests come too often. They have no common code for it."""
_REVERTED = re.compile(r"revert", re.I)
"""How nodes say that a contract refused a call. What follows are the contract's words, which anyone can choose."""


class HttpRefusal(Exception):
    """An HTTP status in place of a JSON-RPC answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP status {answer.status}: {answer.shown}")
        self.status = answer.status


class HttpEndpoint(JSONBaseProvider):
    """The node at ``url``.

    Args:
        url: ``http://`` or ``https://``, as the node's operator gives it: a path or a user in it may be a secret, and
            is not shown.
        timeout: Seconds for one request with its whole answer.
        attempts: How often a request is sent that is not answered.

    Raises:
        SettingsError: The URL is none of the two.
    """

    def __init__(self, url: str, *, timeout: float = ANSWER_SECONDS, attempts: int = ATTEMPTS) -> None:
        super().__init__()
        scheme, host = parts_of(url)
        if scheme not in ("http", "https"):
            raise SettingsError(
                f"expected the node's URL, http:// or https://, got {url!r}",
                hint="name a JSON-RPC endpoint over HTTP: --node; nodes that serve WebSocket serve HTTP, too",
            )
        self._url = url
        self._shown = f"{scheme}://{host}"
        self._timeout = timeout
        self._attempts = attempts
        self._http = BoundedHttp(url)
        self._wait = threading.Event().wait

    def __str__(self) -> str:
        return self._shown

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One answer, after as many attempts as its time has room for.

        Raises:
            NoAnswer: The node is not there, or does not keep up.
            HttpRefusal: It refuses by an HTTP status.
            BadAnswer: The answer is too large.
            ValueError: The answer is not JSON-RPC.
        """
        body = self.encode_rpc_request(method, params)
        end = time.monotonic() + 2 * self._timeout
        for attempt in range(1, self._attempts + 1):
            try:
                return self._request(body, min(self._timeout, end - time.monotonic()))
            except NoAnswer as error:
                pause = 0.25 * 2 ** (attempt - 1) if error.wait is None else error.wait
                if attempt == self._attempts or time.monotonic() + pause >= end:
                    raise
            self._wait(pause)
        raise AssertionError("unreachable")

    def search(self, method: str, params: Any, start: bytes) -> Iterator[bytes]:
        """Runs of hex digits that begin with ``start``, in an answer of any length, which is read as it comes.

        Raises:
            NoAnswer: The node does not answer, or not wholly within ``SEARCH_SECONDS``.
        """
        body = self.encode_rpc_request(RPCEndpoint(method), params)
        headers = {"Content-Type": "application/json"}
        with self._http.stream("POST", self._url, within=SEARCH_SECONDS, content=body, headers=headers) as stream:
            yield from hex_runs(stream.pieces, start)

    def _request(self, body: bytes, seconds: float) -> RPCResponse:
        answer = self._http.ask(
            "POST",
            self._url,
            within=seconds,
            most=MOST_ANSWER_BYTES,
            content=body,
            headers={"Content-Type": "application/json"},
        )
        return response_of(answer)


def hex_runs(pieces: Iterable[bytes], start: bytes) -> Iterator[bytes]:
    """Runs of lower-case hex digits that begin with ``start``, in a text that comes in pieces.

    Digits before ``start`` are left out. Of a run, ``MOST_ANSWER_BYTES`` are kept at most.
    """
    kept, run = b"", None
    for piece in pieces:
        kept += piece.lower()
        while kept:
            if run is None:
                at = kept.find(start)
                if at < 0:
                    kept = kept[-len(start) :]
                    break
                run, kept = bytearray(start), kept[at + len(start) :]
            end = _NO_DIGIT.search(kept)
            run += kept[: end.start()] if end else kept
            kept = kept[end.start() :] if end else b""
            if end or len(run) > MOST_ANSWER_BYTES:
                yield bytes(run)
                run = None


def response_of(answer: Answer) -> RPCResponse:
    """The JSON-RPC response in an answer, whatever its HTTP status.

    Raises:
        NoAnswer: The node, or a proxy in front of it, cannot answer now.
        HttpRefusal: It refuses by an HTTP status.
        ValueError: The answer is not JSON-RPC.
    """
    decoded = _decoded(answer)
    said = _message_in(decoded)
    fails = answer.status >= 500 and decoded is None
    too_often = _TOO_OFTEN.search(said) and not _REVERTED.search(said)
    if fails or answer.status in GATEWAY_STATUSES or too_often:
        failure = NoAnswer(said or f"HTTP status {answer.status}")
        failure.wait, failure.late = answer.wait, answer.status == 504
        raise failure
    if decoded is not None:
        return cast(RPCResponse, decoded)
    if answer.status != 200:
        raise HttpRefusal(answer)
    raise ValueError(f"no JSON-RPC answer: {answer.shown}")


def _decoded(answer: Answer) -> Any:
    """The JSON-RPC answer, whatever the HTTP status; None if it is none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
    return found if isinstance(found, dict) and ("result" in found or "error" in found) else None


def _message_in(decoded: Any) -> str:
    """The message of a JSON-RPC error; empty if there is none."""
    error = decoded.get("error") if decoded else None
    return str(error.get("message", ""))[:200] if isinstance(error, dict) else ""
