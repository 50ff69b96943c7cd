"""Sealed files: cipher and chunks. ``docs/protocol.md`` has the format, ``tree`` the commitment, ``index`` the index.

Everything streams over binary file objects, in batches on all processors: threads read, hash, encrypt and write.
Memory is bounded by a few batches and the nodes over them, 32 bytes for a MiB of data.
Letters: ``n`` chunks of ``chunk_size`` bytes, the last one shorter; chunk ``i`` is 16 bytes of salt and then data.

    seal(source, target, key)     data -> sealed file and its Commitment
    read_index(sealed)            sealed file -> Index, checked against the root it carries
    check_chunks(sealed)          every ciphertext chunk against the index, or a range of them; needs no key
    open_sealed(sealed, key, out) sealed file -> data, every chunk checked
    find_bad_chunk(sealed, key)   first chunk that the key does not open, for a dispute
    prove(sealed, i)              what the contract needs to judge chunk i
"""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import BinaryIO

from assay.errors import CommitmentMismatch, DataChanged, SealedDataTruncated, SealError
from assay.protocol.batch import ENTRY_BYTES
from assay.protocol.batch.transfer import Writer, read_into, reads_anywhere
from assay.protocol.batches import Buffer, Buffers, in_order
from assay.protocol.index import MAGIC, Index, header_of, read_entries, read_index
from assay.protocol.resealing import InOrder, check_replaces, salts_by
from assay.protocol.sealed_batch import (
    KEY_BYTES,
    PLAIN,
    SEALED,
    CheckedBatch,
    SealedBatch,
    Stream,
    altered_error,
    keystream,
)
from assay.protocol.tree import (
    NODE_BYTES,
    SALT_BYTES,
    Batch,
    ChunkProof,
    Commitment,
    Layout,
    root_of,
    root_over,
    sha256,
)

__all__ = ["DEFAULT_CHUNK_SIZE", "KEY_BYTES", "MAGIC", "Index", "keystream", "read_index"]

DEFAULT_CHUNK_SIZE = 4096

Progress = Callable[[int], None]
"""Called with the number of bytes done since the last call."""
BatchDone = Callable[[int, bytes], None]
"""Called when a batch and all before it are in the target, with the number of them, and the node over the last one."""


# --- sealing ----------------------------------------------------------------------------------------------------------


def seal(
    source: BinaryIO,
    target: BinaryIO,
    key: bytes,
    *,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    salts: Callable[[int], bytes] | None = None,
    seed: bytes | None = None,
    digest: InOrder | None = None,
    progress: Progress | None = None,
    done: bytes = b"",
    batch_done: BatchDone | None = None,
) -> Commitment:
    """Seals all of ``source`` (seekable) into ``target`` (seekable, from its start).

    ``key`` is 32 fresh random bytes that seal nothing else, ever. ``salts`` makes the salt of a chunk in place of the
    system's random bytes. The header is written last: until then ``target`` is no sealed file. ``digest`` receives the
    data, in order.

    An interrupted call is resumed under the same key, and the same ``seed`` of the salts, 32 random bytes, with the
    nodes over the batches that are ``done`` (32 bytes each, of ``batch_done``). What ``target`` has behind them is
    compared with what takes its place: no byte of the stream encrypts two texts.

    Raises:
        DataEmpty: ``source`` has no bytes.
        DataTooLarge: ``source`` exceeds 256 GiB.
        DataChanged: ``source`` became shorter or longer while it was read, or was altered since the interruption.
    """
    source.seek(0, os.SEEK_END)
    layout, stream = Layout.of_data(source.tell(), chunk_size), Stream(key)
    nodes, first = bytearray(done), len(done) // NODE_BYTES
    if progress and first:
        progress(layout.data_end_of(first))
    old_bytes = target.seek(0, os.SEEK_END)
    buffers = Buffers(layout)
    plain = _plain_batches(source, layout, buffers, salts_by(salts, seed), digest, first)

    def seal_batch(batch: SealedBatch) -> SealedBatch:
        batch.seal(stream)
        place, content = batch.place, batch.buffer.content
        if seed is not None:
            check_replaces(target, old_bytes, layout.body_offset + place.offset, content)
        writer.put(place.entries_offset, batch.entries)
        writer.write(layout.body_offset + place.offset, content)
        return batch

    calls = (partial(seal_batch, batch) for batch in plain)
    with Writer(target, layout.file_bytes) as writer, closing(in_order(calls, len(layout.batches) - first)) as batches:
        for batch in batches:
            nodes += batch.node
            buffers.take_back(batch.buffer)
            if batch_done:
                batch_done(batch.number + 1, batch.node)
            if progress:
                progress(batch.place.data_bytes)
    root = root_over(layout, bytes(nodes))
    commitment = Commitment(total_bytes=layout.total_bytes, chunk_size=chunk_size, data_root=root)
    target.seek(0)
    target.write(header_of(commitment))
    return commitment


def _plain_batches(
    source: BinaryIO,
    layout: Layout,
    buffers: Buffers,
    salts: Callable[[Batch], bytes],
    digest: InOrder | None,
    first: int,
) -> Iterator[SealedBatch]:
    for number in layout.batches[first:]:
        place = layout.batch(number)
        buffer = buffers.lend(place)
        load = partial(_load_plain, source, place, buffer, salts(place), digest)
        yield SealedBatch(layout, number, buffer, _in_its_thread(source, load))
    source.seek(layout.data_bytes)
    if source.read(1):
        raise DataChanged(f"the source became longer than {layout.data_bytes} bytes while it was sealed")


def _load_plain(source: BinaryIO, place: Batch, buffer: Buffer, salts: bytes, digest: InOrder | None) -> None:
    data = buffer.data()
    if digest:
        digest.load(place.number, data, partial(_read_plain, source, place, data))
    else:
        _read_plain(source, place, data)
    buffer.put_salts(salts)


def _read_plain(source: BinaryIO, place: Batch, data: list[memoryview]) -> None:
    if not read_into(source, place.data_offset, data):
        raise DataChanged(f"the source became shorter while it was sealed, after chunk {place.first}")


def _in_its_thread(file: BinaryIO, load: Callable[[], None]) -> Callable[[], None]:
    """``load``, for the thread that needs what it reads; done at once if ``file`` has one position for all of them."""
    if reads_anywhere(file):
        return load
    load()
    return lambda: None


def first_damaged(target: BinaryIO, layout: Layout, nodes: bytes, numbers: range) -> int:
    """First batch of ``numbers`` that an unfinished sealed file does not have as ``nodes`` commit to it, or the end.

    ``nodes`` are those over its first batches, 32 bytes each.
    """
    index, buffers = Index(layout, b"", nodes, target), Buffers(layout)
    for number in numbers:
        try:
            if altered_chunks(target, index, number, buffers):
                return number
        except SealError:
            return number
    return numbers.stop


def altered_chunks(sealed: BinaryIO, index: Index, number: int, buffers: Buffers) -> list[int]:
    """Chunks of batch ``number`` that are not the committed ones; ``sealed`` may end behind the batch.

    Raises:
        CommitmentMismatch: The index changed since it was read.
        SealedDataTruncated: The file ends before.
    """
    (batch,) = _batches(sealed, index, buffers, range(number, number + 1))
    altered = batch.check().altered
    buffers.take_back(batch.buffer)
    return altered


# --- checking and opening ---------------------------------------------------------------------------------------------


def _sealed_batches(sealed: BinaryIO, index: Index, buffers: Buffers, numbers: range) -> Iterator[SealedBatch]:
    layout = index.layout
    sealed.seek(0, os.SEEK_END)
    if sealed.tell() != layout.file_bytes:
        raise SealedDataTruncated(f"expected a sealed file of {layout.file_bytes} bytes, got {sealed.tell()}")
    yield from _batches(sealed, index, buffers, numbers)


def _batches(sealed: BinaryIO, index: Index, buffers: Buffers, numbers: range) -> Iterator[SealedBatch]:
    layout = index.layout
    for number in numbers:
        place = layout.batch(number)
        entries = read_entries(sealed, layout, number)
        buffer = buffers.lend(place)
        load = _in_its_thread(sealed, partial(_load_sealed, sealed, layout, place, buffer))
        yield SealedBatch(layout, number, buffer, load, index, entries)


def _load_sealed(sealed: BinaryIO, layout: Layout, place: Batch, buffer: Buffer) -> None:
    if not read_into(sealed, layout.body_offset + place.offset, [buffer.content]):
        raise SealedDataTruncated(f"the sealed file became shorter while it was read, after chunk {place.first}")


def check_chunks(
    sealed: BinaryIO, *, index: Index | None = None, chunks: range | None = None, progress: Progress | None = None
) -> Index:
    """Checks index and every ciphertext chunk; needs no key. What a buyer does before the key is out.

    ``index`` is that of ``sealed``, if it was read before. With ``chunks`` (step 1) it checks these alone, and reads
    nothing but the index and the batches that they are in.

    Raises:
        ChunkMismatch: A chunk is not the committed one. Also the errors of ``read_index``.
        IndexError: The file has no such chunks.
    """
    index = index or read_index(sealed)
    numbers = index.layout.batches if chunks is None else index.layout.batches_of(chunks)
    buffers = Buffers(index.layout)
    batches = _sealed_batches(sealed, index, buffers, numbers)
    for checked in in_order((batch.check for batch in batches), len(numbers)):
        bad = [i for i in checked.altered if chunks is None or i in chunks]
        if bad:
            raise altered_error(bad[0])
        buffers.take_back(checked.batch.buffer)
        if progress:
            progress(checked.batch.place.total_bytes)
    return index


def open_sealed(
    sealed: BinaryIO,
    key: bytes,
    target: BinaryIO,
    *,
    index: Index | None = None,
    progress: Progress | None = None,
    done: int = 0,
    batch_done: BatchDone | None = None,
) -> Index:
    """Decrypts ``sealed`` into ``target``, checking every chunk in ciphertext and in plaintext.

    ``index`` is that of ``sealed``, if it was read before. An interrupted call is resumed with the number of batches
    ``done`` whose data ``target`` has from it.

    Raises:
        ChunkMismatch: A chunk is not the committed one, or ``key`` does not open it. ``target`` then has the chunks
            before it, and may have others behind. Also the errors of ``read_index``.
    """
    index = index or read_index(sealed)
    layout, buffers = index.layout, Buffers(index.layout)
    if progress and done:
        progress(layout.end_of(done) - layout.body_offset)

    def write(opened: CheckedBatch) -> None:
        place, error = opened.batch.place, opened.error()
        right = error[0] - place.first if error else place.count
        writer.write(place.data_offset, opened.batch.buffer.joined(place.data_offset, right))

    batches = _opened(sealed, index, key, buffers, layout.batches[done:], write)
    with Writer(target, layout.data_bytes) as writer, closing(batches):
        for opened in batches:
            batch, error = opened.batch, opened.error()
            if error:
                raise error[1]
            buffers.take_back(batch.buffer)
            if batch_done:
                batch_done(batch.number + 1, batch.node)
            if progress:
                progress(batch.place.total_bytes)
    target.seek(layout.data_bytes)
    return index


def _opened(
    sealed: BinaryIO,
    index: Index,
    key: bytes,
    buffers: Buffers,
    numbers: range,
    use: Callable[[CheckedBatch], None] = lambda _: None,
) -> Generator[CheckedBatch]:
    """Batches in order, decrypted in their buffers; each is given to ``use`` in the thread that decrypted it."""
    stream = Stream(key)

    def open_batch(batch: SealedBatch) -> CheckedBatch:
        opened = batch.open(stream)
        use(opened)
        return opened

    batches = _sealed_batches(sealed, index, buffers, numbers)
    return in_order((partial(open_batch, batch) for batch in batches), len(numbers))


def first_unopened(sealed: BinaryIO, key: bytes, opened: BinaryIO, index: Index, numbers: range) -> int:
    """First batch of ``numbers`` whose data the unfinished file ``opened`` does not have, or the end of ``numbers``.

    Raises:
        SealError: ``sealed`` does not have the batch any more.
    """
    stream, buffers = Stream(key), Buffers(index.layout)
    for batch in _sealed_batches(sealed, index, buffers, numbers):
        batch.load()
        batch.encrypt(stream)
        if not read_into(opened, batch.place.data_offset, batch.buffer.data()) or batch.differing(PLAIN):
            return batch.number
        buffers.take_back(batch.buffer)
    return numbers.stop


def find_bad_chunk(sealed: BinaryIO, key: bytes) -> int | None:
    """First chunk whose committed ciphertext ``key`` does not open to its committed plaintext; None if all do.

    Chunks of which the file does not have the committed ciphertext are passed over: no dispute can show them.

    Raises:
        ChunkMismatch: There are such chunks, and ``key`` opens all others. Also the errors of ``read_index``.
    """
    index = read_index(sealed)
    altered, buffers = list[int](), Buffers(index.layout)
    for checked in _opened(sealed, index, key, buffers, index.layout.batches):
        bad = [i for i in checked.unopened if i not in checked.altered]
        if bad:
            return bad[0]
        altered = altered or checked.altered
        buffers.take_back(checked.batch.buffer)
    if altered:
        raise altered_error(altered[0])
    return None


def plaintext(sealed: BinaryIO, key: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """All chunks in plaintext with their salts, and the digests of the sealed chunks: what ``revealData`` takes."""
    index = read_index(sealed)
    plain, entries, buffers = bytearray(), bytearray(), Buffers(index.layout)
    for checked in _opened(sealed, index, key, buffers, index.layout.batches):
        plain += checked.batch.buffer.content
        entries += checked.batch.entries
        buffers.take_back(checked.batch.buffer)
    digests = (bytes(entries[at + SEALED : at + ENTRY_BYTES]) for at in range(0, len(entries), ENTRY_BYTES))
    return bytes(plain), tuple(digests)


def open_revealed(plain: bytes, sealed_digests: Sequence[bytes], chunk_size: int, data_root: bytes) -> bytes:
    """The data in what ``revealData`` took, without the salts, found to be what ``data_root`` commits to.

    Raises:
        CommitmentMismatch: ``data_root`` commits to other data.
    """
    layout = Layout(len(plain), chunk_size)
    chunks = [plain[start : start + chunk_size] for start in range(0, len(plain), chunk_size)]
    if len(sealed_digests) != layout.count:
        raise CommitmentMismatch(f"expected {layout.count} digests of sealed chunks, got {len(sealed_digests)}")
    entries = b"".join(sha256(chunk) + sealed for chunk, sealed in zip(chunks, sealed_digests, strict=True))
    root = root_of(layout, entries)
    if root != data_root:
        raise CommitmentMismatch(f"expected data with root 0x{data_root.hex()}, got 0x{root.hex()}")
    return b"".join(chunk[SALT_BYTES:] for chunk in chunks)


def prove(sealed: BinaryIO, index: int) -> ChunkProof:
    """Proof of sealed chunk ``index``.

    Raises:
        IndexError: The file has no such chunk.
    """
    whole = read_index(sealed)
    layout = whole.layout
    if not 0 <= index < layout.count:
        raise IndexError(f"expected a chunk from 0 to {layout.count - 1}, got {index}")
    sealed.seek(layout.body_offset + index * layout.chunk_size)
    chunk = sealed.read(layout.length(index))
    return ChunkProof(
        total_bytes=layout.total_bytes,
        chunk_size=layout.chunk_size,
        index=index,
        plain_digest=whole.plain_digest(index),
        sealed_chunk=chunk,
        path=whole.path(index),
    )
