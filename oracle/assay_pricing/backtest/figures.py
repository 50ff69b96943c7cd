"""How well predicted gains agree with true ones: rank agreement, slope and expected error.

Both are read on two halves of the validation records. A prediction on one half is compared with the truth on the other,
so that what both owe to chance in the same validation records is not taken for agreement.
"""

from dataclasses import dataclass

import numpy as np

from assay_pricing.records.records import Float64

_LEAST_USEFUL = 3


@dataclass(frozen=True)
class Estimate:
    """A figure and its standard error over the episodes."""

    value: float
    error: float


def rank_agreement(predicted: Float64, true: Float64) -> Estimate:
    """Spearman's rank correlation over episodes, between one half of the validation records and the other.

    The standard error is that of a correlation r of n pairs, sqrt((1 - r^2) / (n - 2)).

    Args:
        predicted: Gains on each half (n, 2).
        true: Gains on each half (n, 2).
    """
    n = len(predicted)
    r = float(np.mean([_correlation(_ranks(predicted[:, i]), _ranks(true[:, 1 - i])) for i in (0, 1)]))
    return Estimate(r, float(np.sqrt(max(1 - r**2, 0.0) / max(n - 2, 1))))


def slope(predicted: Float64, true: Float64) -> Estimate:
    """Slope of predicted on true gain through the origin, with a jackknife over episodes for its error.

    Only episodes with a true gain count, if there are three: no other part is paid, and a loss has no bound.

    The truth on one half is the instrument for the truth on the other (Wald 1940): noise in the truth then does not
    flatten the slope, as it does in least squares. It is 0 where the two halves of the truth do not agree at all.

    Args:
        predicted: Gains on each half (n, 2).
        true: Gains on each half (n, 2).
    """
    useful = true.mean(1) > 0
    if useful.sum() >= _LEAST_USEFUL:
        predicted, true = predicted[useful], true[useful]
    product = (predicted * true[:, ::-1]).sum(1)
    square = 2 * true[:, 0] * true[:, 1]
    left = square.sum() - square
    if square.sum() <= 0 or (left <= 0).any():
        return Estimate(0.0, 0.0)
    without = (product.sum() - product) / left
    n = len(product)
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    return Estimate(float(product.sum() / square.sum()), float(error))


def paid(gains: Float64) -> Float64:
    """What is paid of gains: a loss is not."""
    return np.maximum(gains, 0.0)


def expected_error(predicted: Float64, true: Float64) -> float:
    """Root mean squared difference of a predicted gain from the true gain on unseen records; a loss counts as 0.

    What the predictions miss on both halves alike is the surrogate's error. The rest of the difference between one half
    and the other is chance. It is four times that of a gain which is read on all validation records and compared with
    infinitely many others: half as many records, twice.

    Args:
        predicted: Gains on each half (n, 2).
        true: Gains on each half (n, 2).
    """
    predicted, true = paid(predicted), paid(true)
    whole = float(((predicted - true[:, ::-1]) ** 2).mean())
    common = min(max(float((predicted - true).prod(1).mean()), 0.0), whole)
    return float(np.sqrt(common + (whole - common) / 4))


def _ranks(values: Float64) -> Float64:
    """Ranks (n,), equal values with their mean rank."""
    below = (values[:, None] > values).sum(1)
    equal = (values[:, None] == values).sum(1)
    return np.asarray(below + (equal - 1) / 2)


def _correlation(one: Float64, other: Float64) -> float:
    """Pearson's; 0 where one does not vary."""
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 0 else 0.0
