"""Conjugate gradients against a direct solver."""

import numpy as np
import pytest
import torch

from assay_pricing.surrogate.linear_algebra import conjugate_gradient

pytestmark = pytest.mark.unit


def definite(p: int) -> torch.Tensor:
    root = torch.from_numpy(np.random.default_rng(p).normal(size=(p, p)))
    return root @ root.T + torch.eye(p, dtype=torch.float64)


@pytest.mark.parametrize("shape", [(12,), (12, 1), (12, 4)])
def test_as_many_steps_as_unknowns_solve_the_system(shape: tuple[int, ...]) -> None:
    matrix = definite(12)
    right = torch.from_numpy(np.random.default_rng(1).normal(size=shape))
    found = conjugate_gradient(lambda v: matrix @ v, right, 12)
    np.testing.assert_allclose(found.numpy(), np.linalg.solve(matrix.numpy(), right.numpy()), rtol=1e-7)


def test_one_step_by_hand() -> None:
    """A = diag(1, 2), b = (1, 1): the residual is b, its length b.b / b.Ab = 2/3."""
    found = conjugate_gradient(lambda v: torch.tensor([1.0, 2.0]).double() * v, torch.ones(2).double(), 1)
    np.testing.assert_allclose(found.numpy(), [2 / 3, 2 / 3], rtol=1e-15)


def test_columns_take_steps_of_their_own_length() -> None:
    """Beside (1, 1), which moves by 2/3, a column (1, 0) moves by 1."""
    right = torch.tensor([[1.0, 1.0], [1.0, 0.0]]).double()
    found = conjugate_gradient(lambda v: torch.tensor([[1.0], [2.0]]).double() * v, right, 1)
    np.testing.assert_allclose(found.numpy(), [[2 / 3, 1], [2 / 3, 0]], rtol=1e-15)


def test_each_step_comes_closer_in_the_norm_of_the_matrix() -> None:
    matrix = definite(20)
    right = torch.from_numpy(np.random.default_rng(2).normal(size=20))
    solution = torch.linalg.solve(matrix, right)
    errors = []
    for steps in range(12):
        error = conjugate_gradient(lambda v: matrix @ v, right, steps) - solution
        errors.append(float(error @ matrix @ error))
    assert (np.diff(errors) < 0).all()


def test_more_steps_than_needed_change_nothing() -> None:
    """Columns that are solved at once, or ask for nothing, stay as they are beside one that takes longer."""
    matrix = torch.diag(torch.tensor([1.0, 2.0, 3.0]).double())
    right = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]).double()
    found = conjugate_gradient(lambda v: matrix @ v, right, 50)
    np.testing.assert_allclose(found.numpy(), [[0, 1, 1], [0, 0, 1 / 2], [0, 0, 1 / 3]], rtol=1e-14)
    assert not conjugate_gradient(lambda v: matrix @ v, torch.zeros(3).double(), 5).any()
