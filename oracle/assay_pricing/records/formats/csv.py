"""Delimiter-separated values (RFC 4180) with a header line, in UTF-8, UTF-16 or Windows-1252.

The fields are separated by commas, semicolons, tabs or vertical bars: by the mark that is most frequent in the header
line. A file with semicolons may have commas before the fractions of its numbers (``spelling.numbers``).

Quotes tell text from a missing value where the writer uses them so: if a name in the header has quotes that it does
not need, or some cell is ``"NA"``, then a cell ``NA`` without quotes is missing and one with quotes is text. Otherwise
only an empty cell and ``\\N`` are missing.

A file that is not in UTF-8 and has no byte order mark is in Windows-1252, which has the characters of Latin-1, too
(WHATWG Encoding, "windows-1252"). One that has characters of UTF-8 beside bytes that are none is in two encodings, and
is refused: it would be read with false characters.
"""

import codecs
import csv
import io
import re
import threading
import weakref
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds, check_distinct
from assay_pricing.records.columns import Column, RawTable, check_columns, used
from assay_pricing.records.formats import Format
from assay_pricing.records.formats.look import check_header, check_text, refusal
from assay_pricing.records.quoting import first_line
from assay_pricing.records.spelling.cells import Look, NumberCells, Points, TextCells
from assay_pricing.records.text import NULL, WORDS

_QUOTED_GAP = re.compile(rb'[,;\t|\r\n]"NA"[,;\t|\r\n]')
"""Such a cell, which has these bytes; within another cell its quotes are doubled."""
_QUOTED_NAME = re.compile(r'(?:^|[,;\t|])"[^",;\t|\r\n]+"(?:[,;\t|\r\n]|$)')
_ROW = re.compile(r"Row #(\d+): ", re.ASCII)
_CELLS = re.compile(r"Expected (\d+) columns, got (\d+)", re.ASCII)
_BLOCK = 2**21
"""Bytes that are read at a time."""
_REST = 0.05
"""Seconds in which Arrow's thread leaves Python once a stream is gone, before a refusal may end the program."""
_UNCODED = 4
"""Bytes in memory for a byte of a file that is not in UTF-8: the file, its text, and the text in UTF-8."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_8_CHARACTER = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""One of more than one byte, but for U+0080 to U+00BF, which are signs in both encodings."""


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a CSV file; quoted cells may hold line breaks, column names may not.

    Raises:
        DataError: As ``tables.parse_table``.
    """
    source, notes = _in_utf_8(source, bounds)
    header, separator = _header(source)
    check_header(header)
    names = next(csv.reader([header], delimiter=separator), [])
    check_distinct(names)
    if schema is not None:
        check_columns(names, schema)
    quotes = _QUOTED_NAME.search(header) is not None or _has_quoted_gap(source)
    text = _text_columns(schema)
    found = _Cells(source, separator, quotes, bounds).read(used(names, schema), text)
    return RawTable(
        found.columns,
        typed=False,
        gap="nan",
        decimal_comma=separator == ";",
        ignored=tuple(name for name in names if name not in found.columns),
        words=found.words,
        notes=notes + found.notes,
    )


@dataclass(frozen=True)
class _Found:
    """See ``RawTable``."""

    columns: dict[str, Column]
    words: dict[str, dict[str, int]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Cells:
    """The cells of a file, of which only a few blocks are in memory at a time.

    Attributes:
        source: In UTF-8.
        separator: Between cells.
        quotes: Whether quotes tell text from a missing value.
        bounds: Of all columns.
    """

    source: BinaryIO
    separator: str
    quotes: bool
    bounds: Bounds

    def read(self, names: list[str], text: Collection[str]) -> _Found:
        """Reads columns: those in ``text`` as text, each other one as numbers, or as text if it is none.

        A column that turns out to be no numbers when text before it is gone is read once more.
        """
        comma = self.separator == ";"
        texts = {name: TextCells() for name in names if name in text}
        numbers = {name: NumberCells(comma=comma) for name in names if name not in text}
        points = Points(names) if comma else None
        n = 0
        for batch in self._batches(names):
            block = dict(zip(names, batch.columns, strict=True))
            looks = dict(zip(numbers, Look.at([block[name] for name in numbers]), strict=True)) if numbers else {}
            for name, cells in block.items():
                if name in numbers:
                    numbers[name].add(cells, looks[name])
                    if not (n or numbers[name].are_numbers):
                        del numbers[name]
                        texts[name] = TextCells()
                if name in texts:
                    texts[name].add(cells)
                if points:
                    points.add(name, cells)
            n += len(batch)
            self._check(n, len(names), texts)
        self.bounds.check_records(n)
        columns = {name: found for name, cells in numbers.items() if (found := cells.column()) is not None}
        late = {name: TextCells() for name in numbers if name not in columns}
        for batch in self._batches(list(late)) if late else ():
            for name, cells in zip(late, batch.columns, strict=True):
                late[name].add(cells)
            self._check(n, len(names), {**texts, **late})
        left = self.bounds.max_bytes - 8 * n * len(columns)
        for name, each in {**texts, **late}.items():
            columns[name], size = each.column(Bounds(left))
            left -= size
        words = {name: dict(numbers[name].words) for name in names if name in columns and name in numbers}
        return _Found(
            {name: columns[name] for name in names},
            {name: found for name, found in words.items() if found and name not in late},
            points.notes() if points else (),
        )

    def _check(self, n: int, columns: int, texts: Mapping[str, TextCells]) -> None:
        """Checks what is in memory, which is never more than what is counted of the columns when they are whole."""
        if n:
            self.bounds.check_records(n)
        kept = sum(cells.nbytes for cells in texts.values())
        self.bounds.check_bytes(max(8 * n * columns, 8 * n * (columns - len(texts)) + kept))

    def _batches(self, names: list[str]) -> Iterator[Any]:
        """The columns ``names``, by block."""
        import pyarrow as pa
        import pyarrow.csv as pc

        options = pc.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names,
            strings_can_be_null=True,
            quoted_strings_can_be_null=not self.quotes,
            null_values=["", NULL, *(WORDS if self.quotes else ())],
        )
        self.source.seek(0)
        stream, batches, done, is_whole = _Stream(self.source), None, threading.Event(), False
        weakref.finalize(stream, done.set)
        try:
            batches = pc.open_csv(
                stream,
                read_options=pc.ReadOptions(block_size=_BLOCK, use_threads=False),  # with threads no row is counted,
                parse_options=pc.ParseOptions(newlines_in_values=True, delimiter=self.separator),
                convert_options=options,
            )
            if batches.schema.names != names:
                raise DataError("expected a CSV header that ends with its line, got a line break within a name")
            yield from batches
            is_whole = True
        except pa.ArrowException as error:
            if "straddling" in str(error):
                raise _too_long() from None
            row = _ROW.search(str(error))
            place = f", in row {int(row[1]) - 2}" if row else ""  # it counts from 1, and the header
            fault = first_line(ValueError(_ROW.sub("", str(error))))
            raise DataError(
                f"expected CSV in UTF-8 with as many cells in each line: {fault}{place}",
                hint="save the file in UTF-8" if "UTF8" in str(error) else _count_hint(str(error)),
            ) from None
        finally:
            del stream, batches
            done.wait()
            if not is_whole:
                threading.Event().wait(_REST)


class _Stream:
    """A file as a thread of Arrow reads it, ahead of its parser and for a moment after a refusal.

    It is gone when that thread is done with it. Python unwinds a thread that asks for its lock while it ends, and Arrow
    then aborts the process (apache/arrow issue 34314).
    """

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read


def _too_long() -> DataError:
    return DataError(
        f"expected rows of at most {_BLOCK} bytes, got a longer one",
        hint="write long texts to a file in Parquet or JSON lines",
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


def _in_utf_8(source: BinaryIO, bounds: Bounds) -> tuple[BinaryIO, tuple[str, ...]]:
    """The file in UTF-8, and what to say about its encoding; a file in another one is read as a whole."""
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    start = source.read(2)
    source.seek(0)
    if start in _UTF_16:
        bounds.check_bytes(_UNCODED * size)
        try:
            return io.BytesIO(source.read().decode("utf-16").encode()), ()
        except UnicodeError:
            source.seek(0)
            raise refusal(source) from None
    check_text(source)
    at = _first_other_byte(source)
    if at is None:
        return source, ()
    bounds.check_bytes(_UNCODED * size)
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
    start = source.readline(_BLOCK + 1)
    if len(start) > _BLOCK:
        raise _too_long()
    try:
        line = start.decode("utf-8-sig")
        outside = "".join(line.split('"')[::2])
        separator = max(",;\t|", key=outside.count)
        next(csv.reader([line], delimiter=separator))
    except (UnicodeDecodeError, StopIteration, csv.Error):
        source.seek(0)
        raise refusal(source) from None
    return line, separator


def _has_quoted_gap(source: BinaryIO) -> bool:
    source.seek(0)
    kept = b"\n"
    while True:
        block = source.read(_BLOCK)
        content = kept + (block or b"\n")
        if _QUOTED_GAP.search(content):
            return True
        if not block:
            return False
        kept = content[-5:]  # one byte less than such a cell with what is around it


def _text_columns(schema: Schema | None) -> Collection[str]:
    """Columns whose text is kept even where it spells numbers."""
    if schema is None:
        return ()
    text = {feature.name for feature in schema.features if feature.kind in ("categorical", "text")}
    return text | ({schema.label} if schema.task == "classification" else set())


FORMAT = Format(name="CSV", suffixes=(".csv",), magic=b"", read=read)
