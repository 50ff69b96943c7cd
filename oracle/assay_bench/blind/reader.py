"""An owner who chooses her integers, and her damping, to read one record of a seller's data from its blind price.

A price is one number, and she may make it any functional of Q and U. ``U^T phi`` is what the seller's regression
answers at phi, and ``phi^T Q phi`` over phi's squared length is how much of phi the seller's records span. With little
damping the regression of fewer records than features repeats their labels.
"""

from dataclasses import dataclass

import numpy as np

from assay_bench.figures import Floats, auc
from assay_pricing.records.records import Records
from assay_pricing.sums.features import Features


@dataclass(frozen=True)
class Reading:
    """What an owner reads.

    Attributes:
        records: Of the seller.
        damping: c over the mean squared length of features.
        leverage: Largest share that a record has in its own fitted label, the mean over sets.
        label: Share of records whose label she reads, where it is one of k at random.
        member: Probability that a record of the set shows more of itself than one that is not in it (AUC).
    """

    records: int
    damping: float
    leverage: float
    label: float
    member: float


def reading(features: Features, pool: Records, size: int, damping: float, levels: int, seed: int) -> Reading:
    """Reads each record of one set in turn, by a price of so many levels.

    Args:
        features: Public.
        pool: Records: a set of ``size`` is drawn from them, and as many others.
        size: Of the set.
        damping: c over the mean squared length.
        levels: Prices of the grid, from 0 to the largest price, which stands for the last class.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(pool.n)
    inside, outside = rows[:size], rows[size : 2 * size]
    phi = features.of(features.inputs.codes(pool.x)).astype(np.float64)
    c = max(1.0, damping * float((phi**2).sum(1).mean()))
    inverse = np.linalg.inv(phi[inside].T @ phi[inside] + c * np.eye(phi.shape[1]))
    k = features.inputs.outputs
    y = pool.y[inside].astype(np.int64)
    effect = phi[inside] @ inverse @ phi[inside].T  # (n, n): of each label on each fitted value
    wanted = rng.integers(k, size=size)
    read = []
    for i, label in enumerate(wanted):
        labels = y.copy()
        labels[i] = label
        fitted = effect[i] @ labels  # one price: the sum over classes of their index times the fitted share
        read.append(round(round(float(np.clip(fitted / (k - 1), 0, 1)) * levels) / levels * (k - 1)))
    shown = [_shown(phi[part], inverse, c, levels) for part in (inside, outside)]
    both, member = np.concatenate(shown), np.arange(2 * size) < size
    return Reading(
        records=size,
        damping=damping,
        leverage=float(np.diag(effect).max()),
        label=float((np.array(read) == wanted).mean()),
        member=auc(both, member, ~member),
    )


def _shown(phi: Floats, inverse: Floats, c: float, levels: int) -> Floats:
    """``phi^T Q phi`` over the squared length of each (n,), rounded to a price."""
    squares = (phi**2).sum(1)
    return np.asarray(np.rint((1 - c * ((phi @ inverse) * phi).sum(1) / squares) * levels) / levels)
