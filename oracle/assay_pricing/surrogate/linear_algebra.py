"""Linear systems that are too large to form."""

from collections.abc import Callable

import torch
from torch import Tensor

_TINY = 1e-300
"""Keeps 0 / 0 at zero once a system is solved exactly."""


def conjugate_gradient(product: Callable[[Tensor], Tensor], right: Tensor, steps: int) -> Tensor:
    """Solves A x = ``right`` for a symmetric positive definite A by conjugate gradients (Hestenes and Stiefel, 1952).

    The number of steps is fixed rather than a tolerance: a tolerance could be met one step earlier on another machine,
    and prices would differ there.

    Args:
        product: A times a tensor of the shape of ``right``.
        right: One right side (p,), or k of them side by side (p, k), each solved with its own step lengths.
        steps: Number of products; p of them solve exactly but for rounding.

    Returns:
        x, of the shape of ``right``.
    """
    inner = torch.dot if right.dim() == 1 else _by_column
    solution, residual = torch.zeros_like(right), right.clone()
    direction, norm = residual.clone(), inner(residual, residual)
    for _ in range(steps):
        image = product(direction)
        length = norm / inner(direction, image).clamp(min=_TINY)
        solution = solution + length * direction
        residual = residual - length * image
        new = inner(residual, residual)
        # The next direction is conjugate to all earlier ones: d_i^T A d_j = 0.
        direction, norm = residual + new / norm.clamp(min=_TINY) * direction, new
    return solution


def _by_column(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(0)
