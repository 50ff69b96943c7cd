"""Solutions of linear systems in integers, rounded correctly: the same on every machine and with every library.

A library's solution in double precision only proposes digits. An exact residual corrects them, and proves how far they
can be from the solution (after Wan, "An algorithm to solve integer linear systems exactly using numerical methods",
2006): an integer is returned when nothing within that distance rounds to another one.
"""

import numpy as np
import numpy.typing as npt

from assay_pricing.errors import DataError
from assay_pricing.sums.inputs import Integers

_ATTEMPTS = ((30, 0), (16, 40))
"""Binary digits beyond those that are returned, and more of them from the residual: 64 bits hold each."""
_STEPS = 4
_MOST_BITS = 62
_LIMB = 22
"""512 products of two limbs of so many bits lie below 2^53."""


def rounded_solution(system: Integers, right: Integers, least: int, bits: int) -> Integers:
    """``floor(2^bits X + 1/2)`` of the solution X (d, m) of ``system X = right``.

    Args:
        system: Symmetric (d, d).
        right: (d, m).
        least: A positive lower bound of the eigenvalues of the system, which the caller knows.
        bits: Binary digits after the point.

    Raises:
        DataError: The numbers are too large for 64 bits.
    """
    inverse = np.linalg.inv(system.astype(np.float64))
    for guard, more in _ATTEMPTS:
        found = _refined(system, right, inverse, bits + guard)
        rest = None if found is None else _refined(system, found[1], inverse, more)
        if found is None or rest is None:
            continue
        # The solution is digits + (rest + e) / 2^more, where |e| <= |residual| / least in each column: the norm of the
        # system's inverse is at most 1 / least.
        (digits, _), (low, residual) = found, rest
        error = np.ceil(np.sqrt((residual.astype(np.float64) ** 2).sum(0)) * 1.0001 / least)
        moved = digits + (1 << (guard - 1))
        place = ((moved & ((1 << guard) - 1)) << more) + low
        above = place & ((1 << (guard + more)) - 1)
        if ((above >= error) & ((1 << (guard + more)) - above > error)).all():
            return (moved >> guard) + (place >> (guard + more))
    raise DataError("expected sums whose ridge regression 64 bits hold, got larger ones", hint="offer fewer records")


def _refined(
    system: Integers, right: Integers, inverse: npt.NDArray[np.float64], bits: int
) -> tuple[Integers, Integers] | None:
    """Nearly ``2^bits X`` in integers, and its exact residual; None if 64 bits do not hold them."""
    start = np.ldexp(inverse @ right.astype(np.float64), bits)
    if not np.abs(start).max(initial=0) < 2.0**_MOST_BITS:
        return None
    digits = np.rint(start).astype(np.int64)
    residual = _residual(system, right, digits, bits)
    for _ in range(_STEPS):
        if residual is None:
            return None
        step = np.rint(inverse @ residual.astype(np.float64)).astype(np.int64)
        if not step.any():
            break
        digits = digits + step
        residual = _residual(system, right, digits, bits)
    return None if residual is None else (digits, residual)


def _residual(system: Integers, right: Integers, digits: Integers, bits: int) -> Integers | None:
    """``2^bits right - system digits``, exactly; None if it is not sure to be below 2^62.

    It is computed modulo 2^64, which is exact for a result that double precision shows to be small.
    """
    d = len(system)
    a, x, b = system.astype(np.float64), digits.astype(np.float64), np.ldexp(right.astype(np.float64), bits)
    slack = (d + 3) * 2.0**-52 * (d * np.abs(a).max(initial=0) * np.abs(x).max(initial=0) + np.abs(b).max(initial=0))
    if not np.abs(b - a @ x).max(initial=0) + slack < 2.0**_MOST_BITS:
        return None
    with np.errstate(over="ignore"):
        return np.asarray((right << bits) - _product_modulo(system, digits))


def _product_modulo(left: Integers, right: Integers) -> Integers:
    """The product of integers modulo 2^64, by products of their limbs, which double precision holds."""
    total = np.zeros((len(left), right.shape[1]), dtype=np.int64)
    for i, a in enumerate(_limbs(left)):
        for j, b in enumerate(_limbs(right)):
            if _LIMB * (i + j) < 64:
                total += (a @ b).astype(np.int64) << (_LIMB * (i + j))
    return total


def _limbs(values: Integers) -> list[npt.NDArray[np.float64]]:
    """Limbs of ``_LIMB`` bits, the lowest first; the last one has the sign."""
    found = []
    while np.abs(values).max(initial=0) >= 1 << _LIMB:
        found.append((values & ((1 << _LIMB) - 1)).astype(np.float64))
        values = values >> _LIMB
    return [*found, values.astype(np.float64)]
