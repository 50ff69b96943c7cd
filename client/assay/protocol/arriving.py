"""A sealed file that arrives: each part is verified once it is there."""

import io
from typing import Any, BinaryIO

from assay.errors import CommitmentMismatch, SealedDataTruncated, SealError
from assay.protocol import seal
from assay.protocol.batches import Buffers
from assay.protocol.index import Index, parse_header
from assay.protocol.sealed_batch import altered_error
from assay.protocol.tree import HEADER_BYTES, Layout


class ArrivingFile(io.RawIOBase):
    """Writes to ``target`` (seekable, empty) what should be the sealed file with ``data_root``.

    The header is verified with its last byte, the index with its last one, and a chunk with the last of its batch.

    Attributes:
        received: Number of bytes that came.
        refused: What is wrong with them, once something is; nothing is written any more.
        altered: The first chunk that is not the committed one, if that is what is wrong.
    """

    def __init__(self, target: BinaryIO, data_root: bytes) -> None:
        self._target = target
        self._root = data_root
        self._layout: Layout | None = None
        self._index: Index | None = None
        self._checked = 0
        self._next_check = HEADER_BYTES
        self.received = 0
        self.refused: SealError | None = None
        self.altered: int | None = None

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Appends ``data``.

        Raises:
            SealError: Something is wrong with what came; see ``refused``.
        """
        if self.refused:
            raise self.refused
        self._target.write(data)
        self.received += len(data)
        if self.received >= self._next_check:
            self._target.flush()
            try:
                self._check()
            except SealError as error:
                self.refused = error
                raise
            self._target.seek(self.received)
        return len(data)

    def _check(self) -> None:
        """Verifies what is there and was not verified yet."""
        if self._layout is None:
            self._target.seek(0)
            self._layout, root = parse_header(self._target.read(HEADER_BYTES))
            if root != self._root:
                raise CommitmentMismatch(f"expected root 0x{self._root.hex()}, got 0x{root.hex()}")
            self._buffers = Buffers(self._layout)
            self._next_check = self._layout.body_offset
        if self._index is None and self.received >= self._layout.body_offset:
            self._index = seal.read_index(self._target)
            self._next_check = self._layout.end_of(1)
        if self._index is not None:
            self._check_batches(self._layout, self._index)

    def _check_batches(self, layout: Layout, index: Index) -> None:
        while self._checked < len(layout.batches) and self.received >= layout.end_of(self._checked + 1):
            altered = seal.altered_chunks(self._target, index, self._checked, self._buffers)
            if altered:
                self.altered = altered[0]
                raise altered_error(altered[0])
            self._checked += 1
            self._next_check = layout.end_of(self._checked + 1)
        if self._checked == len(layout.batches):
            self._next_check = layout.file_bytes + 1
        if self.received > layout.file_bytes:
            raise SealedDataTruncated(f"expected a sealed file of {layout.file_bytes} bytes, got more")

    def finish(self) -> None:
        """Verifies that all of the file is there.

        Raises:
            SealError: It is not.
        """
        if self._layout is None:
            self._target.flush()
            self._target.seek(0)
            parse_header(self._target.read(HEADER_BYTES))
        assert self._layout is not None
        if self.received != self._layout.file_bytes:
            raise SealedDataTruncated(f"expected a sealed file of {self._layout.file_bytes} bytes, got {self.received}")

    @property
    def index(self) -> Index:
        """The index, once it came."""
        assert self._index is not None
        return self._index
