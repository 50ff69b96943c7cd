"""The functions of ``digests.c`` with the signatures of ``twin``.

ctypes calls them and releases the interpreter's lock meanwhile, so that threads hash side by side.
"""

import ctypes
import os

from assay.protocol.batch import twin
from assay.protocol.batch.twin import DIGEST_BYTES, ENTRY_BYTES

INTERFACE = 2
"""Number of the functions and arguments that this module calls; the library names its own."""
LIBRARY = os.path.join(os.path.dirname(__file__), "digests.so")


class Native:
    """The library at ``path``.

    Raises:
        OSError: There is none, or one for another system.
        AttributeError: It is one of another version.
    """

    def __init__(self, path: str) -> None:
        library = ctypes.CDLL(path)
        pointer, size, number = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64
        place = ctypes.c_void_p
        self._fill_digests = library.assay_fill_digests
        self._fill_digests.argtypes = [place, size, size, place]
        self._leaves = library.assay_leaves
        self._leaves.argtypes = [number, pointer, size, number, number, place]
        self._parents = library.assay_parents
        self._parents.argtypes = [pointer, size, place]
        self._top = library.assay_top
        self._top.argtypes = [place, size]
        self._join = library.assay_join
        self._join.argtypes = [place, size, size, size, place]
        for function in (self._fill_digests, self._leaves, self._parents, self._top, self._join):
            function.restype = None
        self.available: bool = library.assay_available() == INTERFACE
        """Whether it has this interface, and the processor the instructions."""

    def fill_digests(self, data: memoryview, size: int, entries: bytearray, offset: int) -> None:
        """As ``twin.fill_digests``."""
        count = -(-len(data) // size)
        if len(entries) != count * ENTRY_BYTES or offset not in (0, DIGEST_BYTES):
            raise ValueError(
                f"expected {count} entries and an offset of 0 or 32, got {len(entries)} bytes and {offset}"
            )
        if count:
            self._fill_digests(_address(data), len(data), size, _address(entries) + offset)

    def leaves(self, first: int, entries: bytes, size: int, last: int) -> bytes:
        """As ``twin.leaves``."""
        count = len(entries) // ENTRY_BYTES
        out = bytearray(max(count, 1) * DIGEST_BYTES)
        self._leaves(first, entries, count, size, last, _address(out))
        return bytes(out[: count * DIGEST_BYTES])

    def parents(self, level: bytes) -> bytes:
        """As ``twin.parents``."""
        count = len(level) // DIGEST_BYTES
        out = bytearray((count // 2 + 1) * DIGEST_BYTES)
        self._parents(level, count, _address(out))
        return bytes(out[: (count + 1) // 2 * DIGEST_BYTES])

    def top(self, level: bytes) -> bytes:
        """As ``twin.top``."""
        nodes = bytearray(level)
        if nodes:
            self._top(_address(nodes), len(nodes) // DIGEST_BYTES)
        return bytes(nodes[:DIGEST_BYTES])

    def join(self, data: memoryview, size: int, skip: int, out: memoryview) -> None:
        """As ``twin.join``."""
        if len(out) != len(data) - -(-len(data) // size) * skip or 0 < len(data) % size < skip:
            raise ValueError(f"expected room for pieces without {skip} bytes each, got {len(out)} for {len(data)}")
        if out:
            self._join(_address(data), len(data), size, skip, _address(out))


def _address(room: memoryview | bytearray) -> int:
    """Where the bytes of ``room`` lie; it must outlive the use of its address."""
    return ctypes.addressof(ctypes.c_char.from_buffer(room))


def _agrees(native: Native) -> bool:
    """Whether a short example gives what ``twin`` gives: a library of another version may differ."""
    data, results = bytearray(range(200)), []
    for functions in (native, twin):
        entries = bytearray(2 * ENTRY_BYTES)
        for offset in (0, DIGEST_BYTES):
            functions.fill_digests(memoryview(data), 128, entries, offset)
        leaves = functions.leaves(0, bytes(entries), 128, 72)
        joined = memoryview(bytearray(168))
        functions.join(memoryview(data), 128, 16, joined)
        levels = functions.parents(leaves), functions.top(leaves + leaves[:DIGEST_BYTES])
        results.append((entries, leaves, levels, joined))
    return results[0] == results[1]


def load(path: str = LIBRARY) -> Native | None:
    """The library at ``path``; None if it was not compiled, is a stale one, or the processor lacks the instructions."""
    try:
        native = Native(path)
    except (OSError, AttributeError):
        return None
    return native if native.available and _agrees(native) else None
