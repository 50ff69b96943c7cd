"""A network of squares: its gradient by differences, its training, and its gradient under encryption."""

import numpy as np
import pytest

from assay_bench.comparison.attacks.moments import Weights, probed, separated, steps_to_probe
from assay_bench.comparison.secure import squares
from tests.bench.comparison.attacks.networks import digits

pytestmark = pytest.mark.unit

ONE_HOT = np.eye(10)


def test_gradient_is_the_slope_of_the_loss() -> None:
    data = digits(0, 20)
    x, y = data.x, ONE_HOT[data.y.astype(int)]
    weights = squares.initial(64, 8, 10, seed=0)
    by = squares.gradient(weights, x, y)
    for place, part in enumerate(weights):
        moved = [each.copy() for each in weights]
        moved[place].flat[3] += 1e-5
        slope = (squares.loss(tuple(moved), x, y) - squares.loss(weights, x, y)) / 1e-5  # type: ignore[arg-type]
        assert by[place].flat[3] == pytest.approx(slope, rel=1e-3, abs=1e-6), part.shape


def test_it_learns_digits() -> None:
    data, held_out = digits(0, 300), digits(1000, 300)
    weights = squares.trained(squares.initial(64, 32, 10, 0), data.x, ONE_HOT[data.y.astype(int)])
    assert (squares.outputs(weights, held_out.x).argmax(1) == held_out.y).mean() > 0.85


def test_gradient_of_encrypted_weights_is_that_in_the_clear() -> None:
    data = digits(0, 12)
    x, y = data.x[:, :4], ONE_HOT[data.y.astype(int)][:, :3]
    weights = squares.initial(4, 4, 3, seed=0)
    found = squares.EncryptedStep(4)(weights, x, y)
    for mine, theirs in zip(found.by, squares.gradient(weights, x, y), strict=True):
        assert np.allclose(mine, theirs, atol=1e-4)


def test_a_dishonest_owner_reads_pairs_of_records_off_the_gradients_of_weights_that_it_chose() -> None:
    data = digits(0, 400)
    chosen = np.concatenate([np.flatnonzero(data.y == c)[:count] for c, count in enumerate((1, 2, 3, 0))])
    x, y = data.x[chosen], ONE_HOT[data.y[chosen].astype(int)]
    found = probed(lambda weights: squares.gradient(weights, x, y), len(x), (64, 32, 10))
    assert [moments.count for moments in found] == [1, 2, 3] + [0] * 7
    guesses = np.concatenate([moments.records() for moments in found])
    errors = ((x[:, None] - guesses[None]) ** 2).mean(2).min(1)
    assert (errors[:3] < 1e-10).all(), "one record, and two"
    assert (errors[3:] > 1e-3).all(), "of three only the mean"


def test_second_moments_weighted_by_a_projection_give_a_dishonest_owner_every_record() -> None:
    data, noise, draw = digits(0, 80), 1e-6, np.random.default_rng(0)
    y, asked = ONE_HOT[data.y.astype(int)], 0

    def answered(weights: Weights) -> Weights:
        nonlocal asked
        asked += 1
        w1, b1, w2, b2 = (p + draw.normal(0, noise, p.shape) for p in squares.gradient(weights, data.x, y))
        return w1, b1, w2, b2

    shape = (64, 32, 10)
    found = separated(answered, len(data), shape, probed(answered, len(data), shape), noise)
    errors = ((data.x[:, None] - found[None]) ** 2).mean(2).min(1)
    assert np.sqrt(errors).max() < 0.1
    assert np.median(np.sqrt(errors)) < 1e-3
    assert asked == steps_to_probe(*shape) == 46


def test_more_records_than_moments_determine_are_not_guessed() -> None:
    data = digits(0, 400)
    y = ONE_HOT[data.y.astype(int)]
    moments = probed(lambda weights: squares.gradient(weights, data.x, y), len(data), (64, 32, 10))
    assert len(separated(lambda weights: squares.gradient(weights, data.x, y), len(data), (64, 32, 10), moments)) == 0
