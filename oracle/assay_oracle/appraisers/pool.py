"""The processes that price side by side: each offer has one of them to itself until it is priced."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from assay.protocol.types import OfferId
from assay_oracle.appraisers.process import PricingProcess
from assay_oracle.errors import INTERRUPTED, PricingCutShort


class PricingPool:
    """Lends its processes. What ends one of them ends no other.

    Args:
        processes: Equal to each other; a process starts when it is first needed.
    """

    def __init__(self, processes: Sequence[PricingProcess]) -> None:
        self._processes = tuple(processes)
        self._idle = list(processes)
        """The least recently used first."""
        self._changed = threading.Condition()
        self._closed = False

    def admit(self, artifact: str) -> None:
        """Lets all processes read the artifact in a folder."""
        for process in self._processes:
            process.admit(artifact)

    @contextmanager
    def taken(self, artifact: str, patience: float | None = None) -> Iterator[PricingProcess]:
        """A process for the time of the context; waits while none is idle.

        The most recently used one that has loaded the price function is preferred: it has the records of the offers
        that others are compared with, too. Otherwise one that does not run, which then loses nothing.

        Args:
            artifact: Folder of the price function.
            patience: Seconds to wait; None for as long as others have the processes.

        Raises:
            PricingCutShort: The pool is closed, or no process became idle in time.
        """
        process = self._take(artifact, patience)
        try:
            yield process
        finally:
            with self._changed:
                self._idle.append(process)
                self._changed.notify()

    def _take(self, artifact: str, patience: float | None) -> PricingProcess:
        with self._changed:
            in_time = self._changed.wait_for(lambda: self._idle or self._closed, patience)
            if self._closed:
                raise PricingCutShort(INTERRUPTED, "the oracle is stopping")
            if not in_time:
                raise PricingCutShort("pricing_busy", "all pricing processes are at work")
            loaded = [process for process in self._idle if process.has_loaded(artifact)]
            chosen = loaded[-1] if loaded else min(self._idle, key=lambda process: process.is_started())
            self._idle.remove(chosen)
            return chosen

    def forget(self, offer_id: OfferId) -> None:
        """Makes every process drop the records of an offer: now, or before its next request if it is busy."""
        for process in self._processes:
            process.forget(offer_id)

    def close(self) -> None:
        """Ends all processes. Requests in progress raise ``PricingCutShort``, and count as no attempt."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for process in self._processes:
            process.close()
