"""The last layer's Newton steps against autograd's Hessian, the line search against a grid."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from assay_pricing.surrogate import newton
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.newton import NewtonStep
from assay_pricing.surrogate.task import Context, Sample
from tests.pricing.contexts import context, drawn, from_vector, sample, vector

pytestmark = pytest.mark.unit
DECAY = 0.05
KINDS = pytest.mark.parametrize("k", [1, 2, 3])


def each_loss(network: Network, data: Sample) -> Tensor:
    outputs = network(data.x)[0]
    if outputs.shape[1] == 1:
        return functional.mse_loss(outputs[:, 0], data.y, reduction="none") / 2
    return functional.cross_entropy(outputs, data.y.long(), reduction="none")


def linear_world(k: int, metric: str = "") -> tuple[Network, Context]:
    """A surrogate without hidden layers is its own last layer."""
    base, validation = drawn(1, 30, 3, k, weights=True), drawn(2, 20, 3, k)
    return Network.initialise((3, k), seed=3), context(base, validation, k, decay=DECAY, metric=metric)


def newton_steps(network: Network, found: Context, offer: Sample) -> Tensor:
    """H^-1 g_i / N by autograd on the parameters of the linear surrogate, (n, p)."""
    theta, base = vector(network), found.base
    share = base.weight / base.weight.sum()

    def objective(t: Tensor) -> Tensor:
        return (each_loss(from_vector(t, network), base) * share).sum() + DECAY / 2 * (t**2).sum()

    hessian = torch.autograd.functional.hessian(objective, theta)
    gradients = torch.autograd.functional.jacobian(lambda t: each_loss(from_vector(t, network), offer), theta)
    return torch.linalg.solve(hessian, gradients.T).T / base.weight.sum()


def drops_after(network: Network, found: Context, steps: Tensor) -> np.ndarray:
    """Drop of each validation record's loss after each step, (n, v)."""
    before = each_loss(network, found.validation)
    theta = vector(network)
    moved = [each_loss(from_vector(theta - step, network), found.validation) for step in steps]
    return torch.stack([before - after for after in moved]).numpy()


@KINDS
def test_a_full_step_is_newtons_and_is_read_on_the_validation_set(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, found = linear_world(k)
    offer = drawn(4, 7, 3, k)
    drops = drops_after(network, found, newton_steps(network, found, offer))
    full = NewtonStep(found, network).full(offer)
    np.testing.assert_allclose(full.mean, drops.mean(1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(full.error, drops.std(1) / np.sqrt(20), rtol=1e-9)
    monkeypatch.setattr(newton, "_BLOCK_NUMBERS", 1)
    again = NewtonStep(found, network).full(offer)
    np.testing.assert_allclose(again.mean, full.mean, rtol=1e-12, atol=1e-15)


@KINDS
def test_a_step_after_which_probabilities_vanish_is_read_as_well(k: int) -> None:
    """Log-probabilities of -1e4 and less, and inputs among them whose step is a usual one."""
    network, found = linear_world(k)
    few = drawn(4, 7, 3, k)
    offer = sample(few.x * torch.tensor([[1e6], [1], [-1e6], [1], [1], [1e4], [1]], dtype=torch.float64), few.y)
    drops = drops_after(network, found, newton_steps(network, found, offer))
    assert drops.min() < -1e4
    np.testing.assert_allclose(NewtonStep(found, network).full(offer).mean, drops.mean(1), rtol=1e-9, atol=1e-12)


def test_a_step_is_read_with_the_goals_weights() -> None:
    """Balanced log loss: classes of 20 validation records count alike, whatever their sizes."""
    network, found = linear_world(3, metric="balanced_log_loss")
    offer = drawn(4, 7, 3, 3)
    drops = drops_after(network, found, newton_steps(network, found, offer))
    y = found.validation.y.numpy()
    weight = np.array([1 / (3 * (y == c).sum()) for c in y])
    full = NewtonStep(found, network).full(offer)
    np.testing.assert_allclose(full.mean, drops @ weight, rtol=1e-9, atol=1e-12)


@KINDS
def test_the_line_search_finds_the_least_of_the_records_loss_and_the_quadratic_model(k: int) -> None:
    network, found = linear_world(k)
    offer = sample(3 * drawn(4, 6, 3, k).x, drawn(4, 6, 3, k).y)
    theta, steps = vector(network), newton_steps(network, found, offer)
    grid = np.linspace(0, 1, 2001)
    gradients = torch.autograd.functional.jacobian(lambda t: each_loss(from_vector(t, network), offer), theta)
    best = []
    for i, step in enumerate(steps):
        one = offer.take(np.array([i]))
        curvature = float(gradients[i] @ step)
        moved = theta - torch.from_numpy(grid)[:, None] * step
        own = torch.vmap(lambda t, one=one: each_loss(from_vector(t, network), one)[0])(moved).numpy()
        best.append(grid[int(np.argmin(own + grid**2 / 2 * curvature))])
    found_step = NewtonStep(found, network)
    lengths = found_step._line_search(offer, found_step._steps(offer))
    np.testing.assert_allclose(lengths.numpy(), best, atol=1e-3)
    assert lengths.max() <= 1
    expected = drops_after(network, found, torch.from_numpy(np.array(best))[:, None] * steps)
    searched = found_step.searched(offer)
    np.testing.assert_allclose(searched.mean, expected.mean(1), rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(searched.error, expected.std(1) / np.sqrt(20), rtol=2e-3)


def test_the_line_search_of_a_square_by_hand() -> None:
    """(r - t m)^2 / 2 + t^2 r m / 2 is least at t = r / (r + m)."""
    network, found = linear_world(1)
    offer = drawn(4, 5, 3, 1)
    moves = (newton_steps(network, found, offer) * torch.cat([offer.x, torch.ones(5, 1)], 1)).sum(1)
    residuals = network(offer.x)[0, :, 0] - offer.y
    step = NewtonStep(found, network)
    torch.testing.assert_close(step._line_search(offer, step._steps(offer)), residuals / (residuals + moves))


@KINDS
def test_to_first_order_it_is_the_influence_of_the_last_layer(k: int) -> None:
    network, found = linear_world(k)
    offer = drawn(4, 7, 3, k)
    goal = torch.autograd.functional.jacobian(
        lambda t: each_loss(from_vector(t, network), found.validation).mean(), vector(network)
    )
    expected = newton_steps(network, found, offer) @ goal
    np.testing.assert_allclose(NewtonStep(found, network).first_order(offer), expected.numpy(), rtol=1e-9)


@KINDS
def test_small_steps_change_the_loss_as_first_order_says(k: int) -> None:
    """A base of a million records: one more moves the layer by a millionth."""
    network, found = linear_world(k)
    heavy = Sample(found.base.x, found.base.y, found.base.weight * 1e6)
    step = NewtonStep(context(heavy, found.validation, k, decay=DECAY), network)
    offer = drawn(4, 7, 3, k)
    np.testing.assert_allclose(step.full(offer).mean, step.first_order(offer), rtol=1e-4)


def test_under_a_hidden_layer_the_step_is_that_of_a_linear_surrogate_of_its_hidden_units() -> None:
    network, found = Network.initialise((3, 5, 2), seed=3), linear_world(2)[1]

    def seen(part: Sample) -> Sample:
        return Sample(network.hidden(part.x)[0], part.y, part.weight)

    last = Network(network.layers[-1:])
    below = context(seen(found.base), seen(found.validation), 2, decay=DECAY)
    offer = drawn(4, 7, 3, 2)
    deep, shallow = NewtonStep(found, network), NewtonStep(below, last)
    np.testing.assert_allclose(deep.full(offer).mean, shallow.full(seen(offer)).mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(deep.searched(offer).mean, shallow.searched(seen(offer)).mean, rtol=1e-9, atol=1e-12)


def test_of_a_wide_layer_only_the_blocks_by_output_are_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    network, found = linear_world(3)
    offer = drawn(4, 7, 3, 3)
    base = found.base
    inputs = torch.cat([base.x, torch.ones(len(base), 1)], 1)
    p = functional.softmax(network(base.x)[0], dim=1)
    given = torch.cat([offer.x, torch.ones(7, 1)], 1)
    residual = functional.softmax(network(offer.x)[0], dim=1) - functional.one_hot(offer.y.long(), 3)
    expected = torch.empty(7, 3, 4, dtype=torch.float64)
    for output in range(3):
        weight = base.weight / base.weight.sum() * p[:, output] * (1 - p[:, output])
        block = (inputs.T * weight) @ inputs + DECAY * torch.eye(4)
        expected[:, output] = torch.linalg.solve(block, (residual[:, [output]] * given).T).T / base.weight.sum()
    monkeypatch.setattr(newton, "MAX_DENSE", 0)
    torch.testing.assert_close(NewtonStep(found, network)._steps(offer), expected)


@KINDS
def test_no_records_have_no_drops(k: int) -> None:
    network, found = linear_world(k)
    step, nobody = NewtonStep(found, network), drawn(4, 0, 3, k)
    full, searched = step.full(nobody), step.searched(nobody)
    assert full.mean.shape == full.error.shape == searched.mean.shape == (0,)
