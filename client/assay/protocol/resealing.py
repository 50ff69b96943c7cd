"""What sealing resumes with after an interruption: the same salts, and no text but the one that was encrypted before.

Two texts under one stream of the cipher would tell their difference. So the salts of a resumable call come from a seed,
by which the same data at the same place gives the same ciphertext, and what an earlier run wrote behind the part that
is kept is compared with what takes its place. If they differ, the data changed.
"""

import secrets
import threading
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, Protocol

from assay.errors import DataChanged
from assay.protocol.batch.transfer import read_into
from assay.protocol.sealed_batch import Stream
from assay.protocol.tree import SALT_BYTES, Batch

_SECTOR = 512
"""A disk writes so many bytes whole or not at all; those that were never written are zeros."""
_LEAST_ZEROS = 64
"""Ciphertext of so many bytes is zeros alone with probability 2^-512."""
_CIPHER_BLOCK = 64


def salts_of(stream: Stream, place: Batch) -> bytes:
    """Salts of the chunks of a batch: 16 bytes each, the stream of ChaCha20 under the seed."""
    return stream.at(place.first * SALT_BYTES // _CIPHER_BLOCK).update(bytes(place.count * SALT_BYTES))


def salts_by(make: Callable[[int], bytes] | None, seed: bytes | None) -> Callable[[Batch], bytes]:
    """Makes the salts of a batch: by ``make``, from ``seed``, or of random bytes of the system."""
    if make is not None:
        return lambda place: b"".join([make(SALT_BYTES) for _ in range(place.count)])
    if seed is not None:
        return partial(salts_of, Stream(seed))
    return lambda place: secrets.token_bytes(place.count * SALT_BYTES)


def check_replaces(target: BinaryIO, target_bytes: int, offset: int, content: memoryview) -> None:
    """Verifies that ``target``, of ``target_bytes``, has nothing at ``offset`` but parts of ``content``.

    Raises:
        DataChanged: It has something else there.
    """
    old = bytearray(min(len(content), max(target_bytes - offset, 0)))
    if old:
        read_into(target, offset, [memoryview(old)])
    if old == content[: len(old)]:
        return
    start = 0
    while start < len(old):
        end = min(start + _SECTOR - (offset + start) % _SECTOR, len(old))
        piece = old[start:end]
        is_unwritten = len(piece) >= _LEAST_ZEROS and not any(piece)
        if not is_unwritten and piece != content[start:end]:
            raise DataChanged(
                "the source was altered since its sealing was interrupted",
                hint="run the same command again: it is sealed anew, under another key",
            )
        start = end


class Digest(Protocol):
    """A digest of hashlib."""

    def update(self, data: memoryview, /) -> None:
        """Adds ``data``."""
        ...


class InOrder:
    """Feeds ``digest`` with batches in order, although threads load them side by side.

    Loading must begin in order, as ``batches.in_order`` begins it: a thread waits for batches alone that have begun.

    Args:
        digest: Has the data before batch ``first``.
        first: Number of the batch that comes first.
    """

    def __init__(self, digest: Digest, first: int = 0) -> None:
        self._digest = digest
        self._next = first
        self._failed = False
        self._changed = threading.Condition()

    def load(self, number: int, views: list[memoryview], load: Callable[[], None]) -> None:
        """Fills ``views`` by ``load``, and adds them in the turn of batch ``number``.

        Nothing is added once a batch failed: the call fails with it.
        """
        try:
            load()
        except BaseException:
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            raise
        with self._changed:
            self._changed.wait_for(lambda: self._failed or self._next == number)
            if not self._failed:
                for view in views:
                    self._digest.update(view)
            self._next = number + 1
            self._changed.notify_all()
