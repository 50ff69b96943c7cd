"""Ridge regression of one-hot labels on pixels: the model that linear protocols price with, in place of the owner's.

A ridge model is ``W = A^-1 X^T Y`` with ``A = X^T X + damping``, where a column of ones stands beside the pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay_bench.comparison import from_price
from assay_bench.comparison.figures import DataLeakage
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.trade import Trade
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset

DAMPING = 1.0


@dataclass(frozen=True)
class Linear:
    """The owner's ridge model, and what values records with it.

    Attributes:
        weights: W (d + 1, k).
        direction: ``A^-1`` times the gradient of the mean squared error on the owner's validation records (d + 1, k).
    """

    weights: Floats
    direction: Floats

    def influences(self, data: Dataset) -> Floats:
        """Drop of the squared error on the validation records that each record (n,) predicts: ``<x W - y, x V>``.

        A record's gradient times ``V``; in sum, forward influence (Xu et al., AISTATS 2022), of first order.
        """
        x, y = with_one(data.x), one_hot(data)
        return np.asarray(((x @ self.weights - y) * (x @ self.direction)).sum(1))


def fitted(trade: Trade) -> Linear:
    """Of the owner's records."""
    x, y = with_one(trade.owner.x), one_hot(trade.owner)
    inverse = np.linalg.inv(x.T @ x + DAMPING * np.eye(x.shape[1]))
    weights = inverse @ (x.T @ y)
    against = with_one(trade.parties.validation.x)
    errors = against @ weights - one_hot(trade.parties.validation)
    return Linear(weights, inverse @ (2 * against.T @ errors / len(against)))


def with_one(x: Floats) -> Floats:
    """Features (n, d) beside a column of ones."""
    return np.hstack([x, np.ones((len(x), 1))])


def one_hot(data: Dataset) -> Floats:
    """Labels (n, k)."""
    return np.asarray(np.eye(data.classes)[data.y.astype(int)])


def leakage_of_sum(trade: Trade, received: str, price: float, values: Callable[[Dataset], Floats]) -> DataLeakage:
    """The column of a buyer that learns the sum of values of the useful seller's records, and nothing else.

    Args:
        trade: The trade.
        received: What reaches the buyer before payment, in words.
        price: The sum.
        values: Value of each record of a data set, as it enters the sum.
    """
    public = values(trade.public)
    usual = float(public.mean()) * len(trade.useful)
    candidates = values(trade.useful), values(trade.outsiders)
    return leakage(
        trade,
        received,
        from_price.reconstruction(trade, price, public),
        from_price.membership(trade, price, candidates, usual),
        kept=0.0,
        third_party=0.0,
    )
