"""Networks against ``torch.nn``, their training against ``torch.optim``."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from assay_pricing.surrogate.network import Network, deterministic, losses, train
from tests.pricing.contexts import drawn

pytestmark = pytest.mark.unit
SHAPES = [(3, 2), (3, 5, 2), (3, 5, 4, 1)]


def as_module(network: Network, member: int) -> nn.Sequential:
    """One of the networks as torch has it, where a weight is (out, in)."""
    parts: list[nn.Module] = []
    for weight, bias in network.layers:
        linear = nn.Linear(weight.shape[1], weight.shape[2], dtype=torch.float64)
        linear.weight.data, linear.bias.data = weight[member].T.clone(), bias[member, 0].clone()
        parts += [linear, nn.GELU()]
    return nn.Sequential(*parts[:-1])


@pytest.mark.parametrize("widths", SHAPES)
def test_outputs_and_hidden_units_are_torchs(widths: tuple[int, ...]) -> None:
    network = Network.initialise(widths, seed=1, e=3)
    x = drawn(2, 7, 3, 2).x
    assert network(x).shape == (3, 7, widths[-1])
    for member in range(3):
        module = as_module(network, member)
        torch.testing.assert_close(network(x)[member], module(x))
        torch.testing.assert_close(network.hidden(x)[member], module[:-1](x))


@pytest.mark.parametrize("widths", SHAPES)
def test_parameters_are_counted_and_survive_their_list(widths: tuple[int, ...]) -> None:
    network = Network.initialise(widths, seed=1, e=3)
    assert network.parameters == sum(p.numel() for p in as_module(network, 0).parameters())
    again = Network.of(network.tensors)
    assert all(a is b for a, b in zip(again.tensors, network.tensors, strict=True))


def test_a_repeated_network_is_several_of_the_same() -> None:
    one = Network.initialise((3, 5, 2), seed=1)
    x = drawn(2, 7, 3, 2).x
    repeated = one.repeat(4)
    torch.testing.assert_close(repeated(x), one(x).expand(4, -1, -1))
    repeated.tensors[0][0].zero_()
    assert one.tensors[0].all()


def test_another_precision_keeps_the_values() -> None:
    network = Network.initialise((3, 5, 2), seed=1)
    single = network.to(torch.float32)
    assert {tensor.dtype for tensor in single.tensors} == {torch.float32}
    torch.testing.assert_close(single.to(torch.float64).tensors[0], network.tensors[0], rtol=1e-6, atol=0)


def test_initial_parameters_are_uniform_within_the_root_of_the_fan_in() -> None:
    weight, bias = Network.initialise((400, 300), seed=7).layers[0]
    for tensor in (weight, bias):
        assert float(tensor.abs().max()) <= 1 / 20
    assert float(weight.abs().max()) > 0.99 / 20
    assert float(weight.mean()) == pytest.approx(0, abs=1e-3 / 20 * 5)
    assert float(weight.std()) == pytest.approx(1 / 20 / math.sqrt(3), rel=0.01)
    torch.testing.assert_close(Network.initialise((400, 300), seed=7).layers[0][0], weight, rtol=0, atol=0)
    assert not torch.equal(Network.initialise((400, 300), seed=8).layers[0][0], weight)


def test_losses_are_torchs() -> None:
    outputs = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 6, 3)))
    classes = torch.tensor([0.0, 2, 1, 1, 0, 2]).double()
    shares = torch.from_numpy(np.random.default_rng(2).dirichlet(np.ones(3), 6))
    for member in range(2):
        hard = functional.cross_entropy(outputs[member], classes.long(), reduction="none")
        soft = functional.cross_entropy(outputs[member], shares, reduction="none")
        half = functional.mse_loss(outputs[member, :, 0], classes, reduction="none") / 2
        torch.testing.assert_close(losses(outputs, classes)[member], hard)
        torch.testing.assert_close(losses(outputs, shares)[member], soft)
        torch.testing.assert_close(losses(outputs[..., :1], classes)[member], half)


@pytest.mark.parametrize("anneal", [False, True])
@pytest.mark.parametrize("k", [1, 3])
def test_training_is_torchs_adam_with_weight_decay(k: int, anneal: bool) -> None:
    """Two networks with different weights of the records, each against ``torch.optim.Adam`` on its own."""
    steps, rate, decay = 25, 0.02, 0.1
    start, data = Network.initialise((4, 6, k), seed=3, e=2), drawn(4, 30, 4, k)
    weights = torch.from_numpy(np.random.default_rng(5).dirichlet(np.ones(30), 2))
    found = train(start, data.x, data.y, weights, decay=decay, steps=steps, rate=rate, anneal=anneal)
    for member in range(2):
        module = as_module(start, member)
        optimiser = torch.optim.Adam(module.parameters(), lr=rate, weight_decay=decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for _ in range(steps):
            optimiser.zero_grad()
            each = (
                (module(data.x)[:, 0] - data.y) ** 2 / 2
                if k == 1
                else functional.cross_entropy(module(data.x), data.y.long(), reduction="none")
            )
            (each * weights[member]).sum().backward()
            optimiser.step()
            if anneal:
                schedule.step()
        torch.testing.assert_close(found(data.x)[member], module(data.x).detach(), rtol=1e-9, atol=1e-9)


def test_training_reports_each_step_and_leaves_its_start_alone() -> None:
    start, data = Network.initialise((4, 2), seed=3), drawn(4, 10, 4, 2)
    before = start.tensors[0].clone()
    steps: list[None] = []
    weights = torch.full((1, 10), 0.1, dtype=torch.float64)
    after = train(start, data.x, data.y, weights, decay=0, steps=7, rate=0.1, tick=lambda: steps.append(None))
    assert len(steps) == 7
    assert torch.equal(start.tensors[0], before)
    assert not any(tensor.requires_grad for tensor in after.tensors)


def test_deterministic_work_is_done_on_one_thread() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with deterministic():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
