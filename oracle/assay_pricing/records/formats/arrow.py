"""Columns of an Arrow table, for the formats that Arrow reads."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.records.bounds import TEXT_BYTES, Bounds, check_distinct
from assay_pricing.records.columns import Column, RawTable, Texts, check_columns, check_readable, used
from assay_pricing.records.faults import Faults
from assay_pricing.records.quoting import first_line
from assay_pricing.records.spelling.numbers import MAX_EXACT

Kind = Literal["text", "uuid", "boolean", "number", "time", "nothing"]

_MICROSECONDS = "datetime64[us]"
_STEP_ROWS = 2**20
_OWN_PAGES = 2**20
"""Bytes from which on a column has pages of its own."""
_DIGITS = 76
"""Of the widest decimal in Arrow."""
_UUID = "arrow.uuid"
_UUID_CHARACTERS = 36


@dataclass(frozen=True)
class Converted:
    """One column.

    Attributes:
        column: Its values.
        stored: ``Feature.stored``, where the type of the values does not say it.
        size: Memory in bytes.
    """

    column: Column
    stored: str
    size: int


def kind_of(arrow_type: Any) -> Kind | None:
    """What a column of ``arrow_type`` holds, known before a value is read: a nested value may expand without bound.

    None for a column that holds neither numbers, booleans, times nor text.
    """
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if types.is_string(arrow_type) or types.is_large_string(arrow_type) or types.is_string_view(arrow_type):
        return "text"
    if types.is_boolean(arrow_type):
        return "boolean"
    if types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_decimal(arrow_type):
        return "number"
    if types.is_timestamp(arrow_type) or types.is_date(arrow_type) or types.is_time(arrow_type):
        return "time"
    if types.is_null(arrow_type):
        return "nothing"
    return "uuid" if getattr(arrow_type, "extension_name", "") == _UUID else None


def index_of(metadata: Mapping[bytes, bytes] | None) -> frozenset[str]:
    """Columns that pandas wrote as the index of the data frame, by the metadata of a schema."""
    try:
        found = json.loads((metadata or {}).get(b"pandas", b"{}")).get("index_columns", [])
        return frozenset(name for name in found if isinstance(name, str))
    except (ValueError, AttributeError, TypeError):
        return frozenset()


@dataclass(frozen=True)
class Fields:
    """The columns of a file, known before a value is read.

    Attributes:
        names: Of all columns.
        kinds: By name, what those hold that are read.
        unreadable: By name, what others hold, of those that are wanted.
        index: Names of columns that pandas wrote as an index.
    """

    names: list[str]
    kinds: dict[str, Kind]
    unreadable: dict[str, str]
    index: frozenset[str]

    @classmethod
    def of(cls, fields: Any, schema: Schema | None, metadata: Mapping[bytes, bytes] | None = None) -> Self:
        """The columns of a ``pyarrow.Schema`` that a model's schema has, or all of them.

        Raises:
            DataError: Names are not distinct, or not those of ``schema``; a wanted column cannot be read, or none can.
        """
        names, index = list(fields.names), index_of(metadata)
        check_distinct(names)
        if schema is not None:
            check_columns(names, schema, index)
        types = {name: fields.field(name).type for name in used(names, schema)}
        kinds = {name: kind for name, arrow_type in types.items() if (kind := kind_of(arrow_type))}
        unreadable = {
            name: first_line(TypeError(arrow_type)) for name, arrow_type in types.items() if name not in kinds
        }
        if schema is not None or not kinds:
            check_readable(unreadable)
        return cls(names, kinds, unreadable, index)

    def table(self, columns: Iterable[tuple[str, Any]], bounds: Bounds, *, plain: Collection[str] = ()) -> RawTable:
        """The table of the columns that are read.

        Args:
            columns: See ``to_columns``; those of ``kinds``.
            bounds: Of its memory.
            plain: Columns of text that were made categories to read them.

        Raises:
            DataError: As ``to_columns``.
        """
        found = to_columns(columns, bounds)
        stored = {name: each.stored for name, each in found.items() if each.stored}
        return RawTable(
            {name: each.column for name, each in found.items()},
            stored={name: kind for name, kind in stored.items() if kind != "category" or name not in plain},
            index=self.index,
            ignored=tuple(name for name in self.names if name not in found),
            unreadable=self.unreadable,
        )


def named(table: Any) -> Iterator[tuple[str, Any]]:
    """The columns of a ``pyarrow.Table`` with their names."""
    return zip(table.column_names, table.columns, strict=True)


def to_columns(columns: Iterable[tuple[str, Any]], bounds: Bounds) -> dict[str, Converted]:
    """Columns of Arrow (``pyarrow.ChunkedArray``) with their names, each converted before the next one is taken.

    Raises:
        DataError: A column holds values of another kind, times of less than a microsecond, or numbers that double
            precision cannot hold; or text expands beyond the bounds.
    """
    faults = Faults()
    converted: dict[str, Converted] = {}
    left = bounds.max_bytes
    for name, column in columns:
        converted[name] = found = _convert(column, name, Bounds(left), faults)
        left -= found.size
    faults.check()
    return converted


def to_texts(column: Any, bounds: Bounds) -> tuple[Texts, int]:
    """A text column, and its size in bytes: each row counts in full, because hashing reads each row.

    Raises:
        DataError: The text is larger than the bounds.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        if pa.types.is_string_view(column.type):
            bounds.check_bytes(sum(map(_view_bytes, column.chunks)))
            column = column.cast(pa.large_string())
        column = column.dictionary_encode()
    places: dict[str, int] = {}
    parts, size = [np.zeros(0, dtype=np.int64)], 0
    for chunk in column.chunks:
        values = chunk.dictionary
        if pa.types.is_string_view(values.type):
            bounds.check_bytes(_view_bytes(values))
            values = values.cast(pa.large_string())
        codes = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        known = codes[codes >= 0]
        values = values.fill_null("")
        wide = np.where(pc.string_is_ascii(values).to_numpy(zero_copy_only=False), 1, 4)
        lengths = pc.binary_length(values).to_numpy(zero_copy_only=False).astype(np.int64)
        each = np.bincount(known, minlength=len(values))
        size += int(np.maximum(each * lengths, wide * lengths).sum()) + 8 * len(codes) + TEXT_BYTES * len(values)
        bounds.check_bytes(size)
        used = np.flatnonzero(each)
        place = np.full(len(values) + 1, -1, dtype=np.int64)  # the last one is for rows without a value
        for code, text in zip(used.tolist(), values.take(used).to_pylist(), strict=True):
            if text:
                place[code] = places.setdefault(text, len(places))
        parts.append(place[codes])
    return Texts(np.concatenate(parts), tuple(places)), size


def _view_bytes(array: Any) -> int:
    """Bytes of the text of an array of string views, of which many may show the same bytes.

    A view has 16 bytes and begins with the length of its text (Arrow columnar format, "Variable-size Binary View").
    """
    views = np.frombuffer(array.buffers()[1], dtype="<i4")[4 * array.offset :: 4]
    return int(views[: len(array)].astype(np.int64).sum())


def _convert(column: Any, name: str, bounds: Bounds, faults: Faults) -> Converted:
    import pyarrow as pa

    kind = kind_of(column.type)
    plain = 8 * len(column)
    if kind == "nothing":
        return Converted(Texts(np.full(len(column), -1), ()), "", plain)
    if kind == "uuid":
        bounds.check_bytes((8 + TEXT_BYTES + _UUID_CHARACTERS) * len(column))
        column = pa.chunked_array([[value and str(value) for value in column.to_pylist()]], pa.string())
    if kind in ("text", "uuid"):
        texts, size = to_texts(column, bounds)
        return Converted(texts, "category" if pa.types.is_dictionary(column.type) else "", size)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if kind == "boolean":
        missing = np.asarray(column.is_null())
        truth = column.fill_null(False).to_numpy().astype(np.bool_)
        codes = np.where(missing, -1, truth.astype(np.int64))
        return Converted(Texts(codes, ("false", "true")) if missing.any() else truth, "bool", plain)
    if kind == "time":
        values, stored = _times(column, name, faults)
        return Converted(values, stored, plain)
    return Converted(_numbers(column, name, faults), "", plain)


def _numbers(column: Any, name: str, faults: Faults) -> Column:
    """Integers where none is missing, else floats with NaN."""
    import pyarrow as pa

    integer = pa.types.is_integer(column.type)
    if pa.types.is_floating(column.type) or (integer and not column.null_count):
        return _in_pages(column)
    values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy()) if integer else _of_decimals(column)
    wrong = np.abs(values) >= MAX_EXACT
    if not integer:
        wrong |= _are_others(column, values, ~wrong)
    if wrong.any():
        faults.add(
            name,
            "numbers that double precision holds exactly",
            str(column[int(wrong.argmax())].as_py()),
            wrong,
            "store the column as float64, which rounds, or as text if it is a key",
        )
    return values


def _are_others(column: Any, values: npt.NDArray[np.float64], small: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which of the ``small`` decimals (n,) are not the shortest decimals of the doubles that are nearest to them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wide = pa.decimal256(_DIGITS, max(column.type.scale, 0))
    found = [np.zeros(0, dtype=np.bool_)]
    for start in range(0, len(column), _STEP_ROWS):
        rows = slice(start, start + _STEP_ROWS)
        doubles = pa.array(values[rows], mask=~small[rows] | np.isnan(values[rows]))
        unlike = pc.not_equal(doubles.cast(pa.string()).cast(wide), column.slice(start, _STEP_ROWS).cast(wide))
        found.append(unlike.fill_null(False).to_numpy(zero_copy_only=False))
    return np.concatenate(found)


def _in_pages(column: Any) -> npt.NDArray[Any]:
    """The numbers of a column in pages of their own.

    The system gets them back when the column is given up. What the allocators of Arrow and NumPy free they mostly keep.
    """
    kind = column.type.to_pandas_dtype()
    size = np.dtype(kind).itemsize * len(column)
    values = np.frombuffer(mmap(-1, size), kind) if size >= _OWN_PAGES else np.empty(len(column), kind)
    start = 0
    for chunk in column.chunks:
        values[start : start + len(chunk)] = chunk.to_numpy(zero_copy_only=False)
        start += len(chunk)
    return values


def _of_decimals(column: Any) -> npt.NDArray[np.float64]:
    """The nearest doubles, as of their decimals in a CSV file; Arrow's cast to double may miss them by one place."""
    import pyarrow as pa

    parts = [column.slice(start, _STEP_ROWS).cast(pa.string()) for start in range(0, len(column), _STEP_ROWS)]
    return np.concatenate([np.zeros(0), *(part.cast(pa.float64()).to_numpy() for part in parts)])


def _check_range(column: Any, name: str, faults: Faults) -> None:
    """Notes times that microseconds in 64 bits cannot hold: cast, they would wrap to others than the buyer gets."""
    import pyarrow as pa

    most = (2**63 - 1) // {"s": 10**6, "ms": 10**3}.get(column.type.unit, 1)
    counts = column.cast(pa.int64()).fill_null(0).to_numpy()
    wrong = (counts > most) | (counts < -most)
    if wrong.any():
        first = f"{counts[int(wrong.argmax())]} {column.type.unit} after 1970"
        faults.add(name, "times within 292,000 years of 1970", first, wrong, "correct or leave out these times")


def _times(column: Any, name: str, faults: Faults) -> tuple[Column, str]:
    """Times as microseconds since 1970-01-01 UTC, and the type in which pandas reads them."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_date(kind):
        stored, whole = "date", column.cast(pa.timestamp("us"))
    elif pa.types.is_time(kind):
        stored = "%H:%M:%S" if kind.unit == "s" else "%H:%M:%S.%f"
        whole = column.cast(pa.time64("us"), safe=False).cast(pa.int64()).cast(pa.timestamp("us"))
    else:
        stored = f"datetime64[{kind.unit}]" if kind.tz is None else f"datetime64[{kind.unit}, {kind.tz}]"
        _check_range(column, name, faults)
        whole = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    if getattr(kind, "unit", "us") == "ns":
        left = column.cast(pa.int64()).to_numpy() % 1000
        wrong = ~np.isnan(left) & (left != 0)
        if wrong.any():
            first = str(column[int(wrong.argmax())].cast(pa.string()).as_py())
            faults.add(name, "times in whole microseconds", first, wrong, "round the times: column.dt.floor('us')")
    micros = whole.cast(pa.int64())
    missing = np.asarray(micros.is_null())
    values = micros.fill_null(0).to_numpy().astype(np.int64).astype(_MICROSECONDS)
    values[missing] = np.datetime64("NaT")
    return values, stored
