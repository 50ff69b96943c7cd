"""Multinomial regression without a dense Hessian: the optimum, as scikit-learn finds it, and the prices that follow."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from assay_pricing.fitting import fit
from assay_pricing.learners.solvers import multinomial
from assay_pricing.records.records import Float64, Int64
from tests.pricing.digits import deal

pytestmark = pytest.mark.unit


def by_scikit_learn(x: Float64, y: Int64, weight: Float64, penalty: float) -> LogisticRegression:
    model = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-12, max_iter=100)
    return model.fit(x, y, sample_weight=weight)


def blobs(seed: int, n: int = 120) -> tuple[Float64, Int64, Float64]:
    """Four classes that overlap, the codes 0, 2, 5 and 9, and weights between 0.1 and 2."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, n)
    return rng.normal(size=(n, 7)) + 1.5 * np.eye(4, 7)[y], np.array([0, 2, 5, 9])[y], rng.uniform(0.1, 2, n)


@pytest.mark.parametrize("penalty", [1e-4, 0.01, 1.0, 100.0])
def test_scores_are_those_of_the_optimum(penalty: float) -> None:
    x, y, weight = blobs(1)
    model, found = by_scikit_learn(x, y, weight, penalty), multinomial.fit(x, y, weight, penalty)
    asked = blobs(2)[0]
    assert found is not None
    np.testing.assert_array_equal(found.classes_, model.classes_)
    logs, theirs = (np.log(fitted.predict_proba(asked)) for fitted in (found, model))
    np.testing.assert_allclose(logs, theirs, rtol=0, atol=1e-7)


def test_columns_that_tell_nothing_leave_the_shares_of_the_classes() -> None:
    found = multinomial.fit(np.ones((12, 3)), np.arange(12) % 3, np.ones(12), 1.0)
    assert found is not None
    np.testing.assert_array_equal(found.predict_proba(np.zeros((1, 3))), np.full((1, 3), 1 / 3))


def test_nothing_is_answered_for_columns_that_are_too_badly_conditioned() -> None:
    x, y, weight = blobs(3)
    alike = np.column_stack([x, x[:, 0] * 1e7 + x[:, 1], x * 1e-7])
    assert multinomial.fit(alike, y, weight, 1e-12) is None


def test_prices_and_appraisals_are_those_that_scikit_learn_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, validation, offers = deal(seed=5)
    model = LogisticRegression(max_iter=500).fit(owner.x, owner.y)
    capacity = {"classes": "as_given", "columns": "units", "folds": 5, "growth": 0.0, "kind": "direct", "penalty": 1.0}
    settings = {"family": "linear", "capacity": json.dumps(capacity)}
    function = fit(model, owner, validation=validation, settings=settings)
    asked = [offers[name] for name in ("useful", "mislabelled", "copies")]
    found = [function.appraise(offer) for offer in asked]
    assert found[0].price > 0
    monkeypatch.setattr(multinomial, "fit", lambda *_: None)  # scikit-learn then learns
    assert [function.appraise(offer).canonical_json() for offer in asked] == [
        appraisal.canonical_json() for appraisal in found
    ]
