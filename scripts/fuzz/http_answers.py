"""A server in this process that answers with given bytes, for what parses the answers of others' servers."""

from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import httpx

from assay.errors import AssayError

END = b"\n===\n"
"""Between two answers of an input."""
_MOST_WORDS = 20_000
"""Characters of an error, at most: no server can flood a terminal."""


class _Backend(httpcore.NetworkBackend):
    """Each connection is sent the next of the answers, the last one again and again."""

    def __init__(self, answers: Iterable[bytes]) -> None:
        self._left = list(answers)

    def connect_tcp(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        answer = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        return httpcore.MockStream([answer])


class _Transport(httpx.HTTPTransport):
    """httpx's own, without the certificates that it would read for every input."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._pool = httpcore.ConnectionPool(network_backend=backend)


def answering(answers: Iterable[bytes]) -> httpx.BaseTransport:
    """What carries requests to a server with these answers: raw HTTP, or bodies of answers with the status 200."""
    return _Transport(_Backend(answer if answer.startswith(b"HTTP/") else _framed(answer) for answer in answers))


def _framed(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def ends(call: Callable[[], object]) -> None:
    """Makes a call, which ends well or in a named error.

    Raises:
        Exception: A finding.
    """
    text = ""
    try:
        call()
    except AssayError as error:
        text = f"{error} {error.hint}"
    assert len(text) < _MOST_WORDS
