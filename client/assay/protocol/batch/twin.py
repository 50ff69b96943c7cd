"""The functions of ``native`` with hashlib alone: their specification, and what serves without them."""

from hashlib import sha256

ENTRY_BYTES = 64
DIGEST_BYTES = 32
LEAF_TAG = b"assay/leaf/v1".ljust(32, b"\0")
NODE_TAG = b"assay/node/v1".ljust(32, b"\0")


def fill_digests(data: memoryview, size: int, entries: bytearray, offset: int) -> None:
    """Writes SHA-256 of piece ``i`` of ``data`` (writable) to byte ``64 i + offset`` of ``entries``.

    Pieces have ``size`` bytes, the last one what is left. ``entries`` has 64 bytes for each, ``offset`` is 0 or 32.
    """
    for place, start in zip(range(offset, len(entries), ENTRY_BYTES), range(0, len(data), size), strict=True):
        entries[place : place + DIGEST_BYTES] = sha256(data[start : start + size]).digest()


def leaves(first: int, entries: bytes, size: int, last: int) -> bytes:
    """Leaves of the chunks of ``entries`` (64 n bytes), which begin with chunk ``first``: 32 n bytes.

    Every chunk has ``size`` bytes, the last one of them ``last``.
    """
    count = len(entries) // ENTRY_BYTES
    lengths = [size.to_bytes(32, "big")] * (count - 1) + [last.to_bytes(32, "big")]
    return b"".join(
        [
            sha256(
                LEAF_TAG + (first + i).to_bytes(32, "big") + length + entries[i * ENTRY_BYTES : (i + 1) * ENTRY_BYTES]
            ).digest()
            for i, length in enumerate(lengths)
        ]
    )


def parents(level: bytes) -> bytes:
    """Nodes over ``level`` (32 bytes each), two by two; an odd last one rises unchanged."""
    pairs = len(level) // (2 * DIGEST_BYTES) * 2 * DIGEST_BYTES
    nodes = [sha256(NODE_TAG + level[i : i + 64]).digest() for i in range(0, pairs, 64)]
    return b"".join(nodes) + level[pairs:]


def top(level: bytes) -> bytes:
    """The node over all of ``level`` (32 bytes each)."""
    while len(level) > DIGEST_BYTES:
        level = parents(level)
    return level


def join(data: memoryview, size: int, skip: int, out: memoryview) -> None:
    """Writes the pieces of ``data`` to ``out``, one after the other without their first ``skip`` bytes.

    Pieces have ``size`` bytes, the last one what is left, at least ``skip``. ``out`` may share memory with ``data``, if
    it does not begin behind it; both are writable.
    """
    place = 0
    for start in range(0, len(data), size):
        piece = data[start + skip : min(start + size, len(data))]
        out[place : place + len(piece)] = piece
        place += len(piece)
