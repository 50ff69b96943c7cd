"""Expanded sizes of the messages of an Arrow file or stream, from their metadata, before a buffer is decompressed.

Arrow allocates what each compressed buffer states at its start. The metadata are FlatBuffers; this reads the part of
them that says where the buffers are (Arrow columnar format, "Serialization and Interprocess Communication").
"""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds

MAGIC = b"ARROW1"
CONTINUATION = b"\xff\xff\xff\xff"
_MAX_METADATA = 2**24
_MAX_MESSAGES = 100_000
_DICTIONARY, _RECORDS = 2, 3
"""Members of the union ``MessageHeader``."""
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
"""Fields of ``Message``."""
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3
"""Fields of ``RecordBatch``."""
_DATA = 1
"""Field of ``DictionaryBatch``."""
_BLOCKS = (2, 3)
"""Fields of ``Footer``: the blocks of dictionaries and of records."""


class Table:
    """A FlatBuffers table at a position of ``content``; a field that is not there is 0 or None."""

    def __init__(self, content: bytes, position: int) -> None:
        self._content, self._position = content, position
        self._fields = position - self._unpack("<i", position)
        self._end = self._unpack("<H", self._fields)

    @classmethod
    def root(cls, content: bytes) -> "Table":
        """The table that a buffer begins with the offset of."""
        return cls(content, struct.unpack_from("<I", content, 0)[0])

    def number(self, field: int, form: str) -> int:
        """A number, of a type as ``struct`` writes it."""
        at = self._at(field)
        return self._unpack(form, at) if at else 0

    def table(self, field: int) -> "Table | None":
        """A table."""
        at = self._at(field)
        return Table(self._content, at + self._unpack("<I", at)) if at else None

    def structs(self, field: int, form: str) -> list[tuple[int, ...]]:
        """A vector of structs."""
        at = self._at(field)
        if not at:
            return []
        start = at + self._unpack("<I", at)
        count = self._unpack("<I", start)
        end = start + 4 + count * struct.calcsize(form)
        return list(struct.iter_unpack(form, self._content[start + 4 : end])) if end <= len(self._content) else []

    def _at(self, field: int) -> int:
        place = 4 + 2 * field
        offset = self._unpack("<H", self._fields + place) if place < self._end else 0
        return self._position + offset if offset else 0

    def _unpack(self, form: str, at: int) -> int:
        if at < 0:
            raise DataError("expected an Arrow file, got metadata with a negative offset")
        return int(struct.unpack_from(form, self._content, at)[0])


def check_messages(source: BinaryIO, bounds: Bounds) -> None:
    """Checks the number of records, and the expanded size of all messages together.

    The position of ``source`` is reset to the start.

    Raises:
        DataError: They are larger than the bounds, too many, or damaged.
    """
    source.seek(0)
    is_file = source.read(len(MAGIC)) == MAGIC
    records = expanded = 0
    try:
        for count, (message, body) in enumerate(_of_file(source) if is_file else _of_stream(source)):
            if count >= _MAX_MESSAGES:
                raise DataError(f"expected at most {_MAX_MESSAGES} batches, got more: write larger ones")
            kind = message.number(_HEADER_TYPE, "<B")
            if kind not in (_DICTIONARY, _RECORDS):
                continue
            header = message.table(_HEADER)
            batch = header.table(_DATA) if header and kind == _DICTIONARY else header
            if batch is None:
                raise DataError("expected an Arrow file, got a batch without its metadata")
            length = batch.number(_LENGTH, "<q")
            if length < 0:
                raise DataError("expected an Arrow file, got a batch with a negative number of rows")
            records += length * (kind == _RECORDS)
            expanded += sum(_sizes(source, batch, body))
            bounds.check_bytes(max(expanded, 8 * records))
    except struct.error:
        raise DataError("expected an Arrow file, got a damaged one: its metadata end too early") from None
    bounds.check_records(records)
    source.seek(0)


def _of_file(source: BinaryIO) -> Iterator[tuple[Table, int]]:
    """The messages that the footer lists, and where their bodies begin."""
    size = source.seek(0, io.SEEK_END)
    source.seek(max(0, size - 10))
    tail = source.read(10)
    if len(tail) < 10 or tail[4:] != MAGIC:
        raise DataError("expected an Arrow file, got one that is cut off: the mark at its end is missing")
    length = struct.unpack("<i", tail[:4])[0]
    if not 0 < length <= min(_MAX_METADATA, size - 10):
        raise DataError("expected an Arrow file, got a footer of an impossible length")
    source.seek(size - 10 - length)
    footer = Table.root(source.read(length))
    for field in _BLOCKS:
        for offset, metadata, body in footer.structs(field, "<qi4xq"):
            if not (0 <= offset <= size and 0 < metadata <= _MAX_METADATA and 0 <= body <= size):
                raise DataError("expected an Arrow file, got a footer that points out of it")
            source.seek(offset)
            content = source.read(metadata)
            start = 8 if content.startswith(CONTINUATION) else 4
            yield Table.root(content[start:]), offset + metadata


def _of_stream(source: BinaryIO) -> Iterator[tuple[Table, int]]:
    """The messages one after another, and where their bodies begin."""
    source.seek(0)
    while True:
        start = source.read(4)
        if start == CONTINUATION:
            start = source.read(4)
        if len(start) < 4:
            return
        length = struct.unpack("<i", start)[0]
        if length == 0:
            return
        if not 0 < length <= _MAX_METADATA:
            raise DataError("expected an Arrow stream, got a message of an impossible length")
        message = Table.root(source.read(length))
        body = source.tell()
        yield message, body
        step = message.number(_BODY_LENGTH, "<q")
        if step < 0:
            raise DataError("expected an Arrow stream, got a message of a negative length")
        source.seek(body + step)


def _sizes(source: BinaryIO, batch: Table, body: int) -> Iterator[int]:
    """Expanded sizes of the buffers of a batch, in bytes."""
    is_compressed = batch.table(_COMPRESSION) is not None
    for offset, length in batch.structs(_BUFFERS, "<qq"):
        size = length
        if is_compressed and length >= 8:
            source.seek(body + offset)
            stated = struct.unpack("<q", source.read(8))[0]
            size = length if stated == -1 else stated
        if min(offset, length, size) < 0:
            raise DataError("expected an Arrow file, got a buffer of a negative size")
        yield size
