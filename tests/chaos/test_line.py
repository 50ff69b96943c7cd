"""A line that carries, is cut, and carries again."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from scripts.chaos.line import Line

pytestmark = pytest.mark.integration


@contextmanager
def echo(answer: bytes) -> Iterator[int]:
    """A server that answers every connection with what it got, and ``answer``."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(connection.recv(100) + answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def asked(line: Line) -> bytes:
    with socket.create_connection(("127.0.0.1", line.port)) as connection:
        connection.sendall(b"hello ")
        return connection.recv(100)


def test_line_is_cut_slowed_and_healed() -> None:
    with echo(b"you") as port, Line([port]) as line:
        assert asked(line) == b"hello you"
        line.cut()
        with suppress(ConnectionError):
            assert asked(line) == b""
        line.heal()
        line.slow(0.1)
        begun = time.monotonic()
        assert asked(line) == b"hello you"
        assert time.monotonic() - begun >= 0.2  # there and back


def test_line_goes_to_servers_in_turn_and_passes_over_one_that_is_dead() -> None:
    with echo(b"one") as one, echo(b"two") as two:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            dead = closed.getsockname()[1]
        with Line([one, two, dead]) as line:
            assert {asked(line) for _ in range(6)} == {b"hello one", b"hello two"}
