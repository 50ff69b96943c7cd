"""Batches from a file into memory and back: several views in one call, and large files past the page cache.

A page that is new to the page cache costs the system more than a pass of SHA-256 over it. So what is written of a large
file goes to the disk from the memory that it was encrypted in (``O_DIRECT``). That needs offset and memory to be at the
same place in a page. Where the system, the file system or the memory does not allow it, the page cache serves.
"""

import errno
import io
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Self

MOST_CACHED_BYTES = 2**30
"""A longer file does not stay in the page cache after it was written."""
PAGE_BYTES = 4096
"""What a direct write must be a multiple of, with every usual file system; one that wants more refuses it."""
_MOST_VIEWS = 1024
"""Views that a system takes in one call (``IOV_MAX``)."""
_NOT_DIRECT = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY)


def page_aligned(length: int) -> memoryview:
    """Zeros that begin at a page of memory."""
    return memoryview(mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


def reads_anywhere(file: BinaryIO) -> bool:
    """Whether ``read_into`` leaves the position of ``file`` alone, so that threads may call it side by side."""
    return _descriptor(file, "preadv") is not None


def read_into(file: BinaryIO, offset: int, views: list[memoryview]) -> bool:
    """Fills ``views``, one after the other, with the bytes of ``file`` from ``offset`` on; False if it ends before."""
    descriptor = _descriptor(file, "preadv")
    if descriptor is None:
        file.seek(offset)
        return all(_fill(file, view) for view in views)
    for part in _parts(views):
        left, wanted = part, sum(map(len, part))
        while wanted:
            got = os.preadv(descriptor, left, offset)
            if not got:
                return False
            offset += got
            wanted -= got
            left = _without(left, got) if wanted else []
    return True


def _parts(views: list[memoryview]) -> Iterator[list[memoryview]]:
    return (views[start : start + _MOST_VIEWS] for start in range(0, len(views), _MOST_VIEWS))


def _without(views: list[memoryview], count: int) -> list[memoryview]:
    """What is left of ``views`` behind their first ``count`` bytes."""
    for i, view in enumerate(views):
        if count < len(view):
            return [view[count:], *views[i + 1 :]]
        count -= len(view)
    return []


def _fill(file: BinaryIO, view: memoryview) -> bool:
    """Fills ``view`` with the next bytes of ``file``; False if it ends before."""
    while view:
        piece = file.read(len(view))
        if not piece:
            return False
        view[: len(piece)] = piece
        view = view[len(piece) :]
    return True


class Writer:
    """Writes to ``file``, which will have ``file_bytes``; threads may call it side by side, inside its context.

    The position of the file is lost. A thread that outlives the context, as after a second interruption, writes nothing
    more: the file may be closed then, and another one may have its descriptor.
    """

    def __init__(self, file: BinaryIO, file_bytes: int) -> None:
        file.flush()
        self._file = file
        self._descriptor = _descriptor(file, "pwritev")
        self._direct = None
        if self._descriptor is not None and file_bytes > MOST_CACHED_BYTES:
            self._direct = _open_direct(self._descriptor)
        self._is_direct = self._direct is not None
        self._alone = threading.Lock()
        self._has_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._alone:
            self._has_ended = True
            if self._direct is not None:
                os.close(self._direct)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._alone:
            if self._has_ended:
                raise ValueError("expected a write within the context of its writer, got one behind it")
            yield

    def write(self, offset: int, content: memoryview) -> None:
        """Writes ``content`` at ``offset``, past the page cache if the file is large.

        The parts of pages at both ends go through the page cache, where they meet those of the batches beside.
        """
        start = min(-offset % PAGE_BYTES, len(content))
        end = max(start, len(content) - (offset + len(content)) % PAGE_BYTES)
        written = 0
        if self._is_direct and start < end:
            self.put(offset, content[:start])
            written = start + self._put_direct(offset + start, content[start:end])
        self.put(offset + written, content[written:])

    def put(self, offset: int, content: bytes | memoryview) -> None:
        """Writes ``content`` at ``offset``, through the page cache.

        One thread at a time: the system lets no more of them write to one file, and has them wait at full speed.
        """
        with self._turn():
            if self._descriptor is not None:
                _put_all(self._descriptor, offset, memoryview(content))
            else:
                self._file.seek(offset)
                self._file.write(content)
                self._file.flush()

    def _put_direct(self, offset: int, content: memoryview) -> int:
        """Number of bytes that were written; 0 if nothing can be written so, which is not tried again."""
        assert self._direct is not None
        try:
            with self._turn():  # two at a time cost twice as much as one, and are no faster
                return os.pwrite(self._direct, content, offset)
        except OSError as error:
            if error.errno not in _NOT_DIRECT:
                raise
            self._is_direct = False
            return 0


def _put_all(descriptor: int, offset: int, content: memoryview) -> None:
    while content:
        written = os.pwrite(descriptor, content, offset)
        offset += written
        content = content[written:]


def _open_direct(descriptor: int) -> int | None:
    """Another descriptor of the same file, for writes past the page cache; None where there is none.

    The flag on the first one would change what other threads do with it.
    """
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except (OSError, AttributeError):  # systems without O_DIRECT, or without /proc
        return None


def _descriptor(file: BinaryIO, call: str) -> int | None:
    """The descriptor of ``file``, if it is a file of the system's and nothing that changes what is read."""
    raw = getattr(file, "raw", None)
    plain = isinstance(file, io.BufferedReader | io.BufferedWriter | io.BufferedRandom) and type(raw) is io.FileIO
    return file.fileno() if plain and hasattr(os, call) else None
