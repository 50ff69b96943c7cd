"""Binning before scikit-learn: the same trees, in a part of the time."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from assay_pricing.learners.binned import Binned, edges
from assay_pricing.records.records import Float64

pytestmark = pytest.mark.unit
DRAW = np.random.default_rng(0)
N = 1200
X = np.column_stack([DRAW.normal(size=(N, 2)), DRAW.integers(0, 9, N), np.round(DRAW.normal(size=N), 2)])
X[DRAW.random(X.shape) < 0.05] = np.nan
ASKED = np.vstack([X[:300] * 1.1, DRAW.normal(0, 9, (200, 4))])
Y = np.nan_to_num(X[:, 0]) ** 2 + DRAW.normal(size=N)


@pytest.mark.parametrize(
    "weight",
    [np.ones(N), DRAW.uniform(0.1, 5, N), DRAW.integers(0, 3, N).astype(float)],
    ids=["equal", "any", "whole_with_zeros"],
)
def test_answers_are_those_of_the_estimator_on_the_columns(weight: Float64) -> None:
    def estimator() -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(max_iter=12, early_stopping=False, warm_start=True, random_state=0)

    binned = Binned(estimator())
    binned.grow(X, Y, weight, 5)
    binned.grow(X, Y, weight, 12)
    expected = estimator().fit(X, Y, sample_weight=weight)
    np.testing.assert_array_equal(binned.predict(ASKED), expected.predict(ASKED))
    np.testing.assert_array_equal(list(binned.staged(ASKED)), list(expected.staged_predict(ASKED)))


def test_classes_and_probabilities_are_those_of_the_estimator() -> None:
    labels, weight = np.digitize(Y, [0.0, 1.0]) + 3.0, DRAW.uniform(0.1, 5, N)
    estimators = [HistGradientBoostingClassifier(max_iter=4, early_stopping=False, random_state=0) for _ in range(2)]
    binned, expected = Binned(estimators[0]), estimators[1].fit(X, labels, sample_weight=weight)
    binned.grow(X, labels, weight, 4)
    np.testing.assert_array_equal(binned.classes_, [3, 4, 5])
    np.testing.assert_array_equal(binned.predict_proba(ASKED), expected.predict_proba(ASKED))
    np.testing.assert_array_equal(list(binned.staged(ASKED)), list(expected.staged_predict_proba(ASKED)))


def test_a_quantile_that_falls_between_two_records_is_the_mean_of_both() -> None:
    """Of 300 equal weights every twentieth quantile falls there, but for rounding."""
    x, y = X[:300, :1], Y[:300]
    x = np.where(np.isnan(x), 0.5, x) + np.arange(300)[:, None] * 1e-9
    estimators = [HistGradientBoostingRegressor(max_iter=12, early_stopping=False) for _ in range(2)]
    binned = Binned(estimators[0])
    binned.grow(x, y, np.ones(300), 12)
    np.testing.assert_array_equal(binned.predict(ASKED[:, :1]), estimators[1].fit(x, y).predict(ASKED[:, :1]))


def test_a_column_of_few_values_is_left_as_it_is() -> None:
    few, many = np.repeat(np.arange(255.0), 2), np.arange(256.0)
    assert edges(few, np.ones(510)) is None
    found = edges(many, np.ones(256))
    assert found is not None
    assert len(found) == 254
    assert edges(many, np.repeat([1.0, 0.0], [200, 56])) is None


@pytest.mark.parametrize("weight", [np.ones(N), (np.arange(N) > 9).astype(float)], ids=["no value", "of weight zero"])
def test_a_column_without_a_value_among_the_learned_records_splits_nothing(weight: Float64) -> None:
    def grown(x: Float64) -> Binned:
        estimator = HistGradientBoostingRegressor(max_iter=3, early_stopping=False, random_state=0)
        binned = Binned(estimator)
        binned.grow(x, Y, weight, 3)
        return binned

    empty = np.where(weight > 0, np.nan, 1.0)
    found = grown(np.column_stack([X, empty]))
    for asked in (np.full(len(ASKED), np.nan), ASKED[:, 0]):
        np.testing.assert_array_equal(found.predict(np.column_stack([ASKED, asked])), grown(X).predict(ASKED))
