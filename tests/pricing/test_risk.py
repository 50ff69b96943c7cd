"""Risks by hand, by scikit-learn, and against a grid of temperatures."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.records import Float64, Records
from assay_pricing.risk import CLASSIFICATION, REGRESSION, Metric, groups_of
from assay_pricing.valuation import resampled_drops

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


def test_errors_of_a_regression_are_in_units_of_the_target_or_squared_ones() -> None:
    values = np.array([[1.0], [4.0], [0.0]])
    assert Metric("squared_error", np.array([1.0, 2.0, 3.0])).risk(values) == (0 + 4 + 9) / 3
    assert Metric("absolute_error", np.array([1.0, 2.0, 3.0])).risk(values) == pytest.approx((0 + 2 + 3) / 3)


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


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy"])
def test_a_drop_of_errors_is_smoothed_and_nearer_to_the_truth_than_the_step(name: str) -> None:
    """Two linear models of a noisy label: the drop on 300 records, against that on 60,000, in 200 draws."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60_000, 6))
    y = (x @ np.ones(6) + rng.logistic(size=60_000) > 2).astype(np.float64)

    def answers(slopes: Float64) -> Float64:
        scores = x @ slopes - 2
        return log_probabilities(np.stack([0 * scores, scores], axis=1))

    before, after = answers(np.array([1.0, 1, 1, 0, 0, 0])), answers(np.ones(6))
    whole = Metric(name, y)
    true = whole.risk(before) - whole.risk(after)
    assert 0.05 < true < 0.2
    assert whole.drop(before, after) == pytest.approx(true, rel=0.1), "little bias"
    steps, smoothed, errors = [], [], []
    for draw in range(200):
        rows = np.random.default_rng(draw).integers(60_000, size=300)
        part = Metric(name, y[rows])
        steps.append(part.risk(before[rows]) - part.risk(after[rows]))
        smoothed.append(part.drop(before[rows], after[rows]))
        if draw < 5:
            errors.append(resampled_drops(part, before[rows], after[rows], draw).std())
    error = np.sqrt(np.mean((np.array(smoothed) - true) ** 2))
    assert error < 0.9 * np.sqrt(np.mean((np.array(steps) - true) ** 2))
    assert np.mean(errors) == pytest.approx(error, rel=0.2), "the noise that is stated is that of the smoothed drop"


def test_errors_are_smoothed_by_the_spread_of_the_margins_and_counted_where_there_is_none() -> None:
    y = np.zeros(32)
    margins = np.linspace(-0.5, 0.5, 32)
    outputs = np.log(np.stack([(1 + margins) / 2, (1 - margins) / 2], axis=1))
    metric = Metric("accuracy", y)
    assert metric.width(outputs) == pytest.approx(0.9 * margins.std() / 2)  # 32 ** -0.2 = 1 / 2
    assert metric.risk(outputs) == 1 / 2
    better = np.log(np.stack([np.full(32, 0.75), np.full(32, 0.25)], axis=1))  # a margin of 1/2
    expected = 1 / 2 - norm.cdf(-0.5 / metric.width(outputs))
    assert metric.drop(outputs, better) == pytest.approx(expected)
    sure = np.tile(np.log([[0.9, 0.1]]), (32, 1))
    assert metric.drop(sure, better) == 0
    assert Metric("log_loss", y).width(outputs) == Metric("auc", y).width(outputs) == 0


def test_importance_follows_the_goal() -> None:
    y = np.array([0.0, 0.0, 0.0, 1.0])
    assert Metric("log_loss", y).importance(TWO).tolist() == [1, 1, 1, 1]
    area = Metric("auc", y).importance(TWO)
    np.testing.assert_allclose(area / area.mean(), [2 / 3, 2 / 3, 2 / 3, 2])
    groups = np.array([0, 0, 1, 1])  # the second group has the higher risk
    np.testing.assert_allclose(Metric("log_loss", y, groups).importance(TWO), [0, 0, 2, 2])


@pytest.mark.parametrize(
    ("name", "tolerance"), [(name, 0.3) for name in CLASSIFICATION] + [(name, 0.01) for name in REGRESSION]
)
@pytest.mark.parametrize("grouped", [False, True])
def test_weighted_drops_of_the_training_loss_have_the_size_of_the_goals(
    name: str, tolerance: float, grouped: bool
) -> None:
    """A value of a record is read so, and shown in the unit of the goal."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 2, 2000) if grouped else None
    if name in REGRESSION:
        y = rng.normal(size=2000)
        before = y[:, None] + 0.5 * rng.normal(size=(2000, 1))
        after = before + 0.001 * (y[:, None] - before)
        drops = (before[:, 0] - y) ** 2 - (after[:, 0] - y) ** 2
    else:
        y = rng.integers(0, 3, 2000).astype(np.float64)
        scores = rng.normal(size=(2000, 3)) + 1.5 * np.eye(3)[y.astype(int)]
        before = log_probabilities(scores)
        after = log_probabilities(scores + 0.3 * (np.eye(3)[y.astype(int)] - np.exp(before)))
        drops = np.take_along_axis(after - before, y.astype(int)[:, None], 1)[:, 0]
    metric = Metric(name, y, groups)
    assert (metric.importance(before) * drops).mean() == pytest.approx(metric.drop(before, after), rel=tolerance)


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
    with pytest.raises(
        DataError, match=r"expected a metric among log_loss, .*, squared_error, absolute_error, got 'f1'"
    ):
        Metric("f1", Y)


def test_a_balanced_risk_of_a_sample_or_group_weighs_its_own_classes_alike() -> None:
    y, groups = np.array([0.0, 0.0, 1.0, 1.0, 0.0]), np.array([0, 0, 0, 1, 1])
    outputs = np.concatenate([TWO, TWO[:1]])
    metric = Metric("balanced_accuracy", y, groups)
    assert metric.risk(outputs) == max((1 / 2 + 0) / 2, (0 + 1) / 2)
    assert Metric("balanced_accuracy", y).risk(outputs, np.array([3.0, 1, 0, 1, 0])) == (1 / 4 + 1) / 2


def grouped(column: str, count: int = 40) -> list[int]:
    schema = Schema(
        task="regression",
        features=(
            Feature(name="town", kind="categorical", categories=("a", "b", "c")),
            Feature(name="rooms"),
            Feature(name="area", missing="nan"),
        ),
        label="rent",
    )
    numbers = np.arange(count)
    area = np.where(numbers < 4, np.nan, numbers)
    x = np.stack([numbers % 3, numbers % 5, area], axis=1)
    return np.bincount(groups_of(Records(schema, x, numbers.astype(float)), column)).tolist()


@pytest.mark.parametrize(
    ("column", "sizes"),
    [("town", [14, 13, 13]), ("rooms", [8] * 5), ("area", [9, 9, 9, 9, 4]), ("rent", [10, 10, 10, 10])],
)
def test_numbers_of_many_values_group_by_quarters_and_others_by_value(column: str, sizes: list[int]) -> None:
    """Missing values are a group of their own."""
    assert grouped(column) == sizes


def test_a_column_without_groups_is_refused() -> None:
    with pytest.raises(DataError, match="expected the label or a feature to group by, got 'floor'") as caught:
        grouped("floor")
    assert caught.value.hint == "one of rent, town, rooms, area"
    with pytest.raises(DataError, match="expected a column of several values to group by, got 'rent'"):
        grouped("rent", 1)


@pytest.mark.parametrize("name", ["log_loss", "balanced_accuracy", "auc"])
def test_drops_on_several_samples_are_those_of_each(name: str) -> None:
    rng = np.random.default_rng(0)
    before, after = (np.log(rng.dirichlet((2, 2, 2), 60)) for _ in range(2))
    metric = Metric(name, rng.integers(0, 3, 60).astype(np.float64), rng.integers(0, 2, 60))
    samples = [rng.integers(0, 3, 60).astype(np.float64) for _ in range(3)]
    assert metric.drops(before, after, samples).tolist() == [metric.drop(before, after, one) for one in samples]
