"""Gradient-boosted trees (Friedman 2001) on binned features, as LightGBM, XGBoost and scikit-learn grow them."""

import json
import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from assay_pricing.learners.binned import Binned
from assay_pricing.learners.port import CLASSES, Capacity, Learner
from assay_pricing.learners.threads import sklearn_on_single_thread
from assay_pricing.records.records import Float64
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample

_ROUNDS, _STEP = 50, 10
"""Numbers of rounds that are common in practice are multiples; and rounds between two capacities of a search."""
_AT_ONCE = 100
"""Rounds that a search grows at a time: to go on takes as long as some fifty."""
_MAX_TREES = 600
"""Trees that a search grows at most, of all classes together."""
_LEAST_TRIES = 4
_LEAVES = (4, 8, 15, 31, 63)
_RATES = (0.03, 0.1, 0.3)
_SMALLEST = (1, 5, 20, 60)
_UNBOUNDED = 0
_DEPTHS = (3, 6, _UNBOUNDED)
_PENALTIES = (0.0, 1.0, 10.0)
_COLUMNS = ("one_hot", "categories", "codes", "codes_first", "codes_last")
_MAX_CATEGORIES = 255
"""Values of a category that scikit-learn can group by at most."""


class Boosting(Learner):
    """Boosted trees: ``rounds`` of trees with ``leaves`` leaves of at least ``smallest`` records, shrunk by ``rate``.

    A tree has at most ``depth`` splits on a path, any number if 0; ``penalty`` is on the squares of its values.
    ``columns`` says what trees see of a category: the position of its value (``codes``), groups of values
    (``categories``), or one column for each value (``one_hot``). Of two columns that split as well the first is taken,
    and a pipeline may put all codes before the other columns (``codes_first``) or after them (``codes_last``).
    """

    family: ClassVar[str] = "boosting"
    learns_many: ClassVar[bool] = True
    is_random = True
    varies_as_model = True
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "rate": _RATES,
        "leaves": _LEAVES,
        "smallest": _SMALLEST,
        "columns": _COLUMNS,
        "classes": CLASSES,
        "depth": _DEPTHS,
        "penalty": _PENALTIES,
    }

    def __init__(self, encoder: Encoder, capacity: Capacity, draw: int = 0) -> None:
        super().__init__(encoder, capacity, draw)
        self.tries = max(Learner.tries // _trees(encoder), _LEAST_TRIES)

    @classmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """As scikit-learn's two kinds and XGBoost have it by default."""
        usual = {"rounds": 100, "rate": 0.1, "leaves": 31, "depth": _UNBOUNDED, "smallest": 20, "penalty": 0.0}
        for changed in (
            {},
            {"leaves": 8, "depth": 3, "smallest": 1},
            {"rate": 0.3, "leaves": 63, "depth": 6, "smallest": 1, "penalty": 1.0},
        ):
            yield cls(encoder, {**usual, **changed, "columns": "codes", "classes": CLASSES[0]})
        kinds = [feature.kind == "categorical" for feature in encoder.schema.features]
        for columns, order in (("codes_first", sorted(kinds, reverse=True)), ("codes_last", sorted(kinds))):
            if kinds != order:
                yield cls(encoder, {**usual, "columns": columns, "classes": CLASSES[0]})

    @property
    def has_column_choices(self) -> bool:
        """See ``Learner``."""
        return any(feature.kind == "categorical" for feature in self.encoder.schema.features)

    def steps_from(self, capacity: Capacity) -> float:
        """See ``Learner``; twice as many rounds are one step, and a number that is not round is half of one."""
        rounds: int = self.capacity["rounds"]
        unusual = 0.5 * (rounds % _ROUNDS != 0)
        more = math.log2(rounds / int(capacity["rounds"]))
        return super().steps_from(capacity) + abs(more) + unusual

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """See ``Learner``."""
        only = self.only_answer(records, len(inputs))
        if only is not None:
            return only
        with sklearn_on_single_thread():
            model = self._grown(self._model(), records, self.capacity["rounds"])
            return self.answers(model, self._features(inputs, records))

    def attempts(self, records: Sample, inputs: Sample) -> Iterator[tuple[Self, Tensor]]:
        """The learner after every ten rounds; trees grow only as far as the answers are asked for."""
        only = self.only_answer(records, len(inputs))
        if only is not None:
            yield self, only
            return
        model, x = self._model(), self._features(inputs, records)
        most = max(_MAX_TREES // _trees(self.encoder) // _ROUNDS, 2) * _ROUNDS
        for done in range(0, most, _AT_ONCE):
            grown = min(done + _AT_ONCE, most)
            with sklearn_on_single_thread():
                self._grown(model, records, grown)
                found = list(islice(model.staged(x), done, None))
            for rounds in range(done + _STEP, grown + 1, _STEP):
                answers = found[rounds - done - 1]
                outputs = torch.from_numpy(answers)[:, None]
                if self.is_classifier:
                    outputs = self.log_probabilities(answers, model.classes_)
                yield self._after(rounds), outputs

    def training(self) -> str:
        """See ``Learner``; bounds that others imply make no difference, nor do names of one order of the columns."""
        leaves, depth, columns = (self.capacity[name] for name in ("leaves", "depth", "columns"))
        if depth:
            leaves = min(leaves, 2**depth)
        if depth >= leaves - 1:  # no path of a tree is longer
            depth = _UNBOUNDED
        if columns not in ("one_hot", "categories"):
            columns = self._order(len(self.encoder.schema.features)).tolist()
        capacity = {**self.capacity, "leaves": leaves, "depth": depth, "columns": columns}
        del capacity["rounds"]
        return json.dumps([self.family, self.draw, capacity], sort_keys=True)

    def at(self, attempt: Learner) -> Self:
        """See ``Learner``."""
        return self._after(attempt.capacity["rounds"])

    def _after(self, rounds: int) -> Self:
        return type(self)(self.encoder, {**self.capacity, "rounds": rounds}, self.draw)

    def _model(self) -> Binned:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingClassifier if self.is_classifier else HistGradientBoostingRegressor
        estimator = kind(
            learning_rate=self.capacity["rate"],
            max_leaf_nodes=self.capacity["leaves"],
            max_depth=self.capacity["depth"] or None,
            l2_regularization=self.capacity["penalty"],
            min_samples_leaf=self.capacity["smallest"],
            categorical_features=self._categorical(),
            early_stopping=False,
            warm_start=True,
            random_state=0,
        )
        return Binned(estimator)

    def _grown(self, model: Binned, records: Sample, rounds: int) -> Binned:
        """The model after ``rounds`` rounds; the rounds that it has already are kept."""
        model.grow(self._features(records, records), records.y.numpy(), self.weights(records), rounds)
        return model

    def _features(self, sample: Sample, learned: Sample) -> Float64:
        x = np.asarray(sample.x.numpy()) if self.capacity["columns"] == "one_hot" else self.codes(sample, learned)
        return x[:, self._order(x.shape[1])]

    def _order(self, columns: int) -> npt.NDArray[np.int64]:
        """Places of the columns (columns,)."""
        if self.draw:
            return np.random.default_rng(self.draw).permutation(columns)
        if self.capacity["columns"] not in ("codes_first", "codes_last"):
            return np.arange(columns)
        is_code = np.array([feature.kind == "categorical" for feature in self.encoder.schema.features])
        return np.argsort(is_code if self.capacity["columns"] == "codes_last" else ~is_code, kind="stable")

    def _categorical(self) -> npt.NDArray[np.bool_] | None:
        """Which features are grouped by value (d,)."""
        if self.capacity["columns"] != "categories":
            return None
        features = self.encoder.schema.features
        grouped = np.array([f.kind == "categorical" and len(f.categories) < _MAX_CATEGORIES for f in features])
        return grouped[self._order(len(features))]


def _trees(encoder: Encoder) -> int:
    """Trees of a round: one for each class, or one where two classes or a target are told apart."""
    return encoder.outputs if encoder.outputs > 2 else 1
