"""What the price of a set is read from: its ridge regression on public features.

With the sums S and T and the damping c, ``N = S + c I``. A regression with the prior mean P and the prior precision
c I moves from P by ``N^-1 (T - S P) = U - Q P`` with ``U = N^-1 T`` and ``Q = N^-1 S = I - c N^-1``. Neither Q nor U
depends on P: a seller computes both, and the price is then linear in them up to this step. All eigenvalues of Q lie
in [0, 1).
"""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from assay.protocol.types import Value
from assay_pricing.blind.shape import MOST_PRICE_BITS, Shape
from assay_pricing.errors import DataError
from assay_pricing.records.records import Records
from assay_pricing.sums.features import Features
from assay_pricing.sums.inputs import Integers
from assay_pricing.sums.moments import ROWS, Moments
from assay_pricing.sums.rounded import rounded_solution


@dataclass(frozen=True, eq=False)
class Statistics:
    """Q and U of a set, in integers.

    Attributes:
        shrinkage: ``2^q I - floor(2^q c N^-1 + 1/2)``, (d, d), symmetric.
        solution: ``floor(2^u N^-1 T + 1/2)``, (d, k).
    """

    shrinkage: Integers
    solution: Integers


class Terms(Value):
    """What is public of a price from sums.

    Attributes:
        features: Records to features.
        damping: c, in units of the features' squares.
        shrinkage_bits: q.
        weight_bits: Bits of the owner's weights, and binary digits of theirs after the point.
        solution_bits: u.
        sum_bits: All statistics are below ``2^sum_bits`` in magnitude.
        price_bits: The doubled price is below ``2^price_bits`` in magnitude for all statistics within their bound.
    """

    features: Features
    damping: int = Field(ge=1, lt=2**40)
    shrinkage_bits: int = Field(ge=4, le=24)
    weight_bits: int = Field(ge=1, le=40)
    solution_bits: int = Field(ge=1, le=40)
    sum_bits: int = Field(ge=1, le=40)
    price_bits: int = Field(ge=1, le=MOST_PRICE_BITS)

    @property
    def shape(self) -> Shape:
        """Sizes and bounds for a blind evaluation.

        Rows of ``2^q Q`` have a norm of at most 2^q, and their rounding one of at most sqrt(d) / 2, below 2^q.
        """
        d, k = self.features.width, self.features.inputs.outputs
        return Shape(d, k, self.sum_bits, self.shrinkage_bits + 1, self.weight_bits, self.price_bits)

    def statistics(self, moments: Moments) -> Statistics:
        """Q and U of a set.

        Raises:
            DataError: A number exceeds its bound.
        """
        system = moments.second + self.damping * np.eye(len(moments.second), dtype=np.int64)
        scaled = self.damping * np.eye(len(system), dtype=np.int64)
        left = rounded_solution(system, scaled, self.damping, self.shrinkage_bits)
        shrinkage = (np.eye(len(system), dtype=np.int64) << self.shrinkage_bits) - left
        solution = rounded_solution(system, moments.first, self.damping, self.solution_bits)
        most = int(max(np.abs(shrinkage).max(), np.abs(solution).max()))
        if most >= 2**self.sum_bits:
            raise DataError(
                f"expected a set whose ridge regression is below 2**{self.sum_bits}, got {most}",
                hint="offer records whose features vary more, or fewer of them",
            )
        return Statistics(shrinkage, solution)

    def leverage(self, found: Statistics, records: Records) -> float:
        """Largest share that one of a set's records has in what the set's regression answers at this record.

        ``phi^T N^-1 phi``, from 0 to 1 (Hoaglin and Welsch 1978). Where it is near 1, a number that is read from the
        statistics can be the label of that record.

        Args:
            found: Of the set.
            records: The set.
        """
        shrinkage, most = found.shrinkage / 2.0**self.shrinkage_bits, 0.0
        for start in range(0, records.n, ROWS):
            part = records.take(np.arange(start, min(start + ROWS, records.n)))
            phi = self.features.of(self.features.inputs.codes(part.x)).astype(np.float64)
            kept = (phi**2).sum(1) - ((phi @ shrinkage) * phi).sum(1)
            most = max(most, float(kept.max()) / self.damping)
        return min(most, 1.0)
