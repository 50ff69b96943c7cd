"""Arrow's interprocess format, file and stream; the file is Feather of version 2, too."""

from typing import Any, BinaryIO

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import RawTable
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.arrow import Fields, named
from assay_pricing.records.formats.arrow_messages import MAGIC, check_messages
from assay_pricing.records.quoting import first_line


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads an Arrow file or stream. Columns that the schema excludes are not read.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa

    check_messages(source, bounds)
    try:
        found = _open(source, None).schema
        fields = Fields.of(found, schema, found.metadata)
        source.seek(0)
        table = _open(source, [fields.names.index(name) for name in fields.kinds]).read_all()
        bounds.check_records(table.num_rows)
        bounds.check_bytes(8 * table.num_rows * len(fields.kinds))
        table.validate(full=True)
    except pa.ArrowException as error:
        raise DataError(f"expected an Arrow file, got a damaged one: {first_line(error)}") from None
    return fields.table(named(table), bounds)


def _open(source: BinaryIO, columns: list[int] | None) -> Any:
    """A reader of the columns at these places; of all for None."""
    import pyarrow as pa

    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=columns)
    start = source.read(len(MAGIC))
    source.seek(0)
    is_file = start == MAGIC
    return pa.ipc.open_file(source, options=options) if is_file else pa.ipc.open_stream(source, options=options)


FORMAT = Format(name="Arrow", suffixes=(".arrow", ".feather", ".ipc"), magic=MAGIC, read=read)
