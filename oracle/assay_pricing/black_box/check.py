"""The model's answers compared with the owner's own labels, which shows what is read wrongly before a price does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.black_box.classes import in_order
from assay_pricing.black_box.port import BlackBox
from assay_pricing.errors import ModelError
from assay_pricing.records.records import Float64, Int64, Records

_MAX_RECORDS = 8192
"""Records that the model is asked for at most: the first of them."""
_MIN_DEVIATIONS = 4.0
"""Standard deviations by which another order must be better."""
_MIN_SHARE = 0.75
"""Share of the records on which the two orders differ that must favour the other."""
_MIN_RESCALED, _MIN_EXCESS = 0.5, 0.2
"""R^2 that a rescaled regression must reach, and by how much more than as it is."""


@dataclass(frozen=True)
class Examination:
    """How a model does on its owner's records.

    Attributes:
        agreement: Share of the labels that it gives, 0..1; of a regression R^2, at least 0.
        commonest: Share of the most common label; 0 for a regression.
        warnings: Sentences for the owner.
    """

    agreement: float
    commonest: float
    warnings: tuple[str, ...] = ()


def examine(black_box: BlackBox, records: Records) -> Examination:
    """Compares a model's answers with the labels of records that it was trained on.

    Another order of the classes is the assignment of the model's classes to the labels with the most agreements
    (Kuhn, 1955), found on one half of the records and compared with the stated order on the other, both ways.

    Raises:
        ModelError: The model agrees with the labels far better under another order of its classes, or it fails.
    """
    asked = records.take(np.arange(min(records.n, _MAX_RECORDS)))
    answers = black_box.predict(asked.x).labels
    if records.schema.task == "regression":
        return _examine_values(answers, asked.y)
    said, labels = answers.astype(np.int64), asked.y.astype(np.int64)
    right, commonest = float((said == labels).mean()), float(np.bincount(labels).max() / len(labels))
    _check_order(said, labels, records.schema, getattr(black_box, "order", None))
    if right > commonest:
        return Examination(right, commonest)
    warning = (
        f"the model gives {right:.1%} of the owner's labels, and the most common label alone is {commonest:.1%}: check "
        "that it is the model of these records"
    )
    return Examination(right, commonest, (warning,))


def best_order(said: Int64, labels: Int64, k: int) -> Int64:
    """For each class that the model says, the label that it goes with best, (k,); itself where that is as good."""
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((k, k))
    np.add.at(counts, (said, labels), 1)
    _, found = linear_sum_assignment(counts + 0.5 * np.eye(k), maximize=True)
    return np.asarray(found)


def _check_order(said: Int64, labels: Int64, schema: Schema, columns: Sequence[int] | None) -> None:
    k, halves = len(schema.classes), (slice(0, None, 2), slice(1, None, 2))
    gained = np.zeros(len(said), dtype=np.int64)
    for known, held in (halves, halves[::-1]):
        other = best_order(said[known], labels[known], k)[said[held]]
        gained[held] = (other == labels[held]).astype(np.int64) - (said[held] == labels[held])
    won, differing = int(gained.sum()), int(np.abs(gained).sum())
    if differing == 0 or won < _MIN_DEVIATIONS * differing**0.5 or (differing + won) / 2 < _MIN_SHARE * differing:
        return
    order = best_order(said, labels, k)
    right, better = float((said == labels).mean()), float((order[said] == labels).mean())
    now = list(range(k)) if columns is None else list(columns)
    stated, then = ([schema.classes[i] for i in places] for places in (now, [order[i] for i in now]))
    raise ModelError(
        f"expected answers in the order of the model's classes: read as {in_order(stated)} they "
        f"agree with {right:.1%} of the owner's labels, and read as {in_order(then)} with {better:.1%}",
        hint="correct the labels that the model returns, or those of the data"
        if columns is None
        else f"state the model's own order, for example --classes {','.join(then)}",
    )


def _examine_values(values: Float64, labels: Float64) -> Examination:
    spread = float(((labels - labels.mean()) ** 2).sum())
    if spread == 0:
        return Examination(float((values == labels).all()), 0.0)
    plain = 1 - float(((values - labels) ** 2).sum()) / spread
    moved = values - values.mean()
    slope = float(moved @ (labels - labels.mean()) / (moved @ moved)) if moved.any() else 0.0
    rescaled = slope**2 * float(moved @ moved) / spread
    if rescaled < _MIN_RESCALED or rescaled < plain + _MIN_EXCESS:
        return Examination(max(0.0, plain), 0.0)
    warning = (
        f"the model's values are in another unit than the labels: R^2 is {plain:.3g} as they are, and {rescaled:.3g} "
        f"for {slope:.4g} times the value {labels.mean() - slope * values.mean():+.4g}; wrap the model in a function "
        "that returns the labels' unit"
    )
    return Examination(max(0.0, plain), 0.0, (warning,))
