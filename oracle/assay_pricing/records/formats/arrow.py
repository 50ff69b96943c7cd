"""Columns of Parquet and CSV files, by way of Arrow."""

import csv
import io
from typing import Any, BinaryIO

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.columns import Column, expect_columns
from assay_pricing.records.formats.parquet_pages import bound_pages
from assay_pricing.records.limits import TEXT_BYTES, bound_bytes, bound_records, distinct_names, first_line, quoted


def read_parquet(source: BinaryIO, max_bytes: int, max_records: int | None, schema: Schema | None) -> dict[str, Column]:
    """Columns of a Parquet file. Text stays in its dictionary until it is known what it expands to.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source)
        meta, fields = file.metadata, file.schema_arrow
        names = list(fields.names)
        distinct_names(names)
        if schema is not None:
            expect_columns(names, schema)
        kinds = [_kind(field.type, field.name) for field in fields]
        rows = [meta.num_rows, *(meta.row_group(i).num_rows for i in range(meta.num_row_groups))]
        if min(rows) < 0:
            raise DataError("expected a Parquet file, got one that says it has fewer than no records")
        n = max(rows[0], sum(rows[1:]))
        bound_records(n, max_records)
        bound_bytes(8 * n * len(names), max_bytes)
        bound_pages(source, meta, max_bytes)
        texts = [name for name, kind in zip(names, kinds, strict=True) if kind == "text"]
        frame = pq.ParquetFile(source, read_dictionary=texts).read(use_threads=False)
        frame.validate(full=True)
    except pa.ArrowException as error:
        raise DataError(f"expected a Parquet file, got a damaged one: {first_line(error)}") from None
    return _columns(frame, max_bytes)


def read_csv(source: BinaryIO, max_bytes: int, max_records: int | None, schema: Schema | None) -> dict[str, Column]:
    """Columns of a CSV file in UTF-8 with a header; quoted cells may hold line breaks, its names may not.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    bound_bytes(8 * size // 2, max_bytes)  # a value takes two bytes at least in text, eight as a number
    types: dict[str, Any] = {}
    if schema is not None:
        types = {f.name: pa.string() if f.kind == "categorical" else pa.float64() for f in schema.features}
        types[schema.label] = pa.string() if schema.task == "classification" else pa.float64()
    try:
        head = next(csv.reader([source.readline().decode("utf-8-sig")]))
    except (UnicodeDecodeError, StopIteration, csv.Error):
        raise DataError(
            "expected a Parquet, NPZ or CSV file, got neither: the first line is no CSV header in UTF-8"
        ) from None
    distinct_names(head)
    if schema is not None:
        expect_columns(head, schema)
    source.seek(0)
    try:
        frame = pc.read_csv(
            source,
            parse_options=pc.ParseOptions(newlines_in_values=True),
            convert_options=pc.ConvertOptions(
                column_types=types, strings_can_be_null=True, null_values=["", "NA", "null"]
            ),
        )
    except pa.ArrowException as error:
        raise DataError(f"expected CSV with numbers where the schema has numbers: {first_line(error)}") from None
    if frame.column_names != head:
        raise DataError("expected a CSV header that ends with its line, got a line break within a name")
    bound_records(frame.num_rows, max_records)
    bound_bytes(8 * frame.num_rows * frame.num_columns, max_bytes)
    return _columns(frame, max_bytes)


def _kind(kind: Any, name: str) -> str:
    """``text``, ``truth`` or ``number``, before anything is read: what is nested may expand without bound."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_boolean(kind):
        return "truth"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_null(kind):
        raise DataError(f"expected a value in every row, got none in column {quoted(name)}")
    raise DataError(f"expected numbers or text, got {first_line(TypeError(kind))} in column {quoted(name)}")


def _columns(frame: Any, max_bytes: int) -> dict[str, Column]:
    import pyarrow as pa

    columns: dict[str, Column] = {}
    left = max_bytes
    for name, column in zip(frame.column_names, frame.columns, strict=True):
        kind = _kind(column.type, name)
        _complete(column, name)
        if kind == "text":
            columns[name], size = _text(column, name, left)
        else:
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
                _complete(column, name)
            if kind == "truth":
                columns[name] = np.where(column.to_numpy().astype(bool), "True", "False").astype(object)
            else:
                columns[name] = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
            size = 8 * len(column)
        left -= size
    return columns


def _text(column: Any, name: str, max_bytes: int) -> tuple[Column, int]:
    """Values of a text column, and what they take: each row as if it held its own copy, as hashing will read it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    parts, size = [], 0
    for chunk in encoded.chunks:
        values, codes = chunk.dictionary, chunk.indices.to_numpy().astype(np.int64)
        if values.null_count:
            _complete(chunk.cast(values.type), name)
            values = values.fill_null("")
        wide = np.where(pc.string_is_ascii(values).to_numpy(zero_copy_only=False), 1, 4)
        lengths = pc.binary_length(values).to_numpy(zero_copy_only=False).astype(np.int64)
        each = np.bincount(codes, minlength=len(values))
        size += int(np.maximum(each * lengths, wide * lengths).sum()) + 8 * len(codes) + TEXT_BYTES * len(values)
        bound_bytes(size, max_bytes)
        parts.append(np.asarray(values.to_pylist(), dtype=object)[codes])
    return np.concatenate(parts), size


def _complete(column: Any, name: str) -> None:
    if column.null_count:
        row = int(np.flatnonzero(np.asarray(column.is_null()))[0])
        raise DataError(f"expected a value in every row, got none in column {quoted(name)}, row {row}")
