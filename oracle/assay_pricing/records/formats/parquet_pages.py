"""The pages of a Parquet file, measured before any of them is unpacked.

The footer says what the pages take in memory, but the one who wrote the file wrote that too, while a reader allocates
what the header of each page says. So the headers are read here: Thrift's compact protocol, of which they need little.
"""

import io
from typing import Any, BinaryIO

from assay_pricing.errors import DataError
from assay_pricing.records.limits import bound_bytes

_MAX_PAGES = 100_000
_MAX_HEADER = 2**16
_UNPACKED, _PACKED, _DATA, _DATA_V2 = 2, 3, 5, 8
"""Fields of a page header: bytes once unpacked, bytes in the file, and what is said of a page of data."""
_VALUES = 1
_ENCODING = {_DATA: 2, _DATA_V2: 4}
_DELTA_BYTE_ARRAY = 7


def bound_pages(source: BinaryIO, metadata: Any, max_bytes: int) -> None:
    """Refuses a file whose pages take more than ``max_bytes`` once unpacked.

    Args:
        source: The file.
        metadata: Its footer, a ``pyarrow.parquet.FileMetaData``.
        max_bytes: What all pages may take together.

    Raises:
        DataError: They take more, are too many, or hold text whose size cannot be known before it is decoded.
    """
    unpacked = pages = 0
    for i in range(metadata.num_row_groups):
        group = metadata.row_group(i)
        for j in range(group.num_columns):
            chunk = group.column(j)
            at: int = chunk.data_page_offset
            first = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
            if first and first < at:
                at = first
            end, seen = at + chunk.total_compressed_size, 0
            while at < end and seen < chunk.num_values:
                source.seek(at)
                header, length = read_header(source.read(_MAX_HEADER))
                sizes = header.get(_UNPACKED, -1), header.get(_PACKED, -1)
                if min(sizes) < 0:
                    raise DataError("expected a Parquet file, got a page of no size")
                said = next((key for key in (_DATA, _DATA_V2) if key in header), None)
                if said is not None:
                    if header[said].get(_ENCODING[said]) == _DELTA_BYTE_ARRAY:
                        raise DataError(
                            f"expected text in the plain or dictionary encoding, got DELTA_BYTE_ARRAY in column "
                            f"{j}: write the file with the dictionary encoding"
                        )
                    seen += max(header[said].get(_VALUES, 0), 0)
                unpacked, pages, at = unpacked + sizes[0], pages + 1, at + length + sizes[1]
                bound_bytes(unpacked, max_bytes)
                if pages > _MAX_PAGES:
                    raise DataError(f"expected at most {_MAX_PAGES} pages, got more: write larger row groups")
    source.seek(0)


def read_header(start: bytes) -> tuple[dict[int, Any], int]:
    """A page header's fields by their number, and its length in bytes.

    Raises:
        ValueError: ``start`` does not begin with a whole header.
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
    raise ValueError(f"no such kind of field: {kind}")


def _byte(stream: io.BytesIO) -> int:
    read = stream.read(1)
    if not read:
        raise ValueError("a page header ends too soon")
    return read[0]


def _varint(stream: io.BytesIO) -> int:
    value = shift = 0
    while shift < 64:
        byte = _byte(stream)
        value |= (byte & 127) << shift
        if byte < 128:
            return value
        shift += 7
    raise ValueError("a number in a page header is too long")


def _integer(stream: io.BytesIO) -> int:
    value = _varint(stream)
    return value >> 1 ^ -(value & 1)
