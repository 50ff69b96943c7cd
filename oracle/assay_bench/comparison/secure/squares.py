"""A network of squares, which CKKS can compute: ``(x W1 + b1)^2 W2 + b2`` with squared error, also encrypted.

The activation is that of CryptoNets (Gilad-Bachrach et al., ICML 2016). The owner trains it in the clear. A seller
computes its gradient with encrypted weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tenseal import sealapi
from torch import Tensor

from assay_bench.comparison.attacks.moments import Weights
from assay_bench.comparison.secure.ckks import Ckks, Grid
from assay_bench.figures import Floats

_STEPS, _RATE, _DECAY = 400, 5e-3, 1e-4
DEGREE = 16384
LEVELS = 6


def initial(features: int, hidden: int, classes: int, seed: int) -> Weights:
    """Weights to start from."""
    draw = np.random.default_rng(seed)
    first = draw.normal(size=(features, hidden)) / np.sqrt(features)
    return first, np.zeros(hidden), draw.normal(size=(hidden, classes)) / hidden, np.zeros(classes)


def outputs(weights: Weights, x: Floats) -> Floats:
    """Of records (n, d): (n, k), of which the largest is the class."""
    w1, b1, w2, b2 = weights
    return np.asarray((x @ w1 + b1) ** 2 @ w2 + b2)


def loss(weights: Weights, x: Floats, y: Floats) -> float:
    """Mean over records (n, d) of the squared error to one-hot labels (n, k)."""
    return float(((outputs(weights, x) - y) ** 2).sum(1).mean())


def gradient(weights: Weights, x: Floats, y: Floats) -> Weights:
    """Of the loss."""
    w1, b1, w2, b2 = weights
    z = x @ w1 + b1
    error = 2 * (z**2 @ w2 + b2 - y) / len(x)
    by_z = error @ w2.T * 2 * z
    return x.T @ by_z, by_z.sum(0), (z**2).T @ error, error.sum(0)


def trained(start: Weights, x: Floats, y: Floats, steps: int = _STEPS, rate: float = _RATE) -> Weights:
    """Full-batch Adam with weight decay."""
    descent = Descent(start, rate)
    for _ in range(steps):
        descent.step(gradient(descent.weights, x, y))
    return descent.weights


class Descent:
    """Adam, one gradient at a time."""

    def __init__(self, start: Weights, rate: float) -> None:
        self._live: list[Tensor] = [torch.tensor(part) for part in start]
        self._adam = torch.optim.Adam(self._live, lr=rate, weight_decay=_DECAY)

    @property
    def weights(self) -> Weights:
        """After the steps so far."""
        w1, b1, w2, b2 = (part.numpy().copy() for part in self._live)
        return w1, b1, w2, b2

    def step(self, by: Sequence[Floats]) -> None:
        """Descends along a gradient."""
        for part, found in zip(self._live, by, strict=True):
            part.grad = torch.tensor(found)
        self._adam.step()


@dataclass(frozen=True)
class Answer:
    """What the seller sends back.

    Attributes:
        by: The gradient, decrypted.
        bytes_up: Of the encrypted weights.
        bytes_down: Of the encrypted gradient.
    """

    by: Weights
    bytes_up: int
    bytes_down: int


class EncryptedStep:
    """The gradient of encrypted weights on a seller's records in the clear, as many as fit a ``Grid``."""

    def __init__(self, hidden: int) -> None:
        self._grid = Grid(DEGREE // 2, hidden)
        self.ckks = Ckks(DEGREE, LEVELS, (*self._grid.over_units, *self._grid.over_records))

    def __call__(self, weights: Weights, x: Floats, y: Floats) -> Answer:
        """One exchange: the owner encrypts, the seller computes, the owner decrypts.

        Args:
            weights: The owner's, with ``hidden`` units.
            x: The seller's records (n, d).
            y: One-hot labels (n, k).

        Raises:
            ValueError: More records than fit.
        """
        self._grid.check(len(x))
        ckks, grid, (w1, b1, w2, b2) = self.ckks, self._grid, weights
        rows = [ckks.encrypt(grid.by_unit(part)) for part in (*w1, b1)]
        columns = [ckks.encrypt(grid.by_unit(part)) for part in w2.T]
        offsets = [ckks.encrypt(np.full(ckks.slots, value)) for value in b2]
        up = sum(ckks.size(text, fresh=True) for text in (*rows, *columns, *offsets))

        shown = [grid.by_record(part) for part in x.T]
        here = grid.by_record(np.ones(len(x)))
        parts = [ckks.unscaled_times(row, part) for row, part in zip(rows, (*shown, here), strict=True)]
        z = ckks.rescaled(ckks.total(parts))
        squares = ckks.product(z, z)
        errors, by_w2, by_squares = [], [], []
        for column, offset, label in zip(columns, offsets, y.T, strict=True):
            output = ckks.rotated_total(ckks.product(squares, column), grid.over_units)
            error = ckks.plus_clear(ckks.plus(output, ckks.times(offset, here)), -grid.by_record(label))
            errors.append(error)
            by_w2.append(self._summed(ckks.product(squares, error)))
            by_squares.append(ckks.product(error, column))
        by_z = ckks.product(ckks.total(by_squares), ckks.plus(z, z))
        by_w1 = [self._summed(ckks.times(by_z, part)) for part in (*shown, here)]
        by_b2 = [self._summed(error) for error in errors]
        down = sum(ckks.size(text) for text in (*by_w1, *by_w2, *by_b2))

        first, second, last = ([self._read(text, len(x)) for text in texts] for texts in (by_w1, by_w2, by_b2))
        return Answer((np.stack(first[:-1]), first[-1], np.stack(second, 1), np.stack(last)[:, 0]), up, down)

    def _summed(self, text: "sealapi.Ciphertext") -> "sealapi.Ciphertext":
        """Sums over the records in the first slot of each unit; noise in all other slots, which hold other sums."""
        found = self.ckks.rotated_total(text, self._grid.over_records)
        noise = np.random.default_rng().normal(0, 1e3, self.ckks.slots)
        noise[:: self._grid.records] = 0
        return self.ckks.plus_clear(found, noise)

    def _read(self, text: "sealapi.Ciphertext", count: int) -> Floats:
        """A gradient by unit; the factor of the mean squared error is the owner's to apply."""
        return self.ckks.decrypt(text)[:: self._grid.records] * 2 / count
