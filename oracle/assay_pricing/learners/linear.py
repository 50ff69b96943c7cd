"""Linear learners: logistic and ridge regression with a penalty on the weights, to the optimum; calibrated classifiers.

The penalty may be a total, as scikit-learn's ``C`` and ``alpha`` are: the more records, the less it counts. It may also
grow with the records, as where a loss is a mean. The answers of one model do not tell which.
"""

import warnings
from collections.abc import Iterator, Mapping
from copy import copy
from itertools import product
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.learners.port import CLASSES, COLUMNS, Learner
from assay_pricing.learners.solvers import multinomial
from assay_pricing.learners.threads import single_thread, sklearn_on_single_thread
from assay_pricing.records.records import Float64, Int64
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample

_STEP = 10**0.5
PENALTIES = tuple(float(f"{_STEP**exponent:.2g}") for exponent in range(-8, 9))
_FIRST_PENALTIES = {"direct": (1.0, 0.01, 100.0), "calibrated": (1.0,), "calibrated_svm": (1.0, 10.0)}
"""Penalties at which a kind is first tried; a sigmoid takes up part of what a penalty does."""
_FOLDS = (3, 5, 10)
_USUAL_FOLDS = 5
_USUAL_PENALTY = 1.0
"""The penalty that scikit-learn's linear models have by default: a total."""
_TOTAL, _BETWEEN, _BY_RECORD = 0.0, 0.5, 1.0
_MAX_NEWTON = 1500
"""Parameters up to which Newton's method is used; its system has the square of that many numbers."""
_ROUGH = 1e-3
_BINARY = 2
"""Classes of which scikit-learn fits one vector of coefficients, and not one for each."""


class Linear(Learner):
    """Logistic regression of classes, ridge regression of targets, with half of ``penalty`` on the squared weights.

    ``columns``: see ``port.COLUMNS``. ``kind`` is the loss, and whether sigmoids give the probabilities (Platt 1999),
    each fitted on one of ``folds`` parts of the records. The penalty on n records is n to the power of ``growth`` times
    ``penalty``: see ``growths``.
    """

    family: ClassVar[str] = "linear"
    learns_many: ClassVar[bool] = True
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "penalty": PENALTIES,
        "columns": COLUMNS,
        "classes": CLASSES,
        "kind": tuple(_FIRST_PENALTIES),
        "folds": _FOLDS,
    }

    @classmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """As scikit-learn has its linear models by default, also with other penalties and in units."""
        kinds = _FIRST_PENALTIES if encoder.schema.task == "classification" else ("direct",)
        for kind, columns in product(kinds, ("standardised", "units")):
            for penalty in _FIRST_PENALTIES[kind]:
                capacity = {"penalty": penalty, "growth": _TOTAL, "columns": columns, "classes": CLASSES[0]}
                yield cls(encoder, {**capacity, "kind": kind, "folds": _USUAL_FOLDS})

    error: float = multinomial.ERROR
    """See ``multinomial.ERROR``."""

    def roughly(self) -> Self:
        """See ``Learner``."""
        found = copy(self)
        found.error = _ROUGH
        return found

    @property
    def kind(self) -> str:
        """See ``Learner``."""
        return str(self.capacity.get("kind", "direct"))

    def settings(self) -> list[str]:
        """See ``Learner``."""
        left_out = {"kind", "folds"} if self.kind == "direct" else {"kind"}
        return [name for name in super().settings() if name not in left_out]

    def nearby(self, part: float) -> list[Self]:
        """See ``Learner``: at more and at less penalty, unless sigmoids take up what it does."""
        if self.kind != "direct":
            return []
        penalties = (self.capacity["penalty"] * factor for factor in (_STEP**part, _STEP**-part))
        return [type(self)(self.encoder, {**self.capacity, "penalty": penalty}) for penalty in penalties]

    def growths(self, records: Sample) -> list[Self]:
        """See ``Learner``: a total penalty, one in proportion to the records, and one in proportion to their root.

        The last one errs least where nothing tells. A penalty that libraries have by default is taken for a total.
        """
        if "growth" not in self.capacity:
            return [self]
        is_usual = self.capacity["penalty"] == _USUAL_PENALTY
        order = (_TOTAL, _BETWEEN, _BY_RECORD) if is_usual else (_BETWEEN, _TOTAL, _BY_RECORD)
        total, count = self._penalty(records), float(records.weight.sum())
        capacities = ({**self.capacity, "growth": growth, "penalty": total / count**growth} for growth in order)
        return [type(self)(self.encoder, capacity) for capacity in capacities]

    def _penalty(self, records: Sample) -> float:
        """The total penalty on records."""
        penalty, growth = float(self.capacity["penalty"]), float(self.capacity.get("growth", _TOTAL))
        return float(penalty * records.weight.sum() ** growth)

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """See ``Learner``."""
        return self.linear_outputs(*self.columns(records, inputs), records)

    def linear_outputs(self, x: Tensor, asked: Tensor, records: Sample) -> Tensor:
        """``outputs`` of a linear model of the columns ``x`` (n, w) of records, for the columns ``asked`` (m, w)."""
        with single_thread():
            if not self.is_classifier:
                return _ridge(x, asked, records, self._penalty(records))
            only = self.only_answer(records, len(asked))
            return self._logistic(x, asked, records) if only is None else only

    def _logistic(self, x: Tensor, asked: Tensor, records: Sample) -> Tensor:
        """A classifier, calibrated in its ``folds``, as far as the second most common class has records for them.

        scikit-learn refuses a class with fewer records than folds. Fewer folds, for one new record, would make another
        classifier of all classes: a small class has its share of the weight as its probability, for every input.
        """
        labels, weight = records.y.numpy().astype(np.int64), self.weights(records)
        sizes = np.bincount(labels, minlength=self.encoder.outputs)
        folds = min(self.capacity.get("folds", _USUAL_FOLDS), int(np.sort(sizes)[-2]))
        is_calibrated = self.kind != "direct" and folds > 1
        learned = sizes[labels] >= (folds if is_calibrated else 1)
        known = x.numpy()[learned], labels[learned], weight[learned]
        model = self._fitted(*known, self._penalty(records), folds if is_calibrated else 1)
        if learned.all():
            return self.answers(model, asked.numpy())
        shares = np.bincount(labels[~learned], weight[~learned], self.encoder.outputs) / weight.sum()
        whole = np.tile(shares, (len(asked), 1))
        whole[:, model.classes_] = (1 - shares.sum()) * model.predict_proba(asked.numpy())
        return self.log_probabilities(whole, np.arange(self.encoder.outputs))

    def _fitted(self, x: Float64, labels: Int64, weight: Float64, penalty: float, folds: int) -> Any:
        """A classifier, calibrated if there are several folds, after it has learned columns (n, w) and labels (n,)."""
        if folds == 1 and self._is_small(x.shape[1]) and len(np.unique(labels)) > _BINARY:
            found = multinomial.fit(x, labels, weight, penalty, self.error)
            if found is not None:
                return found
        with sklearn_on_single_thread(), warnings.catch_warnings():
            model = self._classifier(x.shape[1], penalty, folds, is_calibrated=folds > 1)
            warnings.simplefilter("ignore")  # that the last digit was not reached, or that columns repeat each other
            return model.fit(x, labels, sample_weight=weight)

    def _is_small(self, columns: int) -> bool:
        return columns * self.encoder.outputs <= _MAX_NEWTON

    def _classifier(self, columns: int, penalty: float, folds: int, *, is_calibrated: bool) -> Any:
        """A classifier of so many columns with a total penalty."""
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.linear_model import LogisticRegression
        from sklearn.svm import LinearSVC

        strength = 1 / penalty
        if is_calibrated and self.kind == "calibrated_svm":
            return CalibratedClassifierCV(LinearSVC(C=strength, random_state=0), cv=folds)
        solver, steps = ("newton-cholesky", 50) if self._is_small(columns) else ("lbfgs", 1000)
        model = LogisticRegression(C=strength, solver=solver, tol=1e-8, max_iter=steps)
        return CalibratedClassifierCV(model, cv=folds) if is_calibrated else model


def _ridge(x: Tensor, asked: Tensor, records: Sample, penalty: float) -> Tensor:
    """Ridge regression with an intercept that has no penalty."""
    weight = records.weight
    centre_x, centre_y = weight @ x / weight.sum(), weight @ records.y / weight.sum()
    x, y = x - centre_x, records.y - centre_y
    squares = x.T @ (weight[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(squares, x.T @ (weight * y))
    found: Tensor = (asked - centre_x) @ solved + centre_y
    return found[:, None]
