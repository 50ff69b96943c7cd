"""Risks by hand, by scikit-learn, and against a grid of temperatures."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from assay_pricing.errors import DataError
from assay_pricing.records.records import Float64
from assay_pricing.risk import Metric

pytestmark = pytest.mark.unit
RNG = np.random.default_rng(3)
Y = RNG.integers(0, 3, 60).astype(np.float64)


def log_probabilities(scores: Float64) -> Float64:
    return np.asarray(scores - np.log(np.exp(scores).sum(1, keepdims=True)))


OUTPUTS = log_probabilities(RNG.normal(0, 2, (60, 3)) + 1.5 * np.eye(3)[Y.astype(int)])
TWO = np.log(np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9], [0.5, 0.5]]))


def test_log_loss_and_errors_by_hand() -> None:
    y = np.array([0.0, 0.0, 1.0, 1.0])
    assert Metric("log_loss", y).risk(TWO) == pytest.approx(-np.log(0.8 * 0.4 * 0.9 * 0.5) / 4)
    assert Metric("accuracy", y).risk(TWO) == 2 / 4  # the second; and the fourth, whose tie goes to class 0


def test_a_squared_error_is_in_squared_units_of_the_target() -> None:
    assert Metric("squared_error", np.array([1.0, 2.0, 3.0])).risk(np.array([[1.0], [4.0], [0.0]])) == (0 + 4 + 9) / 3


def test_counts_repeat_records() -> None:
    y, counts = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 3.0, 1.0, 0.0])
    assert Metric("log_loss", y).risk(TWO, counts) == pytest.approx(-(3 * np.log(0.4) + np.log(0.9)) / 4)
    rows = np.repeat(np.arange(4), counts.astype(int))
    for name in ("log_loss", "accuracy", "auc"):
        assert Metric(name, y).risk(TWO, counts) == pytest.approx(Metric(name, y[rows]).risk(TWO[rows]))


def test_balanced_risks_are_means_over_classes() -> None:
    y = np.array([0.0, 0.0, 0.0, 1.0])
    losses = -TWO[np.arange(4), y.astype(int)]
    expected = (losses[:3].mean() + losses[3]) / 2
    assert Metric("balanced_log_loss", y).risk(TWO) == pytest.approx(expected)
    accuracy = balanced_accuracy_score(Y, OUTPUTS.argmax(1))
    assert Metric("balanced_accuracy", Y).risk(OUTPUTS) == pytest.approx(1 - accuracy)


def test_risks_of_many_records_are_those_of_scikit_learn() -> None:
    probabilities = np.exp(OUTPUTS)
    assert Metric("log_loss", Y).risk(OUTPUTS) == pytest.approx(log_loss(Y, probabilities))
    area = roc_auc_score(Y, probabilities, multi_class="ovr", average="macro")
    assert Metric("auc", Y).risk(OUTPUTS) == pytest.approx(1 - area)


def test_the_area_under_the_curve_counts_ties_half() -> None:
    scores = np.round(np.exp(OUTPUTS[:, 1]), 1)
    outputs = np.stack([1 - scores, scores], axis=1)
    y = (Y == 1).astype(np.float64)
    assert Metric("auc", y).risk(outputs) == pytest.approx(1 - roc_auc_score(y, scores))
    assert Metric("auc", np.zeros(4)).risk(TWO) == 0.5  # of one class alone there is no curve


def test_the_risk_of_groups_is_that_of_the_worst_with_records() -> None:
    y, groups = np.array([0.0, 0.0, 1.0, 1.0]), np.array([7, 7, 9, 9])
    metric = Metric("log_loss", y, groups)
    first, second = -np.log(0.8 * 0.4) / 2, -np.log(0.9 * 0.5) / 2
    assert metric.risk(TWO) == pytest.approx(max(first, second))
    assert metric.risk(TWO, np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(second)


def test_importance_follows_the_goal_and_sums_to_the_number_of_records() -> None:
    y = np.array([0.0, 0.0, 0.0, 1.0])
    assert Metric("log_loss", y).importance(TWO).tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(Metric("auc", y).importance(TWO), [2 / 3, 2 / 3, 2 / 3, 2])
    groups = np.array([0, 0, 1, 1])  # the second group has the higher risk
    np.testing.assert_allclose(Metric("log_loss", y, groups).importance(TWO), [0, 0, 2, 2])


@pytest.mark.parametrize("name", ["log_loss", "balanced_log_loss"])
@pytest.mark.parametrize("confidence", [0.3, 1.0, 4.0])
def test_the_calibrated_risk_is_the_least_on_a_grid_of_temperatures(name: str, confidence: float) -> None:
    metric, outputs = Metric(name, Y), log_probabilities(confidence * OUTPUTS)
    grid = [metric.risk(log_probabilities(outputs * c)) for c in np.exp(np.linspace(-np.log(20), np.log(20), 4001))]
    calibrated = metric.calibrated(outputs)
    np.testing.assert_allclose(np.exp(calibrated).sum(1), 1)
    assert metric.risk(calibrated) <= min(grid) + 1e-9
    assert metric.risk(calibrated) == pytest.approx(min(grid), abs=1e-5)


def test_metrics_that_do_not_depend_on_the_temperature_are_not_calibrated() -> None:
    for name in ("accuracy", "balanced_accuracy", "auc"):
        assert Metric(name, Y).calibrated(OUTPUTS) is OUTPUTS
    values = np.zeros((60, 1))
    assert Metric("squared_error", Y).calibrated(values) is values


def test_a_change_of_confidence_earns_nothing_and_a_change_of_ranks_its_drop() -> None:
    metric = Metric("log_loss", Y)
    overconfident = log_probabilities(5 * OUTPUTS)
    assert metric.drop(overconfident, OUTPUTS) > 0.1
    assert metric.drop(*metric.earned(overconfident, OUTPUTS)) == pytest.approx(0, abs=1e-7)
    better = log_probabilities(OUTPUTS + 2 * np.eye(3)[Y.astype(int)])
    before, after = metric.earned(OUTPUTS, better)
    calibrated = metric.drop(metric.calibrated(OUTPUTS), metric.calibrated(better))
    assert metric.drop(before, after) == min(metric.drop(OUTPUTS, better), calibrated) > 0


def test_another_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(DataError, match=r"expected a metric among log_loss, .*, squared_error, got 'f1'"):
        Metric("f1", Y)
