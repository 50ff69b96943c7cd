"""Which offer is priced next, and how much of the processor it may take: small offers do not wait for large ones.

Every attempt has a limit that grows with the bytes that were uploaded, and with the attempts before: work that is cheap
to send and dear to do is cut short, and repeated with more time once the others had their turn. Of the keys of sellers
nothing is counted that a stranger could multiply.
"""

from collections import Counter
from collections.abc import Sequence

from assay_oracle.ledger.values import Offer

MAX_ATTEMPTS = 3
"""Attempts at pricing one offer, over all starts of the daemon."""
_SECONDS, _SECONDS_PER_MIB, _GROWTH = 10.0, 10.0, 8
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
