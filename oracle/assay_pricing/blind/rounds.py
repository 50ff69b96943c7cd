"""The two maps of a blind price, and arithmetic modulo several primes that both sides do alike."""

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np

from assay_pricing.blind.form import Integers, Wide
from assay_pricing.blind.layout import Residues, chosen
from assay_pricing.blind.linear import LinearMap
from assay_pricing.blind.shape import Shape

VALUE_BYTES = 8
RESULTS = 2
"""Of the second map: the masked price, and its authenticator."""


class Rounds:
    """The maps of a shape.

    In the first X is [Q | U] and Y is P, negative, over the identity. In the second X is one row, the entries of R's
    share and of the upper triangle of its product with its own transpose, and Y has two columns.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    @cached_property
    def first(self) -> LinearMap:
        """The map to R."""
        shape = self.shape
        layout = chosen(shape.features, shape.columns, shape.outputs)
        return LinearMap(layout, shape.moduli, shape.weight_bits)

    @cached_property
    def second(self) -> LinearMap:
        """The map to the price."""
        shape = self.shape
        layout = chosen(1, shape.features * shape.outputs + shape.triangle, RESULTS)
        return LinearMap(layout, shape.moduli, shape.moduli[0].bit_length() - 1)

    @property
    def values_size(self) -> int:
        """Bytes of the seller's last message."""
        return VALUE_BYTES * RESULTS * len(self.shape.moduli)


def modulo(values: Integers | Wide, modulus: int) -> Residues:
    """Integers of any size modulo a plaintext modulus."""
    found: Residues = (values % modulus).astype(np.uint64)
    return found


def upper(matrix: Wide) -> Wide:
    """The upper triangle of a matrix, row by row, with the diagonal."""
    found: Wide = matrix[np.triu_indices(len(matrix))]
    return found


def combined(residues: Sequence[int], moduli: Sequence[int]) -> int:
    """The integer of least magnitude with these residues, by the Chinese remainder theorem."""
    whole = prod(moduli)
    found = 0
    for residue, modulus in zip(residues, moduli, strict=True):
        rest = whole // modulus
        found += residue * rest * pow(rest, -1, modulus)
    found %= whole
    return found - whole if found > whole // 2 else found
