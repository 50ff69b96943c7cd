"""SHA-256 of many pieces in one call: digests of chunks, leaves and nodes of the tree over them.

``native`` hashes outside the interpreter, two messages at a time; ``twin`` does the same with hashlib, where the former
was not compiled or the processor lacks the instructions.

    fill_digests(data, size, entries, offset)    digest of every piece of data, into entries of 64 bytes
    leaves(first, entries, size, last)           leaves of the chunks that the entries are of
    parents(level)                               the level above
    top(level)                                   the node over all of it
    join(data, size, skip, out)                  pieces of data without their first bytes
"""

from assay.protocol.batch import native, twin
from assay.protocol.batch.twin import ENTRY_BYTES

_native = native.load()
ACCELERATED = _native is not None
"""Whether the compiled functions are in use."""

fill_digests = _native.fill_digests if _native else twin.fill_digests
leaves = _native.leaves if _native else twin.leaves
join = _native.join if _native else twin.join
parents = _native.parents if _native else twin.parents
top = _native.top if _native else twin.top

__all__ = ["ACCELERATED", "ENTRY_BYTES", "fill_digests", "join", "leaves", "parents", "top"]
