"""Olga sends a gradient of her records; the buyer looks for the records."""

import numpy as np
import pytest
import torch

from assay_bench.comparison.attacks.inversion import closed_form, cosine, dlg, label, trapped
from assay_bench.figures import Floats
from tests.bench.comparison.attacks.networks import digits, untrained

pytestmark = pytest.mark.unit


def worst_error(records: Floats, guesses: Floats) -> float:
    """Largest mean squared error of a record's nearest guess."""
    return float(((records[:, None] - guesses[None]) ** 2).mean(2).min(1).max())


def test_closed_form_gives_the_one_record_exactly_and_the_weighted_mean_of_two() -> None:
    network, one, two = untrained(), digits(3, 1), digits(3, 2)
    weights, bias, *_ = network.gradient_of(one.x, one.y)
    guesses = closed_form(weights, bias)
    assert np.allclose(guesses, one.x[0])
    weights, bias, *_ = network.gradient_of(two.x, two.y)
    unit = closed_form(weights, bias)[0]
    share = np.linalg.lstsq(two.x.T, unit, rcond=None)[0]
    assert np.allclose(share @ two.x, unit)
    assert share.sum() == pytest.approx(1)


def test_closed_form_of_no_gradient_guesses_nothing() -> None:
    assert closed_form(torch.zeros(64, 32), torch.zeros(32)).shape == (0, 64)


def test_label_is_read_from_the_gradient_of_one_record() -> None:
    network, data = untrained(), digits(0, 10)
    found = [label(network.gradient_of(data.x[i : i + 1], data.y[i : i + 1])[-1]) for i in range(10)]
    assert found == list(data.y)


def test_dlg_finds_two_records_and_nothing_in_a_gradient_of_noise() -> None:
    network, data = untrained(), digits(3, 2)
    gradient = network.gradient_of(data.x, data.y)
    assert worst_error(data.x, dlg(network, gradient, 2, seed=1)) < 1e-3
    noise = [torch.randn_like(g) for g in gradient]
    assert worst_error(data.x, dlg(network, noise, 2, seed=1)) > 0.05


def test_cosine_needs_the_direction_alone() -> None:
    network, data = untrained(), digits(3, 1)
    update = [-0.01 * g for g in network.gradient_of(data.x, data.y)]
    reversed_update = [-u for u in update]
    assert worst_error(data.x, cosine(network, reversed_update, 1, 8, seed=1)) < 0.02
    noise = [torch.randn_like(g) for g in update]
    assert worst_error(data.x, cosine(network, noise, 1, 8, seed=1)) > 0.05


def test_a_trapped_model_gives_away_most_of_a_batch_that_the_honest_model_hides() -> None:
    network, data = untrained(), digits(100, 20)

    def recovered(*gradients: tuple[torch.Tensor, ...]) -> float:
        guesses = np.concatenate([closed_form(*gradient[:2]) for gradient in gradients])
        errors = ((data.x[:, None] - guesses[None]) ** 2).mean(2).min(1)
        return float((errors < 1e-4).mean())

    traps = [trapped(network, digits(300, 200).x, place) for place in (0.5, 0.1, 0.9)]
    answers = [trap.gradient_of(data.x, data.y) for trap in traps]
    assert recovered(answers[0]) > 0.3
    assert recovered(*answers) > recovered(answers[0])
    assert recovered(network.gradient_of(data.x, data.y)) == 0
