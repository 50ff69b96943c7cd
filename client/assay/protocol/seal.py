"""Sealed data: chunks, cipher, commitment, proofs. ``docs/protocol.md`` has the format.

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
from typing import Annotated, Any, BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from pydantic import BeforeValidator, Field

from assay.errors import ChunkMismatch, CommitmentMismatch, DataEmpty, DataTooLarge, NotSealedData, SealedDataTruncated
from assay.protocol.types import Bytes32, Value, parse_bytes

MAGIC = b"ASSAYSD1"
KEY_BYTES = 32
SALT_BYTES = 16
CHUNK_SIZES = (1024, 2048, 4096, 8192, 16384)
DEFAULT_CHUNK_SIZE = 4096
MAX_TOTAL_BYTES = 2**38
"""Where ChaCha20's 32-bit block counter ends: 256 GiB."""

_HEADER = struct.Struct(">8s I I Q 32s Q")
_ENTRY_BYTES = 64
_LEAF_TAG = b"assay/leaf/v1".ljust(32, b"\0")
_NODE_TAG = b"assay/node/v1".ljust(32, b"\0")
_ROOT_TAG = b"assay/root/v1".ljust(32, b"\0")

Progress = Callable[[int], None]
"""Called with the number of bytes done since the last call."""


def _sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@dataclass(frozen=True)
class Layout:
    """How ``total_bytes`` of salted chunks divide: ``count`` chunks, all of ``chunk_size`` but the last."""

    total_bytes: int
    chunk_size: int

    def __post_init__(self) -> None:
        if self.chunk_size not in CHUNK_SIZES:
            raise NotSealedData(f"expected a chunk size of {CHUNK_SIZES}, got {self.chunk_size}")
        if self.total_bytes > MAX_TOTAL_BYTES:
            raise DataTooLarge(f"expected at most {MAX_TOTAL_BYTES} sealed bytes, got {self.total_bytes}")
        if self.total_bytes <= SALT_BYTES or 0 < self.total_bytes % self.chunk_size <= SALT_BYTES:
            raise NotSealedData(
                f"expected every chunk to carry {SALT_BYTES} bytes of salt and some data; "
                f"{self.total_bytes} bytes do not divide into chunks of {self.chunk_size} that do"
            )

    @classmethod
    def of_data(cls, data_bytes: int, chunk_size: int) -> "Layout":
        """Layout of ``data_bytes`` of unsealed data.

        Raises:
            DataEmpty: there is nothing to seal.
            DataTooLarge: it exceeds the cipher's counter.
        """
        if chunk_size not in CHUNK_SIZES:
            raise NotSealedData(f"expected a chunk size of {CHUNK_SIZES}, got {chunk_size}")
        if data_bytes <= 0:
            raise DataEmpty("expected data to seal, got 0 bytes")
        count = -(-data_bytes // (chunk_size - SALT_BYTES))
        return cls(data_bytes + count * SALT_BYTES, chunk_size)

    @property
    def count(self) -> int:
        """Number of chunks, ``n``."""
        return -(-self.total_bytes // self.chunk_size)

    @property
    def data_bytes(self) -> int:
        """Bytes of data without the salts."""
        return self.total_bytes - self.count * SALT_BYTES

    @property
    def file_bytes(self) -> int:
        """Length of the sealed file."""
        return self.body_offset + self.total_bytes

    @property
    def body_offset(self) -> int:
        """Where the first sealed chunk begins in the sealed file."""
        return _HEADER.size + self.count * _ENTRY_BYTES

    def length(self, index: int) -> int:
        """Bytes of chunk ``index``, salt included."""
        return min(self.chunk_size, self.total_bytes - index * self.chunk_size)


class Commitment(Value):
    """What a seal commits to; ``data_root`` goes into the quote."""

    total_bytes: int
    chunk_size: int
    data_root: Bytes32


class ChunkProof(Value):
    """One sealed chunk and its place in the commitment; ``ChunkProof`` in ``ISettlement.sol``."""

    total_bytes: int = Field(gt=0)
    chunk_size: int
    index: int = Field(ge=0)
    plain_digest: Bytes32
    sealed_chunk: Annotated[bytes, BeforeValidator(parse_bytes)]
    path: tuple[Bytes32, ...]

    def abi_values(self) -> tuple[Any, ...]:
        """The struct as the tuple that ``eth_abi`` and web3 take."""
        return tuple(getattr(self, name) for name in type(self).model_fields)


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

    def plain_digest(self, index: int) -> bytes:
        """Committed SHA-256 of chunk ``index`` in plaintext."""
        return self.entries[index * _ENTRY_BYTES : index * _ENTRY_BYTES + 32]

    def sealed_digest(self, index: int) -> bytes:
        """Committed SHA-256 of chunk ``index`` in ciphertext."""
        return self.entries[index * _ENTRY_BYTES + 32 : (index + 1) * _ENTRY_BYTES]

    def verify_sealed_chunk(self, index: int, chunk: bytes) -> bool:
        """Whether ``chunk`` is the committed ciphertext of chunk ``index``; for downloads that resume."""
        return hashlib.sha256(chunk).digest() == self.sealed_digest(index)


def _leaf(layout: Layout, index: int, entry: bytes) -> bytes:
    return _sha256(_LEAF_TAG, _word(index), _word(layout.length(index)), entry)


def _leaves(layout: Layout, entries: bytes) -> list[bytes]:
    return [_leaf(layout, i, entries[i * _ENTRY_BYTES : (i + 1) * _ENTRY_BYTES]) for i in range(layout.count)]


def _parents(level: list[bytes]) -> list[bytes]:
    parents = [_sha256(_NODE_TAG, level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return parents + level[-1:] if len(level) % 2 else parents


def _root(layout: Layout, top: bytes) -> bytes:
    return _sha256(_ROOT_TAG, _word(layout.total_bytes), _word(layout.chunk_size), top)


def root_of(layout: Layout, entries: bytes) -> bytes:
    """Root over the index ``entries`` (64 n bytes): 32 bytes."""
    level = _leaves(layout, entries)
    while len(level) > 1:
        level = _parents(level)
    return _root(layout, level[0])


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
        DataTooLarge: it exceeds 256 GiB.
        SealedDataTruncated: it got shorter while it was read.
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
        NotSealedData: no sealed file, or an impossible layout.
        SealedDataTruncated: the index is not all there.
        CommitmentMismatch: the index is not the one that the root commits to.
    """
    sealed.seek(0)
    header = sealed.read(_HEADER.size)
    if not header.startswith(MAGIC):
        raise NotSealedData(f"expected a sealed file that starts with {MAGIC!r}, got {header[:8]!r}")
    if len(header) < _HEADER.size:
        raise SealedDataTruncated(f"expected a header of {_HEADER.size} bytes, got {len(header)}")
    _, chunk_size, first_gap, total_bytes, root, second_gap = _HEADER.unpack(header)
    if first_gap or second_gap:
        raise NotSealedData("expected zeros in the gaps of the header, got something else")
    layout = Layout(total_bytes, chunk_size)
    sealed.seek(0, os.SEEK_END)
    if sealed.tell() < layout.body_offset:
        raise SealedDataTruncated(f"expected an index that ends at byte {layout.body_offset}, got {sealed.tell()}")
    sealed.seek(_HEADER.size)
    entries = sealed.read(layout.count * _ENTRY_BYTES)
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
        ChunkMismatch: a chunk is not the committed one; and all that ``read_index`` raises.
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
        ChunkMismatch: a chunk is not the committed one, or ``key`` does not open it; and all that ``read_index``
            raises. ``target`` then has the chunks before that one.
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

    Raises:
        ChunkMismatch: a chunk is not the committed ciphertext, so that no dispute can show it.
    """
    index = read_index(sealed)
    decrypt = keystream(key)
    for i, chunk in _chunks(sealed, index):
        if not index.verify_sealed_chunk(i, chunk):
            raise ChunkMismatch(f"sealed chunk {i} is not the committed one")
        if hashlib.sha256(decrypt(chunk)).digest() != index.plain_digest(i):
            return i
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
        CommitmentMismatch: it is something else.
    """
    layout = Layout(len(plain), chunk_size)
    chunks = [plain[start : start + chunk_size] for start in range(0, len(plain), chunk_size)]
    if len(sealed_digests) != layout.count:
        raise CommitmentMismatch(f"expected {layout.count} digests of sealed chunks, got {len(sealed_digests)}")
    entries = b"".join(_sha256(chunk) + sealed for chunk, sealed in zip(chunks, sealed_digests, strict=True))
    root = root_of(layout, entries)
    if root != data_root:
        raise CommitmentMismatch(f"expected data with root 0x{data_root.hex()}, got 0x{root.hex()}")
    return b"".join(chunk[SALT_BYTES:] for chunk in chunks)


def prove(sealed: BinaryIO, index: int) -> ChunkProof:
    """Proof of sealed chunk ``index``.

    Raises:
        IndexError: there is no such chunk.
    """
    whole = read_index(sealed)
    layout = whole.layout
    if not 0 <= index < layout.count:
        raise IndexError(f"expected a chunk from 0 to {layout.count - 1}, got {index}")
    sealed.seek(layout.body_offset + index * layout.chunk_size)
    chunk = sealed.read(layout.length(index))
    path: list[bytes] = []
    level, position = _leaves(layout, whole.entries), index
    while len(level) > 1:
        sibling = position ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, position = _parents(level), position // 2
    return ChunkProof(
        total_bytes=layout.total_bytes,
        chunk_size=layout.chunk_size,
        index=index,
        plain_digest=whole.plain_digest(index),
        sealed_chunk=chunk,
        path=tuple(path),
    )


def verify_proof(proof: ChunkProof, data_root: bytes) -> bool:
    """Whether ``proof`` leads to ``data_root``; the contract's rule."""
    layout = Layout(proof.total_bytes, proof.chunk_size)
    if proof.index >= layout.count or len(proof.sealed_chunk) != layout.length(proof.index):
        return False
    entry = proof.plain_digest + hashlib.sha256(proof.sealed_chunk).digest()
    node, position, width, siblings = _leaf(layout, proof.index, entry), proof.index, layout.count, iter(proof.path)
    while width > 1:
        if position ^ 1 < width:
            sibling = next(siblings, None)
            if sibling is None:
                return False
            node = _sha256(_NODE_TAG, sibling, node) if position % 2 else _sha256(_NODE_TAG, node, sibling)
        position, width = position // 2, (width + 1) // 2
    return next(siblings, None) is None and _root(layout, node) == data_root
