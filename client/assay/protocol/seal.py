"""Sealed files: cipher, index and chunks. ``docs/protocol.md`` has the format, ``tree`` the commitment.

Everything streams over binary file objects; memory is bounded by the index (64 bytes a chunk) and a few chunks.
Letters: ``n`` chunks of ``chunk_size`` bytes, the last one shorter; chunk ``i`` is 16 bytes of salt and then data.

    seal(source, target, key)     data -> sealed file and its Commitment
    read_index(sealed)            sealed file -> Index, checked against the root it carries
    check_chunks(sealed)          every ciphertext chunk against the index; needs no key
    open_sealed(sealed, key, out) sealed file -> data, every chunk checked
    find_bad_chunk(sealed, key)   first chunk that the key does not open, for a dispute
    prove(sealed, i)              what the contract needs to judge chunk i
"""

import hashlib
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from assay.errors import ChunkMismatch, CommitmentMismatch, NotSealedData, SealedDataTruncated
from assay.protocol.tree import (
    ENTRY_BYTES,
    HEADER_BYTES,
    SALT_BYTES,
    ChunkProof,
    Commitment,
    Layout,
    path_of,
    root_of,
    sha256,
)

MAGIC = b"ASSAYSD1"
KEY_BYTES = 32
DEFAULT_CHUNK_SIZE = 4096

_HEADER = struct.Struct(">8s I I Q 32s Q")
Progress = Callable[[int], None]
"""Called with the number of bytes done since the last call."""


@dataclass(frozen=True)
class Index:
    """The part of a sealed file in front of the chunks, found to match the root that it carries.

    ``entries`` is the concatenation, for every chunk, of SHA-256 of its plaintext and of its ciphertext: 64 n bytes.
    """

    layout: Layout
    data_root: bytes
    entries: bytes

    @property
    def commitment(self) -> Commitment:
        """The commitment alone."""
        return Commitment(
            total_bytes=self.layout.total_bytes, chunk_size=self.layout.chunk_size, data_root=self.data_root
        )

    def check_root(self, data_root: bytes) -> None:
        """Verifies that the file is the one that an order commits to.

        Raises:
            CommitmentMismatch: It has another root than ``data_root``.
        """
        if self.data_root != data_root:
            raise CommitmentMismatch(f"expected root 0x{data_root.hex()}, got 0x{self.data_root.hex()}")

    def plain_digest(self, index: int) -> bytes:
        """Committed SHA-256 of chunk ``index`` in plaintext."""
        return self.entries[index * ENTRY_BYTES : index * ENTRY_BYTES + 32]

    def sealed_digest(self, index: int) -> bytes:
        """Committed SHA-256 of chunk ``index`` in ciphertext."""
        return self.entries[index * ENTRY_BYTES + 32 : (index + 1) * ENTRY_BYTES]

    def verify_sealed_chunk(self, index: int, chunk: bytes) -> bool:
        """Whether ``chunk`` is the committed ciphertext of chunk ``index``; for downloads that resume."""
        return hashlib.sha256(chunk).digest() == self.sealed_digest(index)


def keystream(key: bytes, first_block: int = 0) -> Callable[[bytes], bytes]:
    """The one stream of a sealed file under ``key`` (32 bytes), from 64-byte block ``first_block`` on.

    Returns a function that encrypts or decrypts the next bytes.
    """
    if len(key) != KEY_BYTES:
        raise NotSealedData(f"expected a key of {KEY_BYTES} bytes, got {len(key)}")
    nonce = first_block.to_bytes(4, "little") + bytes(12)
    return Cipher(ChaCha20(key, nonce), mode=None).encryptor().update


def seal(
    source: BinaryIO,
    target: BinaryIO,
    key: bytes,
    *,
    chunk_size: int = DEFAULT_CHUNK_SIZE,
    salts: Callable[[int], bytes] = secrets.token_bytes,
    progress: Progress | None = None,
) -> Commitment:
    """Seals all of ``source`` (seekable) into ``target`` (seekable, from its start).

    ``key`` is 32 fresh random bytes that seal nothing else, ever.

    Raises:
        DataEmpty: ``source`` has no bytes.
        DataTooLarge: ``source`` exceeds 256 GiB.
        SealedDataTruncated: ``source`` became shorter while it was read.
    """
    source.seek(0, os.SEEK_END)
    layout = Layout.of_data(source.tell(), chunk_size)
    source.seek(0)
    encrypt = keystream(key)
    entries = bytearray()
    target.seek(layout.body_offset)
    for index in range(layout.count):
        wanted = layout.length(index) - SALT_BYTES
        data = source.read(wanted)
        if len(data) != wanted:
            raise SealedDataTruncated(f"the source became shorter while it was sealed, at chunk {index}")
        plain = salts(SALT_BYTES) + data
        chunk = encrypt(plain)
        entries += hashlib.sha256(plain).digest() + hashlib.sha256(chunk).digest()
        target.write(chunk)
        if progress:
            progress(wanted)
    root = root_of(layout, bytes(entries))
    target.seek(0)
    target.write(_HEADER.pack(MAGIC, chunk_size, 0, layout.total_bytes, root, 0))
    target.write(entries)
    return Commitment(total_bytes=layout.total_bytes, chunk_size=chunk_size, data_root=root)


def read_index(sealed: BinaryIO) -> Index:
    """Reads header and index from the start of ``sealed`` and checks them against the root in the header.

    Raises:
        NotSealedData: Not a sealed file, or one with an impossible layout.
        SealedDataTruncated: The index is incomplete.
        CommitmentMismatch: The index is not the one that the root commits to.
    """
    sealed.seek(0)
    header = sealed.read(HEADER_BYTES)
    if not header.startswith(MAGIC):
        raise NotSealedData(f"expected a sealed file that starts with {MAGIC!r}, got {header[:8]!r}")
    if len(header) < HEADER_BYTES:
        raise SealedDataTruncated(f"expected a header of {HEADER_BYTES} bytes, got {len(header)}")
    _, chunk_size, first_gap, total_bytes, root, second_gap = _HEADER.unpack(header)
    if first_gap or second_gap:
        raise NotSealedData("expected zeros in the gaps of the header, got something else")
    layout = Layout(total_bytes, chunk_size)
    sealed.seek(0, os.SEEK_END)
    if sealed.tell() < layout.body_offset:
        raise SealedDataTruncated(f"expected an index that ends at byte {layout.body_offset}, got {sealed.tell()}")
    sealed.seek(HEADER_BYTES)
    entries = sealed.read(layout.count * ENTRY_BYTES)
    if root_of(layout, entries) != root:
        raise CommitmentMismatch(f"the index is not the one that root 0x{root.hex()} commits to")
    return Index(layout, root, entries)


def _chunks(sealed: BinaryIO, index: Index) -> Iterator[tuple[int, bytes]]:
    layout = index.layout
    sealed.seek(0, os.SEEK_END)
    if sealed.tell() != layout.file_bytes:
        raise SealedDataTruncated(f"expected a sealed file of {layout.file_bytes} bytes, got {sealed.tell()}")
    sealed.seek(layout.body_offset)
    for i in range(layout.count):
        yield i, sealed.read(layout.length(i))


def check_chunks(sealed: BinaryIO, *, progress: Progress | None = None) -> Index:
    """Checks index and every ciphertext chunk; needs no key. What a buyer does before the key is out.

    Raises:
        ChunkMismatch: A chunk is not the committed one. Also the errors of ``read_index``.
    """
    index = read_index(sealed)
    for i, chunk in _chunks(sealed, index):
        if not index.verify_sealed_chunk(i, chunk):
            raise ChunkMismatch(f"sealed chunk {i} is not the committed one")
        if progress:
            progress(len(chunk))
    return index


def open_sealed(sealed: BinaryIO, key: bytes, target: BinaryIO, *, progress: Progress | None = None) -> Index:
    """Decrypts ``sealed`` into ``target``, checking every chunk in ciphertext and in plaintext.

    Raises:
        ChunkMismatch: A chunk is not the committed one, or ``key`` does not open it. ``target`` then has the chunks
            before it. Also the errors of ``read_index``.
    """
    index = read_index(sealed)
    decrypt = keystream(key)
    for i, chunk in _chunks(sealed, index):
        if not index.verify_sealed_chunk(i, chunk):
            raise ChunkMismatch(f"sealed chunk {i} is not the committed one")
        plain = decrypt(chunk)
        if hashlib.sha256(plain).digest() != index.plain_digest(i):
            raise ChunkMismatch(f"the key does not open chunk {i} to its committed plaintext")
        target.write(plain[SALT_BYTES:])
        if progress:
            progress(len(chunk))
    return index


def find_bad_chunk(sealed: BinaryIO, key: bytes) -> int | None:
    """First chunk whose committed ciphertext ``key`` does not open to its committed plaintext; None if all do.

    Chunks of which the file does not have the committed ciphertext are passed over: no dispute can show them.

    Raises:
        ChunkMismatch: There are such chunks, and ``key`` opens all others. Also the errors of ``read_index``.
    """
    index = read_index(sealed)
    decrypt = keystream(key)
    altered = None
    for i, chunk in _chunks(sealed, index):
        plain = decrypt(chunk)
        if not index.verify_sealed_chunk(i, chunk):
            altered = i if altered is None else altered
        elif hashlib.sha256(plain).digest() != index.plain_digest(i):
            return i
    if altered is not None:
        raise ChunkMismatch(f"sealed chunk {altered} is not the committed one")
    return None


def plaintext(sealed: BinaryIO, key: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """All chunks in plaintext with their salts, and the digests of the sealed chunks: what ``revealData`` takes."""
    index = read_index(sealed)
    decrypt = keystream(key)
    plain = b"".join(decrypt(chunk) for _, chunk in _chunks(sealed, index))
    return plain, tuple(index.sealed_digest(i) for i in range(index.layout.count))


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
        path=path_of(layout, whole.entries, index),
    )
