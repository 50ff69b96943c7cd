"""Apache Parquet."""

from typing import BinaryIO

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds, check_distinct
from assay_pricing.records.columns import RawTable, check_columns
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.arrow import kind_of, to_columns
from assay_pricing.records.formats.parquet_pages import check_pages
from assay_pricing.records.quoting import first_line


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a Parquet file. Text stays dictionary-encoded until its expanded size is known.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source)
        meta, fields = file.metadata, file.schema_arrow
        names = list(fields.names)
        check_distinct(names)
        if schema is not None:
            check_columns(names, schema)
        kinds = [kind_of(field.type, field.name) for field in fields]
        rows = [meta.num_rows, *(meta.row_group(i).num_rows for i in range(meta.num_row_groups))]
        if min(rows) < 0:
            raise DataError("expected a Parquet file, got one with a negative number of rows in its footer")
        n = max(rows[0], sum(rows[1:]))
        bounds.check_records(n)
        bounds.check_bytes(8 * n * len(names))
        check_pages(source, meta, bounds)
        texts = [name for name, kind in zip(names, kinds, strict=True) if kind == "text"]
        table = pq.ParquetFile(source, read_dictionary=texts).read(use_threads=False)
        table.validate(full=True)
    except pa.ArrowException as error:
        raise DataError(f"expected a Parquet file, got a damaged one: {first_line(error)}") from None
    return RawTable(to_columns(table, bounds))


FORMAT = Format(name="Parquet", suffixes=(".parquet",), magic=b"PAR1", read=read)
