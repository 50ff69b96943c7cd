"""Arrow's interprocess format, file and stream; the file is Feather of version 2, too."""

from typing import Any, BinaryIO

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds, check_distinct
from assay_pricing.records.columns import RawTable, check_columns, check_readable, used
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.arrow import index_of, kind_of, to_columns
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
        fields = _open(source, None).schema
        names = list(fields.names)
        check_distinct(names)
        index = index_of(fields.metadata)
        if schema is not None:
            check_columns(names, schema, index)
        kinds = {name: kind_of(fields.field(name).type) for name in used(names, schema)}
        unreadable = {name: first_line(TypeError(fields.field(name).type)) for name, kind in kinds.items() if not kind}
        wanted = [name for name, kind in kinds.items() if kind]
        if schema is not None or not wanted:
            check_readable(unreadable)
        source.seek(0)
        table = _open(source, [names.index(name) for name in wanted]).read_all()
        bounds.check_records(table.num_rows)
        bounds.check_bytes(8 * table.num_rows * len(wanted))
        table.validate(full=True)
    except pa.ArrowException as error:
        raise DataError(f"expected an Arrow file, got a damaged one: {first_line(error)}") from None
    found = to_columns(table, bounds)
    return RawTable(
        {name: each.column for name, each in found.items()},
        stored={name: each.stored for name, each in found.items() if each.stored},
        index=index,
        ignored=tuple(name for name in names if name not in found),
        unreadable=unreadable,
    )


def _open(source: BinaryIO, columns: list[int] | None) -> Any:
    """A reader of the columns at these places; of all for None."""
    import pyarrow as pa

    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=columns)
    start = source.read(len(MAGIC))
    source.seek(0)
    is_file = start == MAGIC
    return pa.ipc.open_file(source, options=options) if is_file else pa.ipc.open_stream(source, options=options)


FORMAT = Format(name="Arrow", suffixes=(".arrow", ".feather", ".ipc"), magic=MAGIC, read=read)
