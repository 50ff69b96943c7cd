"""Comma-separated values (RFC 4180) in UTF-8 with a header line."""

import csv
import io
from typing import Any, BinaryIO

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds, check_distinct
from assay_pricing.records.columns import RawTable, check_columns
from assay_pricing.records.formats import Format, listing
from assay_pricing.records.formats.arrow import to_columns
from assay_pricing.records.quoting import first_line

_MISSING = ["", "NA", "null"]
"""Cells that mean "no value"."""


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a CSV file; quoted cells may hold line breaks, column names may not. A schema gives the columns' types.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    bounds.check_bytes(8 * size // 2)  # a value takes at least two bytes as text, and eight as a number
    names = _header(source)
    check_distinct(names)
    if schema is not None:
        check_columns(names, schema)
    source.seek(0)
    try:
        table = pc.read_csv(
            source,
            parse_options=pc.ParseOptions(newlines_in_values=True),
            convert_options=pc.ConvertOptions(
                column_types=_types(schema), strings_can_be_null=True, null_values=_MISSING
            ),
        )
    except pa.ArrowException as error:
        raise DataError(f"expected CSV with numbers where the schema has numbers: {first_line(error)}") from None
    if table.column_names != names:
        raise DataError("expected a CSV header that ends with its line, got a line break within a name")
    bounds.check_records(table.num_rows)
    bounds.check_bytes(8 * table.num_rows * table.num_columns)
    return RawTable(to_columns(table, bounds))


def _header(source: BinaryIO) -> list[str]:
    try:
        return next(csv.reader([source.readline().decode("utf-8-sig")]))
    except (UnicodeDecodeError, StopIteration, csv.Error):
        raise DataError(
            f"expected a {listing()} file, got none of them: the first line is no CSV header in UTF-8"
        ) from None


def _types(schema: Schema | None) -> dict[str, Any]:
    import pyarrow as pa

    if schema is None:
        return {}
    text, number = pa.string(), pa.float64()
    types = {feature.name: text if feature.kind == "categorical" else number for feature in schema.features}
    return {**types, schema.label: text if schema.task == "classification" else number}


FORMAT = Format(name="CSV", suffixes=(".csv",), magic=b"", read=read)
