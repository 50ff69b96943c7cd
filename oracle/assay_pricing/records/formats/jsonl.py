"""JSON lines (https://jsonlines.org): one object a line, in UTF-8. Its members are the columns.

A member that is null, NaN, or not there is a missing value. Text stays text, also where it spells a number or a time. A
column is of one kind in all lines: of which one does not depend on how the file is divided into blocks.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, BinaryIO

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import RawTable, Texts, used
from assay_pricing.records.faults import Faults
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.arrow import Fields, kind_of
from assay_pricing.records.quoting import first_line, quoted
from assay_pricing.records.spelling.numbers import MAX_EXACT

_MAX_DEPTH = 32
_MAX_LINE = 2**26
_BLOCK = 2**21
"""Bytes of whole lines that are parsed at a time, at least."""
_JOINED_BLOCKS = 64
_LEAST_PARSED = 2**20
_FREED_BYTES = 2**26
"""Memory of columns that are given up before Arrow's pool gives it back to the system."""
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"\s*:?')
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')
_STEPS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_HINT = "write one object a line, without commas between them (pandas: to_json(orient='records', lines=True))"
_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a file of JSON lines in blocks. Columns that the schema excludes are parsed and not kept.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa

    types, found = pa.schema([]), _Columns(bounds)
    try:
        for block, rows in _blocks(source, bounds):
            table = _parse(block, rows)
            types = pa.unify_schemas([types, _without_times(table.schema)], promote_options="permissive")
            found.add(table.select([name for name in used(table.column_names, schema) if _is_kept(table, name)]), rows)
    except pa.ArrowException as error:
        raise _fault(source, error) from None
    fields = Fields.of(types, schema)
    read_table = fields.table(found.taken(list(fields.kinds)), bounds)
    _check_whole(source, read_table)
    return read_table


class _Columns:
    """The columns of the blocks so far, those of one kind; text is dictionary-encoded.

    Some blocks at a time are made one part: a wide table would otherwise take an array for each column and block.

    Args:
        bounds: Of their memory.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._blocks: list[Any] = []
        self._parts: dict[str, list[Any]] = {}
        self._lengths: Counter[str] = Counter()
        self._names: set[str] = set()
        self._rows = self._joined = self._texts = 0

    def add(self, table: Any, rows: int) -> None:
        """Adds a block of so many rows, of which a table without columns knows nothing."""
        import pyarrow as pa

        for place, field in enumerate(table.schema):
            if pa.types.is_string(field.type):
                table = table.set_column(place, field.name, table.column(place).dictionary_encode())
                self._texts += table.column(place).nbytes
        self._blocks.append((table, rows))
        self._rows += rows
        self._bounds.check_records(self._rows)
        self._names.update(table.column_names)
        self._bounds.check_bytes(max(8 * self._rows * len(self._names), self._texts))
        if len(self._blocks) == _JOINED_BLOCKS:
            self._join()

    def _join(self) -> None:
        """Makes one part of the blocks."""
        import pyarrow as pa

        for name in dict.fromkeys(name for table, _ in self._blocks for name in table.column_names):
            arrays = [table.column(name) if name in table.column_names else pa.nulls(n) for table, n in self._blocks]
            before = pa.nulls(self._joined - self._lengths[name])
            self._parts.setdefault(name, []).append(_column([before, *arrays]).combine_chunks())
            self._lengths[name] = self._rows
        self._blocks, self._joined = [], self._rows

    def taken(self, names: list[str]) -> Iterator[tuple[str, Any]]:
        """The columns with their names (``pyarrow.ChunkedArray``); each is given up when the next one is asked for."""
        import pyarrow as pa

        self._join()
        freed = 0
        for name in names:
            yield name, _column([*self._parts.pop(name), pa.nulls(self._rows - self._lengths[name])])
            freed += 8 * self._rows
            if freed >= _FREED_BYTES:
                pa.default_memory_pool().release_unused()
                freed = 0


def _column(arrays: list[Any]) -> Any:
    """Arrays as chunks of one column, in a type that holds the values of all; whole numbers may become doubles."""
    import pyarrow as pa

    schemas = [pa.schema([("", array.type)]) for array in arrays]
    kind = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    cast = (
        pa.nulls(len(array), kind) if pa.types.is_null(array.type) else array.cast(kind, safe=False) for array in arrays
    )
    chunks = [chunk for array in cast for chunk in (array.chunks if isinstance(array, pa.ChunkedArray) else [array])]
    return pa.chunked_array(chunks, kind)


def _is_kept(table: Any, name: str) -> bool:
    return kind_of(table.schema.field(name).type) is not None


def _parse(block: bytes, rows: int) -> Any:
    """The columns of some lines; text that spells a time is text, though Arrow would read some of it as times.

    Raises:
        pyarrow.ArrowException: They are not one object a line, or have several kinds of values in a column.
    """
    import pyarrow as pa
    import pyarrow.json as pj

    options = pj.ReadOptions(use_threads=False, block_size=max(_LEAST_PARSED, len(block) + 2))
    table = pj.read_json(pa.BufferReader(block), read_options=options)
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    if times:
        texts = pj.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in times]))
        again = pj.read_json(pa.BufferReader(block), read_options=options, parse_options=texts)
        table = again.select(table.column_names)
    table.validate(full=True)
    if table.num_columns and table.num_rows != rows:
        raise pa.ArrowInvalid(f"{table.num_rows} objects in {rows} lines")
    return table


def _without_times(kind: Any) -> Any:
    """A type or a schema with text in place of times, also within lists and objects."""
    import pyarrow as pa

    if isinstance(kind, pa.Schema):
        return pa.schema([(field.name, _without_times(field.type)) for field in kind])
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _without_times(field.type)) for field in kind.fields])
    if pa.types.is_list(kind):
        return pa.list_(_without_times(kind.value_type))
    return pa.string() if pa.types.is_timestamp(kind) else kind


def _lines(source: BinaryIO) -> Iterator[bytes]:
    source.seek(0)
    yield from iter(lambda: source.readline(_MAX_LINE + 1), b"")


def _blocks(source: BinaryIO, bounds: Bounds) -> Iterator[tuple[bytes, int]]:
    """The lines, some of them at a time, with their number; what they expand to is bounded before they are parsed.

    An object with a name of its own in every line makes a table that grows with the square of the file. Arrow builds a
    type of each level of nesting.
    """
    names: set[bytes] = set()
    rows = size = first = 0
    lines: list[bytes] = []
    for line in _lines(source):
        if len(line) > _MAX_LINE:
            raise DataError(f"expected lines of at most {_MAX_LINE} bytes, got a longer one in row {rows}")
        if not line.strip():
            continue
        names.update(found for found in _STRINGS.findall(line) if found.endswith(b":"))
        bounds.check_bytes(8 * rows * len(names))
        if line.count(b"[") + line.count(b"{") > 1:
            depths = list(accumulate(_STEPS[token] for token in _TOKENS.findall(line) if token in _STEPS))
            if max(depths, default=0) > _MAX_DEPTH:
                raise DataError(f"expected values in at most {_MAX_DEPTH} brackets, got more in row {rows}")
            if depths.count(0) > 1:
                raise DataError(f"expected one JSON object a line, got {depths.count(0)} in row {rows}", hint=_HINT)
        rows += 1
        lines.append(line)
        size += len(line)
        if size >= _BLOCK:
            yield b"".join(lines), rows - first
            lines, size, first = [], 0, rows
    bounds.check_records(rows)
    if lines:
        yield b"".join(lines), rows - first


def _check_whole(source: BinaryIO, table: RawTable) -> None:
    """Checks that whole numbers are those of the text, where a column has numbers that double precision confounds.

    Raises:
        DataError: They are not.
    """
    suspects = {
        name
        for name, column in table.columns.items()
        if not isinstance(column, Texts)
        and column.dtype.kind == "f"
        and (np.abs(np.nan_to_num(column, posinf=0, neginf=0)) >= MAX_EXACT).any()
    }
    if not suspects:
        return
    wrong: dict[str, tuple[int, int]] = {}
    for row, line in enumerate(filter(bytes.strip, _lines(source))):
        for name, value in json.loads(line).items():
            if name in suspects and type(value) is int and abs(value) >= MAX_EXACT and name not in wrong:
                wrong[name] = (row, value)
    faults = Faults()
    for name, (row, value) in wrong.items():
        rows = np.zeros(len(table), dtype=np.bool_)
        rows[row] = True
        faults.add(name, "numbers that double precision holds exactly", str(value), rows, "write it as text: a key")
    faults.check()


def _fault(source: BinaryIO, error: Exception) -> DataError:
    """What is wrong with the first line that is no such object, or has a value of another kind than those before."""
    kinds: dict[str, str] = {}
    for row, line in enumerate(filter(bytes.strip, _lines(source))):
        try:
            found = json.loads(line, object_pairs_hook=distinct)
        except (ValueError, RecursionError) as fault:
            return DataError(
                f"expected one JSON object a line, got an unreadable one in row {row}: {first_line(fault)}",
                hint=_HINT,
            )
        if not isinstance(found, dict):
            return DataError(f"expected one JSON object a line, got {_kind(found)} in row {row}")
        for name, value in found.items():
            kind = _kind(value)
            if value is not None and kinds.setdefault(name, kind) != kind:
                return DataError(
                    f"expected {kinds[name]} as in the rows before, got {kind} in column {quoted(name)}, row {row}",
                    hint="write all values of a column as numbers, or all as text, and null for a missing one",
                )
    return DataError(f"expected JSON lines, got damaged ones: {first_line(error)}")


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object with these members: an ``object_pairs_hook`` of ``json``, which itself would take the last of a name.

    Raises:
        ValueError: A name is there twice.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{quoted(next(name for name in names if names.count(name) > 1))} is there twice")
    return found


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "null")


FORMAT = Format(name="JSON lines", suffixes=(".jsonl", ".ndjson"), magic=b"{", read=read)
