"""The whole model under encryption, and what its outputs tell a buyer that chose the weights."""

import numpy as np
import pytest

from assay_bench.comparison.approaches.encrypted.evaluation import inverse
from assay_bench.comparison.attacks import digits as attack
from assay_bench.comparison.secure.evaluation import evaluated, outputs
from tests.bench.comparison.attacks.networks import digits

pytestmark = pytest.mark.unit


def test_encrypted_weights_give_the_outputs_of_those_in_the_clear_which_are_near_the_models() -> None:
    draw, x = np.random.default_rng(0), digits(0, 12).x[:, 2:6]
    weights = (draw.normal(size=(4, 2)) / 2, draw.normal(size=2) / 2, draw.normal(size=(2, 3)), draw.normal(size=3))
    found, sizes = evaluated(weights, x)
    assert np.allclose(found, outputs(weights, x), atol=1e-4)
    assert len(sizes) == 3
    z = np.linspace(-2.5, 2.5, 101)[:, None]
    one = np.ones((1, 1)), np.zeros(1), np.ones((1, 1)), np.zeros(1)
    assert np.allclose(outputs(one, z), np.tanh(z), atol=0.15), "a cubic in place of the hyperbolic tangent"


def test_each_output_of_chosen_weights_holds_four_pixels_in_spite_of_the_errors_of_encryption() -> None:
    data, public = digits(0, 40), digits(100, 150).x
    pixels = attack.chosen(public, 10)
    answers = outputs(attack.asking(pixels, (64, 32, 10)), data.x)
    answers += np.random.default_rng(0).normal(0, 1e-6, answers.shape)
    guesses = attack.read(inverse(answers), pixels, public)
    assert np.array_equal(guesses[:, pixels.ravel()], data.x[:, pixels.ravel()])
    assert ((guesses - data.x) ** 2).mean() < 0.005
