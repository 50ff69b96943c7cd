"""What a model is given: the owner's columns by name and kind, or an array, in whichever form it takes."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC
from torch import nn

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.wrap import as_black_box, task_of
from assay_pricing.errors import ModelError
from assay_pricing.records.records import Float64
from tests.pricing.contexts import schema

pytestmark = pytest.mark.unit
RNG = np.random.default_rng(0)
FEATURES = (
    Feature(name="height"),
    Feature(name="fit", kind="categorical", categories=("False", "True")),
    Feature(name="city", kind="categorical", categories=("Bonn", "Rome")),
)
NUMBERS, BOOLEANS, MIXED = (
    Schema(task="classification", features=features, label="y", classes=("0", "1"))
    for features in ((FEATURES[0], Feature(name="weight")), FEATURES[:2], FEATURES)
)
TEXT = MIXED.model_copy(update={"features": FEATURES[2:]})
X = np.column_stack([RNG.normal(size=60), RNG.integers(0, 2, (60, 2))]).astype(np.float32)
PLAIN = RNG.normal(size=(60, 2)).astype(np.float32)
SIGNS = np.where(PLAIN[:, 0] > 0, 1, 0)


def frame(columns: int = 3) -> pd.DataFrame:
    """``X`` as pandas would have it."""
    texts = np.array(["Bonn", "Rome"])[X[:, 2].astype(int)]
    height = X[:, 0].astype(np.float64)
    return pd.DataFrame({"height": height, "fit": X[:, 1].astype(bool), "city": texts}).iloc[:, :columns]


def test_a_frame_has_the_owners_names_numbers_booleans_and_texts() -> None:
    seen: list[Any] = []
    as_black_box(lambda given: seen.append(given) or np.zeros(60, dtype=int), MIXED).predict(X)
    pd.testing.assert_frame_equal(seen[0], frame())


def test_a_boolean_that_is_unknown_is_none() -> None:
    seen: list[Any] = []
    x = np.array([[0, 2, 0], [0, 1, 0]], dtype=np.float32)
    as_black_box(lambda given: seen.append(given) or [0, 1], MIXED).predict(x)
    assert seen[0]["fit"].tolist() == [None, True]


@pytest.mark.parametrize(
    ("of", "x", "model"),
    [
        (BOOLEANS, X[:, :2], RandomForestClassifier(3, random_state=0).fit(frame(2), frame()["fit"])),
        (BOOLEANS, X[:, :2], LogisticRegression().fit(X[:, :2], X[:, 1].astype(int))),
        (BOOLEANS, X[:, :2], RidgeClassifier().fit(frame(2), frame()["fit"])),
        (BOOLEANS, X[:, :2], lambda given: given["fit"].to_numpy()),
        (BOOLEANS, X[:, :2], lambda given: given[:, 1].astype(int)),
        (BOOLEANS, X[:, :2], lambda given: [text == "True" for text in given["fit"].str[:4]]),
    ],
)
def test_booleans_reach_every_kind_of_model(of: Schema, x: Float64, model: Any) -> None:
    assert as_black_box(model, of).predict(x).labels.tolist() == X[:, 1].tolist()


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(frame()["city"], X[:, 2].astype(int)),
        make_pipeline(OneHotEncoder(), LogisticRegression()).fit(frame()[["city"]], X[:, 2].astype(int)),
        lambda texts: [text.startswith("R") for text in texts],
        lambda given: (given["city"] == "Rome").to_numpy(),
    ],
)
def test_one_column_of_text_is_a_series_or_a_frame(model: Any) -> None:
    assert as_black_box(model, TEXT).predict(X[:, 2:]).labels.tolist() == X[:, 2].tolist()


def test_a_pipeline_gets_a_frame_in_the_order_that_it_was_fitted_on() -> None:
    encoder = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    turned = frame()[["city", "fit", "height"]]
    model = make_pipeline(encoder, LogisticRegression(C=100)).fit(turned, X[:, 2].astype(int))
    found = as_black_box(model, MIXED).predict(X)
    np.testing.assert_allclose(found.probabilities, model.predict_proba(turned))


def test_columns_that_the_model_was_not_fitted_on_are_named() -> None:
    model = LogisticRegression().fit(pd.DataFrame(PLAIN, columns=["height", "age"]), SIGNS)
    with pytest.raises(ModelError, match="fitted on, height, age, got missing 'age'; extra 'weight'"):
        as_black_box(model, NUMBERS)


def test_labels_of_an_estimator_are_never_logits() -> None:
    y = np.where(SIGNS == 1, 2.0, 1.0)
    of = NUMBERS.model_copy(update={"classes": ("1", "2")})
    found = as_black_box(LinearSVC().fit(PLAIN, y), of).predict(PLAIN)
    assert found.probabilities is None
    assert (found.labels == SIGNS).mean() > 0.9
    three = schema(2, 3).model_copy(update={"classes": ("1", "2", "3")})
    y = 1.0 + SIGNS + (PLAIN[:, 1] > 0)
    assert (as_black_box(LinearSVC().fit(PLAIN, y), three).predict(PLAIN).labels + 1 == y).mean() > 0.5


def test_a_function_of_named_numbers_gets_a_frame_where_an_array_fails() -> None:
    found = as_black_box(lambda given: (given["weight"] > 0).to_numpy(), NUMBERS).predict(PLAIN)
    assert found.labels.tolist() == (PLAIN[:, 1] > 0).tolist()


def test_a_form_that_gives_finite_answers_goes_before_one_that_does_not() -> None:
    def model(given: Any) -> np.ndarray:
        return given["weight"].fillna(0).to_numpy() if hasattr(given, "columns") else given[:, 1]

    of = schema(2, 1).model_copy(update={"features": NUMBERS.features})
    x = np.array([[0.0, np.nan], [1, 2]])
    assert as_black_box(model, of).predict(x).labels.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("shape", "network"),
    [
        ((4, 4), nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))),
        ((1, 4, 4), nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))),
        ((4, 2, 2), nn.Sequential(nn.Conv2d(4, 2, 2), nn.Flatten(), nn.Linear(2, 2))),
        ((2, 2, 4), nn.Sequential(nn.Conv2d(4, 2, 2), nn.Flatten(), nn.Linear(2, 2))),
        ((4, 4), nn.Sequential(nn.Flatten(), nn.Linear(16, 2))),
        ((4, 4), nn.Linear(16, 2)),
    ],
)
def test_pictures_reach_a_network_as_the_owners_array_has_them(shape: tuple[int, ...], network: nn.Module) -> None:
    of, x = schema(16, 2), RNG.normal(size=(7, 16)).astype(np.float32)
    found = as_black_box(network, of, shape=shape, outputs="logits").predict(x)
    assert found.probabilities is not None
    assert found.probabilities.shape == (7, 2)


def test_pictures_reach_a_function_in_their_shape() -> None:
    shapes: list[Any] = []
    box = as_black_box(lambda x: shapes.append(x.shape) or np.zeros(len(x), dtype=int), schema(12, 2), shape=(3, 4))
    box.predict(np.zeros((5, 12), dtype=np.float32))
    assert shapes == [(5, 3, 4)]


def test_a_model_for_another_task_names_the_option() -> None:
    ratings = RandomForestClassifier(2).fit(PLAIN, SIGNS)
    with pytest.raises(ModelError, match="for regression, as the labels were read as numbers, got one for") as refused:
        as_black_box(ratings, schema(2, 1))
    assert refused.value.hint == "--task classification"
    assert [task_of(model) for model in (ratings, nn.Linear(2, 2), len)] == ["classification", None, None]


def test_text_for_a_network_names_the_remedy() -> None:
    with pytest.raises(ModelError, match="expected columns of numbers for a torch module") as refused:
        as_black_box(nn.Linear(3, 2), MIXED)
    assert "data frame" in str(refused.value.hint)
