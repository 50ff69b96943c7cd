"""The owner's training function: what it gets, and what may go wrong in it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.training import Training, labels_of
from assay_pricing.black_box.wrap import Wrapped, as_black_box
from assay_pricing.errors import ModelError
from assay_pricing.records.records import Records

pytestmark = pytest.mark.unit


def labelled(classes: tuple[str, ...]) -> Records:
    features = (Feature(name="age"), Feature(name="town", kind="categorical", categories=("Bonn", "Ulm")))
    schema = Schema(task="classification", features=features, label="y", classes=classes)
    x = np.array([[31.0, 0], [40, 1], [52, 1], [7, 0]])
    return Records(schema, x, np.array([0.0, 1, 1, 0]))


def wrapper(known: Records):
    def wrap(model: Any) -> Wrapped:
        return as_black_box(model, known.schema)

    return wrap


def test_a_training_gets_the_models_form_of_inputs_and_the_files_labels() -> None:
    known = labelled(("no", "yes"))

    def train(inputs: pd.DataFrame, labels: Any) -> Any:
        assert list(inputs.columns) == ["age", "town"]
        assert list(inputs["town"]) == ["Bonn", "Ulm", "Ulm", "Bonn"]
        assert labels.tolist() == ["no", "yes", "yes", "no"]
        fitted = KNeighborsClassifier(1).fit(inputs[["age"]], labels)
        return lambda frame: fitted.predict(frame[["age"]])

    like = wrapper(known)(lambda frame: ["yes" for _ in frame["town"]])
    like.predict(known.x)
    assert Training(train, like, wrapper(known))(known).predict(known.x).labels.tolist() == known.y.tolist()


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (("0", "1"), [0, 1, 1, 0]),
        (("0.5", "1"), [0.5, 1, 1, 0.5]),
        (("False", "True"), [False, True, True, False]),
        (("1a", "2"), ["1a", "2", "2", "1a"]),
    ],
)
def test_labels_have_the_type_that_they_are_written_in(classes: tuple[str, ...], labels: list[Any]) -> None:
    found = labels_of(labelled(classes)).tolist()
    assert found == labels
    assert [type(one) for one in found] == [type(one) for one in map(type(found[0]), labels)]


def test_targets_are_themselves() -> None:
    known = Records(Schema(task="regression", features=(Feature(name="a"),), label="y"), np.zeros((2, 1)), np.ones(2))
    assert labels_of(known).tolist() == [1, 1]


def raising(inputs: Any, labels: Any) -> Any:
    raise ValueError("too few")


def leaving(inputs: Any, labels: Any) -> Any:
    raise SystemExit(3)


def nothing(inputs: Any, labels: Any) -> None:
    del inputs, labels


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (raising, "expected a model of 4 records from the training function, it raised ValueError: too few"),
        (leaving, "it raised SystemExit: 3"),
        (nothing, "expected a torch module, an estimator with predict, or a callable, got NoneType"),
        (list, "it raised TypeError"),
    ],
)
def test_a_training_that_makes_no_model_is_named(function: Any, message: str) -> None:
    known = labelled(("no", "yes"))
    like = wrapper(known)(lambda frame: ["yes" for _ in frame["town"]])
    with pytest.raises(ModelError, match=message):
        Training(function, like, wrapper(known))(known)
