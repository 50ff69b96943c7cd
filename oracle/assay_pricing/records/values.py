"""From the columns of a file to values of a kind: one set of rules, whether the kind was inferred or is the schema's.

Every function notes what it cannot read in ``Faults`` and returns as many values as the column has rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay_pricing.records.columns import Column, RawTable, Texts, is_missing
from assay_pricing.records.faults import Faults
from assay_pricing.records.inputs import MICROSECONDS
from assay_pricing.records.quoting import quoted
from assay_pricing.records.records import Float64
from assay_pricing.records.spelling.numbers import MAX_EXACT, SINGLE_EXACT, marks_of, number
from assay_pricing.records.spelling.times import Form, are_dates, form_of, moment
from assay_pricing.records.text import Levels, boolean, canonical_text, is_gap, one_spelling

NUMBERS_HINT = (
    "write numbers with a point and without other signs, leave the cell of a missing value empty, or read the "
    "column as text (assay-oracle fit --categorical COLUMN)"
)
_POWERS = 10.0 ** np.arange(23)
"""Powers of ten that doubles hold exactly."""
_AT_ONCE = 8192
"""Numbers that stay in a core's cache."""
TIMES_HINT = "write times as in ISO 8601 (2026-01-31, 2026-01-31T08:30:00Z)"
_WHOLE_HINT = (
    "write keys as text and times as in ISO 8601 (2026-01-31T08:30:00Z), or leave the column out (assay-oracle fit "
    "--drop COLUMN)"
)
_FRACTION_HINT = "the model takes whole numbers in this column: correct these values, or leave the rows out"


@dataclass(frozen=True)
class Reader:
    """Reads the columns of one table.

    Attributes:
        table: Holds the columns.
        faults: Where unreadable values are noted.
    """

    table: RawTable
    faults: Faults

    def numbers(self, name: str, *, single: bool = False, whole: bool = False) -> Float64:
        """Values of a numeric column, NaN for a missing one, (n,).

        Args:
            name: Of the column.
            single: The model sees the column in single precision: values are rounded to it. Otherwise a number that
                the file holds in less than double precision becomes the double of its shortest decimal form, as in a
                CSV file of it.
            whole: Numbers with a fraction are faults.
        """
        column = self.table.columns[name]
        if isinstance(column, Texts):
            values = self._spelled(name, column, "numbers", self._number_reader(column), NUMBERS_HINT)
        else:
            values = self._stored_numbers(name, column, single=single)
        if single:
            with np.errstate(over="ignore"):
                values = values.astype(np.float32).astype(np.float64)
        wrong = np.isinf(values)
        if wrong.any():
            self.faults.add(name, "finite numbers", _shown(column, wrong), wrong)
        if whole and (wrong := np.isfinite(values) & (values != np.round(values))).any():
            self.faults.add(name, "whole numbers", _shown(column, wrong), wrong, _FRACTION_HINT)
        return values

    def booleans(self, name: str) -> Float64:
        """Values of a boolean column: 1, 0, or NaN for a missing one, (n,)."""
        column = self.table.columns[name]
        if isinstance(column, Texts):
            values = self._spelled(name, column, "true or false", _truth, "write true or false, or 1 or 0")
        else:
            values = np.asarray(column, dtype=np.float64)
            wrong = ~(np.isnan(values) | (values == 0) | (values == 1))
            if wrong.any():
                self.faults.add(name, "true or false", _shown(column, wrong), wrong)
        return values

    def times(self, name: str, declared: Form = "unproven") -> Float64:
        """Values of a column of times, in seconds since 1970-01-01 UTC, NaN for a missing one, (n,).

        Numbers are seconds, but for those that look like dates: 20260131 would be a day of August 1970.

        Args:
            name: Of the column.
            declared: The order of day and month in dates that prove none.
        """
        column = self.table.columns[name]
        if isinstance(column, Texts):
            form = form_of(column.values, declared)
            return self._spelled(name, column, "times", lambda text: _seconds(text, form), TIMES_HINT)
        values = self._stored_numbers(name, column, single=False)
        if column.dtype.kind != "M" and (wrong := are_dates(values)).any():
            self.faults.add(name, "times", _shown(column, wrong), wrong, TIMES_HINT)
        return values

    def levels(self, name: str, known: Sequence[str]) -> tuple[Float64, tuple[str, ...]]:
        """Codes of a column of categories or labels (n,), and the values that are not known.

        A code is an index into ``known``, or for another value past its end, whatever spelling of a number or a boolean
        the file has. A missing value is the empty text.
        """
        texts, rows = as_text(self.table.columns[name])
        index, codes = Levels(known), []
        unknown: dict[str, int] = {}
        for text in texts:
            code = index.find(text)
            codes.append(unknown.setdefault(one_spelling(text), len(known) + len(unknown)) if code is None else code)
        return np.array(codes, dtype=np.float64)[rows], tuple(unknown)

    def is_gap(self, name: str) -> npt.NDArray[np.bool_]:
        """Which rows of a column have no value, or a word for a missing one, (n,)."""
        column = self.table.columns[name]
        if not isinstance(column, Texts):
            return is_missing(column)
        return np.array([*map(is_gap, column.values), True])[column.codes]

    def _spelled(
        self, name: str, column: Texts, expected: str, read: Callable[[str], float | None], hint: str
    ) -> Float64:
        """Values that a text column spells."""
        spelled = [np.nan if is_gap(text) else read(text) for text in column.values]
        wrong = np.array([value is None for value in spelled] + [False])[column.codes]
        if wrong.any():
            self.faults.add(name, expected, _shown(column, wrong), wrong, hint)
        return np.array([*(np.nan if value is None else value for value in spelled), np.nan])[column.codes]

    def _number_reader(self, column: Texts) -> Callable[[str], float | None]:
        """Reads the numbers of a text column with the marks that it has."""
        marks = marks_of([text for text in column.values if not is_gap(text)], decimal_comma=self.table.decimal_comma)

        def read(text: str) -> float | None:
            found = number(text, marks)
            word = text.strip().lower()
            return float(word == "true") if found is None and word in ("true", "false") else found

        return read

    def _stored_numbers(self, name: str, column: npt.NDArray[Any], *, single: bool) -> Float64:
        if column.dtype.kind == "M":
            return np.where(np.isnat(column), np.nan, column.astype(np.int64) / MICROSECONDS)
        if column.dtype.kind in "iu":
            wrong = (column >= MAX_EXACT) | (column <= -MAX_EXACT)
            if wrong.any():
                self.faults.add(name, "whole numbers below 2^53", _shown(column, wrong), wrong, _WHOLE_HINT)
        if column.dtype.kind == "f" and column.dtype.itemsize < 8 and not single:
            return shortest(column)
        if column.dtype == np.float64:
            return column.copy()
        with np.errstate(over="ignore"):  # a long double may overflow to infinity
            return column.astype(np.float64)


def as_text(column: Column) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Distinct values as canonical text, and for each row the index of its value; a missing one is the empty text."""
    missing = is_missing(column)
    gap = [""] * bool(missing.any())
    if isinstance(column, Texts):
        return [*(canonical_text(value) for value in column.values), *gap], column.codes  # code -1 is the last value
    if column.dtype.kind == "f" and column.dtype.itemsize < 8:
        column = shortest(column)
    values, rows = np.unique(column[~missing], return_inverse=True)
    codes = np.full(len(column), len(values))
    codes[~missing] = rows.reshape(-1)
    texts = np.datetime_as_string(values) if values.dtype.kind == "M" else values
    return [*(canonical_text(value) for value in texts.tolist()), *gap], codes


def shortest(column: npt.NDArray[Any]) -> Float64:
    """Doubles of the shortest decimals that are the given numbers in single or half precision (n,)."""
    if column.dtype.itemsize < 4:
        given, rows = np.unique(column, return_inverse=True)
        return _by_text(given)[rows]
    values = column.astype(np.float64)
    for start in range(0, len(values), _AT_ONCE):
        _shorten(values[start : start + _AT_ONCE], column[start : start + _AT_ONCE])
    return values


def _shorten(values: Float64, column: npt.NDArray[Any]) -> None:
    """Writes over values (n,), those of the column, in place: digit by digit where the decimals are not found yet."""
    left = np.flatnonzero(np.isfinite(values) & ((values != np.round(values)) | (np.abs(values) >= SINGLE_EXACT)))
    exact, given = values[left], column[left]
    places = -np.floor(np.log10(np.abs(exact))).astype(np.int64)
    for digits in range(1, 10):
        shift = places + digits - 1
        scale = _POWERS[np.minimum(np.abs(shift), len(_POWERS) - 1)]
        with np.errstate(over="ignore"):
            rounded = np.where(shift < 0, np.rint(exact / scale) * scale, np.rint(exact * scale) / scale)
            found = rounded.astype(column.dtype) == given
        found &= (places > -len(_POWERS)) & (shift < len(_POWERS))
        values[left[found]] = rounded[found]
        left, exact, given, places = (part[~found] for part in (left, exact, given, places))
        if not len(left):
            return
    values[left] = _by_text(given)  # beyond those powers


def _by_text(column: npt.NDArray[Any]) -> Float64:
    return np.array([float(str(value)) for value in column], dtype=np.float64)


def _truth(text: str) -> float | None:
    found = boolean(text)
    return None if found is None else float(found)


def _seconds(text: str, form: Form) -> float | None:
    micros = moment(text, form)
    if micros is not None:
        return float(micros) / MICROSECONDS  # as of an array of stored times
    seconds = number(text)
    return None if seconds is None or are_dates(seconds) else seconds


def _shown(column: Column, rows: npt.NDArray[np.bool_]) -> str:
    """The first of the values at ``rows``, as messages quote it."""
    row = int(rows.argmax())
    return quoted(column.values[column.codes[row]]) if isinstance(column, Texts) else str(column[row])
