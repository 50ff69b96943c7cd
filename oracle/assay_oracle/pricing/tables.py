"""From the bytes of a Parquet, NPZ or CSV file to records, with bounds on what a small file may expand to.

An NPZ file has ``x`` of shape (n, d) or, for images, (n, height, width), and ``y`` of shape (n,); or one array per
column. Nothing in a file is ever executed: no pickle, no object arrays.
"""

import csv
import io
import math
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from assay.protocol.messages import Feature, Schema
from assay_oracle.errors import DataError
from assay_oracle.pricing.records import Float32, Float64, Records

MAX_EXPANDED_BYTES = 2**31
"""What the columns of one file may take in memory."""
_MAX_CLASSES_FROM_INTEGERS = 50
_FORMATS = "expected a Parquet, NPZ or CSV file"

Column = npt.NDArray[Any]
"""Numbers (float64) or text (object, of str), shape (n,)."""


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


def parse_records(source: BinaryIO, schema: Schema, *, max_bytes: int = MAX_EXPANDED_BYTES) -> Records:
    """Reads a file of records.

    Args:
        source: A seekable binary stream of Parquet, NPZ or CSV; the format is found by its first bytes.
        schema: What the records must look like.
        max_bytes: What the file's columns may take in memory.

    Raises:
        DataError: Anything about the file is not as the schema says; the message names the columns and rows.
    """
    return to_records(parse_table(source, max_bytes=max_bytes, schema=schema), schema)


def parse_table(source: BinaryIO, *, max_bytes: int = MAX_EXPANDED_BYTES, schema: Schema | None = None) -> Table:
    """Reads a file's columns; with a ``schema``, text columns of a CSV are those that the schema says.

    Raises:
        DataError: The file is empty, of no known format, damaged, or larger than ``max_bytes`` once expanded.
    """
    magic = source.read(4)
    source.seek(0)
    if not magic:
        raise DataError(f"{_FORMATS}, got an empty file")
    try:
        if magic == b"PAR1":
            table = _parquet(source, max_bytes)
        elif magic[:2] == b"PK":
            table = _npz(source, max_bytes)
        else:
            table = _csv(source, max_bytes, schema)
    except DataError:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, MemoryError, NotImplementedError) as error:
        raise DataError(f"{_FORMATS}, got one that cannot be read: {_first_line(error)}") from None
    if not table.columns or len(table) == 0:
        raise DataError("expected at least one record, got none")
    return table


def to_records(table: Table, schema: Schema) -> Records:
    """Gives a table's columns the meaning that ``schema`` says.

    Raises:
        DataError: Missing or extra columns, a non-finite or non-numeric value, an unknown class.
    """
    names = [feature.name for feature in schema.features]
    label = table.label or schema.label
    given = [name for name in table.columns if name != label]
    if label not in table.columns:
        raise DataError(f"expected a label column {label!r}, got columns {_list(table.columns)}")
    if table.positional:
        if len(given) != len(names):
            raise DataError(f"expected {len(names)} features in each record, got {len(given)}")
        features = [table.columns[name] for name in given]
    else:
        missing, extra = [n for n in names if n not in table.columns], [n for n in given if n not in set(names)]
        if missing or extra:
            said = [f"missing {_list(missing)}"] * bool(missing) + [f"extra {_list(extra)}"] * bool(extra)
            raise DataError(f"expected the {len(names)} features of the model, got {'; '.join(said)}")
        features = [table.columns[name] for name in names]
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
        raise DataError(f"expected labels among {_list(schema.classes)}, got {_list(strange)} in column {label!r}")
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
        DataError: There is no such column, or a classification has fewer than two classes.
    """
    first = tables[0]
    own_label = first.label or label
    for table in tables:
        if (table.label or label) not in table.columns:
            raise DataError(f"expected a label column {label!r}, got columns {_list(table.columns)}")
        if set(table.columns) != set(first.columns):
            differing = set(table.columns) ^ set(first.columns)
            raise DataError(
                f"expected the same columns in the owner's and the validation data, {_list(differing)} differ"
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
    if not features:
        raise DataError("expected at least one feature beside the label, got none")
    labels = [table.columns[table.label or label] for table in tables]
    if task is None:
        task = "classification" if all(_looks_like_classes(column) for column in labels) else "regression"
    if task == "regression":
        return Schema(task=task, features=tuple(features), label=label)
    found = {text for column in labels for text in _texts(column)[0]} | {canonical_text(name) for name in classes}
    if len(found) < 2:
        raise DataError(f"expected at least two classes, got {_list(found)}; name the others if the data lacks them")
    return Schema(task=task, features=tuple(features), label=label, classes=tuple(sorted(found, key=_by_number)))


def _parquet(source: BinaryIO, max_bytes: int) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source)
        meta = file.metadata
        groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
        _bound(max(sum(g.total_byte_size for g in groups), 8 * meta.num_rows * meta.num_columns), max_bytes)
        frame = file.read()
    except pa.ArrowException as error:
        raise DataError(f"{_FORMATS}, got a damaged Parquet file: {_first_line(error)}") from None
    return Table({name: _from_arrow(frame.column(name), name) for name in frame.column_names})


def _csv(source: BinaryIO, max_bytes: int, schema: Schema | None) -> Table:
    import pyarrow as pa
    import pyarrow.csv as pc

    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    _bound(8 * size // 2, max_bytes)  # a value takes two bytes at least in text, eight as a number
    types: dict[str, Any] = {}
    if schema is not None:
        types = {f.name: pa.string() if f.kind == "categorical" else pa.float64() for f in schema.features}
        types[schema.label] = pa.string() if schema.task == "classification" else pa.float64()
    try:
        head = next(csv.reader([source.readline().decode("utf-8-sig")]))
    except (UnicodeDecodeError, StopIteration, csv.Error):
        raise DataError(f"{_FORMATS}, got neither: the first line is no CSV header in UTF-8") from None
    twice = {name for name in head if head.count(name) > 1}
    if twice:
        raise DataError(f"expected distinct column names, got {_list(twice)} more than once")
    source.seek(0)
    try:
        frame = pc.read_csv(
            source,
            convert_options=pc.ConvertOptions(
                column_types=types, strings_can_be_null=True, null_values=["", "NA", "null"]
            ),
        )
    except pa.ArrowException as error:
        raise DataError(f"expected CSV with numbers where the schema has numbers: {_first_line(error)}") from None
    return Table({name: _from_arrow(frame.column(name), name) for name in frame.column_names})


def _from_arrow(column: Any, name: str) -> Column:
    import pyarrow as pa

    if column.null_count:
        row = int(np.flatnonzero(np.asarray(column.is_null()))[0])
        raise DataError(f"expected a value in every row, got none in column {name!r}, row {row}")
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.asarray(column.to_pylist(), dtype=object)
    if pa.types.is_boolean(kind):
        return np.asarray([str(value) for value in column.to_pylist()], dtype=object)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    raise DataError(f"expected numbers or text, got {kind} in column {name!r}")


def _npz(source: BinaryIO, max_bytes: int) -> Table:
    arrays: dict[str, npt.NDArray[Any]] = {}
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        _bound(sum(member.file_size for member in members), max_bytes)
        for member in members:
            arrays[member.filename.removesuffix(".npy")] = _npy(archive.read(member), member.filename)
    images = next((name for name in ("x", "X") if name in arrays and arrays[name].ndim > 1), None)
    if images is None:
        return Table({name: _from_numpy(array, name) for name, array in arrays.items()})
    x = arrays.pop(images)
    if len(arrays) != 1:
        raise DataError(f"expected one array of labels beside {images!r}, got {_list(arrays)}")
    label, y = next(iter(arrays.items()))
    flat = x.reshape(len(x), math.prod(x.shape[1:]))
    if y.shape != (len(flat),):
        raise DataError(f"expected labels ({len(flat)},) for features {x.shape}, got {y.shape}")
    columns = {f"x{j}": _from_numpy(flat[:, j], images) for j in range(flat.shape[1])}
    return Table({**columns, label: _from_numpy(y, label)}, positional=True, label=label)


def _npy(content: bytes, name: str) -> npt.NDArray[Any]:
    """One array, its declared size held against the bytes that are there before anything is allocated."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)  # type: ignore[no-untyped-call]
    if dtype.hasobject or dtype.kind not in "fiubU":
        raise DataError(f"expected arrays of numbers or text, got {dtype} in {name!r}")
    if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise DataError(f"expected the bytes of an array {shape}, got {len(content) - stream.tell()} in {name!r}")
    return np.load(io.BytesIO(content), allow_pickle=False)  # type: ignore[no-any-return]


def _from_numpy(array: npt.NDArray[Any], name: str) -> Column:
    if array.ndim != 1:
        raise DataError(f"expected a column (n,), got {array.shape} in {name!r}")
    if array.dtype.kind in "Ub":
        return array.astype(str).astype(object)
    return array.astype(np.float64)


def _numbers(column: Column, name: str) -> Float64:
    if column.dtype != object:
        return column
    if set(column.tolist()) <= {"True", "False"}:
        return np.asarray(column == "True", dtype=np.float64)
    try:
        return column.astype(np.float64)
    except ValueError as error:
        raise DataError(f"expected numbers in column {name!r}: {_first_line(error)}") from None


def _single(column: Float64, name: str) -> Float32:
    with np.errstate(over="ignore"):
        single = column.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(single))
    if len(bad):
        raise DataError(f"expected finite numbers, got {column[bad[0]]} in column {name!r}, row {bad[0]}")
    return single


def _texts(column: Column) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Distinct values as canonical text, and for each row the index of its own."""
    values, inverse = np.unique(column, return_inverse=True)
    return [canonical_text(value) for value in values.tolist()], inverse


def canonical_text(value: object) -> str:
    """NFC text; a whole number without fraction, so that 3, 3.0 and "3" are one class."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise DataError("expected finite labels and categories, got NaN or infinity")
    return str(int(number)) if number.is_integer() else repr(float(np.float32(number)))


def _codes(column: Column, known: Sequence[str]) -> tuple[Float64, tuple[str, ...]]:
    """Indices into ``known`` (n,); values that it does not have come after its end, in order, and are returned."""
    texts, inverse = _texts(column)
    index = {unicodedata.normalize("NFC", value): code for code, value in enumerate(known)}
    strange: list[str] = []
    codes = []
    for text in texts:
        code = index.get(text)
        if code is None:
            code = index.get(_as_number(text))
        if code is None:
            if text not in strange:
                strange.append(text)
            code = len(known) + strange.index(text)
        codes.append(code)
    return np.array(codes, dtype=np.float64)[inverse.reshape(-1)], tuple(strange)


def _as_number(text: str) -> str:
    try:
        return canonical_text(float(text))
    except (ValueError, DataError):
        return text


def _looks_like_classes(column: Column) -> bool:
    if column.dtype == object:
        return True
    return bool((column == np.round(column)).all()) and len(np.unique(column)) <= _MAX_CLASSES_FROM_INTEGERS


def _by_number(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return math.inf, name


def _bound(expanded: int, max_bytes: int) -> None:
    if expanded > max_bytes:
        raise DataError(f"expected at most {max_bytes} bytes once expanded, got {expanded}: split the data into offers")


def _list(names: Iterable[str], limit: int = 5) -> str:
    listed = [repr(name) for name in sorted(names, key=_by_number)]
    return ", ".join(listed[:limit]) + (f" and {len(listed) - limit} more" if len(listed) > limit else "")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
