"""Downloads: from where the last one ended, over several connections at once, each within bounds of time and size.

A file is asked for in spans, side by side, and given on in order: what is kept is always the start of the file, from
whose end the next download resumes. The first span that is not complete is given on as it comes; the others wait,
``SPAN_BYTES`` each, in memory and in files of their own, from which the next download takes them after a crash.
"""

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from assay.bounded_http import NoAnswer
from assay.errors import OracleMisbehaved
from assay.files import private_file, private_folder
from assay.oracle.requests import OracleRequests, pause_after

SPAN_BYTES = 2**20
"""Bytes of one request where there are several at once; spans begin at multiples of it."""
DEFAULT_STREAMS = 4
MOST_STREAMS = 16
LEAST_RATE = 256
"""Bytes a second below which an oracle counts as not answering."""

Take = Callable[[bytes], object]
"""Receives the next bytes of a file."""


def waiting_spans(target: Path) -> Path:
    """The folder of the spans that wait for ones before them, of a file that is downloaded to ``target``."""
    return target.with_name(f"{target.name}.spans")


def forget_spans(target: Path) -> None:
    """Deletes the spans that wait; for a file that is complete, or that is no longer wanted."""
    shutil.rmtree(waiting_spans(target), ignore_errors=True)


class Download:
    """A file of ``whole`` bytes at ``path`` of the API, until ``end`` on the monotonic clock.

    Args:
        waiting: Folder of the spans that wait for ones before them; it is made where it is missing.
    """

    def __init__(self, requests: OracleRequests, path: str, whole: int, end: float, waiting: Path) -> None:
        self._requests = requests
        self._path = path
        self._whole = whole
        self._end = end
        self._waiting = waiting

    def run(self, start: int, streams: int, take: Take) -> None:
        """Gives ``take`` the bytes from ``start`` on, in order; ``streams`` requests are under way at a time.

        Raises:
            NoAnswer: They did not come in time, or next to none did.
            OracleRefused, OracleMisbehaved: The oracle sends something else.
        """
        if start == self._whole:
            return
        if streams == 1 or self._whole - start <= SPAN_BYTES:
            self._fetch(range(start, self._whole), take)
            return
        private_folder(self._waiting)
        with self._side_by_side(range(start, self._whole), streams) as spans:
            for span in spans:
                span.give(take)

    @contextmanager
    def _side_by_side(self, wanted: range, streams: int) -> Iterator[Iterator["_Span"]]:
        """The spans of a range in order; the first is waited for while others are under way.

        Threads that are not needed any more end by themselves, at the latest with their request's time.
        """
        stopped = threading.Event()

        def begin(bounds: range) -> _Span:
            span = _Span(self._waiting / str(bounds.start), stopped)
            threading.Thread(target=span.fill, args=(self._fetch, bounds), name="span", daemon=True).start()
            return span

        def begun() -> Iterator[_Span]:
            under_way: deque[_Span] = deque()
            for cell in range(wanted.start // SPAN_BYTES * SPAN_BYTES, wanted.stop, SPAN_BYTES):
                under_way.append(begin(range(max(cell, wanted.start), min(cell + SPAN_BYTES, wanted.stop))))
                if len(under_way) == streams:
                    yield under_way.popleft()
            yield from under_way

        try:
            yield begun()
        finally:
            stopped.set()

    def _fetch(self, wanted: range, take: Take) -> None:
        """Gives ``take`` the bytes of a range; a request that ends early is followed by one for the rest."""
        failures, have = 0, wanted.start
        while have < wanted.stop:
            before = have
            seconds = min(self._requests.timeout, self._end - time.monotonic())
            try:
                with self._requests.part(
                    self._path, start=have, end=wanted.stop, whole=self._whole, seconds=seconds
                ) as pieces:
                    for piece in pieces:
                        if have + len(piece) > wanted.stop:
                            raise OracleMisbehaved(f"expected bytes {before} to {wanted.stop - 1}, got more")
                        have += len(piece)
                        take(piece)
            except NoAnswer as error:
                failures = 1 if have - before >= LEAST_RATE * seconds else failures + 1
                pause = pause_after(failures, error)
                if failures >= self._requests.attempts or time.monotonic() + pause >= self._end:
                    raise
                self._requests.wait(pause)
            else:
                if have != wanted.stop:
                    raise OracleMisbehaved(
                        f"expected an envelope up to byte {wanted.stop} of {self._whole} bytes, got {have}"
                    )


class _Stopped(Exception):
    """Nobody waits for these bytes any more."""


class _Span:
    """Bytes that one thread receives and another one gives on; until they are asked for, a file has them, too.

    Args:
        path: The file; one that is there has the first of the bytes.
        stopped: Is set once nobody waits for them.
    """

    def __init__(self, path: Path, stopped: threading.Event) -> None:
        self._path = path
        self._stopped = stopped
        self._content = bytearray()
        self._file: BinaryIO | None = None
        self._has_ended = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def fill(self, fetch: Callable[[range, Take], None], wanted: range) -> None:
        """Receives the bytes of a range by ``fetch``, or the error in which that ends."""
        try:
            have = wanted.start + self._resume(len(wanted))
            if have < wanted.stop:
                fetch(range(have, wanted.stop), self._put)
        except BaseException as error:
            self._error = error
        with self._changed:
            self._has_ended = True
            self._close()
            self._changed.notify_all()

    def _close(self) -> None:
        if self._file:
            self._file.close()
        self._file = None

    def _resume(self, most: int) -> int:
        """Takes the bytes that the file has, at most so many, and opens it for those that follow; their number.

        It becomes a new file: a thread of a download that was stopped may still write to the old one.
        """
        content = self._path.read_bytes()[:most] if self._path.exists() else b""
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        with self._changed:
            self._file = private_file(new, "ab")
            new.replace(self._path)
        self._put(content)
        return len(content)

    def _put(self, piece: bytes) -> None:
        if self._stopped.is_set():
            raise _Stopped
        with self._changed:
            self._content += piece
            if self._file:
                self._file.write(piece)
                self._file.flush()
            self._changed.notify_all()

    def give(self, take: Take) -> None:
        """Gives ``take`` the bytes as they come.

        Raises:
            Exception: The error in which receiving them ended, after those that came.
        """
        given, has_ended = 0, False
        while not has_ended:
            piece, has_ended = self._behind(given)
            try:
                if piece:
                    take(piece)
            finally:
                if not given:
                    self._drop_file()
            given += len(piece)
        if self._error:
            raise self._error

    def _drop_file(self) -> None:
        """Deletes the file: what it has was given on, and so is what follows, as it comes."""
        with self._changed:
            self._close()
            self._path.unlink(missing_ok=True)

    def _behind(self, given: int) -> tuple[bytes, bool]:
        """The bytes behind the first ``given``, once there are some or the end came; and whether it did."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._content) > given or self._has_ended)
            return bytes(self._content[given:]), self._has_ended
