"""Two-party computation on additive shares modulo 2^64, in fixed point, with Beaver triples of a trusted dealer.

As CrypTen computes (Knott et al., NeurIPS 2021), on which Data Appraisal Without Data Sharing was run. Both parties are
honest but curious. The two are simulated by one process; each message that one would send the other is counted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay_bench.figures import Floats

Ring = npt.NDArray[np.uint64]
FRACTION_BITS = 16


@dataclass(frozen=True)
class Shared:
    """A matrix that nobody has: its two shares, whose sum modulo 2^64 it is."""

    first: Ring
    second: Ring

    def __add__(self, other: "Shared") -> "Shared":
        return Shared(self.first + other.first, self.second + other.second)

    def __sub__(self, other: "Shared") -> "Shared":
        return Shared(self.first - other.first, self.second - other.second)


class Pair:
    """Two parties and their dealer.

    Attributes:
        bytes_sent: Between the parties.
        dealt_bytes: From the dealer.
        rounds: Messages one after the other.
    """

    def __init__(self, seed: int) -> None:
        self._draw = np.random.default_rng(seed)
        self.bytes_sent = 0
        self.dealt_bytes = 0
        self.rounds = 0

    def share(self, values: Floats) -> Shared:
        """One party's matrix; the other receives a share of it, which is uniform."""
        mask = self._uniform(values.shape)
        self._send(mask.nbytes, both=False)
        return Shared(_ring(values) - mask, mask)

    def opened(self, shared: Shared) -> Floats:
        """The matrix, which both parties learn."""
        self._send(shared.first.nbytes, both=True)
        return np.asarray((shared.first + shared.second).astype(np.int64) / 2.0**FRACTION_BITS)

    def matmul(self, a: Shared, b: Shared) -> Shared:
        """The product (n, k) of matrices (n, d) and (d, k); its error is a few units of 2^-16."""
        u, v = self._uniform(a.first.shape), self._uniform(b.first.shape)
        return self._truncated(self._beaver(a, b, u, v, np.matmul))

    def product(self, a: Shared, b: Shared) -> Shared:
        """The product by entry of matrices of one shape."""
        u, v = self._uniform(a.first.shape), self._uniform(b.first.shape)
        return self._truncated(self._beaver(a, b, u, v, np.multiply))

    def total(self, a: Shared) -> Shared:
        """The sum of all entries, (1,)."""
        return Shared(*(part.sum(keepdims=True, dtype=np.uint64).reshape(1) for part in (a.first, a.second)))

    def _beaver(self, a: Shared, b: Shared, u: Ring, v: Ring, times: Callable[[Ring, Ring], Ring]) -> Shared:
        """Beaver (CRYPTO 1991): ``ab = (a-u)(b-v) + (a-u)v + u(b-v) + uv``, of which the parties open a-u and b-v."""
        w = times(u, v)
        masks = [self._uniform(part.shape) for part in (u, v, w)]
        self.dealt_bytes += 2 * sum(part.nbytes for part in masks)
        (u1, v1, w1), (u0, v0, w0) = masks, (u - masks[0], v - masks[1], w - masks[2])
        d, e = a.first + a.second - u, b.first + b.second - v
        self._send(d.nbytes + e.nbytes, both=True)
        return Shared(times(d, e) + times(d, v0) + times(u0, e) + w0, times(d, v1) + times(u1, e) + w1)

    def _truncated(self, a: Shared) -> Shared:
        """Takes the fraction bits of a product off by itself (SecureML, S&P 2017); no message.

        An entry is wrong with a probability of its absolute value by 2^32.
        """
        places, zero = np.uint64(FRACTION_BITS), np.uint64(0)
        return Shared(a.first >> places, zero - ((zero - a.second) >> places))

    def _uniform(self, shape: tuple[int, ...]) -> Ring:
        return np.asarray(self._draw.integers(0, 2**64, shape, dtype=np.uint64))

    def _send(self, size: int, *, both: bool) -> None:
        self.bytes_sent += size * (2 if both else 1)
        self.rounds += 1


def _ring(values: Floats) -> Ring:
    return np.asarray(np.rint(values * 2.0**FRACTION_BITS).astype(np.int64).astype(np.uint64))
