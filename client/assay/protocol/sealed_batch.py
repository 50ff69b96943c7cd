"""One batch of a sealed file in its buffer: read, hashed, encrypted in place, and compared with its entries."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from assay.errors import ChunkMismatch, NotSealedData
from assay.protocol.batch import ENTRY_BYTES, fill_digests
from assay.protocol.batches import Buffer
from assay.protocol.index import Index
from assay.protocol.tree import Layout, batch_node

KEY_BYTES = 32
_CIPHER_BLOCK = 64
PLAIN, SEALED = 0, 32
"""Where the two digests of an entry begin."""


def keystream(key: bytes, first_block: int = 0) -> Callable[[bytes], bytes]:
    """The one stream of a sealed file under ``key`` (32 bytes), from 64-byte block ``first_block`` on.

    Returns a function that encrypts or decrypts the next bytes.
    """
    return cipher(key, first_block).update


def cipher(key: bytes, first_block: int = 0) -> CipherContext:
    """ChaCha20 of a sealed file from 64-byte block ``first_block`` on.

    Raises:
        NotSealedData: The key has another length than 32 bytes.
    """
    if len(key) != KEY_BYTES:
        raise NotSealedData(f"expected a key of {KEY_BYTES} bytes, got {len(key)}")
    return Cipher(ChaCha20(key, _nonce(first_block)), mode=None).encryptor()


def _nonce(first_block: int) -> bytes:
    return first_block.to_bytes(4, "little") + bytes(12)


class Stream(threading.local):
    """The stream under ``key`` in pieces. Every thread keeps one cipher: to make one takes 0.1 ms.

    Raises:
        NotSealedData: The key has another length than 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = cipher(key)

    def at(self, first_block: int) -> CipherContext:
        """The cipher from 64-byte block ``first_block`` on; this thread's alone, until its next call."""
        self._cipher.reset_nonce(_nonce(first_block))
        return self._cipher


class SealedBatch:
    """A batch of a sealed file in its buffer, and the entries that its chunks have or should have."""

    def __init__(
        self,
        layout: Layout,
        number: int,
        buffer: Buffer,
        load: Callable[[], None],
        index: Index | None = None,
        entries: bytes = b"",
    ) -> None:
        self.layout = layout
        self.number = number
        self.place = layout.batch(number)
        self.buffer = buffer
        self.load = load
        self.index = index
        self.entries = entries
        self.node = index.node(number) if index else b""

    def encrypt(self, stream: Stream) -> None:
        """Encrypts or decrypts the chunks in place."""
        first_block = self.place.first * self.layout.chunk_size // _CIPHER_BLOCK
        stream.at(first_block).update_into(self.buffer.content, self.buffer.content)

    def seal(self, stream: Stream) -> "SealedBatch":
        """Encrypts the chunks in place, and makes their entries and the node over them."""
        self.load()
        entries = bytearray(self.place.count * ENTRY_BYTES)
        fill_digests(self.buffer.content, self.layout.chunk_size, entries, PLAIN)
        self.encrypt(stream)
        fill_digests(self.buffer.content, self.layout.chunk_size, entries, SEALED)
        self.entries = bytes(entries)
        self.node = batch_node(self.layout, self.number, self.entries)
        return self

    def _check_entries(self) -> None:
        assert self.index is not None
        self.index.check_entries(self.number, self.entries)

    def differing(self, half: int) -> list[int]:
        """Chunks, counted from the file's first, whose digest is not the one in this half of their entry."""
        found = bytearray(self.entries)
        fill_digests(self.buffer.content, self.layout.chunk_size, found, half)
        if found == self.entries:
            return []
        expected, got = (
            [entries[at : at + ENTRY_BYTES] for at in range(0, len(found), ENTRY_BYTES)]
            for entries in (self.entries, bytes(found))
        )
        return [self.place.first + i for i in range(self.place.count) if expected[i] != got[i]]

    def check(self) -> "CheckedBatch":
        """Reads and compares the ciphertext."""
        self.load()
        self._check_entries()
        return CheckedBatch(self, self.differing(SEALED), [])

    def open(self, stream: Stream) -> "CheckedBatch":
        """Reads and compares the ciphertext, decrypts it in place, and compares the plaintext."""
        self.load()
        self._check_entries()
        altered = self.differing(SEALED)
        self.encrypt(stream)
        return CheckedBatch(self, altered, self.differing(PLAIN))


@dataclass(frozen=True)
class CheckedBatch:
    """A batch, its chunks whose ciphertext is ``altered``, and those that have another plaintext than committed."""

    batch: SealedBatch
    altered: list[int]
    unopened: list[int]

    def error(self) -> tuple[int, ChunkMismatch] | None:
        """The first chunk that is wrong, and what is wrong with it."""
        if not self.altered and not self.unopened:
            return None
        bad = min(self.altered + self.unopened)
        if bad in self.altered:
            return bad, altered_error(bad)
        return bad, ChunkMismatch(f"the key does not open chunk {bad} to its committed plaintext")


def altered_error(index: int) -> ChunkMismatch:
    """The error of a chunk whose ciphertext is not the committed one."""
    return ChunkMismatch(f"sealed chunk {index} is not the committed one")
