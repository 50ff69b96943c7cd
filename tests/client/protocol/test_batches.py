"""Files of several batches: the same bytes and roots for every kind of file object, number of threads and library."""

import errno
import fcntl
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from assay.errors import ChunkMismatch, CommitmentMismatch, DataChanged
from assay.protocol import batches, seal, sealed_batch, tree
from assay.protocol.batch import native, transfer, twin
from assay.protocol.resealing import InOrder
from assay.protocol.tree import BATCH_BYTES, HEADER_BYTES, Layout

pytestmark = pytest.mark.unit

KEY = bytes(range(32))
DATA = hashlib.shake_256(b"data").digest(3 * BATCH_BYTES - 5000)


def salts() -> Callable[[int], bytes]:
    stream = io.BytesIO(hashlib.shake_256(b"salts").digest(2**18))
    return stream.read


def sealed(data: bytes = DATA, *, chunk_size: int = 4096) -> io.BytesIO:
    target = io.BytesIO()
    seal.seal(io.BytesIO(data), target, KEY, chunk_size=chunk_size, salts=salts())
    return target


@pytest.fixture(scope="module")
def file() -> bytes:
    return sealed().getvalue()


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(batches, "processors", lambda: request.param)
    return int(request.param)


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Callable[[str, bytes], BinaryIO]]:
    opened: list[BinaryIO] = []

    def make(name: str, content: bytes) -> BinaryIO:
        (tmp_path / name).write_bytes(content)
        opened.append((tmp_path / name).open("r+b"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


class Plain:
    """A file object that is nothing but what ``BinaryIO`` promises, and reads a few bytes at a time."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)
        self.seek, self.tell, self.flush = self._file.seek, self._file.tell, self._file.flush
        self.write, self.writelines, self.getvalue = self._file.write, self._file.writelines, self._file.getvalue

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, 100_000))


# --- the same everywhere ----------------------------------------------------------------------------------------------


def test_one_batch_after_the_other_is_the_whole(file: bytes) -> None:
    """The format from nothing but hashlib and the cipher, over the borders of batches."""
    stream, make_salt = seal.keystream(KEY), salts()
    plain = [make_salt(16) + DATA[start : start + 4080] for start in range(0, len(DATA), 4080)]
    chunks = [stream(chunk) for chunk in plain]
    pairs = zip(plain, chunks, strict=True)
    entries = b"".join(hashlib.sha256(one).digest() + hashlib.sha256(other).digest() for one, other in pairs)
    assert file[HEADER_BYTES:] == entries + b"".join(chunks)
    assert seal.read_index(io.BytesIO(file)).data_root == tree.root_of(Layout.of_data(len(DATA), 4096), entries)


@pytest.mark.parametrize("chunk_size", tree.CHUNK_SIZES)
@pytest.mark.parametrize("rest", [0, 1, 2000])
def test_borders_of_batches(chunk_size: int, rest: int) -> None:
    whole = 2 * BATCH_BYTES // chunk_size * (chunk_size - 16)
    data = DATA[: whole + rest]
    target = io.BytesIO()
    index = seal.open_sealed(sealed(data, chunk_size=chunk_size), KEY, target)
    assert target.getvalue() == data
    assert len(index.layout.batches) == 2 + (rest > 0)


def test_files_of_the_system_have_the_same_bytes(
    file: bytes, threads: int, on_disk: Callable[[str, bytes], BinaryIO]
) -> None:
    source, target, opened = on_disk("data", DATA), on_disk("sealed", b""), on_disk("opened", b"")
    seal.seal(source, target, KEY, salts=salts())
    target.seek(0)
    assert target.read() == file
    seal.open_sealed(target, KEY, opened)
    assert opened.tell() == len(DATA)
    opened.seek(0)
    assert opened.read() == DATA


def fail_direct_writes(patch: pytest.MonkeyPatch, number: int) -> None:
    plain = os.pwrite

    def write(descriptor: int, content: memoryview, offset: int) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(number, os.strerror(number))
        return plain(descriptor, content, offset)

    patch.setattr(os, "pwrite", write)


@pytest.mark.parametrize("chunk_size", [1024, 4096, 16384])
@pytest.mark.parametrize("refused", [False, True])
def test_large_files_are_written_past_the_page_cache(
    chunk_size: int, refused: bool, on_disk: Callable[[str, bytes], BinaryIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither chunks nor data begin at a page of the file, and the file system may want more than a page."""
    monkeypatch.setattr(transfer, "MOST_CACHED_BYTES", 0)
    if refused:
        fail_direct_writes(monkeypatch, errno.EINVAL)
    data = DATA[: 2 * BATCH_BYTES + 777]
    source, target, opened = on_disk("data", data), on_disk("sealed", b""), on_disk("opened", b"")
    seal.seal(source, target, KEY, chunk_size=chunk_size, salts=salts())
    target.seek(0)
    assert target.read() == sealed(data, chunk_size=chunk_size).getvalue()
    seal.open_sealed(target, KEY, opened)
    assert opened.tell() == len(data)
    opened.seek(0)
    assert opened.read() == data


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="the system has no direct writes")
def test_direct_write_that_fails_is_not_tried_again_otherwise(
    on_disk: Callable[[str, bytes], BinaryIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MOST_CACHED_BYTES", 0)
    fail_direct_writes(monkeypatch, errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        seal.seal(io.BytesIO(DATA), on_disk("sealed", b""), KEY)


@pytest.mark.parametrize("most_cached", [0, transfer.MOST_CACHED_BYTES])
def test_thread_that_outlives_an_interruption_writes_to_no_file_that_got_the_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_cached: int
) -> None:
    monkeypatch.setattr(transfer, "MOST_CACHED_BYTES", most_cached)
    content = transfer.page_aligned(transfer.PAGE_BYTES)
    with (tmp_path / "sealed").open("w+b") as file, transfer.Writer(file, len(content)) as writer:
        descriptor = file.fileno()
    with (tmp_path / "other").open("w+b") as other:
        assert other.fileno() == descriptor
        with pytest.raises(ValueError, match="got one behind it"):
            writer.write(0, content)
    assert (tmp_path / "other").stat().st_size == 0


def test_objects_that_read_a_few_bytes_at_a_time(file: bytes, threads: int) -> None:
    target, opened = Plain(b""), Plain(b"")
    seal.seal(Plain(DATA), target, KEY, salts=salts())  # type: ignore[arg-type]
    assert target.getvalue() == file
    seal.open_sealed(Plain(file), KEY, opened)  # type: ignore[arg-type]
    assert opened.getvalue() == DATA


def test_what_is_not_written_out_yet_is_read(file: bytes, on_disk: Callable[[str, bytes], BinaryIO]) -> None:
    target = on_disk("sealed", b"")
    target.write(file)
    seal.check_chunks(target)


def test_without_the_compiled_library(file: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_batch, "fill_digests", twin.fill_digests)
    monkeypatch.setattr(tree, "leaves", twin.leaves)
    monkeypatch.setattr(tree, "parents", twin.parents)
    monkeypatch.setattr(tree, "top", twin.top)
    assert sealed().getvalue() == file
    seal.check_chunks(io.BytesIO(file))


@pytest.mark.skipif(native.load() is None, reason="not compiled")
def test_compiled_library_is_in_use() -> None:
    assert isinstance(sealed_batch.fill_digests.__self__, native.Native)  # type: ignore[attr-defined]


# --- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 255, 256, 511, 512, 700, 766])
def test_proof_of_a_chunk_in_any_batch(file: bytes, index: int) -> None:
    proof = seal.prove(io.BytesIO(file), index)
    assert tree.verify_proof(proof, seal.read_index(io.BytesIO(file)).data_root)
    assert not tree.verify_proof(proof.model_copy(update={"index": index ^ 1}), bytes(32))


def test_first_bad_chunk_of_several_batches(file: bytes, threads: int) -> None:
    layout = seal.read_index(io.BytesIO(file)).layout
    content = bytearray(file)
    for chunk in (700, 300):
        content[layout.body_offset + chunk * 4096] ^= 1
    with pytest.raises(ChunkMismatch, match="sealed chunk 300 is not"):
        seal.check_chunks(io.BytesIO(content))
    target = io.BytesIO()
    with pytest.raises(ChunkMismatch, match="sealed chunk 300 is not"):
        seal.open_sealed(io.BytesIO(content), KEY, target)
    assert target.getvalue()[: 300 * 4080] == DATA[: 300 * 4080]
    with pytest.raises(ChunkMismatch, match="sealed chunk 300 is not"):
        seal.find_bad_chunk(io.BytesIO(content), KEY)
    assert seal.find_bad_chunk(io.BytesIO(content), bytes(32)) == 0


def test_range_is_checked_without_the_rest(file: bytes) -> None:
    layout = seal.read_index(io.BytesIO(file)).layout

    seen: set[int] = set()

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            start = self.tell()
            got = super().read(size)
            if start >= layout.body_offset:
                seen.add((start - layout.body_offset) // BATCH_BYTES)
            return got

    content = bytearray(file)
    content[layout.body_offset + 300 * 4096] ^= 1
    seal.check_chunks(Watched(content), chunks=range(301, 400))
    assert seen == {1}
    seal.check_chunks(io.BytesIO(content), chunks=range(300))
    seal.check_chunks(io.BytesIO(content), chunks=range(512, layout.count))
    with pytest.raises(ChunkMismatch, match="sealed chunk 300 is not"):
        seal.check_chunks(io.BytesIO(content), chunks=range(300, 301))
    for impossible in (range(layout.count + 1), range(-1, 2), range(3, 3)):
        with pytest.raises(IndexError, match=f"expected chunks from 0 to {layout.count - 1}"):
            seal.check_chunks(io.BytesIO(content), chunks=impossible)


def test_chunks_that_arrive_in_order_read_an_entry_once(file: bytes) -> None:
    reads: list[int] = []

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            reads.append(self.tell())
            return super().read(size)

    index = seal.read_index(Counted(file))
    layout, before = index.layout, len(reads)
    for i in range(layout.count):
        chunk = file[layout.body_offset + i * 4096 :][: layout.length(i)]
        assert index.verify_sealed_chunk(i, chunk)
        assert not index.verify_sealed_chunk(i, chunk[:-1])
    assert len(reads) - before == len(layout.batches)


# --- what changes meanwhile -------------------------------------------------------------------------------------------


def test_index_that_changes_after_it_was_read(file: bytes) -> None:
    content = io.BytesIO(file)
    index = seal.read_index(content)
    content.seek(HEADER_BYTES + 300 * 64)
    content.write(bytes(64))
    assert index.plain_digest(10) == file[HEADER_BYTES + 640 : HEADER_BYTES + 672]
    for read in (index.plain_digest, index.sealed_digest, index.path):
        with pytest.raises(CommitmentMismatch, match="changed while it was read"):
            read(300)


@pytest.mark.parametrize(("change", "said"), [(-BATCH_BYTES, "became shorter"), (1, "became longer")])
def test_source_that_changes_its_length_while_it_is_sealed(threads: int, change: int, said: str) -> None:
    class Changing(io.BytesIO):
        def seek(self, place: int, whence: int = 0) -> int:
            if place >= BATCH_BYTES // 2 and whence == 0:
                end = len(DATA) + change
                content = (DATA + b"x")[:end]
                if len(self.getbuffer()) != end:
                    super().seek(0)
                    self.truncate(0)
                    self.write(content)
            return super().seek(place, whence)

    target = io.BytesIO()
    with pytest.raises(DataChanged, match=said):
        seal.seal(Changing(DATA), target, KEY)
    assert not target.getvalue().startswith(seal.MAGIC)


# --- what was interrupted ---------------------------------------------------------------------------------------------


class Interrupted(Exception):
    """Raised by the tests in place of a crash."""


class Stop:
    """Collects the nodes over the batches that are done, and interrupts after so many."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self.nodes = b""

    def __call__(self, done: int, node: bytes) -> None:
        self.nodes += node
        if done == self._batch:
            raise Interrupted


@pytest.mark.parametrize("done", [0, 1, 3, 4])
def test_interrupted_seal_is_resumed_at_a_batch(file: bytes, threads: int, done: int) -> None:
    target, stop = io.BytesIO(), Stop(done)
    if done:
        with pytest.raises(Interrupted):
            seal.seal(io.BytesIO(DATA), target, KEY, salts=salts(), batch_done=stop)
    again = salts()
    again(done * 256 * 16)
    steps: list[int] = []
    seal.seal(io.BytesIO(DATA), target, KEY, salts=again, done=stop.nodes, progress=steps.append)
    assert target.getvalue() == file
    assert sum(steps) == len(DATA)


@pytest.mark.parametrize("done", [0, 1, 3, 4])
def test_interrupted_opening_is_resumed_at_a_batch(file: bytes, threads: int, done: int) -> None:
    target = io.BytesIO()
    if done:
        with pytest.raises(Interrupted):
            seal.open_sealed(io.BytesIO(file), KEY, target, batch_done=Stop(done))
    steps: list[int] = []
    index = seal.open_sealed(io.BytesIO(file), KEY, target, done=done, progress=steps.append)
    assert target.getvalue() == DATA
    assert sum(steps) == index.layout.total_bytes


def test_nodes_of_an_earlier_reading_serve_in_place_of_the_index(file: bytes) -> None:
    nodes = seal.read_index(io.BytesIO(file)).nodes
    content = bytearray(file)
    content[HEADER_BYTES + 300 * 64] ^= 1
    index = seal.read_index(io.BytesIO(content), nodes=nodes)
    with pytest.raises(CommitmentMismatch, match="changed while it was read"):
        seal.open_sealed(io.BytesIO(content), KEY, io.BytesIO(), index=index)
    for other in (b"", nodes[:-32], nodes + nodes[:32], bytes(32) + nodes[32:]):
        with pytest.raises(CommitmentMismatch, match="commits to"):
            seal.read_index(io.BytesIO(file), nodes=other)


# --- the digest of the data -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 4])
def test_digest_gets_the_data_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(batches, "processors", lambda: threads)
    (tmp_path / "data").write_bytes(DATA)
    digest = hashlib.sha256()
    with (tmp_path / "data").open("rb") as source:
        seal.seal(source, io.BytesIO(), KEY, digest=InOrder(digest))
    assert digest.digest() == hashlib.sha256(DATA).digest()


def test_batch_that_fails_lets_no_other_wait_for_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_into(_: object, offset: int, __: object) -> bool:
        return offset > 0

    monkeypatch.setattr(batches, "processors", lambda: 4)
    monkeypatch.setattr(seal, "read_into", read_into)
    (tmp_path / "data").write_bytes(DATA)
    with (tmp_path / "data").open("rb") as source, pytest.raises(DataChanged, match="became shorter"):
        seal.seal(source, io.BytesIO(), KEY, digest=InOrder(hashlib.sha256()))
