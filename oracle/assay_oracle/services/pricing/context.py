"""Which sold records an offer is compared with: all of them up to a bound, and beyond it a fair part of every sale.

The bound holds for the work that each later offer takes. Reaching it stops no sale: a large sale is then represented by
its most valuable records, and a small one is still represented whole.
"""

import json
from collections.abc import Sequence

from assay_oracle.ledger.values import Offer

MAX_SOLD_RECORDS = 2**17
"""Distinct records of others' sales that an offer is compared with."""


def shared_out(sold: Sequence[Offer], most: int = MAX_SOLD_RECORDS) -> list[tuple[Offer, int | None]]:
    """For each sale, how many of its records count; None if all do.

    The largest common share is given so that all together are at most ``most``: a sale with fewer records than the
    share counts whole (water-filling, also known as max-min fairness).
    """
    if sum(offer.distinct_records for offer in sold) <= most:
        return [(offer, None) for offer in sold]
    left, share = most, 0
    counts = sorted(offer.distinct_records for offer in sold)
    for place, count in enumerate(counts):
        share = left // (len(counts) - place)
        if count > share:
            break
        left -= count
    return [(offer, None if offer.distinct_records <= share else share) for offer in sold]


def most_valuable(appraisal: bytes, count: int) -> list[int]:
    """Rows of the distinct records of highest value, ``count`` of them, ascending.

    The pricing process made the appraisal. One that cannot be read gives the first rows: no sale stops later offers.

    Args:
        appraisal: Canonical JSON of the appraisal; its values are in the order of the records.
        count: Number of rows.
    """
    try:
        found = json.loads(appraisal)
        points = zip(found["points"], found["verdicts"], strict=True)
        values = [float(value) for value, verdict in points if verdict != "repeated"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return list(range(count))
    ranked = sorted(range(len(values)), key=lambda row: (-values[row], row))
    return sorted(ranked[:count])
