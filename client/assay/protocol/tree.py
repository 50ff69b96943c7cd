"""The commitment to sealed data: how it divides into chunks, the tree of SHA-256 over them, proofs of single chunks.

``docs/protocol.md`` has the format. Letters: ``n`` chunks of ``chunk_size`` bytes, the last one shorter; chunk ``i`` is
16 bytes of salt and then data. Its entry is SHA-256 of its plaintext and SHA-256 of its ciphertext: 64 bytes.

    root_of(layout, entries)         the root that a quote and an order carry
    path_of(layout, entries, i)      siblings of leaf i
    verify_proof(proof, data_root)   the contract's rule
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from assay.errors import DataEmpty, DataTooLarge, NotSealedData
from assay.protocol.types import Bytes32, HexBytes, Value

SALT_BYTES = 16
CHUNK_SIZES = (1024, 2048, 4096, 8192, 16384)
MAX_TOTAL_BYTES = 2**38
"""Where ChaCha20's 32-bit block counter ends: 256 GiB."""
HEADER_BYTES = 64
"""Length of the header of a sealed file; the entries follow it, and then the chunks."""
ENTRY_BYTES = 64

_LEAF_TAG = b"assay/leaf/v1".ljust(32, b"\0")
_NODE_TAG = b"assay/node/v1".ljust(32, b"\0")
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


def _leaf(layout: Layout, index: int, entry: bytes) -> bytes:
    return sha256(_LEAF_TAG, _word(index), _word(layout.length(index)), entry)


def _leaves(layout: Layout, entries: bytes) -> list[bytes]:
    return [_leaf(layout, i, entries[i * ENTRY_BYTES : (i + 1) * ENTRY_BYTES]) for i in range(layout.count)]


def _parents(level: list[bytes]) -> list[bytes]:
    parents = [sha256(_NODE_TAG, level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return parents + level[-1:] if len(level) % 2 else parents


def _root(layout: Layout, top: bytes) -> bytes:
    return sha256(_ROOT_TAG, _word(layout.total_bytes), _word(layout.chunk_size), top)


def root_of(layout: Layout, entries: bytes) -> bytes:
    """Root over the index ``entries`` (64 n bytes): 32 bytes."""
    level = _leaves(layout, entries)
    while len(level) > 1:
        level = _parents(level)
    return _root(layout, level[0])


def path_of(layout: Layout, entries: bytes, index: int) -> tuple[bytes, ...]:
    """Siblings on the way from leaf ``index`` to the top of the tree over ``entries`` (64 n bytes), lowest first."""
    path: list[bytes] = []
    level, position = _leaves(layout, entries), index
    while len(level) > 1:
        sibling = position ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, position = _parents(level), position // 2
    return tuple(path)


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
            node = sha256(_NODE_TAG, sibling, node) if position % 2 else sha256(_NODE_TAG, node, sibling)
        position, width = position // 2, (width + 1) // 2
    return next(siblings, None) is None and _root(layout, node) == data_root
