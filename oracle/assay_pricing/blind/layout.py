"""Which coefficient of a polynomial holds which entry of a matrix: the packing of Cheetah (Huang et al. 2022).

For ``X`` (r x m, encrypted) times ``Y`` (m x k), the columns of X are cut into blocks of ``inner``, the columns of Y
into groups of ``columns``, with ``r * inner * columns <= N``. With ``s = inner * columns``, block j of X is the
polynomial ``sum X[i, j inner + l] x^(i s + l)``, and block j of Y with group g is ``sum Y[j inner + l, g columns + c]
x^(c inner + inner - 1 - l)``. The sum over j of their products has entry ``(X Y)[i, g columns + c]`` at coefficient
``i s + c inner + inner - 1``: what spills over from one row to the next, or around N, ends below ``inner - 1``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DEGREE = 8192
"""N: coefficients of a polynomial."""
_DOWN = 3
"""What a polynomial down counts beside one up: few bytes are allowed down."""

Residues = npt.NDArray[np.uint64]
"""Integers modulo a plaintext modulus."""


@dataclass(frozen=True)
class Layout:
    """How a product of a matrix of ``rows x middle`` with one of ``middle x right`` is packed.

    Attributes:
        inner: Columns of X in one block.
        columns: Columns of Y in one group.
    """

    rows: int
    middle: int
    right: int
    inner: int
    columns: int

    @property
    def blocks(self) -> int:
        """Ciphertexts up."""
        return -(-self.middle // self.inner)

    @property
    def groups(self) -> int:
        """Ciphertexts down."""
        return -(-self.right // self.columns)

    def left(self, matrix: Residues) -> list[Residues]:
        """The polynomials of X, each of N coefficients."""
        padded = np.zeros((self.rows, self.blocks * self.inner), np.uint64)
        padded[:, : self.middle] = matrix
        blocks = padded.reshape(self.rows, self.blocks, self.inner)
        found = np.zeros((self.blocks, DEGREE), np.uint64)
        found[:, self._starts[:, None] + np.arange(self.inner)] = blocks.transpose(1, 0, 2)
        return list(found)

    def right_of(self, matrix: Residues) -> list[list[Residues]]:
        """The polynomials of Y: for each group one for each block."""
        padded = np.zeros((self.blocks * self.inner, self.groups * self.columns), np.uint64)
        padded[: self.middle, : self.right] = matrix
        split = padded.reshape(self.blocks, self.inner, self.groups, self.columns)[:, ::-1]
        found = np.zeros((self.groups, self.blocks, DEGREE), np.uint64)
        found[:, :, : self.inner * self.columns] = split.transpose(2, 0, 3, 1).reshape(self.groups, self.blocks, -1)
        return [list(group) for group in found]

    def wanted(self, group: int) -> npt.NDArray[np.int64]:
        """Coefficients of a group's product that hold entries, row by row."""
        columns = min(self.columns, self.right - group * self.columns)
        return (self._starts[:, None] + np.arange(columns) * self.inner + self.inner - 1).reshape(-1)

    def gathered(self, groups: list[Residues]) -> Residues:
        """The matrix X Y from the wanted coefficients of each group; shape (rows, right)."""
        return np.concatenate([group.reshape(self.rows, -1) for group in groups], axis=1)

    @property
    def _starts(self) -> npt.NDArray[np.int64]:
        return np.arange(self.rows) * (self.inner * self.columns)


def chosen(rows: int, middle: int, right: int) -> Layout:
    """The layout with the fewest bytes, where a polynomial down counts three times; ``rows`` is at most N."""
    layouts = []
    for columns in range(1, min(right, DEGREE // rows) + 1):
        inner = min(DEGREE // (rows * columns), middle)
        layouts.append(Layout(rows, middle, right, inner, columns))
    return min(layouts, key=lambda layout: layout.blocks + _DOWN * layout.groups)
