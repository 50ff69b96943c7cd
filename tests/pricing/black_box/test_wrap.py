"""What may be a model, and how its answers are read."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, LogisticRegression
from torch import nn

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.errors import ModelError
from tests.pricing.contexts import schema, soft

pytestmark = pytest.mark.unit
X = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
THREE, TWO, NUMBER = schema(2, 3), schema(2, 2), schema(2, 1)
SCORES = np.random.default_rng(1).normal(size=(9, 3))


def test_a_torch_modules_logits_become_probabilities() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.9))
    module.train()
    box = as_black_box(module, THREE)
    answers = box.predict(X)
    with torch.no_grad():
        expected = module[0](torch.from_numpy(X)).double().softmax(1).numpy()
    np.testing.assert_allclose(answers.probabilities, expected, rtol=1e-6)
    np.testing.assert_array_equal(answers.labels, expected.argmax(1))
    assert module.training, "a module is left in the mode in which it came"
    assert box.parameters == 9


def test_a_torch_module_is_asked_in_its_own_precision() -> None:
    module = nn.Linear(2, 3).double()
    assert as_black_box(module, THREE).predict(X).labels.shape == (9,)


def test_probabilities_are_kept_and_logits_raised() -> None:
    for answers in (SCORES, soft(SCORES)):
        found = as_black_box(lambda _, a=answers: a, THREE).predict(X)
        np.testing.assert_allclose(found.probabilities, soft(SCORES), rtol=1e-12)


@pytest.mark.parametrize("shape", [(9,), (9, 1)])
def test_one_column_is_the_positive_class(shape: tuple[int, ...]) -> None:
    logits = SCORES[:, 0]
    p = 1 / (1 + np.exp(-logits))
    for answers in (logits, p):
        found = as_black_box(lambda _, a=answers: a.reshape(shape), TWO).predict(X)
        np.testing.assert_allclose(found.probabilities, np.column_stack([1 - p, p]), rtol=1e-12)
        np.testing.assert_array_equal(found.labels, (p > 0.5).astype(float))


@pytest.mark.parametrize("kind", [int, float, str, object])
def test_labels_are_found_among_the_classes(kind: type) -> None:
    """As integers, floats, text: none of them comes with probabilities."""
    labels = np.array([0, 2, 1, 1, 0, 2, 2, 0, 1])
    found = as_black_box(lambda _: labels.astype(kind), THREE).predict(X)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.probabilities is None


def test_an_estimators_classes_may_come_in_another_order_or_be_fewer() -> None:
    y = np.where(X[:, 0] > 0, "2", "0")
    model = LogisticRegression().fit(X, y)
    found = as_black_box(model, THREE).predict(X)
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities[:, [0, 2]], model.predict_proba(X.astype(np.float64)))
    assert not found.probabilities[:, 1].any()
    assert set(found.labels) <= {0, 2}


def test_labels_alone_are_looked_at_where_that_is_wanted() -> None:
    found = as_black_box(lambda _: SCORES, THREE, labels_only=True).predict(X)
    np.testing.assert_array_equal(found.labels, SCORES.argmax(1))
    assert found.probabilities is None


def test_a_regression_gives_values() -> None:
    model = LinearRegression().fit(X, X[:, 0] + 3)
    for answer in (model, lambda x: model.predict(x)[:, None]):
        found = as_black_box(answer, NUMBER).predict(X)
        np.testing.assert_allclose(found.labels, X[:, 0] + 3, rtol=1e-5)
        assert found.probabilities is None


def test_long_inputs_are_asked_in_batches_and_answered_in_order() -> None:
    sizes: list[int] = []

    def model(x: np.ndarray) -> np.ndarray:
        sizes.append(len(x))
        x[:] = 0 if len(x) == 1808 else x
        return np.where(x[:, 0] > 0, 1, 0)

    x = np.random.default_rng(2).normal(size=(10_000, 2)).astype(np.float32)
    before = x.copy()
    found = as_black_box(model, TWO).predict(x)
    assert sizes == [4096, 4096, 1808]
    np.testing.assert_array_equal(found.labels[:8192], x[:8192, 0] > 0)
    np.testing.assert_array_equal(x, before, "a model gets copies, which it may change")


def test_text_columns_reach_a_callable_as_text() -> None:
    features = (Feature(name="a"), Feature(name="c", kind="categorical", categories=("p", "q")))
    of = Schema(task="classification", features=features, label="y", classes=("0", "1"))
    frames: list[Any] = []

    def model(frame: Any) -> np.ndarray:
        frames.append(frame)
        return (frame["c"] == "q").to_numpy().astype(int)

    x = np.array([[0.5, 0], [1.5, 1], [2.5, 2]], dtype=np.float32)
    assert as_black_box(model, of).predict(x).labels.tolist() == [0, 1, 0]
    assert frames[0]["a"].tolist() == [0.5, 1.5, 2.5]
    assert frames[0]["c"].tolist() == ["p", "q", None]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (np.full((9, 4), 0.25), r"expected \(n, 3\) probabilities or \(n,\) labels, got \(9, 4\)"),
        (np.full((9, 3), np.inf), "expected finite answers"),
        (np.array(["0", "1", "seven"] * 3), "expected one of the classes .* got 'seven'"),
        (np.zeros((8, 3)), "expected one answer for each of 9 inputs, got 8"),
    ],
)
def test_another_answer_is_refused(answers: np.ndarray, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        as_black_box(lambda _: answers, THREE).predict(X)


def test_another_model_is_refused() -> None:
    with pytest.raises(ModelError, match="expected a torch module, an estimator with predict, or a callable, got int"):
        as_black_box(7, THREE)
    strange = LogisticRegression().fit(X, np.where(X[:, 0] > 0, "7", "0"))
    with pytest.raises(ModelError, match="the model also knows"):
        as_black_box(strange, THREE)
