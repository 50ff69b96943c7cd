"""The columns of a file before a schema gives them meaning, and whether they are the columns that a schema names."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Schema, normal_form_hint
from assay_pricing.errors import DataError
from assay_pricing.records.pictures import Pictures
from assay_pricing.records.quoting import listed, quoted
from assay_pricing.records.records import Int64

_LISTED = 5
_UNREADABLE_HINT = "leave the column out (assay-oracle fit --drop COLUMN), or store numbers, text or times in it"
_LEFT_BY_PANDAS = re.compile(r"|Unnamed: \d+(_level_\d+)?|__index_level_\d+__|level_\d+")


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of text.

    Attributes:
        codes: For each row the index of its value, -1 where it has none, (n,).
        values: The distinct values.
    """

    codes: Int64
    values: tuple[str, ...]

    @classmethod
    def of(cls, items: Iterable[str | None]) -> "Texts":
        """The column of these values; None and the empty text are missing."""
        places: dict[str, int] = {}
        codes = [places.setdefault(item, len(places)) if item else -1 for item in items]
        return cls(np.array(codes, dtype=np.int64), tuple(places))

    def __len__(self) -> int:
        return len(self.codes)


Column = npt.NDArray[Any] | Texts
"""Booleans, integers, floats with NaN for a missing one, times as ``datetime64[us]`` in UTC, or text; shape (n,)."""


@dataclass(frozen=True, eq=False)
class RawTable:
    """The columns of a file as they are stored.

    Attributes:
        columns: By name, all of one length n.
        positional: The file has a matrix of features without names: features are matched by position.
        label: Name of the label column, where the file itself tells labels from features.
        shape: Of one record's features, where the file has them as one array: () for columns.
        typed: The file says which columns are text. A CSV file does not: its text may spell numbers, booleans or times.
        stored: ``Feature.stored`` of columns whose array does not say it.
        gap: What pandas puts in place of a missing text when it reads such a file.
        index: Columns that pandas wrote as the index of the data frame.
        decimal_comma: Numbers in text have a comma before their fraction.
        ignored: Columns that are there and are not read, because the schema has no such feature.
        unreadable: Columns that hold neither numbers, text nor times, with what they hold: an owner may leave them out.
        words: By column of numbers, the words that the reader took for missing values, and how often each occurs.
        notes: Sentences on how the file was read, where it could be read otherwise.
        pictures: Columns of pictures by name, as long as the others.
    """

    columns: dict[str, Column]
    positional: bool = False
    label: str | None = None
    shape: tuple[int, ...] = ()
    typed: bool = True
    stored: dict[str, str] = field(default_factory=dict)
    gap: Literal["nan", "none"] = "none"
    index: frozenset[str] = frozenset()
    decimal_comma: bool = False
    ignored: tuple[str, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    words: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pictures: dict[str, Pictures] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def is_left_by_pandas(name: str) -> bool:
    """Whether pandas gives this name to an index that is saved with the data, or to a column without a name."""
    return _LEFT_BY_PANDAS.fullmatch(name) is not None


def is_missing(column: Column) -> npt.NDArray[np.bool_]:
    """Which rows have no value (n,)."""
    if isinstance(column, Texts):
        return np.asarray(column.codes < 0)
    return (
        np.isnat(column)
        if column.dtype.kind == "M"
        else np.isnan(column)
        if column.dtype.kind == "f"
        else (np.zeros(len(column), dtype=np.bool_))
    )


def check_readable(columns: Mapping[str, str]) -> None:
    """Checks that no column holds values of another kind, such as lists.

    Args:
        columns: By name, what the columns hold that are neither numbers, text nor times.

    Raises:
        DataError: There is one.
    """
    if columns:
        faults = [f"expected numbers, text or times, got {kind} in column {quoted(n)}" for n, kind in columns.items()]
        raise DataError("; ".join(faults[:_LISTED]), hint=_UNREADABLE_HINT)


def check_columns(columns: Collection[str], schema: Schema, index: Collection[str] = ()) -> None:
    """Checks that the columns are the label and the features of ``schema``, in any order.

    Columns that the schema excludes may be there or not, and so may the index of a data frame.

    Args:
        columns: Names.
        schema: Of the model.
        index: Names of columns that pandas wrote as an index.

    Raises:
        DataError: Some are missing, or there are others.
    """
    given, names = set(columns), {feature.name for feature in schema.features}
    if schema.label not in given:
        raise DataError(
            f"expected a label column {quoted(schema.label)}, got columns {listed(columns)}",
            hint=normal_form_hint([schema.label], given) or None,
        )
    allowed = {column.name for column in schema.excluded} | set(index) | {n for n in given if is_left_by_pandas(n)}
    missing, extra = names - given, given - names - allowed - {schema.label}
    if missing or extra:
        found = [f"missing {listed(missing)}"] * bool(missing) + [f"extra {listed(extra)}"] * bool(extra)
        twins = normal_form_hint(sorted(missing), given)
        hints = [twins or "add the missing columns under these names"] * bool(missing)
        hints += ["leave the extra columns out of the file: they are not priced, and the buyer would get them"] * bool(
            extra and not twins
        )
        raise DataError(
            f"expected the {len(names)} features of the model, got {'; '.join(found)}", hint="; ".join(hints)
        )


def used(names: Collection[str], schema: Schema | None) -> list[str]:
    """Those of the columns that are read: all of them, or the features and the label of a schema."""
    wanted = None if schema is None else {*(feature.name for feature in schema.features), schema.label}
    return [name for name in names if wanted is None or name in wanted]


def check_width(features: int, schema: Schema) -> None:
    """Checks the number of features of a file without column names.

    Raises:
        DataError: It is not the number that ``schema`` has.
    """
    if features != len(schema.features):
        raise DataError(f"expected {len(schema.features)} features in each record, got {features}")
