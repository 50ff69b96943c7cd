"""Follows the calls of a model: says how far they are, and ends one that takes too long."""

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from assay_pricing.errors import ModelTimeout

Report = Callable[[str], None]
"""Takes a sentence for the owner."""

REPORT_SECONDS = 5.0
"""Between two reports."""
_AGAIN = 1.0
"""Seconds after which a model that goes on in spite of an interrupt gets the next one."""
_SWALLOWED = 30
"""Interrupts after which the process is ended: a model that swallows all of them will never return."""
_DEAF = 60.0
"""Seconds after the limit at which a process ends that takes no interrupt, as in code that is not Python."""
_SOON = 1e-3
_STDERR = 2


class _TooLong(BaseException):
    """Raised inside a model's call. No ``Exception``: a model that catches those would go on."""


class ModelCalls:
    """Follows the calls of a model, as a ``Watch``.

    Args:
        report: Takes a sentence every ``every`` seconds while the model is asked; None for silence.
        limit: Seconds for one call of the model; None for any number. A call outside the main thread has no limit. One
            that goes on in spite of 30 interrupts, or for a minute in code that never returns to Python's interpreter,
            ends the process.
        every: Seconds between two reports.
    """

    def __init__(self, report: Report | None = None, limit: float | None = None, every: float = REPORT_SECONDS) -> None:
        self._report = report
        self._limit = limit
        self._every = every
        self._done = 0

    def answered(self, count: int) -> None:
        """So many records more have their answers."""
        self._done += count

    @contextmanager
    def asking(self, total: int) -> Iterator[None]:
        """Reports while ``total`` records are asked for in its context."""
        self._done = 0
        if self._report is None:
            yield
            return
        over, start = threading.Event(), time.monotonic()
        thread = threading.Thread(target=self._follow, args=(self._report, over, start, total), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _follow(self, report: Report, over: threading.Event, start: float, total: int) -> None:
        while not over.wait(self._every):
            report(progress_text(self._done, total, time.monotonic() - start))

    @contextmanager
    def call(self, records: str) -> Iterator[None]:
        """Ends a call of the model in its context once the limit is over.

        Args:
            records: Those that the model is asked for, in words.

        Raises:
            ModelTimeout: The limit is over.
        """
        if self._limit is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        start, (left, again) = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)  # of a call around this one
        is_first, late, is_open, interrupts = not left or self._limit < left, False, False, 0

        def interrupt(number: int, frame: FrameType | None) -> None:
            nonlocal late, interrupts
            if not is_first and callable(before):
                before(number, frame)
            late = is_first
            interrupts += is_first
            if interrupts > _SWALLOWED:
                _end(records)
            if is_open:
                raise _TooLong

        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, self._limit if is_first else left, _AGAIN)
        try:
            with _ended_after(self._limit + _DEAF):
                try:
                    is_open = True
                    yield
                finally:
                    is_open = False
        except _TooLong:
            if not late:
                raise
        except Exception:  # what a model made of the interrupt
            if not late:
                raise
        finally:
            rest = max(left - (time.monotonic() - start), _SOON) if left else 0
            signal.setitimer(signal.ITIMER_REAL, rest, again)
            signal.signal(signal.SIGALRM, before)
        if late:
            raise ModelTimeout(
                f"expected the model's answer within {self._limit:g} s for one call, got none on {records}",
                hint="mend the model, or give it more time: --model-timeout SECONDS, 0 for any time",
            )


_ends: list[float] = []
"""When the calls that are under way end the process, the innermost last."""


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """Ends the process, with a traceback, once its context has taken so long, also where no signal is handled.

    The interrupt of a call around it may come at any line: what was begun here would then end the process later.
    """
    depth = len(_ends)
    try:
        _ends.append(min([time.monotonic() + seconds, *_ends]))
        _end_in_time()
        yield
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        finally:
            del _ends[depth:]
            _end_in_time()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def _end_in_time() -> None:
    faulthandler.cancel_dump_traceback_later()
    if _ends:
        faulthandler.dump_traceback_later(max(_ends[-1] - time.monotonic(), _SOON), exit=True, file=_STDERR)


def _end(records: str) -> NoReturn:
    """Ends the process: nothing else stops code that catches every exception."""
    print(
        f"error: expected the owner's model or training to end when it is interrupted, it went on on {records}\n"
        "hint: let it catch Exception and not BaseException, or give it more time (--model-timeout, --train-budget)",
        file=sys.__stderr__,
        flush=True,
    )
    os._exit(1)


def progress_text(done: int, total: int, seconds: float) -> str:
    """How far the model is after so many seconds, its rate, and the time that is left at that rate."""
    text = f"asking the model: {done} of {total} records after {seconds:.0f} s"
    if not done:
        return f"{text}; no answer yet"
    rate = done / seconds
    return f"{text}, {rate:.3g} records/s, about {(total - done) / rate:.0f} s left"
