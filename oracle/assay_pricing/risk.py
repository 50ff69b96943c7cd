"""The owner's goal as a risk: a number that falls when the model improves.

A risk is read from outputs on the validation set: log-probabilities (v, k) for a classifier, values (v, 1) for a
regression, where v counts validation records. Counts per record let one function serve bootstrap samples and groups.
"""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from assay_pricing.errors import DataError
from assay_pricing.records.records import Float64, Int64, Records

Bools = npt.NDArray[np.bool_]
Losses = Callable[[Float64, Float64], Float64]


def _log_loss(outputs: Float64, y: Float64) -> Float64:
    return np.asarray(-outputs[np.arange(len(y)), y.astype(np.int64)])


def _errors(outputs: Float64, y: Float64) -> Float64:
    return np.asarray(outputs.argmax(1) != y, dtype=np.float64)


def _margins(outputs: Float64, y: Float64) -> Float64:
    """Probability of the label less that of the likeliest other class (v,); the label is answered where it is > 0."""
    p, rows, codes = np.exp(outputs), np.arange(len(y)), y.astype(np.int64)
    own = p[rows, codes]
    p[rows, codes] = -1
    return np.asarray(own - p.max(1))


def _squared_error(outputs: Float64, y: Float64) -> Float64:
    return np.asarray((outputs[:, 0] - y) ** 2)


def _absolute_error(outputs: Float64, y: Float64) -> Float64:
    return np.asarray(abs(outputs[:, 0] - y))


_LOSSES: dict[str, Losses] = {
    "log_loss": _log_loss,
    "accuracy": _errors,
    "balanced_accuracy": _errors,
    "balanced_log_loss": _log_loss,
    "squared_error": _squared_error,
    "absolute_error": _absolute_error,
}
CLASSIFICATION = ("log_loss", "accuracy", "balanced_accuracy", "balanced_log_loss", "auc")
REGRESSION = ("squared_error", "absolute_error")
_MAX_VALUES = 10
"""Values of a column up to which each is a group of its own; of more, quarters are groups."""
_DESCENDED = ("accuracy", "balanced_accuracy", "auc")
_STEP = 1.0
"""Length, in log-odds, of the step by which a goal is compared with the log loss along which it descends."""
_LEAST_ERROR = 0.1
"""Errors below this share of the mean error weigh as such an error does: a step passes zero there."""
_TINY = 1e-12
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


def groups_of(validation: Records, name: str) -> Int64:
    """Group of each validation record (v,), by a column.

    Categories, booleans, classes, and numbers of at most ten values group by value. Other numbers and times, and the
    labels of a regression, group by the quarters of the validation records; missing values are a group of their own.

    Args:
        validation: The records.
        name: Of a feature, or of the label.

    Raises:
        DataError: There is no such column, or it has one value alone.
    """
    schema = validation.schema
    names = [feature.name for feature in schema.features]
    if name != schema.label and name not in names:
        raise DataError(
            f"expected the label or a feature to group by, got {name!r}",
            hint=f"one of {', '.join((schema.label, *names))}",
        )
    column = validation.y if name == schema.label else validation.x[:, names.index(name)]
    values, found = np.unique(column, return_inverse=True)
    if len(values) < 2:
        raise DataError(f"expected a column of several values to group by, got {name!r}, which has one")
    kinds = {schema.label: "categorical" if schema.classes else "numeric"}
    kinds |= {feature.name: feature.kind for feature in schema.features}
    if kinds[name] in ("categorical", "boolean") or len(values) <= _MAX_VALUES:
        return np.asarray(found, dtype=np.int64)
    inner = np.nanquantile(column, (0.25, 0.5, 0.75))
    return np.asarray(np.where(np.isnan(column), len(inner) + 1, np.searchsorted(inner, column)), dtype=np.int64)


def alternating(y: Float64) -> Bools:
    """Which records (v,) are in the first of two halves: every second one in the order of the labels (v,)."""
    first = np.zeros(len(y), dtype=bool)
    first[np.argsort(y, kind="stable")[::2]] = True
    return first


class Metric:
    """One of the names above, over the whole validation set or its worst group.

    Args:
        name: ``log_loss`` (nats), ``accuracy``, ``balanced_accuracy`` and ``auc`` (one minus each; ``auc`` is the mean
            over classes of one against the rest), ``balanced_log_loss``, ``squared_error`` (squared target units),
            ``absolute_error`` (target units). Balanced ones weigh all classes alike that the records in question have.
        y: Labels of the validation records (v,).
        groups: Group of each validation record (v,); the risk is then that of the worst group.
        first_half: Which of the validation records (v,) are in the first of two halves, each of which is a test of what
            the other chose; ``alternating`` if None.

    Raises:
        DataError: Unknown metric.
    """

    def __init__(self, name: str, y: Float64, groups: Int64 | None = None, first_half: Bools | None = None) -> None:
        check_metric(name)
        self.name = name
        self.y = y
        self.groups = groups
        self.first_half = alternating(y) if first_half is None else first_half
        self._strata = np.unique(y, return_inverse=True)[1] if name.startswith("balanced") else None

    def take(self, rows: Int64) -> "Metric":
        """The same risk on some of the validation records."""
        groups = None if self.groups is None else self.groups[rows]
        return Metric(self.name, self.y[rows], groups, self.first_half[rows])

    def halved(self, first_half: Bools) -> "Metric":
        """The same risk with other halves of the validation records."""
        return Metric(self.name, self.y, self.groups, first_half)

    def risk(self, outputs: Float64, counts: Float64 | None = None, width: float = 0.0) -> float:
        """Risk of outputs (v, k) or (v, 1).

        Args:
            outputs: Log-probabilities or values.
            counts: How often each validation record counts (v,), as in a bootstrap sample; once each if None.
            width: By which errors are smoothed, see ``width``; 0 counts them.
        """
        return self._risk(outputs, width)(np.ones(len(self.y)) if counts is None else counts)

    def drop(self, before: Float64, after: Float64, counts: Float64 | None = None) -> float:
        """Drop of the risk from outputs ``before`` to outputs ``after``, smoothed; ``counts`` as in ``risk``."""
        return float(self.drops(before, after, [np.ones(len(self.y)) if counts is None else counts])[0])

    def drops(self, before: Float64, after: Float64, samples: Iterable[Float64]) -> Float64:
        """``drop`` for each of several counts (v,), such as bootstrap samples; losses are computed once.

        Samples in one array (s, v) are weighed by one product.
        """
        width = self.width(before)
        if self.groups is None and self.name != "auc":  # a mean of losses: that of their differences
            fallen = self._losses(before, width) - self._losses(after, width)
            if isinstance(samples, np.ndarray) and self._strata is None:
                return np.asarray(samples @ fallen / samples.sum(1))
            return np.array([float(self._shares(counts) @ fallen) for counts in samples])
        one, other = self._risk(before, width), self._risk(after, width)
        return np.array([one(counts) - other(counts) for counts in samples])

    def width(self, outputs: Float64) -> float:
        """Width by which errors are smoothed where their drop from these outputs (v, k) is estimated.

        An answer is right where its margin is positive: a step, at which one record of a few hundred counts as a whole.
        A normal kernel smooths it (Snapinn and Knoke 1985), as wide as Silverman's rule (1986, equation 3.31) has it
        for the density of the margins. Other risks have no step, or average it over all pairs of records (AUC): 0.
        """
        if not self.name.endswith("accuracy"):
            return 0.0
        margins = _margins(outputs, self.y)
        low, high = np.quantile(margins, (0.25, 0.75))
        return float(0.9 * min(margins.std(), (high - low) / 1.34) * len(margins) ** -0.2)

    def importance(self, outputs: Float64) -> Float64:
        """Weight of each validation record, (v,), by which drops of the training loss have the size of the goal's.

        The training loss is the log loss, or the squared error. The mean over the records of their weights times
        their drops is the drop of the goal, for small steps. Weights are zero outside the worst group. Accuracy and AUC
        descend along the log loss, AUC with classes at equal weight, and the absolute error along the squared one, of
        which it is 1 / 2 |e| at an error e (iteratively reweighted least squares; Schlossmacher 1973).
        """
        inside = np.ones(len(self.y))
        if self.groups is not None:
            groups = np.unique(self.groups)
            whole = self._ungrouped(outputs, 0.0)
            risks = [whole((self.groups == g).astype(np.float64)) for g in groups]
            inside = (self.groups == groups[int(np.argmax(risks))]).astype(np.float64)
        shares = self._shares(inside)
        if self.name == "absolute_error":
            errors = _absolute_error(outputs, self.y)
            return np.asarray(shares * len(shares) / (2 * np.maximum(errors, _LEAST_ERROR * (shares @ errors) + _TINY)))
        if self.name in _DESCENDED:
            if self.name == "auc":
                shares = _stratified(np.unique(self.y, return_inverse=True)[1], inside)
            stepped = _descended(outputs, self.y)
            drops = _log_loss(outputs, self.y) - _log_loss(stepped, self.y)
            width = self.width(outputs)
            gain = self._ungrouped(outputs, width)(inside) - self._ungrouped(stepped, width)(inside)
            shares = shares * max(0.0, gain) / (shares @ drops)
        return np.asarray(shares * len(shares))

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

    def _risk(self, outputs: Float64, width: float) -> Callable[[Float64], float]:
        """The risk of outputs by how often each validation record counts (v,)."""
        whole, groups = self._ungrouped(outputs, width), self.groups
        if groups is None:
            return whole
        by_group = [(groups == g).astype(np.float64) for g in np.unique(groups)]

        def worst(counts: Float64) -> float:
            inside = (counts * group for group in by_group)
            return max(whole(found) for found in inside if found.any())

        return worst

    def _ungrouped(self, outputs: Float64, width: float) -> Callable[[Float64], float]:
        """The risk over all records that count."""
        if self.name == "auc":
            return lambda counts: 1 - _mean_auc(outputs, self.y, counts)
        losses = self._losses(outputs, width)
        return lambda counts: float(self._shares(counts) @ losses)

    def _losses(self, outputs: Float64, width: float) -> Float64:
        """Loss of each record (v,), whose mean is the risk."""
        if width > 0:
            from scipy.special import ndtr

            return np.asarray(ndtr(-_margins(outputs, self.y) / width))
        return _LOSSES[self.name](outputs, self.y)

    def _shares(self, counts: Float64) -> Float64:
        """Share of each record in the mean (v,), summing to one."""
        if self._strata is None:
            return np.asarray(counts / counts.sum())
        return _stratified(self._strata, counts)


def _stratified(strata: Int64, counts: Float64) -> Float64:
    """Shares (v,) in the mean over the strata (v,) that have counts (v,) of their means."""
    totals = np.bincount(strata, counts)
    return np.asarray(counts / np.where(totals > 0, totals, 1)[strata] / np.count_nonzero(totals))


def _descended(outputs: Float64, y: Float64) -> Float64:
    """Log-probabilities (v, k) after a step of each record down its own log loss."""
    one_hot = np.eye(outputs.shape[1])[y.astype(np.int64)]
    return _scaled(outputs + _STEP * (one_hot - np.exp(outputs)), 0.0)


def _scaled(outputs: Float64, log_confidence: float) -> Float64:
    """Log-probabilities (v, k) of outputs multiplied by a confidence, the inverse of a temperature."""
    scaled = outputs * np.exp(log_confidence)
    top = scaled.max(1, keepdims=True)
    return np.asarray(scaled - top - np.log(np.exp(scaled - top).sum(1, keepdims=True)))


def _mean_auc(outputs: Float64, y: Float64, counts: Float64) -> float:
    """Mean over the classes present of the area under the ROC curve of one class against the rest; ties count half."""
    areas = []
    for code in np.unique(y[counts > 0]):
        own = y == code
        positives, negatives = counts[own].sum(), counts[~own].sum()
        if negatives:
            tied = np.unique(outputs[:, int(code)], return_inverse=True)[1]
            won, lost = np.bincount(tied, counts * own), np.bincount(tied, counts * ~own)
            areas.append(won @ (lost.cumsum() - lost / 2) / (positives * negatives))  # Mann-Whitney
    return float(np.mean(areas)) if areas else 0.5
