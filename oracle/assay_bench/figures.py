"""Statistics that judge a price: rank correlation, slope, ROC AUC, share of payments, mean with standard error."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def spearman(a: Floats, b: Floats) -> float:
    """Spearman's rank correlation of two arrays (n,), ties at their mean rank.

    Returns:
        The correlation in -1..1. A constant array ranks nothing, and the correlation is then 0.
    """
    ranks_a, ranks_b = rankdata(a), rankdata(b)
    if np.ptp(ranks_a) == 0 or np.ptp(ranks_b) == 0:
        return 0.0
    return float(np.corrcoef(ranks_a, ranks_b)[0, 1])


def line(x: Floats, y: Floats) -> tuple[float | None, float | None]:
    """Least squares of y on x with an intercept: the slope, and R^2, the squared correlation of the two (n,).

    Returns:
        Both are None if x is constant; R^2 is 0 if y is.
    """
    if np.ptp(x) == 0:
        return None, None
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    return slope, float(np.corrcoef(x, y)[0, 1] ** 2) if np.ptp(y) > 0 else 0.0


def auc(scores: Floats, positive: Mask, negative: Mask) -> float:
    """Area under the ROC curve: the probability that a positive record scores above a negative one.

    Computed from the Mann-Whitney U statistic; a tie counts one half.

    Args:
        scores: Score of each record, (n,).
        positive: Which records are positive, (n,).
        negative: Which records are negative, (n,); records in neither mask are ignored.
    """
    ranks = rankdata(scores[positive | negative])
    n = int(positive.sum())
    u = ranks[positive[positive | negative]].sum() - n * (n + 1) / 2
    return float(u / (n * negative.sum()))


def payment_share(scores: Floats, records: Mask) -> float:
    """Share of all payments that some records receive when each record is paid its score, and at least 0.

    Args:
        scores: Score of each record, (n,).
        records: Whose share to compute, (n,).

    Returns:
        A share in 0..1; 0 if nothing is paid.
    """
    paid = np.clip(scores, 0, None)
    total = paid.sum()
    return float(paid[records].sum() / total) if total > 0 else 0.0


def spearman_brown(gains: Floats) -> float:
    """Reliability of the mean over columns by the Spearman-Brown formula, from the correlation of the two halves.

    Args:
        gains: Repeated measurements in columns, (m, i), i even.
    """
    half = gains.shape[1] // 2
    r = spearman(gains[:, :half].mean(1), gains[:, half:].mean(1))
    return 2 * r / (1 + r)


@dataclass(frozen=True)
class Estimate:
    """Mean of some values with its standard error.

    Attributes:
        count: Number of values.
        mean: NaN without values.
        error: Standard error of the mean; 0 for one value, NaN without values.
    """

    count: int
    mean: float
    error: float


def estimate(values: Iterable[float | None]) -> Estimate:
    """Mean and standard error of the values that are not None."""
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(known):
        return Estimate(0, float("nan"), float("nan"))
    error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else 0.0
    return Estimate(len(known), float(known.mean()), error)


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are not None; None without values."""
    found = estimate(values)
    return found.mean if found.count else None
