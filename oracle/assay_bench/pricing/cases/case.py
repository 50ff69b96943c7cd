"""What all cases share: an owner, sellers, and the true gain of a purchase."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from assay.protocol.schema import Feature, Schema
from assay_bench.figures import Floats
from assay_bench.pricing.results import TrueGain
from assay_pricing.records.records import Records

_CLIP = 1e-6

Answer = Callable[[Records], Floats]
"""A model: from records (n) to class probabilities (n, k) in the schema's order, or to values (n,)."""


@dataclass(frozen=True)
class Case:
    """One draw of a case.

    Attributes:
        model: The owner's deployed model, as the oracle's black box takes it.
        train: The owner's training: from records to a model.
        owner: Records that the model was trained on.
        validation: The owner's private records, which define the price.
        test: Records that no price sees.
        sellers: What each seller offers, by kind.
    """

    model: Any
    train: Callable[[Records], Answer]
    owner: Records
    validation: Records
    test: Records
    sellers: dict[str, Records]

    def gain(self, offer: Records) -> TrueGain:
        """True gain of an offer: training on the owner's records and the offer, against the owner's records alone."""
        if offer.n == 0:
            return TrueGain(gain=0.0, gain_error=0.0, gain_halves=(0.0, 0.0), gain_validation=0.0)
        with_offer = self.train(self.owner.join(offer))
        validation, test = (
            before - record_losses(with_offer(records), records)
            for before, records in zip(self._control, (self.validation, self.test), strict=True)
        )
        return TrueGain(
            gain=float(test.mean()),
            gain_error=float(test.std(ddof=1) / np.sqrt(len(test))),
            gain_halves=(float(test[::2].mean()), float(test[1::2].mean())),
            gain_validation=float(validation.mean()),
        )

    @cached_property
    def _control(self) -> tuple[Floats, Floats]:
        """Losses of the validation and of the test records without an offer."""
        without = self.train(self.owner)
        return record_losses(without(self.validation), self.validation), record_losses(without(self.test), self.test)


def record_losses(answers: Floats, records: Records) -> Floats:
    """Loss of each record (n,), in the unit of the case's gains.

    Args:
        answers: Class probabilities (n, k): the loss is the log loss in nats, probabilities clipped at one in a
            million. Or values (n,): it is the squared error.
        records: The records (n), with their labels.
    """
    if records.schema.task == "regression":
        return np.asarray((answers - records.y) ** 2)
    p = np.clip(answers[np.arange(len(records)), records.y.astype(np.int64)], _CLIP, 1)
    return np.asarray(-np.log(p))


def class_probabilities(classifier: Any, inputs: Any, classes: Sequence[Any]) -> Floats:
    """Probabilities (n, k) of a scikit-learn classifier in the order of ``classes``; 0 for a class it never saw."""
    found = classifier.predict_proba(inputs)
    probabilities = np.zeros((len(found), len(classes)))
    probabilities[:, [list(classes).index(name) for name in classifier.classes_]] = found
    return probabilities


def array_answers(classifier: Any) -> Answer:
    """A fitted scikit-learn classifier over arrays, whose classes are the schema's by index, as a model of records."""
    return lambda data: class_probabilities(classifier, data.x, range(len(data.schema.classes)))


def numeric_schema(features: int, classes: Sequence[str]) -> Schema:
    """A classification over numeric columns ``x0`` to ``x{d-1}``."""
    return Schema(
        task="classification",
        features=tuple(Feature(name=f"x{j}") for j in range(features)),
        label="y",
        classes=tuple(classes),
    )


def records(schema: Schema, x: Any, y: Any) -> Records:
    """Records from arrays (n, d) and (n,)."""
    return Records(schema, np.array(x, dtype=np.float32), np.array(y, dtype=np.float64))
