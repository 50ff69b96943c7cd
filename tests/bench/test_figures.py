"""The statistics, by hand and against scipy and scikit-learn."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from assay_bench.figures import Estimate, auc, estimate, line, mean, payment_share, spearman, spearman_brown

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_spearman_is_scipys(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, 30))
    if ties:
        a, b = a.round(), b.round()
    assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_spearman_by_hand() -> None:
    # ranks 1 2 3 4 and 1 3 2 4: 1 - 6 * (0 + 1 + 1 + 0) / (4 * 15)
    assert spearman(np.array([1.0, 2.0, 3.0, 4.0]), np.array([10.0, 30.0, 20.0, 40.0])) == pytest.approx(0.8)


def test_a_constant_side_ranks_nothing() -> None:
    assert spearman(np.zeros(4), np.arange(4.0)) == 0
    assert spearman(np.arange(4.0), np.ones(4)) == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_auc_is_scikit_learns(seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    scores, positive = rng.normal(size=40), rng.random(40) < 0.4
    if ties:
        scores = scores.round()
    assert auc(scores, positive, ~positive) == pytest.approx(roc_auc_score(positive, scores))


def test_auc_ignores_records_of_neither_kind() -> None:
    scores = np.array([3.0, 2.0, 1.0, 99.0, -99.0])
    positive = np.array([True, False, True, False, False])
    negative = np.array([False, True, False, False, False])
    assert auc(scores, positive, negative) == 0.5


def test_payment_share_by_hand() -> None:
    scores = np.array([3.0, 1.0, -5.0, 0.0])
    assert payment_share(scores, np.array([False, True, True, False])) == 0.25
    assert payment_share(scores, np.ones(4, dtype=bool)) == 1
    assert payment_share(-np.ones(4), np.ones(4, dtype=bool)) == 0


def test_spearman_brown_by_hand() -> None:
    # the halves' means rank three rows as 1 2 3 and 1 3 2: r = 0.5, so 2 r / (1 + r) = 2 / 3
    gains = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 4.0, 4.0], [3.0, 3.0, 2.0, 2.0]])
    assert spearman_brown(gains) == pytest.approx(2 / 3)
    assert spearman_brown(np.repeat(np.arange(5.0)[:, None], 2, axis=1)) == pytest.approx(1)


def test_an_estimate_has_mean_and_standard_error() -> None:
    found = estimate([1.0, None, 2.0, 3.0])
    assert found == Estimate(3, 2.0, pytest.approx(1 / math.sqrt(3)))
    assert estimate([4.0]) == Estimate(1, 4.0, 0.0)
    assert mean([1.0, None, 2.0]) == 1.5


def test_an_estimate_of_nothing_is_not_a_number() -> None:
    found = estimate([None])
    assert found.count == 0
    assert math.isnan(found.mean)
    assert math.isnan(found.error)
    assert mean([None, None]) is None


def test_a_line_through_points_has_their_slope() -> None:
    assert line(np.array([0.0, 1.0, 2.0]), np.array([3.0, 5.0, 7.0])) == pytest.approx((2, 1))
    # sums of products about the means 1 and 2: 2 and 2, and 2 of the squares of y
    assert line(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 2.0])) == pytest.approx((0.5, 0.25))


def test_a_line_over_one_place_has_no_slope() -> None:
    assert line(np.zeros(3), np.arange(3.0)) == (None, None)
    assert line(np.arange(3.0), np.zeros(3)) == (0, 0)
