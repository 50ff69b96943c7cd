"""JSON lines (https://jsonlines.org): one object a line, in UTF-8. Its members are the columns.

A member that is null, NaN, or not there is a missing value. Text stays text, also where it spells a number or a time. A
column is of one kind in all lines.
"""

import io
import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, BinaryIO

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import RawTable
from assay_pricing.records.faults import Faults
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.arrow import Fields, named
from assay_pricing.records.quoting import first_line, quoted
from assay_pricing.records.spelling.numbers import MAX_EXACT

_LEAST_MEMBER = 6
"""Bytes of the shortest member of an object, which takes eight as a number."""
_MAX_DEPTH = 32
_MAX_LINE = 2**26
_LEAST_BLOCK = 2**20
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"\s*:?')
_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')
_STEPS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_HINT = "write one object a line, without commas between them (pandas: to_json(orient='records', lines=True))"
_KINDS = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a file of JSON lines. Columns that the schema excludes are read and not kept.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa

    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    bounds.check_bytes(8 * size // _LEAST_MEMBER)
    longest = _check_lines(source, bounds)
    try:
        table = _parse(source, max(_LEAST_BLOCK, longest + 2))
        table.validate(full=True)
    except pa.ArrowException as error:
        raise _fault(source, error) from None
    bounds.check_records(table.num_rows)
    fields = Fields.of(table.schema, schema)
    table = table.select(list(fields.kinds))
    _check_whole(source, table)
    return fields.table(named(table), bounds)


def _parse(source: BinaryIO, block: int) -> Any:
    """The columns; text that spells a time is text, though Arrow would read some of it as times."""
    import pyarrow as pa
    import pyarrow.json as pj

    options = pj.ReadOptions(use_threads=False, block_size=block)
    source.seek(0)
    table = pj.read_json(source, read_options=options)
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    if times:
        texts = pj.ParseOptions(explicit_schema=pa.schema([(name, pa.string()) for name in times]))
        source.seek(0)
        table = pj.read_json(source, read_options=options, parse_options=texts).select(table.column_names)
    return table


def _lines(source: BinaryIO) -> Iterator[bytes]:
    source.seek(0)
    yield from iter(lambda: source.readline(_MAX_LINE + 1), b"")


def _check_lines(source: BinaryIO, bounds: Bounds) -> int:
    """Bounds what the lines expand to, before they are parsed; returns the length of the longest line.

    An object with a name of its own in every line makes a table that grows with the square of the file. Arrow builds a
    type of each level of nesting.
    """
    names: set[bytes] = set()
    rows = longest = 0
    for line in _lines(source):
        longest = max(longest, len(line))
        if longest > _MAX_LINE:
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
    bounds.check_records(rows)
    return longest


def _check_whole(source: BinaryIO, table: Any) -> None:
    """Checks that whole numbers are those of the text, where a column has numbers that double precision confounds.

    Raises:
        DataError: They are not.
    """
    import pyarrow as pa

    suspects = {
        field.name
        for field in table.schema
        if pa.types.is_floating(field.type)
        and (np.abs(np.nan_to_num(table.column(field.name).to_numpy(), posinf=0, neginf=0)) >= MAX_EXACT).any()
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
        rows = np.zeros(table.num_rows, dtype=np.bool_)
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
