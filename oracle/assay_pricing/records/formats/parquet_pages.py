"""Expanded sizes of the pages of a Parquet file, from the page headers, before a page is decompressed.

The footer states the sizes too, but an attacker can write a footer that understates them, and Arrow allocates what each
page header states. The headers are in Thrift's compact protocol; this reads the part of it that they use.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds

_MAX_PAGES = 100_000
_MAX_HEADER = 2**16
_EXPANDED_SIZE, _STORED_SIZE, _DATA, _DATA_V2 = 2, 3, 5, 8
"""Fields of ``PageHeader`` in parquet.thrift: two sizes in bytes, and the headers of the two kinds of data page."""
_VALUES = 1
_ENCODING = {_DATA: 2, _DATA_V2: 4}
_PLAIN, _PLAIN_DICTIONARY, _RLE_DICTIONARY = 0, 2, 8
"""Encodings of text that Arrow can keep dictionary-encoded."""


@dataclass
class Pages:
    """The pages of one column.

    Attributes:
        largest: Expanded size of the largest one, in bytes.
        is_mixed: Some page has an encoding other than plain and dictionary.
    """

    largest: int = 0
    is_mixed: bool = False


def check_pages(source: BinaryIO, metadata: Any, bounds: Bounds) -> dict[str, Pages]:
    """Checks the expanded size of all pages together.

    Args:
        source: The file; its position is reset to the start.
        metadata: Its footer, a ``pyarrow.parquet.FileMetaData``.
        bounds: Of the file.

    Returns:
        The pages of each column, by its path in the file.

    Raises:
        DataError: The pages are larger than the bounds, or too many.
    """
    columns: dict[str, Pages] = {}
    expanded = pages = 0
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for j in range(group.num_columns):
            chunk = group.column(j)
            column = columns.setdefault(chunk.path_in_schema, Pages())
            for size, encoding in _page_sizes(source, chunk):
                expanded, pages = expanded + size, pages + 1
                bounds.check_bytes(expanded)
                if pages > _MAX_PAGES:
                    raise DataError(f"expected at most {_MAX_PAGES} pages, got more: write larger row groups")
                column.largest = max(column.largest, size)
                column.is_mixed |= encoding not in (None, _PLAIN, _PLAIN_DICTIONARY, _RLE_DICTIONARY)
    source.seek(0)
    return columns


def _page_sizes(source: BinaryIO, chunk: Any) -> Iterator[tuple[int, int | None]]:
    """Expanded size of each page of a column chunk, in bytes, and the encoding of a data page."""
    position: int = chunk.data_page_offset
    dictionary = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
    if dictionary and dictionary < position:
        position = dictionary
    end, seen = position + chunk.total_compressed_size, 0
    while position < end and seen < chunk.num_values:
        source.seek(position)
        header, length = read_header(source.read(_MAX_HEADER))
        expanded, stored = header.get(_EXPANDED_SIZE, -1), header.get(_STORED_SIZE, -1)
        if min(expanded, stored) < 0:
            raise DataError("expected a Parquet file, got a page without a size")
        kind = next((key for key in (_DATA, _DATA_V2) if key in header), None)
        encoding = None
        if kind is not None:
            encoding = header[kind].get(_ENCODING[kind], _PLAIN)
            seen += max(header[kind].get(_VALUES, 0), 0)
        position += length + stored
        yield expanded, encoding


def read_header(start: bytes) -> tuple[dict[int, Any], int]:
    """The fields of a page header by number, and its length in bytes.

    Raises:
        ValueError: ``start`` does not begin with a complete header.
    """
    stream = io.BytesIO(start)
    return _struct(stream), stream.tell()


def _struct(stream: io.BytesIO) -> dict[int, Any]:
    fields: dict[int, Any] = {}
    number = 0
    while head := _byte(stream):
        number = number + (head >> 4) if head >> 4 else _integer(stream)
        fields[number] = head & 15 == 1 if head & 15 in (1, 2) else _value(stream, head & 15)
    return fields


def _value(stream: io.BytesIO, kind: int) -> Any:
    if kind in (1, 2, 3):
        return _byte(stream)
    if kind in (4, 5, 6):
        return _integer(stream)
    if kind == 7:
        return stream.read(8)
    if kind == 8:
        return stream.read(_varint(stream))
    if kind in (9, 10):
        head = _byte(stream)
        return [_value(stream, head & 15) for _ in range(_varint(stream) if head >> 4 == 15 else head >> 4)]
    if kind == 12:
        return _struct(stream)
    raise ValueError(f"unknown Thrift type {kind}")


def _byte(stream: io.BytesIO) -> int:
    read = stream.read(1)
    if not read:
        raise ValueError("a page header is incomplete")
    return read[0]


def _varint(stream: io.BytesIO) -> int:
    value = shift = 0
    while shift < 64:
        byte = _byte(stream)
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7
    raise ValueError("a number in a page header is longer than 64 bits")


def _integer(stream: io.BytesIO) -> int:
    value = _varint(stream)
    return value >> 1 ^ -(value & 1)
