"""An HTTP server that does anything but answer: it drips, floods, breaks off, lies about its length, or answers others.

    with HostileServer(answer(b"<html></html>")) as server: ...
    with HostileServer(drip(answer(b"{}"))) as server: ...

A ``Behaviour`` gets the connection of one request, whose head and body were read, and writes what it likes.
"""

import gzip
import itertools
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Self

Behaviour = Callable[[socket.socket, bytes], None]

BOMB = gzip.compress(bytes(2**26))
"""64 MiB of zeros in some thousand bytes."""


def head(status: str = "200 OK", **headers: object) -> bytes:
    """Status line and headers; an underscore in a name stands for a hyphen."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def whole(body: bytes, status: str = "200 OK", **headers: object) -> bytes:
    """A whole answer as it is sent."""
    return head(status, Content_Length=len(body), Connection="close", **headers) + body


def sends(*pieces: bytes) -> Behaviour:
    """Sends these bytes, and closes the connection."""

    def behave(connection: socket.socket, _: bytes) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return behave


def answer(body: bytes, status: str = "200 OK", **headers: object) -> Behaviour:
    """Sends a whole answer."""
    return sends(whole(body, status, **headers))


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Another behaviour for each request; the last one for all that follow."""
    left = itertools.chain(behaviours, itertools.repeat(behaviours[-1]))

    def behave(connection: socket.socket, request: bytes) -> None:
        next(left)(connection, request)

    return behave


class HostileServer:
    """Serves ``behaviour`` on a port of its own.

    Attributes:
        requests: Heads and bodies of the requests that came.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def drips(self, start: bytes, *, every: float = 0.02) -> Behaviour:
        """Sends ``start``, and then one more byte every so many seconds, without end."""
        return self._without_end(start, (b"a" for _ in itertools.count()), every)

    def floods(self, start: bytes) -> Behaviour:
        """Sends ``start``, and then more and more."""
        return self._without_end(start, itertools.repeat(b"0" * 2**16), 0)

    def _without_end(self, start: bytes, pieces: Iterable[bytes], every: float) -> Behaviour:
        def behave(connection: socket.socket, _: bytes) -> None:
            connection.sendall(start)
            for piece in pieces:
                if self._closing.wait(every):
                    return
                connection.sendall(piece)

        return behave

    def serve(self, behaviour: Behaviour) -> None:
        """Behaves in this way from now on."""
        self._behaviour = behaviour

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = _read(connection)
            self.requests.append(request)
            self._behaviour(connection, request)
            connection.shutdown(socket.SHUT_WR)


def _read(connection: socket.socket) -> bytes:
    """One request: its head, and as much body as that announces."""
    received = b""
    for piece in _pieces(connection):
        received += piece
        before, found, after = received.partition(b"\r\n\r\n")
        if found and len(after) >= _length(before):
            break
    return received


def _pieces(connection: socket.socket) -> Iterator[bytes]:
    while piece := connection.recv(2**16):
        yield piece


def _length(request: bytes) -> int:
    for line in request.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0
