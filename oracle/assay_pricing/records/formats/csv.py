"""Delimiter-separated values (RFC 4180) with a header line, in UTF-8, UTF-16 or Windows-1252.

The fields are separated by commas, semicolons, tabs or vertical bars: by the mark that is most frequent in the header
line. A file with semicolons may have commas before the fractions of its numbers (``spelling.numbers``).

Quotes tell text from a missing value where the writer uses them so: if the header is quoted, or some cell is ``"NA"``,
then a cell ``NA`` without quotes is missing and one with quotes is text. Otherwise only an empty cell and ``\\N`` are
missing.

A file that is not in UTF-8 and has no byte order mark is in Windows-1252, which has the characters of Latin-1, too
(WHATWG Encoding, "windows-1252"). One that has characters of UTF-8 beside bytes that are none is in two encodings, and
is refused: it would be read with false characters.
"""

import codecs
import csv
import io
import re
from collections.abc import Collection
from functools import cache
from typing import Any, BinaryIO

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds, check_distinct
from assay_pricing.records.columns import Column, RawTable, check_columns, used
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.arrow import to_texts
from assay_pricing.records.formats.look import check_header, check_text, refusal
from assay_pricing.records.quoting import first_line, quoted
from assay_pricing.records.spelling.numbers import MAX_EXACT
from assay_pricing.records.text import GAPS, NULL, WORDS

_QUOTED_GAP = b'"NA"'
_ANOTHER_READING = r"^\s*[+-]?0[xX0-9]"
"""Arrow casts 0x1F to an integer; it is text to ``numbers.number``, hence in an offer, and to pandas. Zeros in front
are part of a code, which an owner may want as text."""
_ROW = re.compile(r"Row #(\d+)", re.ASCII)
_COMMA_NUMBER = r"^\s*[+-]?\d+,\d+\s*$"
_GROUP, _NO_GROUP = r"^\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*$", r"[^\d\s.+-]|\.\d{0,2}\s*$|\.\d{4}|0\.|\..*\."
_CELLS = re.compile(r"Expected (\d+) columns, got (\d+)", re.ASCII)
_BLOCK = 2**20
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_8_CHARACTER = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""One of more than one byte, but for U+0080 to U+00BF, which are signs in both encodings."""


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a CSV file; quoted cells may hold line breaks, column names may not.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    bounds.check_bytes(8 * size // 2)  # a value takes at least two bytes as text, and eight as a number
    source, notes = _in_utf_8(source)
    header, separator = _header(source)
    check_header(header)
    names = next(csv.reader([header], delimiter=separator), [])
    check_distinct(names)
    if schema is not None:
        check_columns(names, schema)
    quotes = '"' in header or _has_quoted_gap(source)
    options = pc.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        include_columns=used(names, schema),
        strings_can_be_null=True,
        quoted_strings_can_be_null=not quotes,
        null_values=["", NULL, *(WORDS if quotes else ())],
    )
    try:
        table = _parse(source, separator, options)
    except pa.ArrowException as error:
        message = first_line(error) + _row_of_fault(source, separator, options)
        raise DataError(
            f"expected CSV in UTF-8 with as many cells in each line: {message}",
            hint="save the file in UTF-8" if "UTF8" in str(error) else _count_hint(str(error)),
        ) from None
    if table.column_names != used(names, schema):
        raise DataError("expected a CSV header that ends with its line, got a line break within a name")
    bounds.check_records(table.num_rows)
    bounds.check_bytes(8 * table.num_rows * table.num_columns)
    text = _text_columns(schema)
    columns: dict[str, Column] = {}
    words: dict[str, dict[str, int]] = {}
    left = bounds.max_bytes
    read = used(names, schema)
    for name in read:
        cells, column, taken = table.column(name), None, 8 * len(table)
        if name not in text:
            gap = _gaps(cells)
            column = _numbers(cells, gap, comma=separator == ";")
            if column is not None and gap is not None:
                words[name] = _words(cells, gap)
        if column is None:
            column, taken = to_texts(cells, Bounds(left))
        columns[name] = column
        left -= taken
    return RawTable(
        columns,
        typed=False,
        gap="nan",
        decimal_comma=separator == ";",
        ignored=tuple(name for name in names if name not in columns),
        words={name: found for name, found in words.items() if found},
        notes=notes + (_points(table) if separator == ";" else ()),
    )


def _parse(source: BinaryIO, separator: str, options: Any, *, threads: bool = True) -> Any:
    import pyarrow.csv as pc

    source.seek(0)
    return pc.read_csv(
        source,
        read_options=pc.ReadOptions(use_threads=threads),
        parse_options=pc.ParseOptions(newlines_in_values=True, delimiter=separator),
        convert_options=options,
    )


def _row_of_fault(source: BinaryIO, separator: str, options: Any) -> str:
    """Which row cannot be read; empty where Arrow does not say it. Only without threads does it count rows."""
    import pyarrow as pa

    try:
        _parse(source, separator, options, threads=False)
    except pa.ArrowException as error:
        found = _ROW.search(str(error))
        return f", in row {int(found[1]) - 2}" if found else ""  # it counts from 1, and the header
    return ""


def _points(table: Any) -> tuple[str, ...]:
    """Columns of a file with decimal commas whose points may stand between groups of digits."""
    import pyarrow.compute as pc

    def has(name: str, pattern: str) -> bool:
        return bool(pc.any(pc.match_substring_regex(table.column(name), pattern)).as_py())

    if not any(has(name, _COMMA_NUMBER) for name in table.column_names):
        return ()
    return tuple(
        f"column {quoted(name)} has numbers such as 1.234 in a file with decimal commas: the point is read as a "
        "decimal point. Write thousands without a mark."
        for name in table.column_names
        if has(name, _GROUP) and not has(name, _NO_GROUP)
    )


def _count_hint(message: str) -> str | None:
    """What to do about a line with another number of cells than the header, where Arrow's message counts them."""
    counts = _CELLS.search(message)
    if not counts:
        return None
    if int(counts[2]) == int(counts[1]) + 1:
        return (
            "name every column in the header, also row names (R: write.csv(row.names = FALSE)), and end no line "
            "with a separator"
        )
    return "write a cell for each column in every line, and a value with a separator in it between quotes"


def _in_utf_8(source: BinaryIO) -> tuple[BinaryIO, tuple[str, ...]]:
    """The file in UTF-8, and what to say about its encoding."""
    start = source.read(2)
    source.seek(0)
    if start in _UTF_16:
        try:
            return io.BytesIO(source.read().decode("utf-16").encode()), ()
        except UnicodeError:
            source.seek(0)
            raise refusal(source) from None
    check_text(source)
    at = _first_other_byte(source)
    if at is None:
        return source, ()
    content = source.read()
    source.seek(0)
    mixed = _UTF_8_CHARACTER.search(content)
    if mixed or content.startswith(codecs.BOM_UTF8):
        line = content.count(b"\n", 0, at) + 1
        raise DataError(
            f"expected text in one encoding, got invalid UTF8 in line {line} of a file with other characters in UTF-8",
            hint="save the whole file in UTF-8",
        )
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"expected text in UTF-8, UTF-16 or Windows-1252, got a byte of none of them in line {line}",
            hint="save the file in UTF-8",
        ) from None
    return io.BytesIO(text.encode()), ("the file is not in UTF-8: its text is read as Windows-1252 (Latin-1)",)


def _first_other_byte(source: BinaryIO) -> int | None:
    """Where the file stops being UTF-8; None if it is all UTF-8. The position is reset to the start."""
    decoder, done = codecs.getincrementaldecoder("utf-8")(), 0
    try:
        while block := source.read(_BLOCK):
            kept = len(decoder.getstate()[0])
            decoder.decode(block)
            done += len(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return done - kept + error.start
    finally:
        source.seek(0)
    return None


def _header(source: BinaryIO) -> tuple[str, str]:
    """The first line and the separator in it: the most frequent mark outside quotes; a comma if none is more so."""
    try:
        line = source.readline().decode("utf-8-sig")
        outside = "".join(line.split('"')[::2])
        separator = max(",;\t|", key=outside.count)
        next(csv.reader([line], delimiter=separator))
    except (UnicodeDecodeError, StopIteration, csv.Error):
        source.seek(0)
        raise refusal(source) from None
    return line, separator


def _has_quoted_gap(source: BinaryIO) -> bool:
    source.seek(0)
    kept = b""
    while block := source.read(_BLOCK):
        if _QUOTED_GAP in kept + block:
            return True
        kept = block[-len(_QUOTED_GAP) + 1 :]
    return False


def _text_columns(schema: Schema | None) -> Collection[str]:
    """Columns whose text is kept even where it spells numbers."""
    if schema is None:
        return ()
    text = {feature.name for feature in schema.features if feature.kind in ("categorical", "text")}
    return text | ({schema.label} if schema.task == "classification" else set())


def _numbers(column: Any, gap: Any, *, comma: bool) -> Column | None:
    """Integers, or doubles with NaN for a missing one; None if some value is neither, or no value is there.

    Args:
        column: Of text.
        gap: See ``_gaps``.
        comma: Whether a comma may be the decimal mark.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known = column if gap is None else pc.if_else(gap, pa.scalar(None, pa.string()), column)
    if known.null_count == len(known) or pc.any(pc.match_substring_regex(known, _ANOTHER_READING)).as_py():
        return None
    pointed = pc.any(pc.match_substring(known, ".")).as_py()
    try:
        if not pointed:  # no integer has a point: an error takes longer than the search for one
            return np.asarray(known.cast(pa.int64()).to_numpy()) if not known.null_count else _floats(known)
    except pa.ArrowInvalid:
        pass
    comma = comma and not pointed  # in one column there is one decimal mark
    try:
        return _floats(pc.replace_substring(known, ",", ".") if comma else known)
    except pa.ArrowInvalid:
        return None


def _gaps(column: Any) -> Any:
    """Which cells ``text.is_gap`` takes for missing values; None if it takes none of them."""
    import pyarrow.compute as pc

    found = pc.is_in(pc.ascii_lower(pc.ascii_trim_whitespace(column)), value_set=_gap_words())
    return found if pc.any(found).as_py() else None


@cache
def _gap_words() -> Any:
    import pyarrow as pa

    return pa.array(sorted(GAPS))


def _words(column: Any, gap: Any) -> dict[str, int]:
    """The words for missing values in a column of numbers, and how often each occurs."""
    import pyarrow.compute as pc

    found = column.filter(pc.and_(gap, pc.not_equal(column, "")))
    return {str(count["values"]): int(count["counts"].as_py()) for count in pc.value_counts(found)}


def _floats(column: Any) -> Column | None:
    """Doubles; None where one is no finite number, or is too large a whole number to be exact."""
    import pyarrow as pa

    values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    exact = (np.abs(values) < MAX_EXACT) | np.asarray(column.is_null())
    return values if exact.all() else None


FORMAT = Format(name="CSV", suffixes=(".csv",), magic=b"", read=read)
