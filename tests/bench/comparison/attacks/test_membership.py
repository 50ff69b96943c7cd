"""The buyer holds a model and asks which records it was trained on."""

import numpy as np
import pytest

from assay_bench.comparison.attacks.membership import (
    by_gradient,
    by_loss,
    by_shadows,
    confidence,
    halves,
    likelihood_ratio,
    separation,
)
from assay_bench.figures import Floats, Mask
from tests.bench.comparison.attacks.networks import digits, untrained

pytestmark = pytest.mark.unit

MEMBERS = np.arange(100) < 50
ONE_CLASS = np.zeros(100)


def test_separation_compares_records_of_one_class() -> None:
    scores = np.array([0.9, 0.8, 0.2, 0.1])
    members = np.array([True, False, True, False])
    assert separation(scores, members, np.zeros(4)) == 0.75
    assert separation(scores, members, np.array([0, 0, 1, 1])) == 1.0
    assert separation(scores, members, np.array([0, 1, 2, 3])) == 0.5, "the class alone tells nothing"


def test_losses_tell_the_members_of_a_model_that_memorised_them_and_of_no_other() -> None:
    draw = np.random.default_rng(0)
    assert separation(by_loss(np.where(MEMBERS, 0.0, 1.0)), MEMBERS, ONE_CLASS) == 1
    assert 0.4 < separation(by_loss(draw.random(100)), MEMBERS, ONE_CLASS) < 0.6


def test_an_update_tells_the_one_record_it_was_made_of() -> None:
    network, data = untrained(), digits(0, 20)
    update = [-g for g in network.gradient_of(data.x[3:4], data.y[3:4])]
    scores = by_gradient(network, update, data.x, data.y)
    assert int(scores.argmax()) == 3
    assert scores[3] == pytest.approx(1)


def test_each_record_is_in_half_of_the_shadows() -> None:
    inside = halves(30, 8, seed=0)
    assert (inside.sum(0) == 4).all()
    assert len({tuple(row) for row in inside}) == 8


def test_likelihood_ratio_by_hand() -> None:
    inside = np.array([[True], [True], [False], [False]])
    shadows = np.array([[3.0], [5.0], [0.0], [2.0]])
    # Around means 4 and 1 both have a variance of 2: (2 - 1)^2 / 4 - (2 - 4)^2 / 4.
    assert likelihood_ratio(np.array([2.0]), shadows, inside)[0] == pytest.approx(-0.75)


def test_shadows_find_members_where_records_differ_too_much_for_a_threshold() -> None:
    draw = np.random.default_rng(1)
    hardness = draw.normal(0, 10, 100)

    def memorising(inside: Mask) -> Floats:
        return hardness + inside + draw.normal(0, 0.1, inside.shape)

    observed = memorising(MEMBERS)
    assert separation(by_shadows(memorising, observed, 8, 0), MEMBERS, ONE_CLASS) > 0.95
    assert separation(observed, MEMBERS, ONE_CLASS) < 0.7
    forgetful = hardness + draw.normal(0, 0.1, 100)
    assert 0.35 < separation(by_shadows(memorising, forgetful, 8, 0), MEMBERS, ONE_CLASS) < 0.65


def test_confidence_of_a_half_is_zero_and_of_certainty_finite() -> None:
    assert confidence(np.array([0.5]))[0] == 0
    assert np.isfinite(confidence(np.array([0.0, 1.0]))).all()
