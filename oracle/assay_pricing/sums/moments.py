"""The sums of an offer: S, of the products of its features, and T, of features and labels, exactly."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from assay_pricing.records.records import Records
from assay_pricing.sums.features import Features
from assay_pricing.sums.inputs import Integers

ROWS = 1024
"""Rows whose sums of products of two features single precision holds: 1024 * 127^2 < 2^24."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over n records; they do not depend on the order of the records, or on how these are divided into parts.

    Attributes:
        second: S, sum of ``phi phi^T``, (d, d).
        first: T, sum of ``phi y^T``, (d, k).
        n: Number of records.
    """

    second: Integers
    first: Integers
    n: int

    @classmethod
    def nothing(cls, features: Features) -> "Moments":
        """Those of no record."""
        d, k = features.width, features.inputs.outputs
        return cls(np.zeros((d, d), dtype=np.int64), np.zeros((d, k), dtype=np.int64), 0)

    @classmethod
    def of(cls, features: Features, parts: Iterable[Records]) -> "Moments":
        """Those of records, which come in parts of any size.

        Raises:
            DataError: The records have other columns.
        """
        found = cls.nothing(features)
        for part in parts:
            for start in range(0, part.n, ROWS):
                found = found + cls._of_rows(features, part.take(np.arange(start, min(start + ROWS, part.n))))
        return found

    @classmethod
    def _of_rows(cls, features: Features, records: Records) -> "Moments":
        codes, labels = features.inputs.of(records)
        phi = features.of(codes)
        single = phi.astype(np.float32)
        first = phi.T.astype(np.float64) @ labels.astype(np.float64)
        return cls((single.T @ single).astype(np.int64), first.astype(np.int64), records.n)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.second + other.second, self.first + other.first, self.n + other.n)
