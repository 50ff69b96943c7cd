"""Which columns of an owner's file are no features: those that identify rows, and text that does not repeat.

A row number or a key says nothing about a record, and the same record has another one in every file. As a feature it
would make a copy of a record a new record.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.errors import UsageError
from assay.protocol.schema import Excluded
from assay_pricing.records.columns import Column, Texts, is_left_by_pandas, is_missing
from assay_pricing.records.quoting import listed
from assay_pricing.records.spelling.numbers import marks_of, number
from assay_pricing.records.spelling.times import form_of, moment

MIN_ROWS = 20
"""In fewer rows, distinct values say nothing."""
_NEARLY = 0.95
"""Share of distinct values from which a column that is named as a key, or text, identifies rows."""
_ONE_OFF = 0.5
"""Share of distinct values above which text is taken for text that does not repeat."""
_MIN_ONE_OFF = 50
_LONG = 40
"""Characters on average from which text is prose and not a key."""
_KEY = re.compile(r"(?:.*[\W_])?(?:id|ids|uuid|guid|key|pk|index|idx|rowid|rownum|row|nr|no)", re.IGNORECASE)
_CAMEL = re.compile(r".*[a-z](?:Id|ID|Key|Index|Uuid|UUID)")
_UNIX_SECONDS = (3e8, 4.2e9)
"""From 1979 to 2103."""
_UNIX_UNITS = (1, 1e3, 1e6, 1e9)


@dataclass(frozen=True)
class Choices:
    """What the owner says about columns by name: it overrules what is inferred.

    Attributes:
        ids: Columns that identify rows.
        dropped: Columns to leave out.
        features: Columns that are features in any case.
        categories: Columns to read as text; they are features, too.
        units: Units of numbers by column; the label may be among them.
    """

    ids: Collection[str] = ()
    dropped: Collection[str] = ()
    features: Collection[str] = ()
    categories: Collection[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)

    def names(self, column: str) -> bool:
        """Whether the owner says something about a column."""
        return any(column in names for names in (self.ids, self.dropped, self.features, self.categories))

    def excluded(self, column: str) -> Excluded | None:
        """What the owner says of a column that is to be no feature; None for every other."""
        if column in self.ids:
            return Excluded(name=column, role="id", reason="the owner names it as a key")
        if column in self.dropped:
            return Excluded(name=column, role="dropped", reason="the owner leaves it out")
        return None

    def check(self, columns: Collection[str]) -> None:
        """Checks the names.

        Raises:
            UsageError: A name is none of ``columns``, or a column is to be left out and to be a feature.
        """
        out, kept = {*self.ids, *self.dropped}, {*self.features, *self.categories}
        if unknown := (out | kept) - set(columns):
            raise UsageError(f"expected names of columns, got {listed(unknown)}; the columns are {listed(columns, 20)}")
        if both := out & kept:
            raise UsageError(f"expected a column to be a feature or none, got both for {listed(both)}")


def exclusion(name: str, columns: Sequence[Column], choices: Choices, *, in_index: bool) -> Excluded | None:
    """Why a column is no feature; None for a feature.

    Args:
        name: Of the column.
        columns: Its values, in each of the owner's tables.
        choices: What the owner says.
        in_index: pandas wrote the column as the index of a data frame.
    """
    if stated := choices.excluded(name):
        return stated
    if name in choices.features or name in choices.categories:
        return None
    if all(is_missing(column).all() for column in columns):
        return Excluded(name=name, role="dropped", reason="no row has a value in it")
    if in_index or is_left_by_pandas(name):
        return Excluded(name=name, role="id", reason="it is an index that pandas saved with the data")
    if sum(map(len, columns)) < MIN_ROWS:
        return None
    if all(isinstance(column, Texts) for column in columns):
        return _of_text(name, [column for column in columns if isinstance(column, Texts)])
    arrays = [column for column in columns if not isinstance(column, Texts) and column.dtype.kind in "iuf"]
    if len(arrays) < len(columns):
        return None
    arrays = [array[~is_missing(array)] for array in arrays]
    if not all(len(array) and (array == np.round(array)).all() for array in arrays):
        return None
    shares = [len(np.unique(array)) / len(array) for array in arrays]
    whole = all(array.dtype.kind in "iu" or _is_counter(array) for array in arrays)
    if min(shares) == 1 and whole and not _is_unix_time(arrays):
        return Excluded(name=name, role="id", reason="it has another whole number in every row")
    if min(shares) >= _NEARLY and _is_key(name):
        return Excluded(name=name, role="id", reason="it is named as a key and has another number in nearly every row")
    return None


def _of_text(name: str, columns: Sequence[Texts]) -> Excluded | None:
    """The same for a text column, whose values are not mostly numbers or times."""
    values = [text for column in columns for text in column.values]
    marks, form = marks_of(values), form_of(values)
    if sum(number(text, marks) is not None or moment(text, form) is not None for text in values) > _ONE_OFF * len(
        values
    ):
        return None
    known = [column.codes[column.codes >= 0] for column in columns]
    rows = sum(map(len, known))
    if rows < MIN_ROWS:
        return None
    shares = [len(np.unique(codes)) / max(len(codes), 1) for codes in known]
    distinct = max(len(column.values) for column in columns)
    if min(shares) >= _NEARLY and sum(map(len, values)) < _LONG * len(values):
        return Excluded(name=name, role="id", reason="it has another text in every row or nearly")
    if (min(shares) > _ONE_OFF and distinct > _MIN_ONE_OFF) or min(shares) >= _NEARLY:
        return Excluded(
            name=name, role="dropped", reason=f"it is text that does not repeat ({distinct} values), no category"
        )
    return None


def _is_key(name: str) -> bool:
    return _KEY.fullmatch(name) is not None or _CAMEL.fullmatch(name) is not None


def _is_counter(array: npt.NDArray[Any]) -> bool:
    """Whether distinct whole numbers lie as close as row numbers, which pandas turns into floats by a gap or a join."""
    return bool(array.max() - array.min() < 2 * len(array))


def _is_unix_time(arrays: Sequence[npt.NDArray[Any]]) -> bool:
    low, high = min(int(array.min()) for array in arrays), max(int(array.max()) for array in arrays)
    if high - low < 2 * max(map(len, arrays)) and high > _UNIX_SECONDS[1]:
        return False  # a counter
    return any(_UNIX_SECONDS[0] * unit <= low and high <= _UNIX_SECONDS[1] * unit for unit in _UNIX_UNITS)
