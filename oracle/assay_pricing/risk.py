"""The owner's goal as a risk: a number that falls when the model improves.

A risk is read from outputs on the validation set: log-probabilities (v, k) for a classifier, values (v, 1) for a
regression, where v counts validation records. Counts per record let one function serve bootstrap samples and groups.
"""

from collections.abc import Callable

import numpy as np

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
_MAX_CONFIDENCE = 20.0
_SEARCH_STEPS = 30
_GOLDEN = (5**0.5 - 1) / 2


def check_metric(name: str) -> None:
    """Checks that there is a metric of that name.

    Raises:
        DataError: There is none.
    """
    if name not in (*CLASSIFICATION, *REGRESSION):
        raise DataError(f"expected a metric among {', '.join((*CLASSIFICATION, *REGRESSION))}, got {name!r}")


class Metric:
    """One of the names above, over the whole validation set or its worst group.

    Args:
        name: ``log_loss`` (nats), ``accuracy``, ``balanced_accuracy`` and ``auc`` (one minus each; ``auc`` is the mean
            over classes of one against the rest), ``balanced_log_loss``, ``squared_error`` (squared target units).
        y: Labels of the validation records (v,).
        groups: Group of each validation record (v,); the risk is then that of the worst group.

    Raises:
        DataError: Unknown metric.
    """

    def __init__(self, name: str, y: Float64, groups: Int64 | None = None) -> None:
        check_metric(name)
        self.name = name
        self.y = y
        self.groups = groups
        self.weights = np.ones(len(y))
        """Weight of each validation record in the mean (v,)."""
        if name.startswith("balanced"):
            _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
            self.weights = (len(y) / (len(counts) * counts))[inverse]

    def risk(self, outputs: Float64, counts: Float64 | None = None) -> float:
        """Risk of outputs (v, k) or (v, 1).

        Args:
            outputs: Log-probabilities or values.
            counts: How often each validation record counts (v,), as in a bootstrap sample; once each if None.
        """
        if counts is None:
            counts = np.ones(len(self.y))
        if self.groups is None:
            return self._risk(outputs, counts)
        present = [g for g in np.unique(self.groups) if counts[self.groups == g].sum() > 0]
        return max(self._risk(outputs, counts * (self.groups == g)) for g in present)

    def drop(self, before: Float64, after: Float64, counts: Float64 | None = None) -> float:
        """Drop of the risk from outputs ``before`` to outputs ``after``; ``counts`` as in ``risk``."""
        return self.risk(before, counts) - self.risk(after, counts)

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

    def calibrated(self, outputs: Float64) -> Float64:
        """Log-probabilities (v, k) at the temperature of least risk (Guo et al., 2017); unchanged for other metrics.

        Log losses alone depend on the temperature. Its inverse, the confidence, is found by golden-section search on a
        logarithmic scale between 1/20 and 20, in a fixed number of steps.
        """
        if not self.name.endswith("log_loss"):
            return outputs
        low, high = -np.log(_MAX_CONFIDENCE), np.log(_MAX_CONFIDENCE)
        for _ in range(_SEARCH_STEPS):
            section = _GOLDEN * (high - low)
            if self.risk(_scaled(outputs, high - section)) <= self.risk(_scaled(outputs, low + section)):
                high = low + section
            else:
                low = high - section
        return _scaled(outputs, (low + high) / 2)

    def earned(self, before: Float64, after: Float64) -> tuple[Float64, Float64]:
        """The outputs (v, k) whose drop of the risk is paid: both as given or both calibrated, by the smaller drop.

        The owner can recalibrate the model without new data, so what recalibration brings is not paid.
        """
        calibrated = self.calibrated(before), self.calibrated(after)
        return calibrated if self.drop(*calibrated) < self.drop(before, after) else (before, after)

    def _risk(self, outputs: Float64, counts: Float64) -> float:
        if self.name == "auc":
            return 1 - _mean_auc(outputs, self.y, counts)
        weights = counts * self.weights
        return float((_LOSSES[self.name](outputs, self.y) * weights).sum() / weights.sum())


def _scaled(outputs: Float64, log_confidence: float) -> Float64:
    """Log-probabilities (v, k) of outputs multiplied by a confidence, the inverse of a temperature."""
    scaled = outputs * np.exp(log_confidence)
    top = scaled.max(1, keepdims=True)
    return np.asarray(scaled - top - np.log(np.exp(scaled - top).sum(1, keepdims=True)))


def _mean_auc(outputs: Float64, y: Float64, counts: Float64) -> float:
    """Mean over the classes present of the area under the ROC curve of one class against the rest; ties count half."""
    from scipy.stats import rankdata  # a second of imports, which only this metric needs

    rows = np.repeat(np.arange(len(y)), counts.astype(np.int64))
    y, outputs = y[rows], outputs[rows]
    areas = []
    for code in np.unique(y):
        own = y == code
        positives, negatives = int(own.sum()), int((~own).sum())
        if negatives:
            ranks = rankdata(outputs[:, int(code)])
            areas.append((ranks[own].sum() - positives * (positives + 1) / 2) / (positives * negatives))  # Mann-Whitney
    return float(np.mean(areas)) if areas else 0.5
