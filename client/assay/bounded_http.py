"""HTTP within bounds: a whole exchange ends in time however slowly its bytes come, and no answer exceeds its size.

The time-out of a socket is for one read: an answer of one byte a second never meets it. Here every read and every write
of an exchange gets what is left of the exchange's time.
"""

import time
import urllib.request
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from assay.errors import SettingsError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
MOST_WAIT_SECONDS = 30.0
"""The longest pause that a server's ``Retry-After`` is granted."""
GATEWAY_STATUSES = (429, 502, 503, 504)
"""Answers that pass: too many requests, or a proxy in front of a server that is restarting."""
_WRITE_BYTES = 2**14
"""Bytes of one write: the time that is left is looked at between two."""
_SHOWN_CHARACTERS = 200

Transport = httpx.BaseTransport
"""What carries requests: the network, or a server in the same process."""

_end: ContextVar[float] = ContextVar("end", default=float("inf"))
"""When the present exchange must have ended, on the monotonic clock."""


class NoAnswer(Exception):
    """No connection, a connection that broke, or no whole answer in time.

    Attributes:
        wait: Seconds that the server asked to wait, if it did.
        late: There was a connection, and the answer takes too long.
    """

    wait: float | None = None
    late = False


class BadAnswer(Exception):
    """An answer that is larger than its bound, or compressed although that was ruled out."""


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def shown(self) -> str:
        """The start of the body, for a message."""
        return repr(self.body[:_SHOWN_CHARACTERS].decode(errors="replace"))

    @property
    def wait(self) -> float | None:
        """Seconds that the server asks to wait (``Retry-After``), bounded; None if it names none."""
        named = self.headers.get("retry-after", "")
        return min(float(named), MOST_WAIT_SECONDS) if named.isascii() and named.isdecimal() else None


@dataclass(frozen=True)
class Stream:
    """An answer whose body is still to be read."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]

    def answer(self, most: int) -> Answer:
        """The whole answer.

        Raises:
            BadAnswer: Its body exceeds ``most`` bytes.
        """
        body = bytearray()
        for piece in self.pieces:
            body += piece
            if len(body) > most:
                raise BadAnswer(f"expected an answer of at most {most} bytes, got more")
        return Answer(self.status, self.headers, bytes(body))


def parts_of(url: str) -> tuple[str, str]:
    """Scheme and host of ``url``; both empty if it names no host."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "", ""
    return ("", "") if not parsed.host or "%" in parsed.host else (parsed.scheme, parsed.host)


class BoundedHttp:
    """One server at ``url``.

    Args:
        url: Base of all paths.
        transport: Carries the requests; by default the network, through the proxy that
            the environment names for this host.

    Raises:
        SettingsError: The environment names a proxy that cannot be used.
    """

    def __init__(self, url: str, *, transport: Transport | None = None) -> None:
        # A server must not fill the memory of a client that runs for months with its cookies.
        cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._http = httpx.Client(base_url=url, transport=transport or _transport(httpx.URL(url)), cookies=cookies)
        weakref.finalize(self, self._http.close)

    def close(self) -> None:
        """Closes idle connections."""
        self._http.close()

    def ask(self, method: str, path: str, *, within: float, most: int, **options: Any) -> Answer:
        """One exchange.

        Args:
            method: HTTP method.
            path: Path below the base.
            within: Seconds for all of it: connection, request, answer.
            most: Bytes that the answer's body may have.
            **options: Body and headers, as ``httpx.Client.build_request`` takes them.

        Raises:
            NoAnswer: No whole answer came in time.
            BadAnswer: It exceeds ``most`` bytes, or is compressed.
        """
        with self.stream(method, path, within=within, **options) as stream:
            return stream.answer(most)

    @contextmanager
    def stream(self, method: str, path: str, *, within: float, **options: Any) -> Iterator[Stream]:
        """One exchange whose body is read in its context; ``within`` seconds for all of it.

        Raises:
            NoAnswer: No whole answer came in time.
            BadAnswer: It is compressed: its size on the wire would say nothing about its size.
        """
        token = _end.set(time.monotonic() + within)
        try:
            request = self._http.build_request(method, path, timeout=within, **options)
            request.headers["Accept-Encoding"] = "identity"
            response = self._http.send(request, stream=True)
            try:
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise BadAnswer("expected an answer that is not compressed, got a compressed one")
                yield Stream(response.status_code, response.headers, _until(response.iter_bytes()))
            finally:
                response.close()
        except httpx.TimeoutException as error:
            failure = NoAnswer(f"no whole answer within {within:.0f} s")
            failure.late = isinstance(error, httpx.ReadTimeout)
            raise failure from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}") from error
        finally:
            _end.reset(token)


def _until(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces that come in time, whatever transport they come from."""
    for piece in pieces:
        _left(None)
        yield piece


def _left(timeout: float | None) -> float:
    """Seconds that are left of the present exchange, at most ``timeout``."""
    left = _end.get() - time.monotonic()
    if left <= 0:
        raise httpx.ReadTimeout("the exchange takes too long")
    return left if timeout is None else min(left, timeout)


def _transport(url: httpx.URL) -> Transport:
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if url.host in LOOPBACK or urllib.request.proxy_bypass(url.host):
        proxy = None
    try:
        return _Transport(proxy=proxy)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise SettingsError(
            f"expected a proxy that can be used in the environment, got {proxy!r}: {error}",
            hint=f"correct {url.scheme.upper()}_PROXY, or except the host: NO_PROXY={url.host}",
        ) from None


class _Transport(httpx.HTTPTransport):
    """Network connections that end with the exchange's time. httpx has no option for the network below it."""

    def __init__(self, *, proxy: str | None) -> None:
        super().__init__(proxy=proxy)
        self._pool._network_backend = _Backend(self._pool._network_backend)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Connection(self._backend.connect_tcp(host, port, _left(timeout), local_address, socket_options))


class _Connection(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            self._stream.write(buffer[start : start + _WRITE_BYTES], _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Connection(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
