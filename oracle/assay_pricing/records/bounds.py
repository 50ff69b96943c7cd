"""Bounds on the memory and the number of records of one file.

Sellers upload arbitrary files. A small compressed file must not fill the memory, and a large one must not delay the
evaluation of other offers.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from assay_pricing.errors import DataError
from assay_pricing.records.quoting import listed

MAX_EXPANDED_BYTES = 2**31
"""Memory that the columns of one file may take."""
MAX_RECORDS = 1_000_000
"""Records in one offer: some seconds of hashing, and 64 MB of hashes and tags, before the evaluation begins."""
TEXT_BYTES = 64
"""Memory that a Python string takes in addition to its characters."""


@dataclass(frozen=True)
class Bounds:
    """Limits on one file.

    Attributes:
        max_bytes: Memory that the file's columns may take, in bytes.
        max_records: Number of records that the file may have; None for any number.
    """

    max_bytes: int = MAX_EXPANDED_BYTES
    max_records: int | None = MAX_RECORDS

    def check_bytes(self, expanded: int) -> None:
        """Checks a size in memory.

        Raises:
            DataError: ``expanded`` is above ``max_bytes``.
        """
        if expanded > self.max_bytes:
            raise DataError(
                f"expected at most {self.max_bytes} bytes once expanded, got {expanded}: split the data into offers"
            )

    def check_records(self, count: int) -> None:
        """Checks a number of records.

        Raises:
            DataError: ``count`` is above ``max_records``, or less than one.
        """
        if count < 1:
            raise DataError("expected at least one record, got none")
        if self.max_records is not None and count > self.max_records:
            raise DataError(
                f"expected at most {self.max_records} records in one offer, got {count}: split them into offers"
            )


def check_distinct(names: Iterable[str]) -> None:
    """Checks that no two columns have the same name: two readers could take different columns.

    Raises:
        DataError: A name occurs more than once.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(f"expected distinct column names, got {listed(repeated)} more than once")
