"""The owner's secret integers of a price from sums, and that price in the clear.

With Q (d x d, symmetric) and U (d x k) of the offered records, and the owner's P (d x k), H (d x k) and symmetric K
(d x d), the records move the regression by ``R = U - Q P``, and the doubled price is ``-2 <H, R> - <K, R R^T>``, where
``<A, B>`` sums the products of entries.
"""

from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

from assay_pricing.blind.shape import Shape
from assay_pricing.errors import BlindError

Integers = npt.NDArray[np.int64]
Wide = npt.NDArray[np.object_]
"""Python's integers, which do not overflow."""


@dataclass(frozen=True)
class SecretForm:
    """The owner's integers.

    Attributes:
        weights: P, shape (d, k).
        linear: H, shape (d, k).
        quadratic: K, shape (d, d), symmetric.
    """

    shape: Shape
    weights: Integers
    linear: Integers
    quadratic: Integers

    def __post_init__(self) -> None:
        d, k = self.shape.features, self.shape.outputs
        for name, found, expected in (
            ("weights", self.weights.shape, (d, k)),
            ("linear", self.linear.shape, (d, k)),
            ("quadratic", self.quadratic.shape, (d, d)),
        ):
            if found != expected:
                raise BlindError(f"expected {name} of the shape {expected}, got {found}")
        if (self.quadratic != self.quadratic.T).any():
            raise BlindError("expected a symmetric quadratic part, got another")
        if largest(self.weights) >= 2**self.shape.weight_bits:
            raise BlindError(f"expected weights below 2**{self.shape.weight_bits}, got {largest(self.weights)}")
        if self.bound() >= 2**self.shape.price_bits:
            raise BlindError(
                f"expected a doubled price below 2**{self.shape.price_bits} for all sums, it may reach {self.bound()}"
            )

    def bound(self) -> int:
        """Largest magnitude that the doubled price can have: the triangle inequality over all entries.

        An entry of Q P is at most the norm of a row of Q times that of a column of P (Cauchy and Schwarz).
        """
        column = isqrt(int((self.weights.astype(object) ** 2).sum(axis=0).max())) + 1
        residual = 2**self.shape.sum_bits + 2**self.shape.row_bits * column
        quadratic = int(np.abs(self.quadratic).astype(object).sum()) * self.shape.outputs * residual
        return int((2 * int(np.abs(self.linear).astype(object).sum()) + quadratic) * residual)

    def doubled_price(self, second: Integers, first: Integers) -> int:
        """The doubled price of sums, exactly.

        Args:
            second: Q, shape (d, d).
            first: U, shape (d, k).

        Raises:
            BlindError: The sums have another shape, are not symmetric, or exceed their bound.
        """
        check_sums(self.shape, second, first)
        residual = first.astype(object) - product(second, self.weights)
        moment = (self.quadratic.astype(object) @ residual) * residual
        return int(-2 * (self.linear * residual).sum() - moment.sum())


def product(left: npt.NDArray[np.generic], right: npt.NDArray[np.generic]) -> Wide:
    """Matrix product of integers without overflow."""
    found: Wide = left.astype(object) @ right.astype(object)
    return found


def check_sums(shape: Shape, second: Integers, first: Integers) -> None:
    """Checks what a seller is about to encrypt, or an oracle to price.

    Raises:
        BlindError: The sums have another shape, are not symmetric, or exceed their bound.
    """
    d, k = shape.features, shape.outputs
    if second.shape != (d, d) or first.shape != (d, k):
        raise BlindError(f"expected sums of the shapes {(d, d)} and {(d, k)}, got {second.shape} and {first.shape}")
    if (second != second.T).any():
        raise BlindError("expected a symmetric sum of products, got another")
    most = max(largest(second), largest(first))
    if most >= 2**shape.sum_bits:
        raise BlindError(f"expected sums below 2**{shape.sum_bits}, got {most}", hint="offer fewer records at a time")
    longest = int((second.astype(object) ** 2).sum(axis=1).max())
    if longest >= 4**shape.row_bits:
        raise BlindError(f"expected rows of Q with a norm below 2**{shape.row_bits}, got one of {isqrt(longest)}")


def largest(values: Integers) -> int:
    """Largest magnitude of an entry."""
    return int(np.abs(values).max(initial=0))
