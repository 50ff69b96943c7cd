"""Records read off the outputs of a model whose weights a dishonest buyer chose: several pixels in each number.

A pixel has 17 levels. A hidden unit of the model sums four pixels as the digits of a number to the base 17, and one
output shows that unit alone. The other pixels are predicted from these by a ridge regression on public records.
"""

import numpy as np
import numpy.typing as npt

from assay_bench.comparison.attacks.moments import Weights
from assay_bench.figures import Floats

Pixels = npt.NDArray[np.int64]
"""Their places in a record."""

_LEVELS = 16
_BASE = _LEVELS + 1
_PIXELS = 4
"""In one number; a fifth would be as small as the errors of encryption."""
_DAMPING = 1.0


def asking(pixels: Pixels, shape: tuple[int, int, int]) -> Weights:
    """Weights whose k-th output is a function of the four pixels (k, 4) of the k-th number, which is in -1..1."""
    features, hidden, classes = shape
    w1, b1, w2 = np.zeros((features, hidden)), np.zeros(hidden), np.zeros((hidden, classes))
    for unit, part in enumerate(pixels):
        w1[part, unit] = 2 * _LEVELS * float(_BASE) ** -np.arange(1, len(part) + 1)
        b1[unit], w2[unit, unit] = -1, 1
    return w1, b1, w2, np.zeros(classes)


def chosen(public: Floats, classes: int) -> Pixels:
    """The pixels (k, 4) that vary most over public records (n, d)."""
    return np.argsort(-public.var(0), kind="stable")[: classes * _PIXELS].reshape(classes, _PIXELS)


def read(numbers: Floats, pixels: Pixels, public: Floats) -> Floats:
    """Records (n, d) in 0..1.

    Args:
        numbers: In -1..1, one for each four pixels (n, k).
        pixels: That ``chosen`` found (k, 4).
        public: Records (m, d) from which the other pixels are predicted.
    """
    whole = np.rint((numbers + 1) / 2 * _BASE**_PIXELS).astype(np.int64).clip(0, _BASE**_PIXELS - 1)
    places = _BASE ** np.arange(_PIXELS - 1, -1, -1)
    known = (whole[:, :, None] // places % _BASE).reshape(len(numbers), -1) / _LEVELS
    shown, mean = public[:, pixels.ravel()], public.mean(0)
    centred = shown - shown.mean(0)
    slope = np.linalg.solve(centred.T @ centred + _DAMPING * np.eye(centred.shape[1]), centred.T @ (public - mean))
    found = mean + (known - shown.mean(0)) @ slope
    found[:, pixels.ravel()] = known
    return np.asarray(found.clip(0, 1))
