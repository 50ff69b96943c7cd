"""Gradients, directional derivatives and H^-1 v against autograd on dense matrices."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from assay_pricing.surrogate import curvature
from assay_pricing.surrogate.network import Network
from assay_pricing.surrogate.task import Context, Sample
from tests.pricing.contexts import context, drawn, from_vector, vector

pytestmark = pytest.mark.unit
DECAY = 0.05


def loss(outputs: Tensor, y: Tensor) -> Tensor:
    """Of one record, written with torch's own functions: outputs (k,)."""
    if len(outputs) == 1:
        return (outputs[0] - y) ** 2 / 2
    return functional.cross_entropy(outputs[None], y.long()[None])


def mean_loss(theta: Tensor, network: Network, data: Sample, weight: Tensor) -> Tensor:
    outputs = from_vector(theta, network)(data.x)[0]
    return torch.stack([w * loss(o, y) for o, y, w in zip(outputs, data.y, weight, strict=True)]).sum()


def world(k: int, hidden: tuple[int, ...] = (4,)) -> tuple[Network, Context]:
    base = drawn(1, 25, 3, k, weights=True)
    return Network.initialise((3, *hidden, k), seed=2), context(base, drawn(3, 15, 3, k), k, decay=DECAY)


@pytest.mark.parametrize("k", [1, 3])
def test_gradients_by_record_are_autograds(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, data = world(k)[0], drawn(4, 9, 3, k)
    theta = vector(network)
    expected = torch.stack(
        [
            torch.autograd.functional.jacobian(
                lambda t, i=i: mean_loss(t, network, data.take(np.array([i])), torch.ones(1).double()), theta
            )
            for i in range(len(data))
        ]
    )
    torch.testing.assert_close(torch.cat(list(curvature.gradients(network, data))), expected)
    monkeypatch.setattr(curvature, "_BLOCK_NUMBERS", 4 * len(theta))
    blocks = list(curvature.gradients(network, data))
    assert [len(block) for block in blocks] == [4, 4, 1]
    torch.testing.assert_close(torch.cat(blocks), expected)
    direction = torch.from_numpy(np.random.default_rng(5).normal(size=len(theta)))
    torch.testing.assert_close(curvature.directional_derivatives(network, data, direction), expected @ direction)


@pytest.mark.parametrize("k", [1, 3])
def test_the_goals_gradient_is_that_of_the_mean_loss(k: int) -> None:
    network, found = world(k)
    v = found.validation
    share = torch.full((len(v),), 1 / len(v), dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda t: mean_loss(t, network, v, share), vector(network))
    torch.testing.assert_close(curvature.goal_gradient(network, found), expected)


def test_the_gradient_of_the_worst_groups_goal_leaves_the_other_group_out() -> None:
    network, base = world(2)[0], drawn(1, 25, 3, 2)
    network = Network.initialise((3, 4, 2), seed=2)
    v = drawn(3, 15, 3, 2)
    groups = np.array([0] * 10 + [1] * 5)
    found = context(base, v, 2, groups=groups)
    with torch.no_grad():
        each = functional.cross_entropy(network(v.x)[0], v.y.long(), reduction="none").numpy()
    worst = int(each[10:].mean() > each[:10].mean())
    rows = np.flatnonzero(groups == worst)
    share = torch.full((len(rows),), 1 / len(rows), dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda t: mean_loss(t, network, v.take(rows), share), vector(network))
    torch.testing.assert_close(curvature.goal_gradient(network, found), expected)


@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)])
@pytest.mark.parametrize("k", [1, 3])
def test_jacobians_are_autograds(k: int, hidden: tuple[int, ...]) -> None:
    network, x = world(k, hidden)[0], 2 * drawn(4, 5, 3, k).x
    expected = [
        torch.autograd.functional.jacobian(lambda t, row=row: from_vector(t, network)(row[None])[0, 0], vector(network))
        for row in x
    ]
    torch.testing.assert_close(curvature.jacobians(network, x), torch.stack(expected))


def test_a_student_is_prepared_and_scores_records_without_torchs_compiler() -> None:
    """Importing it takes several times as long as what it would compute."""
    script = """
import sys
from assay_pricing.methods.distillation import Distillation
from assay_pricing.surrogate.network import Network
from tests.pricing.contexts import context, drawn, records
found = context(drawn(1, 25, 3, 2), drawn(3, 15, 3, 2), 2)
method = Distillation.from_network(found, Network.initialise((3, 4, 2), seed=2), 1.0, "student")
assert len(method.record_values(records([[0, 1, 2], [1, 0, 1]], [0, 1], 2))) == 2
print({"torch._dynamo", "sklearn", "scipy.stats", "pandas"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def gauss_newton(network: Network, found: Context) -> Tensor:
    """Sum over the base of w J^T H_out J, with both derivatives by autograd, plus the decay."""
    theta, base = vector(network), found.base
    total = DECAY * torch.eye(len(theta), dtype=torch.float64)
    for x, y, w in zip(base.x, base.y, base.weight / base.weight.sum(), strict=True):
        outputs = from_vector(theta, network)(x[None])[0, 0]
        jacobian = torch.autograd.functional.jacobian(lambda t, x=x: from_vector(t, network)(x[None])[0, 0], theta)
        total += w * jacobian.T @ torch.autograd.functional.hessian(lambda o, y=y: loss(o, y), outputs) @ jacobian
    return total


@pytest.mark.parametrize("k", [1, 3])
def test_the_dense_solution_is_that_of_the_gauss_newton_hessian(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, found = world(k)
    right = torch.from_numpy(np.random.default_rng(6).normal(size=(len(vector(network)), 2)))
    expected = torch.linalg.solve(gauss_newton(network, found), right)
    torch.testing.assert_close(curvature.solve(network, found, right), expected)
    torch.testing.assert_close(curvature.solve(network, found, right[:, 0]), expected[:, 0])
    monkeypatch.setattr(curvature, "_BLOCK_NUMBERS", 1)
    torch.testing.assert_close(curvature.solve(network, found, right), expected)


@pytest.mark.parametrize("k", [1, 3])
def test_without_a_hidden_layer_it_is_the_whole_hessian(k: int) -> None:
    network, found = world(k, hidden=())
    share = found.base.weight / found.base.weight.sum()

    def objective(theta: Tensor) -> Tensor:
        return mean_loss(theta, network, found.base, share) + DECAY / 2 * (theta**2).sum()

    hessian = torch.autograd.functional.hessian(objective, vector(network))
    right = torch.from_numpy(np.random.default_rng(7).normal(size=len(hessian)))
    torch.testing.assert_close(curvature.solve(network, found, right), torch.linalg.solve(hessian, right))


@pytest.mark.parametrize("k", [1, 3])
def test_conjugate_gradients_come_to_the_dense_solution(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, found = world(k)
    right = torch.from_numpy(np.random.default_rng(8).normal(size=len(vector(network))))
    dense = curvature.solve(network, found, right)
    monkeypatch.setattr(curvature, "MAX_DENSE", 0)
    torch.testing.assert_close(curvature.solve(network, found, right), dense, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_derivatives_of_the_loss_in_the_outputs_are_autograds(k: int) -> None:
    data = drawn(9, 6, k, k)
    outputs = data.x * 3
    gradient = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda o, y=y: loss(o, y), row)
            for row, y in zip(outputs, data.y, strict=True)
        ]
    )
    hessian = torch.stack(
        [
            torch.autograd.functional.hessian(lambda o, y=y: loss(o, y), row)
            for row, y in zip(outputs, data.y, strict=True)
        ]
    )
    root = curvature.output_hessian_root(outputs)
    torch.testing.assert_close(curvature.output_gradient(outputs, data.y), gradient)
    torch.testing.assert_close(curvature.output_hessian(outputs), hessian)
    torch.testing.assert_close(root @ root.transpose(1, 2), hessian)


def test_flat_parameters_find_their_way_back() -> None:
    network = world(3)[0]
    theta, unflatten = curvature.flat(network)
    assert torch.equal(theta, vector(network))
    assert all(torch.equal(a, b) for a, b in zip(unflatten(theta).tensors, network.tensors, strict=True))
