"""Requests that wait until an offer is priced, so that its seller need not ask again and again (RFC 7240, ``wait``)."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

from anyio import to_thread

from assay.protocol.messages import MOST_WAIT_SECONDS, OfferState, OfferStatus
from assay.protocol.types import OfferId

MOST_WAITING = 64
"""Requests that wait at a time, a quarter of the connections. One more is answered at once, and its client asks later:
a waiting connection gives way to no other."""
LOOK_SECONDS = 1.0
"""Time after which the ledger is looked at in any case: another daemon may have priced the offer."""
_WAIT = re.compile(r"(?:^|,)\s*wait=(\d{1,6})\s*(?:[,;]|$)")


class Waiting:
    """The requests that wait in one daemon; ``priced`` and ``close`` may be called from any thread.

    Args:
        most: How many may wait at a time.
    """

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[tuple[OfferId, asyncio.Event]] = []
        self._closed = False

    def priced(self, offer_id: OfferId) -> None:
        """Answers the requests that wait for an offer, if its state is another one now."""
        self._wake([changed for waited_for, changed in tuple(self._waiting) if waited_for == offer_id])

    def close(self) -> None:
        """Answers all requests: the daemon stops."""
        self._closed = True
        self._wake([changed for _, changed in tuple(self._waiting)])

    def _wake(self, found: list[asyncio.Event]) -> None:
        for changed in found:
            assert self._loop is not None
            with suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(changed.set)

    async def state(
        self, offer_id: OfferId, look: Callable[[], OfferState], prefer: str | None, known: OfferState | None = None
    ) -> OfferState:
        """What ``look`` gives: at once, or once an offer that waits to be priced is priced.

        Args:
            offer_id: The offer.
            look: Asks the ledger.
            prefer: The request's ``Prefer`` header; without ``wait`` in it nothing is waited for.
            known: What was seen a moment ago: the answer, where nothing is waited for.
        """
        seconds = _seconds(prefer)
        if known is not None and (known.status is not OfferStatus.PRICING or not seconds):
            return known
        if not seconds or len(self._waiting) >= self._most:
            return await to_thread.run_sync(look)
        self._loop = asyncio.get_running_loop()
        end = self._loop.time() + seconds
        place = (offer_id, asyncio.Event())
        self._waiting.append(place)
        try:
            while True:
                place[1].clear()  # before the look: what changes after it is not missed
                found = await to_thread.run_sync(look)
                left = end - self._loop.time()
                if found.status is not OfferStatus.PRICING or left <= 0 or self._closed:
                    return found
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_SECONDS)):
                        await place[1].wait()
        finally:
            self._waiting.remove(place)


def _seconds(prefer: str | None) -> int:
    found = _WAIT.search(prefer or "")
    return min(int(found[1]), MOST_WAIT_SECONDS) if found else 0
