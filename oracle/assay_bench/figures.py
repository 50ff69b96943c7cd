"""The figures by which a price is judged."""

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from assay_bench.pricing.data.dataset import Floats


def _ranks(values: Floats) -> Floats:
    """Ranks from 0, ties at their mean."""
    return np.asarray(rankdata(values), dtype=np.float64)


def spearman(a: Floats, b: Floats) -> float:
    """Spearman's rank correlation; 0 where one side is constant, since it then ranks nothing."""
    ranks_a, ranks_b = _ranks(a), _ranks(b)
    if np.ptp(ranks_a) == 0 or np.ptp(ranks_b) == 0:
        return 0.0
    return float(np.corrcoef(ranks_a, ranks_b)[0, 1])


def auc(scores: Floats, good: npt.NDArray[np.bool_], bad: npt.NDArray[np.bool_]) -> float:
    """Probability that a good record scores above a bad one, ties half."""
    chosen = good | bad
    ranks = rankdata(scores[chosen])
    positives = int(good.sum())
    above = ranks[good[chosen]].sum() - positives * (positives + 1) / 2
    return float(above / (positives * bad.sum()))


def money_to(scores: Floats, unwanted: npt.NDArray[np.bool_]) -> float:
    """Share of the money that goes to unwanted records when each is paid its score, never less than nothing."""
    paid = np.clip(scores, 0, None)
    total = paid.sum()
    return float(paid[unwanted].sum() / total) if total > 0 else 0.0
