"""Cells of a CSV file, which come in batches: a column keeps numbers where all of its cells are numbers, else text.

No batch is kept as it came: memory grows with the values alone. A column is read in the same way however it is divided.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import Column, Texts
from assay_pricing.records.formats.arrow import to_texts
from assay_pricing.records.quoting import quoted
from assay_pricing.records.spelling.numbers import MAX_EXACT
from assay_pricing.records.text import GAPS

_ANOTHER_READING = r"^\s*[+-]?0[xX0-9]"
"""Arrow casts 0x1F to an integer; it is text to ``numbers.number``, hence in an offer, and to pandas. Zeros in front
are part of a code, which an owner may want as text."""
_COMMA_NUMBER = r"^\s*[+-]?\d+,\d+\s*$"
_GROUP, _NO_GROUP = r"^\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*$", r"[^\d\s.+-]|\.\d{0,2}\s*$|\.\d{4}|0\.|\..*\."


@dataclass(frozen=True)
class Look:
    """What is among the cells of a column.

    Attributes:
        gap: A word for a missing value.
        another: A number that another reader takes for text.
        point: A point.
    """

    gap: bool
    another: bool
    point: bool

    @classmethod
    def at(cls, columns: Sequence[Any]) -> list["Look"]:
        """Looks at columns of one length together: each look takes longer to begin than for a hundred cells."""
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = pa.concat_arrays(columns)
        found = (
            pc.is_in(pc.ascii_lower(pc.ascii_trim_whitespace(cells)), value_set=_gap_words()),
            pc.match_substring_regex(cells, _ANOTHER_READING),
            pc.match_substring(cells, "."),
        )
        shape = len(columns), len(cells) // len(columns)
        by_column = [each.fill_null(False).to_numpy(zero_copy_only=False).reshape(shape).any(1) for each in found]
        return [cls(*map(bool, column)) for column in zip(*by_column, strict=True)]


class NumberCells:
    """A column that holds numbers as far as is known.

    Attributes:
        words: The words that were taken for missing values, and how often each occurred.
        are_numbers: Whether every cell so far is a number or missing.
    """

    def __init__(self, *, comma: bool) -> None:
        """``comma``: whether a comma may be the decimal mark."""
        self.words: Counter[str] = Counter()
        self.are_numbers = True
        self._comma = comma
        self._values, self._whole = bytearray(), True
        self._pointed = self._marked = self._any = False

    def add(self, cells: Any, look: Look) -> None:
        """Adds an array of text, of which ``look`` tells what is among it."""
        values = self._numbers(cells, look) if self.are_numbers else None
        if values is not None and self._whole and values.dtype.kind == "f":
            values = values if self._widen() else None
        elif values is not None and not self._whole and values.dtype.kind == "i":
            values = values.astype(np.float64) if _are_exact(values) else None
        if values is None:
            self.are_numbers, self._values = False, bytearray()
        else:
            self._values += values.tobytes()

    def _widen(self) -> bool:
        """Makes doubles of the integers so far, in place; False if doubles cannot hold them."""
        whole = np.frombuffer(self._values, np.int64)
        if not _are_exact(whole):
            return False
        whole.view(np.float64)[:] = whole
        self._whole = False
        return True

    def _numbers(self, cells: Any, look: Look) -> npt.NDArray[Any] | None:
        """Integers, or doubles with NaN for a missing one; None if some cell is neither."""
        import pyarrow as pa
        import pyarrow.compute as pc

        known = cells
        if look.gap:
            gap = pc.is_in(pc.ascii_lower(pc.ascii_trim_whitespace(cells)), value_set=_gap_words())
            known = pc.if_else(gap, pa.scalar(None, pa.string()), cells)
            self._count(cells.filter(pc.and_(gap, pc.not_equal(cells, ""))))
            (look,) = Look.at([known])
        if known.null_count == len(known):
            return np.full(len(known), np.nan)
        self._any = True
        if look.another:
            return None
        self._pointed |= look.point
        if (
            not look.point and not known.null_count
        ):  # no integer has a point: an error takes longer than the search for it
            try:
                return np.asarray(known.cast(pa.int64()).to_numpy(zero_copy_only=False))
            except pa.ArrowInvalid:
                pass
        if self._comma and not look.point and pc.any(pc.match_substring(known, ",")).as_py():
            self._marked = True
            known = pc.replace_substring(known, ",", ".")
        if self._pointed and self._marked:  # in one column there is one decimal mark
            return None
        try:
            values = np.asarray(known.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
        except pa.ArrowInvalid:
            return None
        exact = (np.abs(values) < MAX_EXACT) | np.asarray(known.is_null())
        return values if exact.all() else None

    def _count(self, words: Any) -> None:
        import pyarrow.compute as pc

        for found in pc.value_counts(words):
            self.words[str(found["values"])] += int(found["counts"].as_py())

    def column(self) -> Column | None:
        """Integers where none is missing, else doubles; None if a cell is no number, or no cell has a value."""
        if not (self.are_numbers and self._any):
            return None
        return np.frombuffer(self._values, np.int64 if self._whole else np.float64)


class TextCells:
    """A column of text: distinct values of each batch, and a code for each cell."""

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self.nbytes = 0

    def add(self, cells: Any) -> None:
        """Adds an array of text."""
        part = cells.dictionary_encode()
        self._parts.append(part)
        self.nbytes += part.nbytes

    def column(self, bounds: Bounds) -> tuple[Texts, int]:
        """See ``arrow.to_texts``. The parts are given up."""
        import pyarrow as pa

        parts, self._parts = self._parts, []
        return to_texts(pa.chunked_array(parts, pa.dictionary(pa.int32(), pa.string())), bounds)


class Points:
    """Which columns of a file with decimal commas have points that may stand between groups of digits."""

    def __init__(self, names: list[str]) -> None:
        self._grouped, self._commas = dict.fromkeys(names, True), False
        self._groups = dict.fromkeys(names, False)

    def add(self, name: str, cells: Any) -> None:
        """Looks at an array of text of a column."""
        self._commas = self._commas or _has(cells, _COMMA_NUMBER)
        if self._grouped[name]:
            self._grouped[name] = not _has(cells, _NO_GROUP)
            self._groups[name] |= _has(cells, _GROUP)

    def notes(self) -> tuple[str, ...]:
        """A sentence on each of them."""
        return tuple(
            f"column {quoted(name)} has numbers such as 1.234 in a file with decimal commas: the point is read as a "
            "decimal point. Write thousands without a mark."
            for name, grouped in self._grouped.items()
            if self._commas and grouped and self._groups[name]
        )


def _are_exact(whole: npt.NDArray[Any]) -> bool:
    return bool(((whole < MAX_EXACT) & (whole > -MAX_EXACT)).all())


def _has(cells: Any, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(cells, pattern)).as_py())


@cache
def _gap_words() -> Any:
    import pyarrow as pa

    return pa.array(sorted(GAPS))
