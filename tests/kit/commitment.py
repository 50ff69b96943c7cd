"""The commitment to sealed data, as ``libraries/SealedData.sol`` has it."""

import hashlib
from collections.abc import Sequence

from assay.protocol import tree
from tests.kit.refusal import refusal

MAX_SEALED_BYTES = 2**38


def sha256_of(tag: bytes, *words: int | bytes) -> bytes:
    """SHA-256 over a tag and 32-byte words."""
    parts = [word.to_bytes(32, "big") if isinstance(word, int) else word for word in words]
    return hashlib.sha256(tag.ljust(32, b"\0") + b"".join(parts)).digest()


def count_chunks(total_bytes: int, chunk_size: int) -> int:
    """Number of chunks of a permitted layout."""
    permitted = chunk_size in tree.CHUNK_SIZES and 0 < total_bytes <= MAX_SEALED_BYTES
    if not permitted or (total_bytes - 1) % chunk_size < tree.SALT_BYTES:
        raise refusal("LayoutInvalid", total_bytes, chunk_size)
    return -(-total_bytes // chunk_size)


def leaf_of(index: int, length: int, plain_digest: bytes, sealed_digest: bytes) -> bytes:
    return sha256_of(b"assay/leaf/v1", index, length, plain_digest, sealed_digest)


def node_of(left: bytes, right: bytes) -> bytes:
    return sha256_of(b"assay/node/v1", left, right)


def top_of(leaves: list[bytes]) -> bytes:
    """Top of the tree: the left half is the largest power of two that leaves a right one."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node_of(top_of(leaves[:half]), top_of(leaves[half:]))


def climb(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """Top of the tree of ``count`` leaves that has ``leaf`` at ``index``. A path of another length is refused."""
    top, used, width = leaf, 0, count
    while width > 1:
        if index % 2 or index + 1 < width:
            if used == len(path):
                raise refusal("ProofLengthMismatch", used + 1, len(path))
            top = node_of(path[used], top) if index % 2 else node_of(top, path[used])
            used += 1
        index, width = index // 2, (width + 1) // 2
    if used != len(path):
        raise refusal("ProofLengthMismatch", used, len(path))
    return top
