"""Apache Parquet, with every encoding of text that Arrow reads."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import RawTable
from assay_pricing.records.faults import Faults
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.arrow import Fields
from assay_pricing.records.formats.parquet_pages import Pages, check_pages
from assay_pricing.records.quoting import first_line

_INT96_SECONDS = 2**63 // 10**9 - 86_400
_INT96_HINT = "write timestamps in 64 bits (Spark: spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS)"
_STEP_BYTES = 2**26
"""Memory that one step of reading may take: of some columns, or of text of unknown expanded size."""


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a Parquet file. Text stays dictionary-encoded until its expanded size is known.

    Columns that the schema excludes are not read.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source)
        meta = file.metadata
        fields = Fields.of(file.schema_arrow, schema, meta.metadata)
        rows = [meta.num_rows, *(meta.row_group(i).num_rows for i in range(meta.num_row_groups))]
        if min(rows) < 0:
            raise DataError("expected a Parquet file, got one with a negative number of rows in its footer")
        n = max(rows[0], sum(rows[1:]))
        bounds.check_records(n)
        bounds.check_bytes(8 * n * len(fields.names))
        pages = check_pages(source, meta, bounds)
        texts = [name for name, kind in fields.kinds.items() if kind == "text"]
        coded = {name for name in texts if not pages[name].is_mixed} if len(pages) == len(fields.names) else set()
        plain = [name for name in fields.kinds if not pa.types.is_dictionary(file.schema_arrow.field(name).type)]
        stepped = {name: pages[name] for name in texts if name not in coded}
        _check_int96(source, file.schema, fields.kinds)
        columns = _columns(source, list(fields.kinds), n, coded, stepped, bounds)
        return fields.table(columns, bounds, plain=plain)
    except pa.ArrowException as error:
        raise DataError(f"expected a Parquet file, got a damaged one: {first_line(error)}") from None


def _check_int96(source: BinaryIO, schema: Any, names: Collection[str]) -> None:
    """Checks that times in 96 bits are such as 64 bits hold in nanoseconds: Arrow would wrap them to others.

    In seconds none wraps.

    Args:
        source: The file.
        schema: Of the file, a ``pyarrow.parquet.ParquetSchema``.
        names: Of the columns that are read.

    Raises:
        DataError: Some are others.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    faults, leaves = Faults(), (schema.column(i) for i in range(len(schema)))
    for name in [leaf.path for leaf in leaves if leaf.physical_type == "INT96" and leaf.path in names]:
        file = pq.ParquetFile(source, coerce_int96_timestamp_unit="s")
        seconds = file.read([name], use_threads=False).column(name).cast(pa.int64()).fill_null(0).to_numpy()
        wrong = np.abs(seconds) >= _INT96_SECONDS
        if wrong.any():
            first = f"{seconds[int(wrong.argmax())]} s after 1970"
            faults.add(name, "times from 1678 to 2261 in INT96", first, wrong, _INT96_HINT)
    faults.check()


def _columns(
    source: BinaryIO, names: Sequence[str], n: int, coded: Collection[str], stepped: Mapping[str, Pages], bounds: Bounds
) -> Iterator[tuple[str, Any]]:
    """The columns of a file with their names, of which a few are in memory at a time.

    Args:
        source: The file.
        names: Of the columns.
        n: Number of records.
        coded: Columns of text that are read as categories.
        stepped: Pages of the other columns of text, which are read in steps.
        bounds: Of such a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source, read_dictionary=sorted(coded), pre_buffer=False)
    at_once = max(1, _STEP_BYTES // (8 * n))
    for start in range(0, len(names), at_once):
        pa.default_memory_pool().release_unused()
        some = names[start : start + at_once]
        table = file.read([name for name in some if name not in stepped], use_threads=False)
        for name in some:
            if name in stepped:
                column = _in_steps(pq.ParquetFile(source), name, stepped[name], bounds)
            else:
                column = table.column(name)
            column.validate(full=True)
            yield name, column


def _in_steps(file: Any, name: str, pages: Pages, bounds: Bounds) -> Any:
    """A text column, read in steps of a bounded size and dictionary-encoded.

    A value in one of the delta encodings is at most as long as its page: a step of k rows takes at most k pages.
    """
    import pyarrow as pa

    rows = max(1, _STEP_BYTES // max(pages.largest, 1))
    parts, size = [], 0
    try:
        for batch in file.iter_batches(batch_size=rows, columns=[name], use_threads=False):
            plain = batch.column(0).cast(pa.large_string())
            size += plain.nbytes
            bounds.check_bytes(size)
            parts.append(plain.dictionary_encode())
    except (NotImplementedError, OSError) as error:
        if "DictAccumulator" not in str(error):
            raise
        raise DataError(
            f"expected categories in the dictionary encoding, got a delta encoding in column {name!r}",
            hint="write the column as text, or with the dictionary encoding",
        ) from None
    kind = pa.dictionary(pa.int32(), pa.large_string())
    return pa.chunked_array([part.cast(kind) for part in parts], type=kind)


FORMAT = Format(name="Parquet", suffixes=(".parquet",), magic=b"PAR1", read=read)
