"""Stacked networks against torch's own modules, losses and optimiser."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Recipe
from assay_bench.pricing.truth import nets

pytestmark = pytest.mark.unit

RECIPE = Recipe(hidden=4, decay=0.01, steps=25)


def data(classes: int, n: int = 12) -> Dataset:
    rng = np.random.default_rng(classes)
    y = rng.integers(0, classes, n).astype(np.float64) if classes else rng.normal(size=n)
    return Dataset(rng.normal(size=(n, 3)), y, classes)


@pytest.mark.parametrize("classes", [0, 2, 5])
def test_a_module_has_the_outputs_of_the_first_network(classes: int) -> None:
    stacked = nets.initialised(3, 4, max(classes, 1), [1, 2])
    x, _ = nets.tensors(data(classes))
    with torch.no_grad():
        assert torch.allclose(nets.module(stacked)(x), stacked(x)[0], atol=1e-6)


@pytest.mark.parametrize("classes", [0, 3])
def test_losses_are_torchs(classes: int) -> None:
    stacked = nets.initialised(3, 4, max(classes, 1), [1, 2])
    x, y = nets.tensors(data(classes))
    outputs = stacked(x)
    for e in range(2):
        expected = (
            functional.cross_entropy(outputs[e], y.long(), reduction="none")
            if classes
            else functional.mse_loss(outputs[e, :, 0], y, reduction="none")
        )
        assert torch.allclose(nets.losses(outputs, y, classes)[e], expected)
        assert nets.mean_loss(stacked, data(classes))[e] == pytest.approx(float(expected.mean()), rel=1e-5)


@pytest.mark.parametrize("classes", [0, 3])
def test_training_is_torchs_adam(classes: int) -> None:
    trained = nets.fit(data(classes), RECIPE, seed=7)
    module = nets.module(nets.initialised(3, 4, max(classes, 1), [7])).train()
    x, y = nets.tensors(data(classes))
    optimiser = torch.optim.Adam(module.parameters(), lr=RECIPE.rate, weight_decay=RECIPE.decay)
    for _ in range(RECIPE.steps):
        optimiser.zero_grad()
        output = module(x)
        loss = functional.cross_entropy(output, y.long()) if classes else functional.mse_loss(output[:, 0], y)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        assert torch.allclose(module(x), trained(x)[0], atol=1e-4)


def test_networks_train_independently() -> None:
    start = nets.initialised(3, 4, 3, [1, 2])
    x, y = nets.tensors(data(3))
    weights = torch.full((2, len(x)), 1 / len(x))
    both = nets.train(start, x, y, weights, 3, RECIPE)
    first = nets.train(nets.initialised(3, 4, 3, [1]), x, y, weights[:1], 3, RECIPE)
    assert torch.allclose(both.flat()[0], first.flat()[0], atol=1e-5)
    assert both.flat().shape == (2, 3 * 4 + 4 + 4 * 3 + 3)


def test_accuracy_is_the_share_of_right_labels() -> None:
    stacked = nets.initialised(3, 4, 3, [1])
    x, _ = nets.tensors(data(3))
    right = stacked(x)[0].argmax(1).double().numpy()
    wrong = right.copy()
    wrong[:3] = (wrong[:3] + 1) % 3
    assert nets.accuracy(stacked, Dataset(data(3).x, right, 3)) == 1
    assert nets.accuracy(stacked, Dataset(data(3).x, wrong, 3)) == 0.75
