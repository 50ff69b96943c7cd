"""Columns of an Arrow table, for the formats that Arrow reads."""

from typing import Any, Literal

import numpy as np

from assay_pricing.errors import DataError
from assay_pricing.records.bounds import TEXT_BYTES, Bounds
from assay_pricing.records.columns import Column
from assay_pricing.records.quoting import first_line, quoted

Kind = Literal["text", "boolean", "number"]


def kind_of(arrow_type: Any, name: str) -> Kind:
    """What a column of ``arrow_type`` holds, known before a value is read: a nested value may expand without bound.

    Raises:
        DataError: It holds neither numbers nor text.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type):
        return "text"
    if pa.types.is_boolean(arrow_type):
        return "boolean"
    if pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type) or pa.types.is_decimal(arrow_type):
        return "number"
    if pa.types.is_null(arrow_type):
        raise DataError(f"expected a value in every row, got none in column {quoted(name)}")
    raise DataError(f"expected numbers or text, got {first_line(TypeError(arrow_type))} in column {quoted(name)}")


def to_columns(table: Any, bounds: Bounds) -> dict[str, Column]:
    """The columns of a ``pyarrow.Table`` as NumPy arrays.

    Raises:
        DataError: A value is missing, a column holds neither numbers nor text, or text expands beyond the bounds.
    """
    import pyarrow as pa

    columns: dict[str, Column] = {}
    left = bounds.max_bytes
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = kind_of(column.type, name)
        _check_complete(column, name)
        size = 8 * len(column)
        if kind == "text":
            columns[name], size = _text(column, name, Bounds(left))
        else:
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
                _check_complete(column, name)
            if kind == "boolean":
                columns[name] = np.where(column.to_numpy().astype(bool), "True", "False").astype(object)
            else:
                columns[name] = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
        left -= size
    return columns


def _text(column: Any, name: str, bounds: Bounds) -> tuple[Column, int]:
    """Values of a text column, and their size in bytes: each row counts in full, because hashing reads each row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    parts, size = [], 0
    for chunk in encoded.chunks:
        values, codes = chunk.dictionary, chunk.indices.to_numpy().astype(np.int64)
        if values.null_count:
            _check_complete(chunk.cast(values.type), name)
            values = values.fill_null("")
        wide = np.where(pc.string_is_ascii(values).to_numpy(zero_copy_only=False), 1, 4)
        lengths = pc.binary_length(values).to_numpy(zero_copy_only=False).astype(np.int64)
        each = np.bincount(codes, minlength=len(values))
        size += int(np.maximum(each * lengths, wide * lengths).sum()) + 8 * len(codes) + TEXT_BYTES * len(values)
        bounds.check_bytes(size)
        parts.append(np.asarray(values.to_pylist(), dtype=object)[codes])
    return np.concatenate(parts), size


def _check_complete(column: Any, name: str) -> None:
    if column.null_count:
        row = int(np.flatnonzero(np.asarray(column.is_null()))[0])
        raise DataError(f"expected a value in every row, got none in column {quoted(name)}, row {row}")
