"""A step that is repeated in a thread of its own."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from assay.errors import AssayError
from assay_oracle.log import about

STALE_SECONDS = 300
"""A loop whose last round without a failure ended longer ago is unhealthy, unless it was made with another limit."""
_MAX_PAUSE = 60.0
_MAX_DOUBLINGS = 20  # a float overflows after 1,023 of them, which is a night without a node

log = logging.getLogger(__name__)


@dataclass
class Loop:
    """Calls ``tick`` until ``stop``: again at once while it returns True, else after ``pause`` seconds or ``wake``.

    A failure is logged and the tick repeated, after pauses that double up to a minute.
    """

    name: str
    tick: Callable[[], bool]
    pause: float
    now: Callable[[], int]
    stale: int = STALE_SECONDS
    ended: int = 0
    _wake: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread."""
        self.ended = self.now()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Ends the present pause."""
        self._wake.set()

    def ask_to_stop(self) -> None:
        """Lets no further tick begin."""
        self._stop.set()
        self._wake.set()

    def stop(self, patience: float) -> None:
        """Ends after the current tick. A tick of more than ``patience`` seconds is abandoned, which is safe."""
        self.ask_to_stop()
        if self._thread:
            self._thread.join(patience)

    def healthy(self) -> bool:
        """Whether the thread runs and a round ended without a failure lately."""
        return bool(self._thread and self._thread.is_alive()) and self.now() - self.ended < self.stale

    def pause_after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return min(self.pause * 2.0 ** min(failures, _MAX_DOUBLINGS), _MAX_PAUSE)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._wake.clear()
            again = False
            try:
                again = self.tick()
                failures, self.ended = 0, self.now()
            except AssayError as error:
                failures += 1
                log.warning(f"{self.name} failed; it is repeated", extra=about(code=error.code, cause=error.message))
            except Exception:
                failures += 1
                log.exception(f"{self.name} failed; it is repeated")
            if failures:
                self._stop.wait(self.pause_after(failures))
            elif not again:
                self._wake.wait(self.pause)
