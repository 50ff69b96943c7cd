"""Which offer is priced next, and how much of the processor it may take: small offers do not wait for large ones.

Every attempt has a limit that grows with the bytes that were uploaded, and with the attempts before: work that is cheap
to send and dear to do is cut short, and repeated with more time once the others had their turn. Of the keys of sellers
nothing is counted that a stranger could multiply.
"""

import threading
from collections import Counter
from collections.abc import Sequence

from assay.protocol.types import ModelId, OfferId
from assay_oracle.ledger.values import Offer

MAX_ATTEMPTS = 3
"""Attempts at pricing one offer, over all starts of the daemon."""
_SECONDS, _SECONDS_PER_MIB, _GROWTH = 10.0, 10.0, 8
LONG_SECONDS = 60.0
"""Processor time of an attempt that may begin although the offers after it find no other process to price them."""
_ROUND = 4
"""Turns in a round: by size, by age, by size, and by age alone."""


def seconds_for(upload_bytes: int, attempt: int, most: float) -> float:
    """Processor time for an attempt at parsing, and again for pricing.

    Args:
        upload_bytes: Length of the upload.
        attempt: 1 for the first.
        most: Bound on the result.
    """
    first = _SECONDS + _SECONDS_PER_MIB * upload_bytes / 2**20
    return float(min(first * _GROWTH ** (attempt - 1), most))


def next_offer(waiting: Sequence[Offer], turn: int, last: str = "") -> Offer | None:
    """The offer that is priced next; None if none waits.

    Offers with fewer attempts come first, and a seller's second offer after the first of every other seller, also if
    the seller's first was priced last. Among these the smallest is chosen, and every other turn the oldest. Every
    fourth turn the oldest of all is chosen, so that no stream of small offers keeps a large one waiting for ever.

    Args:
        waiting: Offers whose upload is complete, the oldest first.
        turn: Counts the calls.
        last: Seller of the offer that was priced last.
    """
    if not waiting:
        return None
    if turn % _ROUND == _ROUND - 1:
        return waiting[0]
    by_size = turn % 2 == 0
    before = Counter({last: 1})
    ranked = []
    for age, offer in enumerate(waiting):
        size = offer.upload_bytes if by_size else 0
        ranked.append((offer.attempts, before[offer.seller], size, age, offer))
        before[offer.seller] += 1
    return min(ranked, key=lambda row: row[:-1])[-1]


class Turns:
    """Lets each of several threads choose the offer that it prices next; no two of them choose offers of one pair.

    One of several processes is left to attempts of ``LONG_SECONDS`` at most: large offers, and those that were cut
    short, never keep all of them.

    Args:
        workers: Number of processes that price.
        most_seconds: Bound on the processor time of an attempt.
    """

    def __init__(self, workers: int, most_seconds: float) -> None:
        self._workers = workers
        self._most_seconds = most_seconds
        self._lock = threading.Lock()
        self._turn = 0
        self._last_seller = ""
        self._begun: dict[tuple[ModelId, str], bool] = {}
        """Whether the attempt is a long one, by model and seller."""
        self._postponed: set[OfferId] = set()

    @property
    def postponed(self) -> frozenset[OfferId]:
        """Offers that wait until every other was tried."""
        with self._lock:
            return frozenset(self._postponed)

    def postpone(self, offer_id: OfferId) -> None:
        """Lets an offer wait until every other was tried."""
        with self._lock:
            self._postponed.add(offer_id)

    def try_all_again(self) -> None:
        """Every offer was tried: none is postponed any more."""
        with self._lock:
            self._postponed.clear()

    def begin(self, waiting: Sequence[Offer]) -> Offer | None:
        """Chooses an offer by ``next_offer``, which is this thread's until ``end``; None if none may begin now."""
        with self._lock:
            offer = next_offer([offer for offer in waiting if self._may_begin(offer)], self._turn, self._last_seller)
            if offer is not None:
                self._turn += 1
                self._last_seller = offer.seller
                self._begun[offer.model_id, offer.seller] = self._is_long(offer)
            return offer

    def end(self, offer: Offer) -> None:
        """The thread does nothing more about the offer now."""
        with self._lock:
            del self._begun[offer.model_id, offer.seller]

    def _may_begin(self, offer: Offer) -> bool:
        if (offer.model_id, offer.seller) in self._begun or offer.offer_id in self._postponed:
            return False
        long_ones = sum(self._begun.values())
        return self._workers == 1 or long_ones < self._workers - 1 or not self._is_long(offer)

    def _is_long(self, offer: Offer) -> bool:
        return seconds_for(offer.upload_bytes, offer.attempts + 1, self._most_seconds) > LONG_SECONDS
