"""A download on its way: its envelope is decrypted, and the sealed file in it verified, while the bytes come.

One thread downloads, another one follows the file that grows. What is wrong ends the download at once.
"""

import io
import threading
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

from assay import envelope
from assay.errors import ChunkMismatch, EnvelopeInvalid
from assay.protocol import seal
from assay.protocol.arriving import ArrivingFile
from assay.protocol.tree import ChunkProof
from assay.protocol.types import Bytes32


class NoMoreNeeded(Exception):
    """Something was wrong with the bytes that came: ``Arrival.wait`` raises what."""


class Damaged(Exception):
    """Bytes that are not what they should be, and that may be if they are asked for again.

    Attributes:
        error: What is wrong.
        keep: Number of bytes of the envelope before them.
        chunk: Of a sealed chunk: what was delivered, with the path of the committed one.
        committed: Its committed digest.
    """

    def __init__(self, error: EnvelopeInvalid | ChunkMismatch, keep: int) -> None:
        super().__init__(error.message)
        self.error = error
        self.keep = keep
        self.chunk: ChunkProof | None = None
        self.committed: Bytes32 = bytes(32)


class GrowingFile(io.RawIOBase):
    """Reads a file that another thread writes; waits for its bytes until the end is known."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._length = 0
        self._has_ended = False
        self._changed = threading.Condition()

    def grow(self, length: int) -> None:
        """The first ``length`` bytes are there."""
        with self._changed:
            self._length = length
            self._changed.notify_all()

    def end(self) -> None:
        """No more bytes will come."""
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def read(self, size: int = -1) -> bytes:
        """So many bytes; fewer at the end alone."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_ended or 0 <= size <= self._length - self._file.tell())
            left = self._length - self._file.tell()
        return self._file.read(left if size < 0 else min(size, left))

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to another byte."""
        return self._file.seek(offset, whence)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()


class Arrival:
    """Follows the envelope at ``enveloped``, and writes the sealed file with ``data_root`` to ``target``.

    Use it as a context, in which the download calls ``grown``, and then ``wait``.

    Args:
        identity: Age identity of the delivery key.
        enveloped: Exists already.
        target: Empty, seekable.
        data_root: What the order commits to.
    """

    def __init__(self, identity: str, enveloped: Path, target: BinaryIO, data_root: bytes) -> None:
        self._identity = identity
        self._source = GrowingFile(enveloped)
        self._target = target
        self._file = ArrivingFile(target, data_root)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, name="arrival", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.end()
        self._thread.join()
        self._source.close()

    def _follow(self) -> None:
        try:
            envelope.decrypt_with(self._identity, cast(BinaryIO, self._source), cast(BinaryIO, self._file))
            self._file.finish()
        except BaseException as error:
            self._error = error

    def grown(self, length: int) -> None:
        """The first ``length`` bytes of the envelope are there.

        Raises:
            NoMoreNeeded: Something is wrong with them.
        """
        if self._error:
            raise NoMoreNeeded
        self._source.grow(length)

    def wait(self) -> None:
        """Waits until all that came is verified.

        Raises:
            Damaged: A chunk of the envelope is not authentic, or a sealed one is not committed to.
            SealError: It is another file.
            OSError: The disk refused.
        """
        self._source.end()
        self._thread.join()
        if self._file.altered is not None:
            raise self._altered(self._file.altered)
        if self._file.refused:
            raise self._file.refused
        if isinstance(self._error, EnvelopeInvalid):
            keep = envelope.chunks_within(cast(BinaryIO, self._source), self._file.received)
            raise Damaged(self._error, keep)
        if self._error:
            raise self._error

    def _altered(self, chunk: int) -> Damaged:
        index = self._file.index
        start = index.layout.body_offset + chunk * index.layout.chunk_size
        keep = envelope.chunks_within(cast(BinaryIO, self._source), start)
        damaged = Damaged(ChunkMismatch(f"sealed chunk {chunk} is not the committed one"), keep)
        damaged.chunk, damaged.committed = seal.prove(self._target, chunk), index.sealed_digest(chunk)
        return damaged
