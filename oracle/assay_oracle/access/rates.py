"""Rates by token buckets, each kept as one number: the generic cell rate algorithm (ITU-T I.371, annex A).

A bucket holds what ``seconds`` of its rate give. The number is the time at which the bucket is full again, so that a
full bucket need not be kept at all.
"""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable

from assay_oracle.errors import RateExceeded

MOST_BUCKETS = 65_536
"""Buckets in memory. One more takes the place of the one that was used least recently."""


class Rate:
    """A rate for each of any number of keys.

    Args:
        what: What is counted and for whom, as in "requests of one account".
        per_second: Tokens that a bucket gains in a second.
        seconds: Time in which an empty bucket becomes full.
        clock: Monotonic time in seconds.
    """

    def __init__(self, what: str, per_second: float, *, seconds: float, clock: Callable[[], float]) -> None:
        self._what = what
        self._interval = 1 / per_second
        self._most = math.ceil(per_second * seconds)
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> None:
        """Takes one token out of the bucket of ``key``.

        Raises:
            RateExceeded: The bucket is empty; with the time after which it has a token again.
        """
        now = self._clock()
        with self._lock:
            full_at = max(self._full_at.pop(key, now), now)
            wait = full_at + self._interval * (1 - self._most) - now
            self._full_at[key] = full_at if wait > 0 else full_at + self._interval
            if len(self._full_at) > MOST_BUCKETS:
                self._full_at.popitem(last=False)
        if wait <= 0:
            return
        raise RateExceeded(
            f"expected at most {self._most} {self._what} at once, and one each {self._interval:.3g} s; got more",
            retry_after=math.ceil(wait),
        )

    def __len__(self) -> int:
        return len(self._full_at)
