"""What holds for every input of the fuzzer: it is refused by name, or every reader takes it for the same file.

Digests keep random changes from what lies behind them, so an input is read three times: as it is, with a root that fits
its index, and with digests that fit its chunks. The default suite reads the committed corpus in the same way.
"""

import hashlib
import io
from collections.abc import Callable

from assay.errors import SealError
from assay.protocol import seal
from assay.protocol.arriving import ArrivingFile
from assay.protocol.index import header_of, parse_header
from assay.protocol.tree import HEADER_BYTES, Commitment, Layout, root_of, verify_proof

KEY = bytes(range(32))
_PIECE = 700


def outcome(read: Callable[[], object]) -> type[SealError] | None:
    """The error in which reading ends; None if it ends well. Any other kind of error is a finding."""
    try:
        read()
    except SealError as error:
        return type(error)
    return None


def check(content: bytes) -> None:
    """Reads an input in every way.

    Raises:
        Exception: A finding.
    """
    check_readers(content)
    for repair in (with_root, with_digests):
        repaired = repair(content)
        if repaired is not None:
            check_readers(repaired)


def check_readers(content: bytes) -> None:
    """Verifies that every reader says the same of these bytes."""
    verified = outcome(lambda: seal.check_chunks(io.BytesIO(content)))
    opened = io.BytesIO()
    opens = outcome(lambda: seal.open_sealed(io.BytesIO(content), KEY, opened))
    assert verified is None or opens is not None, "what is not the committed file does not open"
    assert (outcome(lambda: arrive(content)) is None) == (verified is None), "an arrival ends as the whole file does"
    if verified is None:
        index = seal.read_index(io.BytesIO(content))
        assert index.layout.file_bytes == len(content)
        assert verify_proof(seal.prove(io.BytesIO(content), index.layout.count - 1), index.data_root)
        bad = seal.find_bad_chunk(io.BytesIO(content), KEY)
        assert (bad is None) == (opens is None), "a file that does not open has a chunk to show"
        assert opens is not None or len(opened.getvalue()) == index.layout.data_bytes


def arrive(content: bytes) -> None:
    """Takes the bytes piece by piece, as a download does."""
    root = content[24:56]
    file = ArrivingFile(io.BytesIO(), root)
    for start in range(0, len(content), _PIECE):
        file.write(content[start : start + _PIECE])
    file.finish()


def layout_of(content: bytes) -> Layout | None:
    """The layout that the header names, if the input has the whole index."""
    try:
        layout, _ = parse_header(content[:HEADER_BYTES])
    except SealError:
        return None
    return layout if layout.body_offset <= len(content) else None


def with_root(content: bytes) -> bytes | None:
    """The input with the root that its index has."""
    layout = layout_of(content)
    if layout is None:
        return None
    entries = content[HEADER_BYTES : layout.body_offset]
    root = root_of(layout, entries)
    header = header_of(Commitment(total_bytes=layout.total_bytes, chunk_size=layout.chunk_size, data_root=root))
    return header + content[HEADER_BYTES:]


def with_digests(content: bytes) -> bytes | None:
    """The input with the digests of its sealed chunks in its index, and the root of that."""
    layout = layout_of(content)
    if layout is None:
        return None
    entries, body = bytearray(content[HEADER_BYTES : layout.body_offset]), content[layout.body_offset :]
    for i in range(layout.count):
        chunk = body[i * layout.chunk_size : (i + 1) * layout.chunk_size]
        entries[64 * i + 32 : 64 * i + 64] = hashlib.sha256(chunk).digest()
    return with_root(content[:HEADER_BYTES] + bytes(entries) + body)
