"""Messages between the daemon and its pricing process: JSON fields and bytes. Neither side unpickles an object."""

import io
import json
import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO

_HEAD = struct.Struct(">IQ")
MAX_FIELDS_BYTES = 2**24
MAX_BLOB_BYTES = 2**28
"""Bytes of one blob: hashes, or the document of an appraisal, of a million records."""
PIECE_BYTES = 2**20


class ChannelClosed(Exception):
    """The other side ended, or does not keep to the format."""


@dataclass(frozen=True)
class Message:
    """One message; ``fields`` are plain JSON values."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    blob: bytes = b""


class Channel:
    """Sends and receives messages over two pipes.

    Args:
        reader: What the other side writes.
        writer: What the other side reads.
    """

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, kind: str, blob: bytes = b"", **fields: Any) -> None:
        """Sends one message.

        Raises:
            ChannelClosed: The other side ended.
        """
        head = json.dumps({"kind": kind, **fields}).encode()
        try:
            self._writer.write(_HEAD.pack(len(head), len(blob)) + head)
            self._writer.write(blob)
            self._writer.flush()
        except (OSError, ValueError):
            raise ChannelClosed from None

    def receive(self) -> Message:
        """Waits for one message.

        Raises:
            ChannelClosed: The other side ended, or sent more than the bounds, or no message.
        """
        fields_bytes, blob_bytes = _HEAD.unpack(self._read(_HEAD.size))
        if fields_bytes > MAX_FIELDS_BYTES or blob_bytes > MAX_BLOB_BYTES:
            raise ChannelClosed
        try:
            fields = json.loads(self._read(fields_bytes))
            return Message(fields.pop("kind"), fields, self._read(blob_bytes))
        except (ValueError, KeyError, AttributeError, RecursionError):
            raise ChannelClosed from None

    def _read(self, count: int) -> bytes:
        try:
            found = self._reader.read(count)
        except (OSError, ValueError):
            raise ChannelClosed from None
        if len(found) != count:
            raise ChannelClosed
        return found

    def send_data(self, source: BinaryIO) -> None:
        """Sends the rest of ``source`` in pieces, and their end.

        Raises:
            ChannelClosed: The other side ended.
            OSError: ``source`` cannot be read.
        """
        while piece := source.read(PIECE_BYTES):
            self.send("piece", piece)
        self.send("end")

    def receive_data(self) -> BinaryIO:
        """What ``send_data`` sent, from its start.

        Raises:
            ChannelClosed: The other side ended.
        """
        data = io.BytesIO()
        while (message := self.receive()).kind == "piece":
            data.write(message.blob)
        if message.kind != "end":
            raise ChannelClosed
        data.seek(0)
        return data
