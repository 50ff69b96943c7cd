"""Batches of chunks on their way: buffers that are used again, reads and writes that leave the salts out, threads.

The caller's thread writes; the others read, hash and encrypt, outside the interpreter's lock. A batch stays in one
buffer all the way: memory that is new for every batch costs the system more than the cipher.
"""

import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, TypeVar

from assay.protocol.tree import BATCH_BYTES, SALT_BYTES, Batch, Layout

T = TypeVar("T")

MOST_THREADS = 32
"""Bounds the memory of buffers: the disk is slower than so many threads."""
_AHEAD = 1
"""Batches that wait for each thread, so that none is idle while the caller writes."""
_MOST_VIEWS = 1024
"""Views that a system takes in one call (``IOV_MAX``)."""


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(calls: Iterable[Callable[[], T]], batches: int) -> Iterator[T]:
    """Results of ``calls``, one for each of ``batches``, in order; as many run at a time as there are processors.

    ``calls`` is iterated in the caller's thread, not far ahead of the results. A single thread is the caller's own.

    Raises:
        Exception: What the first call that fails raises.
    """
    threads = min(processors(), batches, MOST_THREADS)
    if threads <= 1:
        yield from (call() for call in calls)
        return
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="seal") as pool:
        try:
            for call in calls:
                waiting.append(pool.submit(call))
                if len(waiting) > _AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class Buffer:
    """Room for one batch, whose chunks lie one after the other, each with its salt first.

    Attributes:
        content: The chunks of the batch that it was filled for last.
    """

    def __init__(self, layout: Layout) -> None:
        self._chunk_size = layout.chunk_size
        self._room = memoryview(bytearray(min(BATCH_BYTES, layout.total_bytes)))
        self._whole = self._data_views(len(self._room))
        self.content = self._room

    def _data_views(self, length: int) -> list[memoryview]:
        size = self._chunk_size
        return [self._room[start + SALT_BYTES : min(start + size, length)] for start in range(0, length, size)]

    def fit(self, batch: Batch) -> None:
        """Makes ``content`` as long as ``batch``."""
        self.content = self._room[: batch.total_bytes]

    def data(self) -> list[memoryview]:
        """The data of each chunk, without its salt."""
        length = len(self.content)
        return self._whole if length == len(self._room) else self._data_views(length)

    def put_salts(self, salts: bytes) -> None:
        """Writes the salt of each chunk to its place; ``salts`` has all of them."""
        for i in range(SALT_BYTES):
            self.content[i :: self._chunk_size] = salts[i::SALT_BYTES]


class Buffers:
    """Buffers for the batches of a layout, each lent to one batch at a time."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._free: list[Buffer] = []

    def lend(self, batch: Batch) -> Buffer:
        """A buffer that fits ``batch``."""
        buffer = self._free.pop() if self._free else Buffer(self._layout)
        buffer.fit(batch)
        return buffer

    def take_back(self, buffer: Buffer) -> None:
        """The buffer may serve another batch."""
        self._free.append(buffer)


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
        left = part
        while left:
            got = os.preadv(descriptor, left, offset)
            if not got:
                return False
            offset += got
            left = _without(left, got)
    return True


def _without(views: list[memoryview], count: int) -> list[memoryview]:
    """What is left of ``views`` behind their first ``count`` bytes."""
    for i, view in enumerate(views):
        if count < len(view):
            return [view[count:], *views[i + 1 :]]
        count -= len(view)
    return []


def write_from(file: BinaryIO, offset: int, views: list[memoryview]) -> None:
    """Writes ``views``, one after the other, to ``file`` from ``offset`` on. Its position is then behind them."""
    descriptor = _descriptor(file, "pwritev")
    file.flush()
    for part in _parts(views):
        wanted = sum(map(len, part))
        if descriptor is None or os.pwritev(descriptor, part, offset) != wanted:
            file.seek(offset)
            file.writelines(part)
        offset += wanted
    file.seek(offset)


def _parts(views: list[memoryview]) -> Iterator[list[memoryview]]:
    return (views[start : start + _MOST_VIEWS] for start in range(0, len(views), _MOST_VIEWS))


def _descriptor(file: BinaryIO, call: str) -> int | None:
    """The descriptor of ``file``, if it is a file of the system's and nothing that changes what is read."""
    raw = getattr(file, "raw", None)
    plain = isinstance(file, io.BufferedReader | io.BufferedWriter | io.BufferedRandom) and type(raw) is io.FileIO
    return file.fileno() if plain and hasattr(os, call) else None


def _fill(file: BinaryIO, view: memoryview) -> bool:
    """Fills ``view`` with the next bytes of ``file``; False if it ends before."""
    while view:
        piece = file.read(len(view))
        if not piece:
            return False
        view[: len(piece)] = piece
        view = view[len(piece) :]
    return True
