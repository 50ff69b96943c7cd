"""A process that prices, and that can be ended: the daemon answers meanwhile, and survives what a file does."""

import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import BinaryIO, cast

from assay.errors import AssayError
from assay.protocol.types import OfferId
from assay_oracle.appraisers.watchdog import Watchdog
from assay_oracle.appraisers.wire import Channel, ChannelClosed
from assay_oracle.errors import INTERRUPTED, PricingCutShort
from assay_oracle.settings import WALL_FACTOR

START_SECONDS = 600
"""Time that the process may take to start and import what it needs."""
LOAD_SECONDS = START_SECONDS / WALL_FACTOR
"""CPU time in which it loads a price function."""
_WATCHDOG = Watchdog()


class PricingProcess:
    """One process for all models, started at the first offer and again after it was ended.

    Args:
        command: Program and arguments, see ``worker``. The folders of the artifacts that it may read are added.
        environment: Its environment variables: without secrets.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = tuple(command)
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._forgotten: deque[OfferId] = deque()
        self._closed = False
        self._artifacts: dict[str, None] = {}
        self._readable: tuple[str, ...] = ()
        self._loaded: dict[str, bytes] = {}
        """Hashes of the price functions by folder."""

    def has_loaded(self, artifact: str) -> bool:
        """Whether it keeps the price function in a folder in memory, and records that offers are compared with."""
        return artifact in self._loaded

    def note_loaded(self, artifact: str, function: bytes) -> None:
        """The process answered that it has loaded a price function, by its hash, from a folder."""
        self._loaded[artifact] = function

    def lacks(self, artifact: str, function: bytes) -> bool:
        """Whether the process, as far as it is known to run, has yet to load a price function from a folder."""
        ended = self._running is None or self._running.poll() is not None
        return ended or self._loaded.get(artifact) != function

    def is_started(self) -> bool:
        """Whether it was started, and not ended by the daemon since."""
        return self._running is not None

    def admit(self, artifact: str) -> None:
        """Lets the process read the artifact in a folder. One that runs without it is started again for it."""
        self._artifacts[artifact] = None

    @contextmanager
    def exchange(self, seconds: float, artifact: str | None = None) -> Iterator[Channel]:
        """The channel, for one request and its answers.

        Args:
            seconds: CPU time after which the process ends itself; after ``WALL_FACTOR`` times that it is ended.
            artifact: Folder of the price function that the process must be able to read.

        Raises:
            PricingCutShort: The process ended before the context did.
            OSError: It does not start, which is no fault of the data.
        """
        with self._lock:
            late = threading.Event()
            try:
                channel = self._begun(late, artifact)
                with _WATCHDOG.unless_within(seconds * WALL_FACTOR, partial(self._kill_late, late)):
                    self._send_forgotten(channel)
                    yield channel
            except ChannelClosed:
                code = self._end()
                raise _cut_short(seconds, code, late=late.is_set(), closed=self._closed) from None
            except AssayError:
                raise  # a refusal: the process waits for the next request
            except BaseException:
                self._end()  # in the middle of an exchange: the next request needs a new process
                raise

    def _begun(self, late: threading.Event, artifact: str | None) -> Channel:
        try:
            with _WATCHDOG.unless_within(START_SECONDS, partial(self._kill_late, late)):
                return self._started(artifact)
        except ChannelClosed:
            if self._closed:
                raise
            code = self._end()
            raise OSError(f"expected a pricing process that starts, it ended with status {code}: see its log") from None

    def forget(self, offer_id: OfferId) -> None:
        """Makes the process drop the records of an offer: now, or before its next request if it is busy."""
        self._forgotten.append(offer_id)
        if self._lock.acquire(blocking=False):
            try:
                if self._channel is not None:
                    self._send_forgotten(self._channel)
                else:
                    self._forgotten.clear()
            except ChannelClosed:
                self._end()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Ends the process. A request in progress raises ``PricingCutShort``, and counts as no attempt."""
        self._closed = True
        running = self._running
        if running is not None:
            running.kill()
        if self._lock.acquire(blocking=False):  # otherwise the thread of the request in progress does it
            try:
                self._end()
            finally:
                self._lock.release()

    def _started(self, artifact: str | None) -> Channel:
        if self._closed:
            raise ChannelClosed
        is_readable = artifact is None or artifact in self._readable
        if self._channel is None or self._running is None or self._running.poll() is not None or not is_readable:
            self._end()
            self._readable = tuple(self._artifacts)
            command = (*self._command, *self._readable)
            self._running = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment, bufsize=-1
            )
            if self._closed:
                self._running.kill()  # `close` came before there was anything to end
            self._channel = Channel(cast(BinaryIO, self._running.stdout), cast(BinaryIO, self._running.stdin))
            self._forgotten.clear()
            self._channel.receive()  # it is ready
        return self._channel

    def _send_forgotten(self, channel: Channel) -> None:
        while self._forgotten:
            channel.send("forget", offer=self._forgotten.popleft().hex())

    def _kill_late(self, late: threading.Event) -> None:
        late.set()
        if self._running is not None:
            self._running.kill()

    def _end(self) -> int | None:
        """Ends the process if it runs; its exit status."""
        running, self._running, self._channel = self._running, None, None
        self._loaded.clear()
        if running is None:
            return None
        for pipe in (running.stdin, running.stdout):
            with suppress(OSError):  # what was not sent is of no use any more
                cast(BinaryIO, pipe).close()
        try:
            return running.wait(1)
        except subprocess.TimeoutExpired:
            running.kill()
            return running.wait()


def _cut_short(seconds: float, code: int | None, *, late: bool, closed: bool) -> PricingCutShort:
    if closed:
        return PricingCutShort(INTERRUPTED, "the oracle is stopping")
    if late or code == -signal.SIGPROF:
        return PricingCutShort("pricing_timed_out", f"pricing takes more than {seconds:.0f} seconds of computing")
    return PricingCutShort("pricing_failed", f"the pricing process ended with status {code}")
