"""What a buyer infers of a seller's records from the price alone, which is all that it has before it pays."""

import numpy as np

from assay_bench.comparison.figures import Figure, measured
from assay_bench.comparison.trade import Trade
from assay_bench.figures import Floats, auc

_MOST_TILT = 60.0


def membership(trade: Trade, price: float, values: tuple[Floats, Floats], usual: float) -> Figure:
    """ROC AUC of telling the useful seller's records from outsiders.

    The buyer ranks candidates by what each is worth alone: downwards if the price is above that of public records,
    upwards if it is below. Where a price is a sum of values, that is the likelihood ratio test to first order.

    Args:
        trade: The trade.
        price: Of the useful data.
        values: Of each useful record and of each outsider, alone, by the buyer's own estimate.
        usual: Price of as many public records.
    """
    scores = np.concatenate(values) * (1.0 if price >= usual else -1.0)
    is_member = np.arange(len(scores)) < len(trade.useful)
    return measured(auc(scores, is_member, ~is_member))


def reconstruction(trade: Trade, price: float, values: Floats) -> Floats:
    """The mean public record, weighted so that the weighted mean value is the price by the record: one guess (1, d).

    The weights have the largest entropy that this permits: ``exp(tilt value)``, with the tilt found by bisection.

    Args:
        trade: The trade.
        price: Of the useful data.
        values: Of each public record alone, by the buyer's own estimate, in the price's unit.
    """
    scale = float(np.ptp(values)) or 1.0
    low, high = -_MOST_TILT, _MOST_TILT
    for _ in range(60):
        middle = (low + high) / 2
        if _weights(values, middle / scale) @ values < price / len(trade.useful):
            low = middle
        else:
            high = middle
    return np.asarray(_weights(values, low / scale)[None] @ trade.public.x)


def _weights(values: Floats, tilt: float) -> Floats:
    weights = np.exp(tilt * (values - values.max() if tilt > 0 else values - values.min()))
    return np.asarray(weights / weights.sum())
