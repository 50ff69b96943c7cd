"""Batches of chunks on their way: buffers that are used again, and threads.

Threads read, hash, encrypt and write, outside the interpreter's lock; the caller's counts what is done. A batch stays
in one buffer all the way: memory that is new for every batch costs the system more than the cipher.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from assay.protocol.batch import join
from assay.protocol.batch.transfer import PAGE_BYTES, page_aligned
from assay.protocol.tree import BATCH_BYTES, SALT_BYTES, Batch, Layout

T = TypeVar("T")

MOST_THREADS = 32
"""Bounds the memory of buffers: the disk is slower than so many threads."""
_AHEAD = 1
"""Batches that wait for each thread, so that none is idle while the caller writes."""


def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(calls: Iterable[Callable[[], T]], batches: int) -> Generator[T]:
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

    Its chunks, and its data once joined, lie at the same place in a page as in their file: see ``batch.transfer``.

    Attributes:
        content: The chunks of the batch that it was filled for last.
    """

    def __init__(self, layout: Layout) -> None:
        self._chunk_size = layout.chunk_size
        size = min(BATCH_BYTES, layout.total_bytes)
        self._start = PAGE_BYTES + layout.body_offset % PAGE_BYTES
        self._memory = page_aligned(self._start + size)
        self._room = self._memory[self._start :]
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

    def joined(self, offset: int, count: int) -> memoryview:
        """The data of the first ``count`` chunks, moved together for ``offset`` of its file; ``content`` is lost."""
        chunks = self.content[: count * self._chunk_size]
        data = self._memory[offset % PAGE_BYTES :][: len(chunks) - count * SALT_BYTES]
        join(chunks, self._chunk_size, SALT_BYTES, data)
        return data

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
