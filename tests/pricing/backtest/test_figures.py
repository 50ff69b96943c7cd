"""Figures of a backtest, on gains whose size and noise are known."""

import numpy as np
import pytest

from assay_pricing.backtest.figures import expected_error, rank_agreement, slope
from assay_pricing.records.records import Float64

pytestmark = pytest.mark.unit
RNG = np.random.default_rng(0)
TRUE = RNG.normal(size=(400, 1)) * np.ones((1, 2))


def noisy(gains: Float64, spread: float, seed: int) -> Float64:
    return gains + np.random.default_rng(seed).normal(0, spread, gains.shape)


def test_the_slope_is_the_size_of_predictions_whatever_the_noise_of_the_truth() -> None:
    found = slope(noisy(0.6 * TRUE, 0.1, 1), noisy(TRUE, 0.7, 2))
    assert found.value == pytest.approx(0.6, abs=3 * found.error)
    assert 0.005 < found.error < 0.05


def test_noise_that_prediction_and_truth_share_is_no_agreement() -> None:
    shared = RNG.normal(size=(400, 2))
    assert abs(rank_agreement(shared, shared).value) < 0.15
    found = slope(shared, shared)
    assert found.value <= 2 * found.error or found.error > 1


def test_ranks_agree_whatever_the_scale() -> None:
    assert rank_agreement(np.exp(TRUE), TRUE).value == pytest.approx(1)
    assert rank_agreement(-TRUE, TRUE).value == pytest.approx(-1)
    assert rank_agreement(np.zeros_like(TRUE), TRUE).value == 0
    assert rank_agreement(noisy(TRUE, 1, 3), noisy(TRUE, 1, 4)).error == pytest.approx(0.044, abs=0.01)


def test_a_truth_that_contradicts_itself_has_no_slope() -> None:
    assert slope(TRUE, TRUE * [1, -1]).value == 0


def test_the_expected_error_is_that_of_all_validation_records_against_unseen_ones() -> None:
    """A bias of .3 stays; chance of .2 on each half is .2 / sqrt(2) on both together."""
    true = abs(TRUE) + 1
    predicted = noisy(true + 0.3, 0.2, 5)
    assert expected_error(predicted, noisy(true, 0.2, 6)) == pytest.approx(np.hypot(0.3, 0.2 / np.sqrt(2)), rel=0.1)
    assert expected_error(TRUE, TRUE) == 0


def test_losses_are_not_paid_and_give_no_size() -> None:
    lost = np.array([[-1.0, -1.1], [-3, -2]])
    gained = np.array([[1.0, 1.1], [3, 2], [2, 2]])
    predicted, true = np.concatenate([9 * lost, gained]), np.concatenate([lost, gained])
    assert slope(predicted, true).value == pytest.approx(1)
    assert expected_error(np.concatenate([9 * lost, gained]), true) == pytest.approx(
        expected_error(gained, gained) * np.sqrt(3 / 5)
    )
    assert slope(9 * lost, lost).value == pytest.approx(9)
