"""Blobs as objects of an S3-compatible server, reached through fsspec. All of them are encrypted before they come here.

    <prefix>/<kind>/<file>/<offset, 20 digits>    the bytes of a blob from that offset on

An object appears whole or not at all, and cannot be appended to: what one request appends is an object of its own. The
bytes of a blob are those of its objects up to the first gap. A created blob has one object, sent by a multipart upload
where it is large.
"""

import io
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from fsspec import AbstractFileSystem

from assay_oracle.errors import StorageFull
from assay_oracle.services.ports import StorageSilent
from assay_oracle.storage.local import COUNT_SECONDS, check_blob_name, check_room_to_price

OBJECT_BYTES = 2**23
"""Bytes that are gathered for one object while a request appends."""
LEAST_READ_BYTES = 2**16
MOST_READ_BYTES = 2**22
"""Bytes of one read, which double as long as they are read in order."""
_OFFSET = re.compile(r"\d{20}")

T = TypeVar("T")


@dataclass(frozen=True)
class _Part:
    """One object of a blob."""

    offset: int
    length: int


class BucketStore:
    """The ``BlobStore`` at ``root`` of ``files``; appended blobs and created ones together take at most ``max_bytes``.

    Only where it is ``shared`` may another process append to it. A created blob is never refused for the quota: its
    order is paid for.

    Args:
        files: A file system of fsspec that shows an object once it is complete.
        root: Bucket and prefix.
        folder: The folder of the journal, where a created blob also lies until it is complete.
        max_bytes: What all blobs may take, as far as this process knows.
        shared: Other daemons have the same store: the server is asked for the objects of a blob each time.

    Raises:
        StorageSilent: There is no such bucket, or the server does not answer or refuses.
    """

    def __init__(
        self, files: AbstractFileSystem, root: str, folder: Path, *, max_bytes: int, shared: bool = False
    ) -> None:
        self._files = files
        self._root = root.rstrip("/")
        self._folder = folder
        self._max_bytes = max_bytes
        self._shared = shared
        self._lock = threading.Lock()
        self._parts: dict[str, list[_Part]] = {}
        self._recounted = float("-inf")
        """When all objects were last counted because there was no room."""
        try:
            self._used = self._counted()
        except FileNotFoundError:
            raise StorageSilent(f"there is no bucket for {root}: make it, or name another one") from None

    @property
    def used(self) -> int:
        """Bytes that all blobs take."""
        return self._used

    def _counted(self) -> int:
        return sum(length for _, length in self._objects(self._root))

    def _objects(self, path: str) -> list[tuple[str, int]]:
        """Paths and lengths of the objects below a path.

        Raises:
            FileNotFoundError: There is no such bucket.
            StorageSilent: The server does not answer, or with what is no listing.
        """

        def find() -> list[tuple[str, int]]:
            self._files.invalidate_cache()
            found = self._files.find(path, detail=True)
            return [(name, _length(found[name])) for name in found]

        return _asked(find)

    def _path(self, name: str) -> str:
        check_blob_name(name)
        return f"{self._root}/{name}"

    def _look(self, name: str) -> list[_Part]:
        """The objects of a blob up to the first gap, as the server has them now."""
        found = [(path.rpartition("/")[2], length) for path, length in self._objects(self._path(name))]
        parts: list[_Part] = []
        for offset, length in sorted((int(file), length) for file, length in found if _OFFSET.fullmatch(file)):
            if offset == _end_of(parts):
                parts.append(_Part(offset, length))
        with self._lock:
            self._parts[name] = parts
        return parts

    def _known(self, name: str) -> list[_Part]:
        if self._shared:
            return self._look(name)
        with self._lock:
            known = self._parts.get(name)
        return self._look(name) if known is None else known

    def _forget(self, name: str) -> None:
        with self._lock:
            self._parts.pop(name, None)

    def check_room_to_price(self) -> None:
        """Checks that pricing an offer leaves the journal room on the disk for what is due on chain.

        Raises:
            StorageFull: It might not.
        """
        check_room_to_price(self._folder)

    def reserve(self, count: int) -> None:
        """Counts ``count`` bytes that are about to be written.

        Before it refuses, it looks what is there: the operator's commands delete blobs of a running daemon, too.

        Raises:
            StorageFull: There is no room for them.
        """
        with self._lock:
            if self._used + count > self._max_bytes and time.monotonic() > self._recounted + COUNT_SECONDS:
                self._used, self._recounted = self._counted(), time.monotonic()
            if count and self._used + count > self._max_bytes:
                raise StorageFull(
                    f"expected room for {count} more bytes, the oracle's storage is full",
                    hint="resume the upload later: what was received is kept",
                )
            self._used += count

    def _add(self, count: int) -> None:
        with self._lock:
            self._used += count

    def size(self, name: str) -> int:
        """Number of bytes of a blob; 0 if it does not exist."""
        check_blob_name(name)
        return _end_of(self._known(name))

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The blob for reading.

        Raises:
            FileNotFoundError: It does not exist.
            StorageSilent: The server does not answer.
        """
        parts = self._known(name)
        if not parts:
            raise FileNotFoundError(name)
        raw = _Reader(parts, lambda part, start, end: self._read(name, part, start, end))
        with io.BufferedReader(raw, LEAST_READ_BYTES) as file:
            yield cast(BinaryIO, file)

    def _read(self, name: str, part: _Part, start: int, end: int) -> bytes:
        path = self._object(name, part.offset)
        try:
            found: bytes = _asked(lambda: self._files.cat_file(path, start=start, end=end))
        except FileNotFoundError:
            self._forget(name)
            raise
        if len(found) != end - start:
            self._forget(name)
            raise StorageSilent(f"expected {end - start} bytes of {path} from {start} on, got {len(found)}")
        return found

    def _object(self, name: str, offset: int) -> str:
        return f"{self._path(name)}/{offset:020}"

    @contextmanager
    def append(self, name: str) -> Iterator["ObjectWriter"]:
        """Writes to the end of a blob; durable when the context ends."""
        writer = ObjectWriter(self, name, _end_of(self._look(name)))
        try:
            yield writer
        finally:
            writer.flush()

    def put(self, name: str, offset: int, content: bytes) -> None:
        """Stores an object of a blob behind the others."""
        path = self._object(name, offset)
        try:
            _asked(lambda: self._files.pipe_file(path, content))
        except BaseException:
            self._add(-len(content))
            self._forget(name)
            raise
        with self._lock:
            if name in self._parts:
                self._parts[name].append(_Part(offset, len(content)))

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """A new blob, whole and durable when the context ends well, and absent if it does not."""
        path, before = self._object(name, 0), sum(length for _, length in self._objects(self._path(name)))
        with tempfile.TemporaryFile(dir=self._folder) as file:
            yield cast(BinaryIO, file)
            length = file.tell()
            file.seek(0)
            try:
                _asked(lambda: self._send(cast(BinaryIO, file), path))
            finally:
                self._forget(name)
        self._add(length - before)

    def _send(self, source: BinaryIO, path: str) -> None:
        """Stores an object that appears once all of it is there; an upload that fails is given up."""
        target = self._files.open(path, "wb", block_size=OBJECT_BYTES)
        try:
            shutil.copyfileobj(source, target, OBJECT_BYTES)
            target.close()
        except BaseException:
            with suppress(Exception):
                target.discard()
            target.closed = True  # or it would be completed when it is collected
            raise

    def delete(self, name: str) -> None:
        """Deletes a blob; does nothing if it does not exist."""
        path = self._path(name)
        found = self._objects(path)
        self._forget(name)
        if found:
            with suppress(FileNotFoundError):
                _asked(lambda: self._files.rm([object_path for object_path, _ in found]))
            self._add(-sum(length for _, length in found))


class ObjectWriter:
    """Gathers bytes for objects at the end of a blob, within the store's quota."""

    def __init__(self, store: BucketStore, name: str, offset: int) -> None:
        self._store = store
        self._name = name
        self._offset = offset
        self._gathered = bytearray()

    def write(self, piece: bytes) -> None:
        """Appends ``piece``.

        Raises:
            StorageFull: There is no room for it; nothing of it was written.
            StorageSilent: The server does not answer; what is not stored is to be sent again.
        """
        self._store.reserve(len(piece))
        self._gathered += piece
        if len(self._gathered) >= OBJECT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Stores what is gathered."""
        content = bytes(self._gathered)
        self._gathered.clear()
        if content:
            self._store.put(self._name, self._offset, content)
            self._offset += len(content)


class _Reader(io.RawIOBase):
    """Reads the objects of a blob one after the other, by ranges that grow while they are read in order.

    Args:
        parts: The objects.
        read: Takes an object and a range of its bytes.
    """

    def __init__(self, parts: list[_Part], read: Callable[[_Part, int, int], bytes]) -> None:
        self._parts = parts
        self._read = read
        self._position = 0
        self._ahead, self._ahead_at = b"", 0
        self._next = LEAST_READ_BYTES

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to another byte."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: _end_of(self._parts)}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._position

    def readinto(self, room: Any) -> int:
        """Fills ``room``, or its start."""
        behind = self._position - self._ahead_at
        if not 0 <= behind < len(self._ahead):
            self._fetch()
            behind = 0
        piece = self._ahead[behind : behind + len(room)]
        room[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _fetch(self) -> None:
        """Reads on from the position, within one object."""
        is_in_order = self._position == self._ahead_at + len(self._ahead)
        self._next = min(2 * self._next, MOST_READ_BYTES) if is_in_order else LEAST_READ_BYTES
        self._ahead, self._ahead_at = b"", self._position
        for part in self._parts:
            start = self._position - part.offset
            if 0 <= start < part.length:
                self._ahead = self._read(part, start, min(start + self._next, part.length))
                return


def _length(listed: Any) -> int:
    """Length of an object as a listing has it."""
    length = int(listed["size"])
    if length < 0:
        raise ValueError(f"expected the length of an object, got {length}")
    return length


def _end_of(parts: list[_Part]) -> int:
    return parts[-1].offset + parts[-1].length if parts else 0


def _asked(ask: Callable[[], T]) -> T:
    """The server's answer. Libraries below fsspec have errors of many kinds for one that does not come.

    Raises:
        FileNotFoundError: There is no such object.
        StorageSilent: There was no answer, or a refusal.
    """
    try:
        return ask()
    except FileNotFoundError:
        raise
    except Exception as error:
        raise StorageSilent(f"the store does not answer: {type(error).__name__}: {str(error)[:300]}") from error
