"""The oracle's clock and the chain's: a block's time may be ahead of ours, or stand still."""

from collections.abc import Callable

from assay.chain.port import Chain
from assay.chain.queries import current_time


class Clock:
    """Unix time.

    Args:
        now: The oracle's own clock.
        chain: Its blocks carry the time by which the contract judges deadlines.
    """

    def __init__(self, now: Callable[[], int], chain: Chain) -> None:
        self._now = now
        self._chain = chain

    def now(self) -> int:
        """The oracle's own time."""
        return self._now()

    def earliest(self) -> int:
        """The earlier of our time and the latest block's: nothing ends early because one clock jumped ahead."""
        return min(self.now(), self._chain.block_time())

    def latest(self) -> int:
        """The later of our time and the latest block's."""
        return current_time(self._chain, self._now)
