"""Sealed data: what goes in comes out; whatever is altered, cut, foreign or under another key is found."""

import hashlib
import io
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from assay.errors import (
    ChunkMismatch,
    CommitmentMismatch,
    DataChanged,
    DataEmpty,
    DataTooLarge,
    NotSealedData,
    SealedDataTruncated,
    SealError,
)
from assay.protocol import seal, tree
from assay.protocol.tree import CHUNK_SIZES, MAX_TOTAL_BYTES, SALT_BYTES, Layout

pytestmark = pytest.mark.unit

VECTORS = Path(__file__).parents[2] / "vectors"
KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
HEADER_BYTES = 64

chunk_sizes = st.sampled_from(CHUNK_SIZES)


def sealed(data: bytes, *, key: bytes = KEY, chunk_size: int = 1024) -> io.BytesIO:
    target = io.BytesIO()
    seal.seal(io.BytesIO(data), target, key, chunk_size=chunk_size)
    return target


def opened(source: io.BytesIO, key: bytes = KEY) -> bytes:
    target = io.BytesIO()
    seal.open_sealed(source, key, target)
    return target.getvalue()


def vectors(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text())
    return found


# --- what goes in comes out -------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.binary(min_size=1, max_size=40_000), chunk_size=chunk_sizes)
def test_opens_to_what_was_sealed(data: bytes, chunk_size: int) -> None:
    assert opened(sealed(data, chunk_size=chunk_size)) == data


@pytest.mark.parametrize("chunk_size", CHUNK_SIZES)
@pytest.mark.parametrize("chunks", [1, 2, 3])
@pytest.mark.parametrize("rest", [-1, 0, 1])
def test_every_chunk_size_at_its_edges(chunk_size: int, chunks: int, rest: int) -> None:
    length = chunks * (chunk_size - SALT_BYTES) + rest
    data = hashlib.shake_256(b"data").digest(length)
    file = sealed(data, chunk_size=chunk_size)
    index = seal.check_chunks(file)
    assert index.layout.count == chunks + (rest > 0)
    assert index.layout.length(index.layout.count - 1) == (SALT_BYTES + 1 if rest > 0 else chunk_size + rest)
    assert opened(file) == data
    assert len(file.getvalue()) == index.layout.file_bytes


@pytest.mark.parametrize("chunk_size", CHUNK_SIZES)
def test_every_chunk_can_be_proved(chunk_size: int) -> None:
    file = sealed(hashlib.shake_256(b"data").digest(6 * chunk_size - 100), chunk_size=chunk_size)
    root = seal.read_index(file).data_root
    for i in range(seal.read_index(file).layout.count):
        assert tree.verify_proof(seal.prove(file, i), root)


@settings(max_examples=40, deadline=None)
@given(length=st.integers(1, 30_000), pick=st.integers(0, 2**32))
@example(length=1, pick=0)
def test_proof_shows_the_chunk_that_the_contract_decrypts(length: int, pick: int) -> None:
    file = sealed(hashlib.shake_256(b"data").digest(length))
    layout = seal.read_index(file).layout
    proof = seal.prove(file, pick % layout.count)
    plain = seal.keystream(KEY, proof.index * proof.chunk_size // 64)(proof.sealed_chunk)
    assert hashlib.sha256(plain).digest() == proof.plain_digest


def test_equal_data_never_looks_equal() -> None:
    assert sealed(b"same").getvalue() != sealed(b"same").getvalue()
    index = seal.read_index(sealed(bytes(4 * 1008)))
    assert len({index.plain_digest(i) for i in range(4)}) == 4


def test_progress_sums_to_the_data() -> None:
    done: list[int] = []
    seal.seal(io.BytesIO(bytes(5000)), io.BytesIO(), KEY, chunk_size=1024, progress=done.append)
    assert sum(done) == 5000


def test_plaintext_with_salts_leads_to_the_same_root() -> None:
    file = sealed(bytes(range(256)) * 10)
    index = seal.read_index(file)
    plain, sealed_digests = seal.plaintext(file, KEY)
    chunks = [plain[i * 1024 : (i + 1) * 1024] for i in range(index.layout.count)]
    entries = b"".join(hashlib.sha256(c).digest() + d for c, d in zip(chunks, sealed_digests, strict=True))
    assert tree.root_of(index.layout, entries) == index.data_root


# --- against independent implementations ------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", vectors("chacha20"), ids=lambda vector: vector["source"][:20])
def test_cipher_is_that_of_rfc_8439(vector: dict[str, Any]) -> None:
    plain, sealed_bytes = bytes.fromhex(vector["plain"][2:]), bytes.fromhex(vector["sealed"][2:])
    assert seal.keystream(bytes.fromhex(vector["key"][2:]), vector["counter"])(plain) == sealed_bytes


@pytest.mark.parametrize("vector", vectors("trees"), ids=lambda vector: f"{len(vector['digests'])}_chunks")
def test_root_is_that_of_the_reference(vector: dict[str, Any]) -> None:
    entries = b"".join(bytes.fromhex(digest[2:]) for pair in vector["digests"] for digest in pair)
    layout = Layout(vector["totalBytes"], vector["chunkSize"])
    assert layout.count == len(vector["leaves"])
    assert "0x" + tree.root_of(layout, entries).hex() == vector["root"]


def test_format_byte_by_byte() -> None:
    """The worked example of ``docs/protocol.md``, from nothing but hashlib and the cipher."""
    salts = iter([b"\x00" * 16, b"\x01" * 16])
    target = io.BytesIO()
    data = b"a" * 1008 + b"bc"
    commitment = seal.seal(io.BytesIO(data), target, KEY, chunk_size=1024, salts=lambda _: next(salts))
    plain = [b"\x00" * 16 + b"a" * 1008, b"\x01" * 16 + b"bc"]
    stream = seal.keystream(KEY)(bytes(1042))
    ciphered = bytes(a ^ b for a, b in zip(b"".join(plain), stream, strict=True))
    parts = [ciphered[:1024], ciphered[1024:]]

    def word(number: int) -> bytes:
        return number.to_bytes(32, "big")

    def tag(text: str) -> bytes:
        return text.encode().ljust(32, b"\0")

    def sha(*words: bytes) -> bytes:
        return hashlib.sha256(b"".join(words)).digest()

    leaves = [sha(tag("assay/leaf/v1"), word(i), word(len(plain[i])), sha(plain[i]), sha(parts[i])) for i in range(2)]
    root = sha(tag("assay/root/v1"), word(1042), word(1024), sha(tag("assay/node/v1"), *leaves))
    assert commitment.data_root == root
    header = b"ASSAYSD1" + struct.pack(">I4xQ", 1024, 1042) + root + bytes(8)
    index = sha(plain[0]) + sha(parts[0]) + sha(plain[1]) + sha(parts[1])
    assert target.getvalue() == header + index + ciphered
    example_root = "0x" + root.hex()
    assert example_root in (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()


# --- what is altered is found -----------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, 10**6), mask=st.integers(1, 255))
def test_any_altered_byte_is_found(position: int, mask: int) -> None:
    content = bytearray(sealed(bytes(range(256)) * 12).getvalue())
    position %= len(content)
    content[position] ^= mask
    with pytest.raises(SealError):
        opened(io.BytesIO(content))
    with pytest.raises(SealError):
        seal.check_chunks(io.BytesIO(content))


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 10**6))
def test_any_cut_is_found(cut: int) -> None:
    content = sealed(bytes(3000)).getvalue()
    with pytest.raises((SealedDataTruncated, NotSealedData)) as raised:
        opened(io.BytesIO(content[: cut % len(content)]))
    assert "expected" in raised.value.message
    assert "got" in raised.value.message


def test_bytes_too_many_are_found() -> None:
    with pytest.raises(SealedDataTruncated, match="expected a sealed file of"):
        opened(io.BytesIO(sealed(b"data").getvalue() + b"x"))


@given(content=st.binary(max_size=300))
def test_foreign_file_is_refused(content: bytes) -> None:
    assume(not content.startswith(seal.MAGIC))
    with pytest.raises(NotSealedData, match="expected a sealed file that starts with"):
        seal.read_index(io.BytesIO(content))


@pytest.mark.parametrize(
    ("chunk_size", "total"),
    [(1000, 2000), (512, 2000), (32_768, 40_000), (0, 10), (1024, 0), (1024, 16), (1024, 1024 + 16), (2**31, 2**33)],
)
def test_impossible_layout_is_refused_before_anything_is_read(chunk_size: int, total: int) -> None:
    header = b"ASSAYSD1" + struct.pack(">I4xQ", chunk_size, total) + bytes(40)
    with pytest.raises(NotSealedData):
        seal.read_index(io.BytesIO(header))


@pytest.mark.parametrize("total", [MAX_TOTAL_BYTES + 1024, 2**64 - 1])
def test_length_beyond_the_cipher_is_refused(total: int) -> None:
    header = b"ASSAYSD1" + struct.pack(">I4xQ", 1024, total) + bytes(40)
    with pytest.raises(SealError):
        seal.read_index(io.BytesIO(header))


def test_huge_index_that_is_not_there_takes_no_memory() -> None:
    header = b"ASSAYSD1" + struct.pack(">I4xQ", 1024, MAX_TOTAL_BYTES) + bytes(40)
    with pytest.raises(SealedDataTruncated, match="expected an index that ends at byte"):
        seal.read_index(io.BytesIO(header))


HEADERS = st.tuples(
    st.sampled_from([b"ASSAYSD1", b"ASSAYSD2", bytes(8)]),
    st.one_of(chunk_sizes, st.integers(0, 2**32 - 1)),
    st.sampled_from([0, 0, 0, 1]),
    st.one_of(st.integers(0, 5000), st.integers(0, 2**64 - 1)),
    st.binary(min_size=32, max_size=32),
    st.sampled_from([0, 0, 0, 2**64 - 1]),
)


@settings(max_examples=300, deadline=None)
@given(header=HEADERS, body=st.binary(max_size=2000), cut=st.integers(0, 64))
def test_any_header_before_any_bytes_is_refused_by_name(header: tuple[Any, ...], body: bytes, cut: int) -> None:
    """What a parser may meet, from headers that are nearly right on; never another error, never much memory."""
    content = struct.pack(">8sIIQ32sQ", *header) + body
    for file in (content, content[:cut]):
        for read in (seal.read_index, seal.check_chunks, lambda one: seal.open_sealed(one, KEY, io.BytesIO())):
            with pytest.raises(SealError) as raised:
                read(io.BytesIO(file))
            assert raised.value.message


def test_index_of_another_file_is_refused() -> None:
    first, second = sealed(bytes(3000)).getvalue(), sealed(bytes(3000)).getvalue()
    with pytest.raises(CommitmentMismatch):
        seal.read_index(io.BytesIO(first[:HEADER_BYTES] + second[HEADER_BYTES:]))


def test_chunks_in_another_order_are_found() -> None:
    content = sealed(bytes(2 * 1008)).getvalue()
    start = HEADER_BYTES + 2 * 64
    swapped = content[:start] + content[start + 1024 :] + content[start : start + 1024]
    with pytest.raises(ChunkMismatch, match="sealed chunk 0"):
        seal.check_chunks(io.BytesIO(swapped))


# --- keys -------------------------------------------------------------------------------------------------------------


def test_wrong_key_opens_nothing() -> None:
    target = io.BytesIO()
    with pytest.raises(ChunkMismatch, match="does not open chunk 0"):
        seal.open_sealed(sealed(bytes(3000)), OTHER, target)
    assert target.getvalue() == b""


def test_wrong_key_can_be_disputed_at_the_first_chunk() -> None:
    file = sealed(bytes(3000))
    assert seal.find_bad_chunk(file, KEY) is None
    assert seal.find_bad_chunk(file, OTHER) == 0


def test_one_chunk_sealed_under_another_key_is_found() -> None:
    """A seller who commits to garbage in the middle: every digest is right, the plaintext is not what it should be."""
    good, bad = sealed(bytes(5 * 1008)).getvalue(), sealed(bytes(5 * 1008), key=OTHER).getvalue()
    layout = Layout(5 * 1024, 1024)
    entries, body = bytearray(good[HEADER_BYTES : layout.body_offset]), bytearray(good[layout.body_offset :])
    body[3 * 1024 : 4 * 1024] = bad[layout.body_offset + 3 * 1024 : layout.body_offset + 4 * 1024]
    entries[3 * 64 + 32 : 4 * 64] = hashlib.sha256(body[3 * 1024 : 4 * 1024]).digest()
    root = tree.root_of(layout, bytes(entries))
    file = io.BytesIO(b"ASSAYSD1" + struct.pack(">I4xQ", 1024, 5 * 1024) + root + bytes(8) + entries + body)
    seal.check_chunks(file)
    with pytest.raises(ChunkMismatch, match="does not open chunk 3"):
        opened(file)
    assert seal.find_bad_chunk(file, KEY) == 3
    assert tree.verify_proof(seal.prove(file, 3), root)


def test_altered_copy_is_no_reason_to_dispute() -> None:
    content = bytearray(sealed(bytes(3000)).getvalue())
    content[-1] ^= 1
    with pytest.raises(ChunkMismatch, match="not the committed one"):
        seal.find_bad_chunk(io.BytesIO(content), KEY)


def test_altered_chunk_hides_no_other_that_the_key_does_not_open() -> None:
    """A bit that flipped on the buyer's disk must not cost the dispute."""
    content = bytearray(sealed(bytes(3000)).getvalue())
    content[Layout.of_data(3000, 1024).body_offset] ^= 1
    file = io.BytesIO(content)
    assert seal.find_bad_chunk(file, OTHER) == 1
    assert tree.verify_proof(seal.prove(file, 1), seal.read_index(file).data_root)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)], ids=len)
def test_key_of_another_length_is_refused(key: bytes) -> None:
    for call in (lambda: sealed(b"data", key=key), lambda: opened(sealed(b"data"), key)):
        with pytest.raises(NotSealedData, match="expected a key of 32 bytes"):
            call()


# --- what cannot be sealed --------------------------------------------------------------------------------------------


def test_nothing_to_seal() -> None:
    with pytest.raises(DataEmpty):
        sealed(b"")


def test_more_than_the_cipher_can_number() -> None:
    with pytest.raises(DataTooLarge):
        Layout.of_data(MAX_TOTAL_BYTES, 1024)


@pytest.mark.parametrize("chunk_size", [0, 1, 1000, 512, 32_768, -1024])
def test_chunk_size_that_is_not_permitted(chunk_size: int) -> None:
    with pytest.raises(NotSealedData, match="expected a chunk size"):
        sealed(b"data", chunk_size=chunk_size)


def test_source_that_shrinks_while_it_is_sealed() -> None:
    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(size)[:-1]

    with pytest.raises(DataChanged, match="became shorter"):
        seal.seal(Shrinking(bytes(3000)), io.BytesIO(), KEY)


@settings(max_examples=200, deadline=None)
@given(data_bytes=st.integers(1, 2**37), chunk_size=chunk_sizes)
def test_layout_divides_without_rest(data_bytes: int, chunk_size: int) -> None:
    layout = Layout.of_data(data_bytes, chunk_size)
    last = layout.length(layout.count - 1)
    assert layout.data_bytes == data_bytes
    assert SALT_BYTES < last <= chunk_size
    assert (layout.count - 1) * chunk_size + last == layout.total_bytes
