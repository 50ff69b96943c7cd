"""The buyer holds sums or a model, and looks for records."""

import numpy as np
import pytest
import torch

from assay_bench.comparison.attacks.network import Network
from assay_bench.comparison.attacks.reconstruction import from_model, from_sums
from tests.bench.comparison.attacks.networks import digits

pytestmark = pytest.mark.unit


def test_the_sum_of_one_record_is_that_record_and_of_two_their_mean() -> None:
    sums = np.array([[0.2, 0.4], [1.0, 0.6], [0.0, 0.0]])
    assert np.allclose(from_sums(sums, np.array([1, 2, 0])), [[0.2, 0.4], [0.5, 0.3]])


def test_a_model_of_class_means_gives_them_away_and_a_constant_model_nothing() -> None:
    data = digits(0, 200)
    means = np.stack([data.x[data.y == c].mean(0) for c in range(10)])
    weights = torch.tensor(means.T * 20)
    bias = torch.tensor(-10 * (means**2).sum(1))

    def forward(parameters: object, x: torch.Tensor) -> torch.Tensor:
        w, b = parameters  # type: ignore[misc]
        return x @ w + b

    guesses = from_model(Network((weights, bias), forward))
    nearest = ((guesses[:, None] - means[None]) ** 2).mean(2).argmin(1)
    assert (nearest == np.arange(10)).mean() >= 0.9
    constant = from_model(Network((torch.zeros_like(weights), bias), forward))
    assert np.ptp(constant, axis=0).max() < 1e-9, "the same guess for every class"
