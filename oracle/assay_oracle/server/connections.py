"""Bounds on connections: their number, and the time in which a request must come and its answer be read.

Anyone can open connections, and each takes a file descriptor, without which neither the node nor a file can be reached.
Uvicorn bounds the pause between two requests, and neither a slow request nor a slow reader.
"""

import asyncio
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 256
"""Connections at a time. One more displaces another: a new connection must find a place, or a few shut everyone out."""
HEAD_SECONDS = 40.0
"""Time from the start of a connection, or from the last answer, to the end of the next request's head."""
READ_SECONDS = 60.0
"""Time in which the reader of an answer must empty the buffer, of some ten KiB."""
PIECE_BYTES = 2**20
"""Bytes of a body after which the wait for the rest of it counts anew."""


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 over one connection, within the bounds of this module."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The connection began: it may take the place of another."""
        super().connection_made(transport)
        self._wait_anew()
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._wait_for_head()
        if len(self.connections) > MAX_CONNECTIONS:
            self._displace()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection ended."""
        _cancel(self._head_timer, self._read_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came, which need not end a head."""
        before = self.cycle
        super().data_received(data)
        self._arrived += len(data)
        if self.cycle is not before or self._arrived >= PIECE_BYTES:
            self._wait_anew()
        self._stop_waiting_for_head()

    def on_response_complete(self) -> None:
        """An answer was written; the next request may have begun."""
        self._wait_anew()
        self._wait_for_head()
        super().on_response_complete()
        self._stop_waiting_for_head()

    def pause_writing(self) -> None:
        """The other side reads more slowly than the answer is written."""
        super().pause_writing()
        self._wait_anew()
        self._read_timer = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The other side read what was written."""
        _cancel(self._read_timer)
        super().resume_writing()

    @property
    def _is_idle(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def _is_waiting(self) -> bool:
        """Whether the other side has to act: to send a head or a body, or to read an answer."""
        return self._is_idle or self.cycle.more_body or self.flow.write_paused

    def _wait_anew(self) -> None:
        """Another step of the other side is awaited from now on: a request, a piece of a body, the end of a buffer."""
        self._awaited_since = self.loop.time()
        self._arrived = 0

    def _wait_for_head(self) -> None:
        _cancel(self._head_timer)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting_for_head(self) -> None:
        if not self._is_idle:
            _cancel(self._head_timer)

    def _displace(self) -> None:
        """Ends the connection of which a step has been awaited longest; this one if none is awaited.

        So each step of a connection has the time in which ``MAX_CONNECTIONS`` others are opened. An upload or a
        download that is ended is resumed.
        """
        others = [other for other in self.connections if isinstance(other, BoundedProtocol) and other is not self]
        waiting = [other for other in others if other._is_waiting]
        found = min(waiting, key=lambda other: other._awaited_since, default=self)
        self.connections.discard(found)
        found.transport.abort()


def bounded(app: Any, **options: Any) -> uvicorn.Config:
    """The configuration of a server for ``app`` whose connections are bounded."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=64 * 1024,
        server_header=False,
        proxy_headers=False,  # by default it believes what anyone on this machine forwards
        **options,
    )


def _cancel(*timers: asyncio.TimerHandle | None) -> None:
    for timer in timers:
        if timer is not None:
            timer.cancel()
