"""Files of offers and orders: envelopes as they came, and as they go to buyers. Nothing here is readable without a key.

<data>/uploads/<offer id>.age       envelope of the sealed file for the oracle
       deliveries/<order id>.age    envelope of the same sealed file for the buyer
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from assay import envelope
from assay.files import sync_folder, whole_file
from assay_oracle.errors import StorageFull, UploadBusy, UploadOffsetMismatch, UploadTooLarge

MEMORY_BYTES = 64 * 2**20
"""Opened data up to this size stays in memory; beyond, in an unlinked file that is overwritten before it goes."""
FREE_BYTES = 256 * 2**20
"""What is left to the disk's other users, the journal above all."""
_COPY_BYTES = 2**20


class Appender:
    """One request's appending to one upload. ``skip`` bytes come again that are there already."""

    def __init__(self, file: BinaryIO, room: int, skip: int, store: "FileStore") -> None:
        self._file = file
        self._room = room
        self._skip = skip
        self._store = store

    def write(self, piece: bytes) -> None:
        """Appends; what exceeds the declared length is not written.

        Raises:
            UploadTooLarge: more bytes than declared.
            StorageFull: the quota or the disk is full.
        """
        skipped = min(self._skip, len(piece))
        self._skip -= skipped
        piece = piece[skipped:]
        if len(piece) > self._room:
            raise UploadTooLarge(
                f"expected at most {self._room} more bytes of this upload, got {len(piece)} or more",
                hint="an envelope is as long as the offer declared; offer again with the right length",
            )
        self._store.take(len(piece))
        self._file.write(piece)
        self._room -= len(piece)


class FileStore:
    """Files under ``folder``, together at most ``max_bytes``."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._uploads = folder / "uploads"
        self._deliveries = folder / "deliveries"
        self._scratch = folder / "scratch"
        for path in (self._uploads, self._deliveries, self._scratch):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in [*self._deliveries.glob("*.part"), *self._scratch.iterdir()]:
            path.unlink()
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._measure()
        self._busy: set[bytes] = set()
        self._delivering = threading.Lock()

    def _measure(self) -> None:
        with self._lock:
            files = [*self._uploads.iterdir(), *self._deliveries.iterdir()]
            self._used = sum(path.stat().st_size for path in files)

    def take(self, count: int) -> None:
        """Accounts for ``count`` bytes about to be written.

        Raises:
            StorageFull: there is no room for them.
        """
        with self._lock:
            free = shutil.disk_usage(self._uploads).free - FREE_BYTES
            if count and (self._used + count > self._max_bytes or count > free):
                raise StorageFull("the oracle has no room for more uploads", hint="go on later: nothing is lost")
            self._used += count

    # --- uploads ------------------------------------------------------------------------------------------------------

    def upload_path(self, offer_id: bytes) -> Path:
        """Where the upload of an offer is, or will be."""
        return self._uploads / f"{offer_id.hex()}.age"

    def received(self, offer_id: bytes) -> int:
        """Bytes of an upload that are there."""
        path = self.upload_path(offer_id)
        return path.stat().st_size if path.exists() else 0

    @contextmanager
    def appending(self, offer_id: bytes, *, offset: int, length: int) -> Iterator[Appender]:
        """Appends to an upload of ``length`` bytes, from ``offset``; on the disk when the context ends.

        Bytes before the end of what is there are skipped, so that a request whose answer was lost can be sent again.

        Raises:
            UploadOffsetMismatch: ``offset`` is past the end of what is there.
            UploadBusy: another request is appending.
        """
        with self._lock:
            if offer_id in self._busy:
                raise UploadBusy("another request is appending to this upload", hint="wait for it, then go on")
            self._busy.add(offer_id)
        try:
            there = self.received(offer_id)
            if not 0 <= offset <= there:
                raise UploadOffsetMismatch(f"expected bytes from offset {there}, got offset {offset}")
            path = self.upload_path(offer_id)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
                try:
                    yield Appender(file, length - there, there - offset, self)
                finally:
                    file.flush()
                    os.fsync(file.fileno())
            if not there:
                sync_folder(self._uploads)
        finally:
            with self._lock:
                self._busy.discard(offer_id)
            self._measure()

    def drop_upload(self, offer_id: bytes) -> None:
        """Deletes an upload, if it is there."""
        self._drop(self.upload_path(offer_id))

    # --- opened data --------------------------------------------------------------------------------------------------

    @contextmanager
    def scratch(self) -> Iterator[BinaryIO]:
        """A file for opened data: in memory, or without a name and overwritten at the end."""
        with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES, dir=str(self._scratch)) as file:
            try:
                yield cast(BinaryIO, file)
            finally:
                length = file.seek(0, os.SEEK_END)
                file.seek(0)
                for start in range(0, length, _COPY_BYTES):
                    file.write(bytes(min(_COPY_BYTES, length - start)))

    # --- deliveries ---------------------------------------------------------------------------------------------------

    def delivery(self, order_id: bytes, offer_id: bytes, *, identity: str, recipient: str) -> Path:
        """The buyer's envelope of an order's sealed file; made once, so that a download can go on where it stopped."""
        path = self._deliveries / f"{order_id.hex()}.age"
        with self._delivering:
            if not path.exists():
                with self.upload_path(offer_id).open("rb") as upload, self.scratch() as sealed:
                    envelope.open_with(identity, upload, sealed)
                    sealed.seek(0)
                    with whole_file(path) as target:
                        envelope.seal_to(recipient, sealed, target)
                self._measure()
        return path

    def drop_delivery(self, order_id: bytes) -> None:
        """Deletes a delivery, if it is there."""
        self._drop(self._deliveries / f"{order_id.hex()}.age")

    def _drop(self, path: Path) -> None:
        if path.exists():
            path.unlink()
            self._measure()
