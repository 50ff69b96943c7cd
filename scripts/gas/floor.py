"""The fee schedule, and what an operation cannot cost less than under it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay.protocol.tree import ChunkProof

TRANSACTION = 21_000
NEW_SLOT = 22_100
CHANGED_SLOT = 5_000
RECOVERY = 3_000
COLD_ACCOUNT = 2_600
VALUE_CALL = 9_000 - 2_300


@dataclass(frozen=True)
class Needs:
    """What an operation cannot do without, besides calldata and logs.

    Args:
        new: storage slots that turn from zero to something.
        changed: storage slots that change otherwise.
        recoveries: signatures that are checked.
        accounts: cold accounts that are called.
        calls: calls that carry value.
        hashed: lengths in bytes of what is hashed with SHA-256.
    """

    new: int = 0
    changed: int = 0
    recoveries: int = 0
    accounts: int = 0
    calls: int = 0
    hashed: Sequence[int] = ()

    def __add__(self, other: "Needs") -> "Needs":
        return Needs(
            self.new + other.new,
            self.changed + other.changed,
            self.recoveries + other.recoveries,
            self.accounts + other.accounts,
            self.calls + other.calls,
            (*self.hashed, *other.hashed),
        )

    def gas(self) -> int:
        """Gas of all that."""
        return (
            NEW_SLOT * self.new
            + CHANGED_SLOT * self.changed
            + RECOVERY * self.recoveries
            + COLD_ACCOUNT * self.accounts
            + VALUE_CALL * self.calls
            + sum(60 + 12 * -(-size // 32) for size in self.hashed)
        )


def floor_of(receipt: Any, needs: Needs) -> int:
    """The least gas for a mined transaction with its calldata and logs: by what it does, or by its calldata alone."""
    data = bytes(receipt.data)
    does = TRANSACTION + calldata_gas(data) + log_gas(receipt.logs) + needs.gas()
    return max(does, TRANSACTION + calldata_floor(data))


def calldata_gas(data: bytes) -> int:
    """16 a byte, 4 a zero byte (EIP-2028)."""
    zeros = data.count(0)
    return 4 * zeros + 16 * (len(data) - zeros)


def calldata_floor(data: bytes) -> int:
    """What a transaction pays for its calldata at least: 40 a byte, 10 a zero byte (EIP-7623)."""
    zeros = data.count(0)
    return 10 * zeros + 40 * (len(data) - zeros)


def log_gas(logs: Sequence[Any]) -> int:
    """375 a log, 375 a topic, 8 a byte."""
    return sum(375 + 375 * len(log["topics"]) + 8 * len(bytes(log["data"])) for log in logs)


@dataclass(frozen=True)
class DeepChunk:
    """One chunk at the far end of a tree whose other branches are arbitrary digests."""

    root: bytes
    proof: ChunkProof


def deep_chunk(chunk_size: int, depth: int) -> DeepChunk:
    """A chunk of a file of ``2 ** depth`` chunks, of which every byte is nonzero as in real ciphertext."""

    def tagged(tag: bytes, *words: bytes) -> bytes:
        return hashlib.sha256(tag.ljust(32, b"\0") + b"".join(words)).digest()

    def word(number: int) -> bytes:
        return number.to_bytes(32, "big")

    index, total = 2**depth - 1, chunk_size * 2**depth
    chunk = b"\xa5" * chunk_size
    plain = hashlib.sha256(b"another plaintext").digest()
    path = [hashlib.sha256(b"sibling" + word(level)).digest() for level in range(depth)]
    top = tagged(b"assay/leaf/v1", word(index), word(chunk_size), plain, hashlib.sha256(chunk).digest())
    for sibling in path:
        top = tagged(b"assay/node/v1", sibling, top)
    proof = ChunkProof(
        total_bytes=total, chunk_size=chunk_size, index=index, plain_digest=plain, sealed_chunk=chunk, path=path
    )
    return DeepChunk(tagged(b"assay/root/v1", word(total), word(chunk_size), top), proof)
