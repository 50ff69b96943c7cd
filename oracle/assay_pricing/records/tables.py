"""Files to records: detect the format, read the columns, check them against a schema, or infer one."""

from collections.abc import Iterable, Sequence
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records import formats
from assay_pricing.records.bounds import MAX_EXPANDED_BYTES, MAX_RECORDS, Bounds
from assay_pricing.records.columns import Column, RawTable, check_columns, check_width
from assay_pricing.records.quoting import by_number, first_line, listed, quoted
from assay_pricing.records.records import Float32, Float64, Records
from assay_pricing.records.text import canonical_number, canonical_text, nfc

_MAX_CLASSES_FROM_INTEGERS = 50


def parse_records(
    source: BinaryIO, schema: Schema, *, max_bytes: int = MAX_EXPANDED_BYTES, max_records: int = MAX_RECORDS
) -> Records:
    """Reads a file of records.

    Args:
        source: A seekable binary stream in one of ``formats.registered()``, detected by its first bytes.
        schema: Schema that the records must have.
        max_bytes: Memory that the file's columns may take.
        max_records: Number of records that the file may have.

    Raises:
        DataError: The file does not match the schema; the message names columns and rows.
    """
    return to_records(parse_table(source, max_bytes=max_bytes, max_records=max_records, schema=schema), schema)


def parse_table(
    source: BinaryIO,
    *,
    max_bytes: int = MAX_EXPANDED_BYTES,
    max_records: int | None = None,
    schema: Schema | None = None,
) -> RawTable:
    """Reads the columns of a file. A ``schema`` refuses other columns before they are read, and gives CSV its types.

    Raises:
        DataError: The file is empty, of no known format, damaged, larger than ``max_bytes`` once expanded, has more
            than ``max_records`` records, or two columns of one name.
    """
    start = source.read(formats.magic_length())
    source.seek(0)
    if not start:
        raise DataError(f"expected a {formats.listing()} file, got an empty file")
    bounds = Bounds(max_bytes, max_records)
    try:
        table = formats.detect(start).read(source, bounds, schema)
    except DataError:
        raise
    except Exception as error:  # a parser may raise anything on a malformed file: report it as unreadable
        raise DataError(f"expected a {formats.listing()} file, got an unreadable one: {first_line(error)}") from None
    lengths = {len(column) for column in table.columns.values()} or {0}
    if len(lengths) > 1:
        raise DataError(f"expected columns of one length, got {min(lengths)} to {max(lengths)} values")
    bounds.check_records(lengths.pop())
    return table


def to_records(table: RawTable, schema: Schema) -> Records:
    """Turns the columns of a table into records of ``schema``.

    Raises:
        DataError: Missing or extra columns, a non-finite or non-numeric value, an unknown class.
    """
    names = [feature.name for feature in schema.features]
    label = table.label or schema.label
    if table.positional:
        given = [name for name in table.columns if name != label]
        check_width(len(given), schema)
    else:
        given = names
        check_columns(table.columns, schema)
    features = [table.columns[name] for name in given]
    x: Float32 = np.empty((len(table), len(names)), dtype=np.float32)
    unseen: dict[int, tuple[str, ...]] = {}
    for j, (feature, column) in enumerate(zip(schema.features, features, strict=True)):
        if feature.kind == "numeric":
            x[:, j] = _single(_numbers(column, feature.name), feature.name)
            continue
        codes, unknown = _codes(column, feature.categories)
        x[:, j] = codes
        if unknown:
            unseen[j] = unknown
    labels = table.columns[label]
    if schema.task == "regression":
        return Records(schema, x, _single(_numbers(labels, label), label).astype(np.float64), unseen)
    codes, unknown = _codes(labels, schema.classes)
    if unknown:
        raise DataError(
            f"expected labels among {listed(schema.classes)}, got {listed(unknown)} in column {quoted(label)}"
        )
    return Records(schema, x, codes, unseen)


def infer_schema(
    tables: Sequence[RawTable],
    label: str,
    *,
    task: Literal["classification", "regression"] | None = None,
    classes: Iterable[str] = (),
) -> Schema:
    """Infers a schema from an owner's tables, which must have the same columns.

    Text columns are categorical. Labels are classes if they are text, or at most 50 distinct integers.

    Args:
        tables: The owner's data and, if it is separate, the validation data: classes come from all of them.
        label: Name of the label column.
        task: Overrides the rule above.
        classes: Classes of the model that may occur in no table.

    Raises:
        DataError: There is no such column, a feature has the label's name, there is no feature, or a classification has
            fewer than two classes.
    """
    _check_same_columns(tables, label)
    features = _features(tables, label)
    labels = [table.columns[table.label or label] for table in tables]
    if task is None:
        task = "classification" if all(_looks_like_classes(column) for column in labels) else "regression"
    if task == "regression":
        return Schema(task=task, features=features, label=label)
    found = {text for column in labels for text in _texts(column)[0]} | {canonical_text(name) for name in classes}
    if len(found) < 2:
        raise DataError(
            f"expected at least two classes, got {listed(found)}",
            hint="name the classes that the data lacks (assay-oracle fit --class)",
        )
    return Schema(task=task, features=features, label=label, classes=tuple(sorted(found, key=by_number)))


def _check_same_columns(tables: Sequence[RawTable], label: str) -> None:
    for table in tables:
        if (table.label or label) not in table.columns:
            raise DataError(
                f"expected a label column {quoted(label)}, got columns {listed(table.columns)}",
                hint="name the column that holds the labels (assay-oracle fit --label)",
            )
        differing = set(table.columns) ^ set(tables[0].columns)
        if differing:
            raise DataError(
                f"expected the same columns in the owner's and the validation data, {listed(differing)} differ"
            )


def _features(tables: Sequence[RawTable], label: str) -> tuple[Feature, ...]:
    features = []
    for name, column in tables[0].columns.items():
        if name == (tables[0].label or label):
            continue
        if column.dtype == object:
            values = {text for table in tables for text in _texts(table.columns[name])[0]}
            features.append(Feature(name=name, kind="categorical", categories=tuple(sorted(values))))
        else:
            features.append(Feature(name=name))
    if label in (feature.name for feature in features):
        raise DataError(f"expected a name for the label that no feature has, got {quoted(label)}")
    if not features:
        raise DataError("expected a label and at least one feature, got no feature")
    return tuple(features)


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
    """Distinct values as canonical text, and for each row the index of its value."""
    if column.dtype != object:
        numbers, inverse = np.unique(column, return_inverse=True)
        return [canonical_text(value) for value in numbers.tolist()], inverse.reshape(-1)
    texts: list[str] = column.tolist()
    values = sorted(set(texts))
    place = {value: i for i, value in enumerate(values)}
    inverse = np.fromiter(map(place.__getitem__, texts), dtype=np.int64, count=len(texts))
    return [canonical_text(value) for value in values], inverse


def _codes(column: Column, known: Sequence[str]) -> tuple[Float64, tuple[str, ...]]:
    """Indices into ``known`` (n,), and the values that it lacks, which are numbered from its end on."""
    texts, inverse = _texts(column)
    index = {nfc(value): code for code, value in enumerate(known)}
    unknown: dict[str, int] = {}
    codes = []
    for text in texts:
        code = index.get(text)
        if code is None:
            code = index.get(canonical_number(text))
        if code is None:
            code = unknown.setdefault(text, len(known) + len(unknown))
        codes.append(code)
    return np.array(codes, dtype=np.float64)[inverse], tuple(unknown)


def _looks_like_classes(column: Column) -> bool:
    if column.dtype == object:
        return True
    return bool((column == np.round(column)).all()) and len(np.unique(column)) <= _MAX_CLASSES_FROM_INTEGERS
