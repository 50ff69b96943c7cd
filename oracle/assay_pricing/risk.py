"""What the owner wants to improve, each as a risk: a number that falls when the model gets better.

A risk is read from outputs on the validation set: log-probabilities (v, k) for a classifier, values (v, 1) for a
regression, where ``v`` counts validation records. Record weights let one function serve resampling, halves and groups.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from assay_pricing.errors import DataError
from assay_pricing.records.records import Float64, Int64

Losses = Callable[[Float64, Float64], Float64]


def _log_loss(outputs: Float64, y: Float64) -> Float64:
    return np.asarray(-outputs[np.arange(len(y)), y.astype(np.int64)])


def _errors(outputs: Float64, y: Float64) -> Float64:
    return np.asarray(outputs.argmax(1) != y, dtype=np.float64)


def _squared_error(outputs: Float64, y: Float64) -> Float64:
    return np.asarray((outputs[:, 0] - y) ** 2)


_LOSSES: dict[str, Losses] = {
    "log_loss": _log_loss,
    "accuracy": _errors,
    "balanced_accuracy": _errors,
    "balanced_log_loss": _log_loss,
    "squared_error": _squared_error,
}
CLASSIFICATION = ("log_loss", "accuracy", "balanced_accuracy", "balanced_log_loss", "auc")
REGRESSION = ("squared_error",)
_MOST_CONFIDENT = 20.0
_SECTIONS = 30
_GOLDEN = (5**0.5 - 1) / 2


class Metric:
    """One of the names above, over the whole validation set or its worst group.

    Args:
        name: ``log_loss`` (nats), ``accuracy``, ``balanced_accuracy`` and ``auc`` (their shortfall from 1; ``auc`` is
            the mean of one class against the rest), ``balanced_log_loss``, ``squared_error`` (squared target units).
        y: Labels of the validation records (v,).
        groups: Group of each validation record (v,); the risk is then that of the worst group.

    Raises:
        DataError: No such metric.
    """

    def __init__(self, name: str, y: Float64, groups: Int64 | None = None) -> None:
        if name not in (*CLASSIFICATION, *REGRESSION):
            raise DataError(f"expected a metric among {', '.join((*CLASSIFICATION, *REGRESSION))}, got {name!r}")
        self.name = name
        self.y = y
        self.groups = groups
        self.weights = np.ones(len(y))
        """Importance of each validation record in the mean (v,)."""
        if name.startswith("balanced"):
            _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
            self.weights = (len(y) / (len(counts) * counts))[inverse]

    def risk(self, outputs: Float64, weights: Float64 | None = None) -> float:
        """Risk of outputs (v, k) or (v, 1); ``weights`` (v,) counts each validation record so many times."""
        counts = np.ones(len(self.y)) if weights is None else weights
        if self.groups is None:
            return self._risk(outputs, counts)
        present = [g for g in np.unique(self.groups) if counts[self.groups == g].sum() > 0]
        return max(self._risk(outputs, counts * (self.groups == g)) for g in present)

    def importance(self, outputs: Float64) -> Float64:
        """Weight of each validation record in the risk's descent direction, (v,), summing to v.

        Zero outside the worst group. Accuracy and AUC descend along the log loss, AUC with classes at equal weight.
        """
        weights = self.weights
        if self.name == "auc":
            _, inverse, counts = np.unique(self.y, return_inverse=True, return_counts=True)
            weights = (1 / counts)[inverse]
        if self.groups is not None:
            groups = np.unique(self.groups)
            risks = [self._risk(outputs, (self.groups == g).astype(np.float64)) for g in groups]
            weights = weights * (self.groups == groups[int(np.argmax(risks))])
        return np.asarray(weights * (len(weights) / weights.sum()))

    def tempered(self, outputs: Float64) -> Float64:
        """Log-probabilities (v, k) at the confidence of least risk; as they are where the risk has no confidence.

        The temperature's inverse is found by golden section between 1/20 and 20, in a fixed number of steps.
        """
        if not self.name.endswith("log_loss"):
            return outputs
        low, high = -np.log(_MOST_CONFIDENT), np.log(_MOST_CONFIDENT)
        for _ in range(_SECTIONS):
            third = _GOLDEN * (high - low)
            if self.risk(_scaled(outputs, high - third)) <= self.risk(_scaled(outputs, low + third)):
                high = low + third
            else:
                low = high - third
        return _scaled(outputs, (low + high) / 2)

    def earned(self, before: Float64, after: Float64) -> float:
        """Drop of the risk (v, k), without what a mere change of confidence brings: that one has for nothing."""
        surely = self.risk(self.tempered(before)) - self.risk(self.tempered(after))
        return min(self.risk(before) - self.risk(after), surely)

    def _risk(self, outputs: Float64, counts: Float64) -> float:
        if self.name == "auc":
            return 1 - _mean_auc(outputs, self.y, counts)
        weights = counts * self.weights
        return float((_LOSSES[self.name](outputs, self.y) * weights).sum() / weights.sum())


def _scaled(outputs: Float64, log_confidence: float) -> Float64:
    """Log-probabilities (v, k) of the outputs times a confidence."""
    scaled = outputs * np.exp(log_confidence)
    top = scaled.max(1, keepdims=True)
    return np.asarray(scaled - top - np.log(np.exp(scaled - top).sum(1, keepdims=True)))


def _mean_auc(outputs: Float64, y: Float64, counts: Float64) -> float:
    """Mean over the classes present of the area under the curve of one class against the rest, ties half."""
    rows = np.repeat(np.arange(len(y)), counts.astype(np.int64))
    y, outputs = y[rows], outputs[rows]
    areas = []
    for code in np.unique(y):
        own = y == code
        positives, negatives = int(own.sum()), int((~own).sum())
        if negatives:
            ranks = rankdata(outputs[:, int(code)])
            areas.append((ranks[own].sum() - positives * (positives + 1) / 2) / (positives * negatives))
    return float(np.mean(areas)) if areas else 0.5
