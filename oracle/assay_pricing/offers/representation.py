"""The records that stand for a large offer where a surrogate learns it.

An offer is in the order of the salted hashes of its records. Neither the order of a file nor a seller, who does not
know the salt, decides which come first. The first ones of an offer are also the first ones of a larger offer that
contains it, but for new records among them.
"""

import numpy as np

from assay_pricing.records.records import Float64, Int64, Records, Selection
from assay_pricing.surrogate.task import places

MAX_OFFERED = 2**15
"""Records of an offer that a surrogate learns, at most."""


def represent(offer: Records | Selection, most: int | None = None) -> tuple[Int64, Float64]:
    """Rows of the first records of each class, ``most`` or by default ``MAX_OFFERED`` in all, and what each stands for.

    A record stands for the records of its class over those that were taken of it: sums over all records are estimated
    without a bias (Horvitz and Thompson 1952).

    Args:
        offer: Records (n) in an order that is as good as drawn by lot.
        most: Records to take.

    Returns:
        Rows, ascending, and a number for each of them.
    """
    strata = offer.y if offer.schema.task == "classification" else np.zeros(offer.n)
    codes, counts = np.unique(strata, return_counts=True)
    taken = places(counts, most or MAX_OFFERED)
    rows, weights = [], []
    for code, count, share in zip(codes, counts, taken, strict=True):
        rows.append(np.flatnonzero(strata == code)[:share])
        weights.append(np.full(share, count / max(share, 1)))
    chosen = np.concatenate(rows)
    order = np.argsort(chosen)
    return chosen[order], np.concatenate(weights)[order]
