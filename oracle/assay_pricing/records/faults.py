"""The faults of one file, collected and reported in one message."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from assay_pricing.errors import DataError
from assay_pricing.records.quoting import quoted

_LISTED = 5


@dataclass
class Faults:
    """What is wrong with the values of a file, one entry per column and kind of fault.

    Attributes:
        found: Sentences without a full stop, in the order of the columns.
        hints: What to do about them, each once.
    """

    found: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def add(self, column: str, expected: str, got: str, rows: npt.NDArray[np.bool_], hint: str = "") -> None:
        """Notes a fault of a column.

        Args:
            column: Its name.
            expected: What its values must be, as in ``finite numbers``.
            got: The first value at fault, as in ``inf``.
            rows: Which rows are at fault (n,); counted from 0 in messages.
            hint: What to do.
        """
        count = int(rows.sum())
        more = f" and in {count - 1} more of {len(rows)} rows" if count > 1 else ""
        self.found.append(f"expected {expected}, got {got} in column {quoted(column)}, row {int(rows.argmax())}{more}")
        if hint and hint not in self.hints:
            self.hints.append(hint)

    def check(self) -> None:
        """Reports the faults.

        Raises:
            DataError: There is one.
        """
        if self.found:
            more = len(self.found) - _LISTED
            listed = [*self.found[:_LISTED], *([f"and {more} more faults"] if more > 0 else [])]
            raise DataError("; ".join(listed), hint="; ".join(self.hints) or None)
