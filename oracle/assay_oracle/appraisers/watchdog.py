"""What is to happen unless work ends in time. One thread waits for all of it: a thread for each would cost more."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Watchdog:
    """Calls what was not called off in time. Its thread starts with the first call and never ends."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._wakes = float("inf")
        """When the thread looks again by itself."""
        self._thread: threading.Thread | None = None

    @contextmanager
    def unless_within(self, seconds: float, act: Callable[[], None]) -> Iterator[None]:
        """Calls ``act`` if the context takes longer, at once. It must not wait, nor raise."""
        key, end = object(), time.monotonic() + seconds
        with self._changed:
            self._due[key] = end, act
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            if end < self._wakes:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(key, None)  # the thread need not hear of it: it finds nothing due

    def _run(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for key in [key for key, (end, _) in self._due.items() if end <= now]:
                    self._due.pop(key)[1]()
                self._wakes = min((end for end, _ in self._due.values()), default=float("inf"))
                self._changed.wait(min(self._wakes - now, threading.TIMEOUT_MAX))
