"""From the bytes of a Parquet, NPZ or CSV file to records, with bounds on what a small file may expand to.

An NPZ file has ``x`` of shape (n, d) or, for images, (n, height, width), and ``y`` of shape (n,); or one array per
column. Nothing in a file is ever executed: no pickle, no object arrays.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.columns import Column, expect_columns, expect_width
from assay_pricing.records.formats.arrow import read_csv, read_parquet
from assay_pricing.records.formats.npz import read_npz
from assay_pricing.records.limits import (
    MAX_EXPANDED_BYTES,
    MAX_RECORDS,
    bound_records,
    by_number,
    first_line,
    listed,
    quoted,
)
from assay_pricing.records.records import Float32, Float64, Records

_MAX_CLASSES_FROM_INTEGERS = 50
_MAX_MARKS = 30
"""Combining marks in a row, as in Unicode's stream-safe text: ordering more takes time quadratic in their number."""
_FORMATS = "expected a Parquet, NPZ or CSV file"


@dataclass(frozen=True, eq=False)
class Table:
    """Columns as a file has them, before a schema gives them meaning.

    Attributes:
        columns: By name, all of one length.
        positional: The file names no columns (a matrix): features are matched by place.
        label: Name of the label column, for a file that says so by itself.
    """

    columns: dict[str, Column]
    positional: bool = False
    label: str | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def parse_records(
    source: BinaryIO, schema: Schema, *, max_bytes: int = MAX_EXPANDED_BYTES, max_records: int = MAX_RECORDS
) -> Records:
    """Reads a file of records.

    Args:
        source: A seekable binary stream of Parquet, NPZ or CSV; the format is found by its first bytes.
        schema: What the records must look like.
        max_bytes: What the file's columns may take in memory.
        max_records: How many records the file may have.

    Raises:
        DataError: Anything about the file is not as the schema says; the message names the columns and rows.
    """
    return to_records(parse_table(source, max_bytes=max_bytes, max_records=max_records, schema=schema), schema)


def parse_table(
    source: BinaryIO,
    *,
    max_bytes: int = MAX_EXPANDED_BYTES,
    max_records: int | None = None,
    schema: Schema | None = None,
) -> Table:
    """Reads a file's columns; with a ``schema``, others are refused before they are read, and CSV is typed by it.

    Raises:
        DataError: The file is empty, of no known format, damaged, larger than ``max_bytes`` once expanded, has more
            than ``max_records`` records, or two columns of one name.
    """
    magic = source.read(4)
    source.seek(0)
    if not magic:
        raise DataError(f"{_FORMATS}, got an empty file")
    try:
        if magic == b"PAR1":
            table = Table(read_parquet(source, max_bytes, max_records, schema))
        elif magic[:2] == b"PK":
            columns, label = read_npz(source, max_bytes, max_records, schema)
            table = Table(columns, positional=label is not None, label=label)
        else:
            table = Table(read_csv(source, max_bytes, max_records, schema))
    except DataError:
        raise
    except Exception as error:  # the parsers of three formats, on a stranger's bytes: whatever they raise, it is these
        raise DataError(f"{_FORMATS}, got one that cannot be read: {first_line(error)}") from None
    lengths = {len(column) for column in table.columns.values()} or {0}
    if len(lengths) > 1:
        raise DataError(f"expected columns of one length, got {min(lengths)} to {max(lengths)} values")
    bound_records(lengths.pop(), max_records)
    return table


def to_records(table: Table, schema: Schema) -> Records:
    """Gives a table's columns the meaning that ``schema`` says.

    Raises:
        DataError: Missing or extra columns, a non-finite or non-numeric value, an unknown class.
    """
    names = [feature.name for feature in schema.features]
    label = table.label or schema.label
    if table.positional:
        given = [name for name in table.columns if name != label]
        expect_width(len(given), schema)
    else:
        given = names
        expect_columns(table.columns, schema)
    features = [table.columns[name] for name in given]
    x: Float32 = np.empty((len(table), len(names)), dtype=np.float32)
    unseen: dict[int, tuple[str, ...]] = {}
    for j, (feature, column) in enumerate(zip(schema.features, features, strict=True)):
        if feature.kind == "numeric":
            x[:, j] = _single(_numbers(column, feature.name), feature.name)
            continue
        codes, strange = _codes(column, feature.categories)
        x[:, j] = codes
        if strange:
            unseen[j] = strange
    labels = table.columns[label]
    if schema.task == "regression":
        return Records(schema, x, _single(_numbers(labels, label), label).astype(np.float64), unseen)
    codes, strange = _codes(labels, schema.classes)
    if strange:
        raise DataError(
            f"expected labels among {listed(schema.classes)}, got {listed(strange)} in column {quoted(label)}"
        )
    return Records(schema, x, codes, unseen)


def infer_schema(
    tables: Sequence[Table],
    label: str,
    *,
    task: Literal["classification", "regression"] | None = None,
    classes: Iterable[str] = (),
) -> Schema:
    """Works out a schema from an owner's tables, which must have the same columns.

    Text columns are categorical. Labels are classes where they are text, or at most 50 distinct integers.

    Args:
        tables: The owner's data and, where it is apart, the validation data: classes are taken from all of them.
        label: Name of the label column.
        task: What the labels are, where the rule above guesses wrong.
        classes: Classes that the model knows and that may be in none of the tables.

    Raises:
        DataError: There is no such column, a feature has its name, or a classification has fewer than two classes.
    """
    first = tables[0]
    own_label = first.label or label
    for table in tables:
        if (table.label or label) not in table.columns:
            raise DataError(f"expected a label column {quoted(label)}, got columns {listed(table.columns)}")
        if set(table.columns) != set(first.columns):
            differing = set(table.columns) ^ set(first.columns)
            raise DataError(
                f"expected the same columns in the owner's and the validation data, {listed(differing)} differ"
            )
    features = []
    for name, column in first.columns.items():
        if name == own_label:
            continue
        if column.dtype == object:
            values = {text for table in tables for text in _texts(table.columns[name])[0]}
            features.append(Feature(name=name, kind="categorical", categories=tuple(sorted(values))))
        else:
            features.append(Feature(name=name))
    if label in (feature.name for feature in features):
        raise DataError(f"expected a name for the label that no feature has, got {quoted(label)}")
    if not features:
        raise DataError("expected at least one feature beside the label, got none")
    labels = [table.columns[table.label or label] for table in tables]
    if task is None:
        task = "classification" if all(_looks_like_classes(column) for column in labels) else "regression"
    if task == "regression":
        return Schema(task=task, features=tuple(features), label=label)
    found = {text for column in labels for text in _texts(column)[0]} | {canonical_text(name) for name in classes}
    if len(found) < 2:
        raise DataError(f"expected at least two classes, got {listed(found)}; name the others if the data lacks them")
    return Schema(task=task, features=tuple(features), label=label, classes=tuple(sorted(found, key=by_number)))


def _numbers(column: Column, name: str) -> Float64:
    if column.dtype != object:
        return column
    if set(column.tolist()) <= {"True", "False"}:
        return np.asarray(column == "True", dtype=np.float64)
    try:
        return column.astype(np.float64)
    except ValueError as error:
        raise DataError(f"expected numbers in column {quoted(name)}: {first_line(error)}") from None


def _single(column: Float64, name: str) -> Float32:
    with np.errstate(over="ignore"):
        single = column.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(single))
    if len(bad):
        raise DataError(f"expected finite numbers, got {column[bad[0]]} in column {quoted(name)}, row {bad[0]}")
    return single


def _texts(column: Column) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Distinct values as canonical text, and for each row the index of its own."""
    if column.dtype != object:
        numbers, inverse = np.unique(column, return_inverse=True)
        return [canonical_text(value) for value in numbers.tolist()], inverse.reshape(-1)
    texts: list[str] = column.tolist()
    values = sorted(set(texts))
    place = {value: i for i, value in enumerate(values)}
    inverse = np.fromiter(map(place.__getitem__, texts), dtype=np.int64, count=len(texts))
    return [canonical_text(value) for value in values], inverse


def canonical_text(value: object) -> str:
    """NFC text; a whole number without fraction, so that 3, 3.0 and "3" are one class.

    Raises:
        DataError: The text is no Unicode or takes too long to normalise; the number is not finite, or so large that
            other whole numbers look the same in double precision.
    """
    if isinstance(value, str):
        if value.isascii():
            return value
        if _stacked_marks().search(value):
            raise DataError(f"expected at most {_MAX_MARKS} combining marks in a row, got more in {quoted(value)}")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise DataError(f"expected Unicode text, got a lone surrogate in {quoted(value)}") from None
        return unicodedata.normalize("NFC", value)
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise DataError("expected finite labels and categories, got NaN or infinity")
    if abs(number) >= 2**53:
        raise DataError(f"expected labels and categories below 2^53, got {number:.17g}: write them as text")
    return str(int(number)) if number.is_integer() else repr(float(np.float32(number)))


@cache
def _stacked_marks() -> re.Pattern[str]:
    """More combining marks in a row than text has; every one that Unicode has is below U+20000."""
    marks = (chr(i) for i in range(0x300, 0x20000) if unicodedata.combining(unicodedata.normalize("NFD", chr(i))[0]))
    return re.compile(f"[{''.join(marks)}]{{{_MAX_MARKS + 1}}}")


def _codes(column: Column, known: Sequence[str]) -> tuple[Float64, tuple[str, ...]]:
    """Indices into ``known`` (n,); values that it does not have come after its end, in order, and are returned."""
    texts, inverse = _texts(column)
    index = {unicodedata.normalize("NFC", value): code for code, value in enumerate(known)}
    strange: dict[str, int] = {}
    codes = []
    for text in texts:
        code = index.get(text)
        if code is None:
            code = index.get(_as_number(text))
        if code is None:
            code = strange.setdefault(text, len(known) + len(strange))
        codes.append(code)
    return np.array(codes, dtype=np.float64)[inverse], tuple(strange)


def _as_number(text: str) -> str:
    try:
        return canonical_text(float(text))
    except (ValueError, DataError):
        return text


def _looks_like_classes(column: Column) -> bool:
    if column.dtype == object:
        return True
    return bool((column == np.round(column)).all()) and len(np.unique(column)) <= _MAX_CLASSES_FROM_INTEGERS
