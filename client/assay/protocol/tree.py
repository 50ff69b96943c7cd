"""The commitment to sealed data: how it divides into chunks, the tree of SHA-256 over them, proofs of single chunks.

``docs/protocol.md`` has the format. Letters: ``n`` chunks of ``chunk_size`` bytes, the last one shorter; chunk ``i`` is
16 bytes of salt and then data. Its entry is SHA-256 of its plaintext and SHA-256 of its ciphertext: 64 bytes.

    root_of(layout, entries)         the root that a quote and an order carry
    verify_proof(proof, data_root)   the contract's rule

A large tree is computed batch by batch. A batch is a power of two of chunks; the nodes over the batches, 32 bytes for a
MiB of data, are all that stays in memory.

    layout.batches                   the batches, in order
    batch_node(layout, b, entries)   the node over one of them
    root_over(layout, nodes)         the root over all of them
    siblings(level, i)               siblings of node i of a level, up to its top
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from assay.errors import DataEmpty, DataTooLarge, NotSealedData
from assay.protocol.batch import ENTRY_BYTES, leaves, parents, top
from assay.protocol.types import Bytes32, HexBytes, Value

SALT_BYTES = 16
CHUNK_SIZES = (1024, 2048, 4096, 8192, 16384)
MAX_TOTAL_BYTES = 2**38
"""Where ChaCha20's 32-bit block counter ends: 256 GiB."""
HEADER_BYTES = 64
"""Length of the header of a sealed file; the entries follow it, and then the chunks."""
BATCH_BYTES = 2**20
"""Bytes of a batch of chunks: large enough that what a batch costs by itself is small, and small enough for a cache."""
NODE_BYTES = 32
_ROOT_TAG = b"assay/root/v1".ljust(32, b"\0")


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the concatenation of ``parts``."""
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
            DataEmpty: There is nothing to seal.
            DataTooLarge: The data exceeds the cipher's counter.
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
        return HEADER_BYTES + self.count * ENTRY_BYTES

    def length(self, index: int) -> int:
        """Bytes of chunk ``index``, salt included."""
        return min(self.chunk_size, self.total_bytes - index * self.chunk_size)

    @property
    def batches(self) -> range:
        """Numbers of the batches."""
        return range(-(-self.total_bytes // BATCH_BYTES))

    def batch(self, number: int) -> "Batch":
        """Where batch ``number`` lies."""
        total_bytes = min(BATCH_BYTES, self.total_bytes - number * BATCH_BYTES)
        count = -(-total_bytes // self.chunk_size)
        return Batch(
            first=number * (BATCH_BYTES // self.chunk_size), count=count, total_bytes=total_bytes, number=number
        )

    def batches_of(self, chunks: range) -> range:
        """Numbers of the batches with ``chunks`` (step 1).

        Raises:
            IndexError: There are no such chunks.
        """
        if not 0 <= chunks.start < chunks.stop <= self.count:
            raise IndexError(f"expected chunks from 0 to {self.count - 1}, got {chunks.start} to {chunks.stop - 1}")
        first, last = (index * self.chunk_size // BATCH_BYTES for index in (chunks.start, chunks.stop - 1))
        return range(first, last + 1)

    def end_of(self, batches: int) -> int:
        """Where the first ``batches`` end in the sealed file."""
        return self.body_offset + min(batches * BATCH_BYTES, self.total_bytes)

    def data_end_of(self, batches: int) -> int:
        """Where the first ``batches`` end in the data."""
        return min(self.batch(batches).data_offset, self.data_bytes)

    def bytes_to_read(self, chunks: range) -> int:
        """Bytes of the batches with ``chunks`` (step 1)."""
        return sum(self.batch(number).total_bytes for number in self.batches_of(chunks))


@dataclass(frozen=True)
class Batch:
    """``count`` chunks from chunk ``first`` on, of ``total_bytes`` with their salts: batch ``number``."""

    number: int
    first: int
    count: int
    total_bytes: int

    @property
    def data_bytes(self) -> int:
        """Bytes of data without the salts."""
        return self.total_bytes - self.count * SALT_BYTES

    @property
    def offset(self) -> int:
        """Where it begins among the chunks."""
        return self.number * BATCH_BYTES

    @property
    def data_offset(self) -> int:
        """Where it begins in the data."""
        return self.offset - self.first * SALT_BYTES

    @property
    def entries_offset(self) -> int:
        """Where its entries begin in the sealed file."""
        return HEADER_BYTES + self.first * ENTRY_BYTES


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
    sealed_chunk: HexBytes
    path: tuple[Bytes32, ...]

    def abi_values(self) -> tuple[Any, ...]:
        """The struct as the tuple that ``eth_abi`` and web3 take."""
        return tuple(getattr(self, name) for name in type(self).model_fields)


def _root(layout: Layout, node: bytes) -> bytes:
    return sha256(_ROOT_TAG, _word(layout.total_bytes), _word(layout.chunk_size), node)


def leaves_of(layout: Layout, first: int, entries: bytes) -> bytes:
    """Leaves of the chunks from ``first`` on with ``entries`` (64 bytes a chunk): 32 bytes a chunk."""
    return leaves(first, entries, layout.chunk_size, layout.length(first + len(entries) // ENTRY_BYTES - 1))


def batch_node(layout: Layout, number: int, entries: bytes) -> bytes:
    """Node over batch ``number`` with ``entries`` (64 bytes a chunk): 32 bytes."""
    return top(leaves_of(layout, layout.batch(number).first, entries))


def root_over(layout: Layout, nodes: bytes) -> bytes:
    """Root over the ``nodes`` of all batches (32 bytes each): 32 bytes."""
    return _root(layout, top(nodes))


def root_of(layout: Layout, entries: bytes) -> bytes:
    """Root over the index ``entries`` (64 n bytes): 32 bytes."""
    return _root(layout, top(leaves_of(layout, 0, entries)))


def siblings(level: bytes, index: int) -> tuple[bytes, ...]:
    """Siblings on the way from node ``index`` of ``level`` (32 bytes a node) to its top, lowest first."""
    path: list[bytes] = []
    while len(level) > NODE_BYTES:
        sibling = (index ^ 1) * NODE_BYTES
        if sibling < len(level):
            path.append(level[sibling : sibling + NODE_BYTES])
        level, index = parents(level), index // 2
    return tuple(path)


def verify_proof(proof: ChunkProof, data_root: bytes) -> bool:
    """Whether ``proof`` leads to ``data_root``; the contract's rule."""
    return is_committed(proof, sha256(proof.sealed_chunk), data_root)


def is_committed(proof: ChunkProof, sealed_digest: bytes, data_root: bytes) -> bool:
    """Whether ``data_root`` commits to the plaintext of ``proof``, and to a sealed chunk with this digest.

    The sealed chunk of ``proof`` counts by its length alone.
    """
    layout = Layout(proof.total_bytes, proof.chunk_size)
    if proof.index >= layout.count or len(proof.sealed_chunk) != layout.length(proof.index):
        return False
    entry = proof.plain_digest + sealed_digest
    node, position, width, path = leaves_of(layout, proof.index, entry), proof.index, layout.count, iter(proof.path)
    while width > 1:
        if position ^ 1 < width:
            sibling = next(path, None)
            if sibling is None:
                return False
            node = parents(sibling + node if position % 2 else node + sibling)
        position, width = position // 2, (width + 1) // 2
    return next(path, None) is None and _root(layout, node) == data_root
