"""The model of the trade under CKKS: encrypted weights, evaluated on records in the clear.

CKKS has no hyperbolic tangent. In its place stands the cubic that is nearest to it, in least squares, on -2.5..2.5.
"""

import numpy as np

from assay_bench.comparison.attacks.moments import Weights
from assay_bench.comparison.secure.ckks import Ckks, Grid
from assay_bench.figures import Floats

DEGREE, LEVELS = 16384, 4
_RANGE = 2.5


def _nearest_cubic() -> tuple[float, float]:
    z = np.linspace(-_RANGE, _RANGE, 1001)
    first, third = np.linalg.lstsq(np.stack([z, z**3], 1), np.tanh(z), rcond=None)[0]
    return float(first), float(third)


FIRST, THIRD = _nearest_cubic()
"""The cubic is ``FIRST z + THIRD z^3``."""


def outputs(weights: Weights, x: Floats) -> Floats:
    """Of records (n, d) in the clear, with the cubic for the hyperbolic tangent: (n, k)."""
    w1, b1, w2, b2 = weights
    z = x @ w1 + b1
    return np.asarray((FIRST * z + THIRD * z**3) @ w2 + b2)


def evaluated(weights: Weights, x: Floats) -> tuple[Floats, list[int]]:
    """One exchange: the owner encrypts its weights, the seller evaluates them on its records, the owner decrypts.

    Args:
        weights: W1 (d, h), b1 (h,), W2 (h, k), b2 (k,), with h a power of 2.
        x: Records (n, d).

    Returns:
        Outputs (n, k), and the bytes of the keys, of the weights, and of the outputs.

    Raises:
        ValueError: More records than fit a ``Grid``.
    """
    w1, b1, w2, b2 = weights
    grid = Grid(DEGREE // 2, len(b1))
    grid.check(len(x))
    ckks = Ckks(DEGREE, LEVELS, grid.over_units)
    rows = [ckks.encrypt(grid.by_unit(part)) for part in (*w1, b1)]
    columns = [ckks.encrypt(grid.by_unit(part)) for part in w2.T]
    offsets = [ckks.encrypt(np.full(ckks.slots, value)) for value in b2]
    up = sum(ckks.size(text, fresh=True) for text in (*rows, *columns, *offsets))

    shown = [grid.by_record(part) for part in (*x.T, np.ones(len(x)))]
    z = ckks.rescaled(ckks.total([ckks.unscaled_times(row, part) for row, part in zip(rows, shown, strict=True)]))
    cube = ckks.product(ckks.product(z, z), ckks.times(z, THIRD))
    hidden = ckks.plus(ckks.times(z, FIRST), cube)
    found = [
        ckks.plus(ckks.rotated_total(ckks.product(hidden, column), grid.over_units), offset)
        for column, offset in zip(columns, offsets, strict=True)
    ]
    down = sum(ckks.size(text) for text in found)
    return np.stack([ckks.decrypt(text)[: len(x)] for text in found], 1), [ckks.key_bytes, up, down]
