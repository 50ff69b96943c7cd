"""A table in another format, with its values unchanged: what the oracle reads in the one, it reads in the other.

Values of a CSV file have no types: the columns of numbers, booleans and times are those of the model's schema, and all
others are text. A missing value is null in Parquet, Arrow and JSON lines, an empty cell in CSV; NPZ has NaN, NaT, or
the empty text.
"""

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import Column, RawTable, Texts, is_missing
from assay_pricing.records.faults import Faults
from assay_pricing.records.inputs import MICROSECONDS
from assay_pricing.records.quoting import listed, quoted
from assay_pricing.records.spelling.times import Form, form_in, form_of, moment
from assay_pricing.records.tables import read_table
from assay_pricing.records.values import Reader, shortest

_GROUP_BYTES = 2**26
"""Numbers of the records that are written at a time, and lie together in the file."""
_TEXT_BYTES = 2**22
"""Numbers of the records that are written at a time as text."""
_DICTIONARY_BYTES = 2**17
"""Of a column in Parquet: a group of distinct numbers that are listed first takes a quarter more than the numbers."""
_FIRST, _END = np.datetime64("0001-01-01"), np.datetime64("10000-01-01")
_BINARY_HINT = "export it as .parquet, .arrow or .npz"
_WIDEST = 4
"""Bytes of a character in an array of NumPy."""


def convert(source: Path, target: BinaryIO, form: str, schema: Callable[[], Schema]) -> None:
    """Writes the table at ``source`` to ``target`` in another format.

    Args:
        source: A file or a folder in a format that the oracle reads.
        target: Seekable, empty.
        form: One of ``FORMS``.
        schema: Of the model; asked for where the file has no types or no names.

    Raises:
        DataError: The file cannot be read, or has values that the format cannot hold. The message names columns.
    """
    table = read_table(source)
    if table.pictures or table.unreadable:
        names = [*table.pictures, *table.unreadable]
        raise DataError(
            f"expected columns of numbers, text and times, got other values in {listed(names)}",
            hint="pictures are kept in an archive: end the file's name with .tar" if table.pictures else None,
        )
    if table.positional:
        table = _named(table, schema())
    elif not table.typed:
        table = _typed(source, list(table.columns), schema())
    FORMS[form](table, target)


def _named(table: RawTable, schema: Schema) -> RawTable:
    """A matrix of features with the names of the model's columns, if it has as many."""
    label = table.label or schema.label
    features = [name for name in table.columns if name != label]
    if len(features) != len(schema.features):
        return table
    columns = {f.name: table.columns[name] for f, name in zip(schema.features, features, strict=True)}
    return RawTable({**columns, schema.label: table.columns[label]})


def _typed(source: Path, names: list[str], schema: Schema) -> RawTable:
    """The columns of a CSV file in the kinds of a schema; text, where it has none of the name."""
    known = {feature.name: feature for feature in schema.features if feature.encoder is None}
    features = tuple(known.get(name, Feature(name=name, kind="categorical")) for name in names if name != schema.label)
    table = read_table(source, schema=schema.model_copy(update={"features": features, "excluded": ()}))
    reader, stored = Reader(table, Faults()), {}
    columns = dict(table.columns)
    for feature in features:
        if isinstance(columns[feature.name], Texts) and feature.kind != "categorical":
            columns[feature.name] = _read(reader, feature)
        if feature.kind in ("boolean", "time"):
            stored[feature.name] = "bool" if feature.kind == "boolean" else feature.stored
    if schema.task == "regression" and isinstance(columns[schema.label], Texts):
        columns[schema.label] = reader.numbers(schema.label)
    reader.faults.check()
    return RawTable({name: columns[name] for name in names}, stored=stored)


def _read(reader: Reader, feature: Feature) -> Column:
    if feature.kind == "boolean":
        values = reader.booleans(feature.name)
        codes = np.where(np.isnan(values), -1, np.nan_to_num(values)).astype(np.int64)
        return Texts(codes, ("false", "true"))
    if feature.kind == "time":
        return _moments(reader, feature.name, form_in(feature.stored))
    return reader.numbers(feature.name)


def _moments(reader: Reader, name: str, declared: Form) -> Column:
    """Times to the microsecond: seconds in double precision are less exact after the year 2242."""
    column = reader.table.columns[name]
    assert isinstance(column, Texts)
    form = form_of(column.values, declared)
    micros = np.rint(np.nan_to_num(reader.times(name, declared) * MICROSECONDS)).astype(np.int64)  # of numbers alone
    exact = [moment(text, form) for text in column.values]
    known = np.array([*(each is not None for each in exact), False])[column.codes]
    micros[known] = np.array([*(each or 0 for each in exact), 0], dtype=np.int64)[column.codes[known]]
    times = micros.astype("datetime64[us]")
    times[reader.is_gap(name)] = np.datetime64("NaT")
    return times


def to_batches(table: RawTable, step_bytes: int) -> tuple[Any, Iterator[Any]]:
    """The columns in the types that ``RawTable.stored`` names: a ``pyarrow.Schema``, and batches of records.

    Args:
        table: The columns.
        step_bytes: Memory that the numbers of a batch may take.
    """
    import pyarrow as pa

    columns = [_Written.of(column, table.stored.get(name, "")) for name, column in table.columns.items()]
    schema = pa.schema([(name, written.kind) for name, written in zip(table.columns, columns, strict=True)])
    rows = max(1, step_bytes // (8 * len(columns)))
    slices = (slice(start, start + rows) for start in range(0, len(table), rows))
    return schema, (pa.record_batch([each.array(some) for each in columns], schema=schema) for some in slices)


@dataclass(frozen=True, eq=False)
class _Written:
    """A column, some rows of which are written at a time.

    Attributes:
        column: Its values.
        kind: Their type, a ``pyarrow.DataType``.
        texts: Distinct texts of a column of text, a ``pyarrow.Array``.
    """

    column: Column
    kind: Any
    texts: Any = None

    @classmethod
    def of(cls, column: Column, stored: str) -> Self:
        """The column in the type of what ``stored`` names, as far as all of its values fit into it."""
        import pyarrow as pa

        if isinstance(column, Texts):
            texts = pa.array(column.values, pa.large_string())
            if stored == "bool":
                return cls(column, pa.bool_(), texts)
            coded = pa.dictionary(pa.int64(), pa.large_string())
            return cls(column, coded if stored == "category" else pa.large_string(), texts)
        if column.dtype.kind != "M":
            return cls(column, pa.from_numpy_dtype(column.dtype))
        days = column[~is_missing(column)].astype("datetime64[D]")
        is_date = stored == "date" or ("%d" in stored and "%M" not in stored)
        if is_date and (days == column[~is_missing(column)]).all():
            return cls(column, pa.date32())
        if "%M" in stored and "%d" not in stored and (days == np.datetime64(0, "D")).all():
            return cls(column, pa.time64("us"))
        return cls(column, pa.timestamp("us", stored.removesuffix("]").partition(", ")[2] or None))

    def array(self, rows: slice) -> Any:
        """The values of some rows, a ``pyarrow.Array``."""
        import pyarrow as pa

        if isinstance(self.column, Texts):
            codes = self.column.codes[rows]
            indices = pa.array(np.maximum(codes, 0), mask=codes < 0)
            texts = pa.DictionaryArray.from_arrays(indices, self.texts)
            if pa.types.is_dictionary(self.kind):
                return texts
            plain = texts.cast(pa.large_string())
            return plain.cast(pa.bool_()) if pa.types.is_boolean(self.kind) else plain
        column = self.column[rows]
        if column.dtype.kind != "M":
            return pa.array(column, mask=is_missing(column))
        return pa.array(column, pa.timestamp("us"), mask=is_missing(column)).cast(self.kind)


def _write_parquet(table: RawTable, target: BinaryIO) -> None:
    import pyarrow.parquet as pq

    schema, batches = to_batches(table, _GROUP_BYTES)
    with pq.ParquetWriter(target, schema, compression="zstd", dictionary_pagesize_limit=_DICTIONARY_BYTES) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_arrow(table: RawTable, target: BinaryIO) -> None:
    """Feather of version 2, as pandas writes it."""
    import pyarrow as pa

    schema, batches = to_batches(table, _GROUP_BYTES)
    with pa.ipc.new_file(target, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _for_text(table: RawTable) -> RawTable:
    """The columns with values that text can hold.

    A number in less than double precision is its shortest decimal, which readers take for it.

    Raises:
        DataError: There are times of years that have no four digits.
    """
    faults, columns = Faults(), dict(table.columns)
    for name, column in table.columns.items():
        if isinstance(column, Texts):
            continue
        if column.dtype.kind == "M":
            wrong = (column < _FIRST) | (column >= _END)
            if wrong.any():
                first = str(column[int(wrong.argmax())])
                faults.add(name, "years from 1 to 9999, as text has no others", first, wrong, _BINARY_HINT)
        elif column.dtype.kind == "f" and column.dtype.itemsize < 8:
            columns[name] = shortest(column)
    faults.check()
    return replace(table, columns=columns)


def _write_csv(table: RawTable, target: BinaryIO) -> None:
    """Text is in quotes, and a missing value is not: ``NA`` stays a text."""
    import pyarrow.csv as pc

    schema, batches = to_batches(_for_text(table), _TEXT_BYTES)
    with pc.CSVWriter(target, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _write_lines(table: RawTable, target: BinaryIO) -> None:
    row = 0
    for batch in to_batches(_for_text(table), _TEXT_BYTES)[1]:
        for record in batch.to_pylist():
            try:
                line = json.dumps(record, ensure_ascii=False, allow_nan=False, default=_in_json)
            except ValueError:
                name = next(
                    name for name, value in record.items() if isinstance(value, float) and not np.isfinite(value)
                )
                raise DataError(
                    f"expected finite numbers, as JSON has no others, got {record[name]} in column {quoted(name)}, "
                    f"row {row}",
                    hint=_BINARY_HINT,
                ) from None
            target.write(line.encode() + b"\n")
            row += 1


def _in_json(value: Any) -> str:
    """A date or a time as in ISO 8601."""
    return str(value.isoformat())


def _write_arrays(table: RawTable, target: BinaryIO) -> None:
    """As ``numpy.savez_compressed``, which has arguments of its own, so that no column may be named ``file``."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, column in table.columns.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, _for_numpy(name, column), allow_pickle=False)  # type: ignore[no-untyped-call]


def _for_numpy(name: str, column: Column) -> Any:
    if not isinstance(column, Texts):
        return column
    if any(text.endswith("\0") for text in column.values):
        raise DataError(f"expected text without zeros at its end, which NumPy drops, got others in {quoted(name)}")
    Bounds().check_bytes(_WIDEST * len(column) * max(map(len, column.values), default=0))
    return np.array([*column.values, ""])[column.codes]  # code -1 is the last value


FORMS: dict[str, Callable[[RawTable, BinaryIO], None]] = {
    "arrow": _write_arrow,
    "csv": _write_csv,
    "jsonl": _write_lines,
    "npz": _write_arrays,
    "parquet": _write_parquet,
}
"""What writes a format, by its name."""
