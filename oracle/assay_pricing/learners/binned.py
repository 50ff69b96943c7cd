"""Histogram-based boosting of weighted records, with the quantiles of all bins of a column found at once.

scikit-learn sorts a column anew for each of its 254 quantiles where records have weights: that takes several times as
long as the trees. A column of at most 255 distinct values it takes as it is, so columns are binned before.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from assay_pricing.records.records import Float64

_BINS = 255


class Binned:
    """A scikit-learn estimator on columns that are binned at the quantiles of the records that it learned first.

    The trees are those that the estimator grows on the columns themselves. scikit-learn ends with an error where no
    record that is learned has a value of a column: that column is a constant here, and splits nothing.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self._edges: list[Float64 | None] = []
        self._empty: npt.NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    @property
    def classes_(self) -> Any:
        """Labels of the classes (c,)."""
        return self.estimator.classes_

    def grow(self, x: Float64, y: Float64, weight: Float64, rounds: int) -> None:
        """Learns features (n, d), labels (n,) and weights (n,), the same at each call, for so many rounds in all."""
        if not self._edges:
            self._edges = [edges(column, weight) for column in x.T]
            self._empty = np.isnan(x[weight > 0]).all(0)
        self.estimator.set_params(max_iter=rounds).fit(self._binned(x), y, sample_weight=weight)

    def predict(self, x: Float64) -> Any:
        """Values (m,) for features (m, d)."""
        return self.estimator.predict(self._binned(x))

    def predict_proba(self, x: Float64) -> Any:
        """Probabilities (m, c) for features (m, d)."""
        return self.estimator.predict_proba(self._binned(x))

    def staged(self, x: Float64) -> Iterator[Any]:
        """Probabilities (m, c) or values (m,) after each round."""
        classifies = hasattr(self.estimator, "staged_predict_proba")
        stages = self.estimator.staged_predict_proba if classifies else self.estimator.staged_predict
        found: Iterator[Any] = stages(self._binned(x))
        return found

    def _binned(self, x: Float64) -> Float64:
        found = np.where(self._empty, 0.0, x)
        for column, limits in enumerate(self._edges):
            if limits is not None:
                known = ~np.isnan(x[:, column])
                found[known, column] = np.searchsorted(limits, x[known, column])
        return found


def edges(column: Float64, weight: Float64) -> Float64 | None:
    """Upper limits of the bins of a column (n,) but the last; None if its values are bins already.

    They are the quantiles by weight (n,), in the mean of both values where one lies between two values.
    """
    counted = ~np.isnan(column) & (weight > 0)
    order = np.argsort(column[counted], kind="stable")
    values, weight = column[counted][order], weight[counted][order]
    if np.count_nonzero(np.diff(values)) < _BINS:
        return None
    below = weight.cumsum()
    wanted = np.linspace(0, 100, _BINS + 1)[1:-1] / 100 * below[-1]  # rounded as scikit-learn does: ties depend on it
    lower = np.minimum(np.searchsorted(below, wanted), len(values) - 1)
    is_between = below[lower] - wanted <= np.finfo(np.float64).eps
    upper = np.minimum(lower + is_between, len(values) - 1)
    return np.asarray(np.unique((values[lower] + values[upper]) / 2))
