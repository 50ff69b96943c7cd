"""Blobs as files of a local folder: ``<folder>/<kind>/<file>``. All but proofs are encrypted before they come here."""

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from assay.errors import SettingsError
from assay.files import sync_folder, whole_file
from assay_oracle.errors import StorageFull

PRICING_BYTES = 2**30
"""Space below which no offer is priced: decrypted copies of an upload, and the journal's rows of a million records."""
FREE_BYTES = PRICING_BYTES + 256 * 2**20
"""Space that uploads leave free: were it less than pricing needs, those that wait for a price would fill the disk for
ever."""
COUNT_SECONDS = 60.0
"""While there is no room, all files are counted again no more often than once in so many seconds."""
LEFT_SECONDS = 86_400.0
"""After so long an unfinished file in a folder of several daemons is what a crash left."""
KINDS = ("uploads", "deliveries", "proofs")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def check_room(folder: Path, wanted: int) -> int:
    """Checks that ``folder`` has room for ``wanted`` bytes; returns the number of bytes that are free for blobs.

    Raises:
        SettingsError: There is no such folder, or too little room.
    """
    if not folder.is_dir():
        raise SettingsError(f"expected a data folder at {folder}, found none", hint="assay-oracle init makes it")
    free = shutil.disk_usage(folder).free - FREE_BYTES
    if free < wanted:
        raise SettingsError(
            f"expected room for an upload of {wanted} bytes at {folder}, {free} are left",
            hint="free some space, or lower max_upload_bytes",
        )
    return free


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of ``folder``."""
    return shutil.disk_usage(folder).free


def check_room_to_price(folder: Path) -> None:
    """Checks that pricing an offer leaves the journal in ``folder`` room for what is due on chain.

    Raises:
        StorageFull: It might not.
    """
    free = shutil.disk_usage(folder).free
    if free < PRICING_BYTES:
        raise StorageFull(
            f"expected {PRICING_BYTES} free bytes on the disk to price an offer, {free} are left: offers wait",
            hint="free some space on the disk of data_dir",
        )


def check_blob_name(name: str) -> tuple[str, str]:
    """Kind and file of a blob's name."""
    kind, _, file = name.partition("/")
    if kind not in KINDS or not _FILE.fullmatch(file):
        raise ValueError(f"expected a blob name <kind>/<file> with a kind of {', '.join(KINDS)}, got {name!r}")
    return kind, file


class FileWriter:
    """Writes to the end of one file, within the store's quota."""

    def __init__(self, file: BinaryIO, store: "LocalStore") -> None:
        self._file = file
        self._store = store
        self.reserved = 0
        """Bytes that the store counted for it."""

    def write(self, piece: bytes) -> None:
        """Appends ``piece``.

        Raises:
            StorageFull: There is no room for it; nothing of it was written.
            FileNotFoundError: The blob was deleted meanwhile: a file without a name would take space uncounted.
        """
        if not os.fstat(self._file.fileno()).st_nlink:
            raise FileNotFoundError("the blob was deleted while it was written")
        self._store.reserve(len(piece))
        self.reserved += len(piece)
        self._file.write(piece)


class LocalStore:
    """The ``BlobStore`` under ``folder``; appended blobs and created ones together take at most ``max_bytes``.

    A created blob is never refused for the quota: its order is paid for. Where the folder is ``shared`` by several
    daemons, each counts what it writes, and what there is at its start and where its quota is full.
    """

    def __init__(self, folder: Path, *, max_bytes: int, shared: bool = False) -> None:
        self._folders = {kind: folder / kind for kind in KINDS}
        for path in self._folders.values():
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in path.glob(".*.part"):
                if not shared or time.time() - left.stat().st_mtime > LEFT_SECONDS:
                    left.unlink(missing_ok=True)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._recounted = float("-inf")
        """When files were last counted because there was no room."""
        self._measure()

    @property
    def used(self) -> int:
        """Bytes that all blobs take."""
        return self._used

    def _measure(self) -> None:
        """Counts all files: at the start, and where a file changed in a way that no one counted."""
        with self._lock:
            self._used = self._counted()

    def _counted(self) -> int:
        return sum(_bytes_of(path) for folder in self._folders.values() for path in folder.iterdir())

    def reserve(self, count: int) -> None:
        """Counts ``count`` bytes that are about to be written.

        Before it refuses, it looks what is there: the operator's commands delete files of a running daemon, too.

        Raises:
            StorageFull: There is no room for them.
        """
        with self._lock:
            free = shutil.disk_usage(self._folders[KINDS[0]]).free - FREE_BYTES
            if self._used + count > self._max_bytes and time.monotonic() > self._recounted + COUNT_SECONDS:
                self._used, self._recounted = self._counted(), time.monotonic()
            if count and (self._used + count > self._max_bytes or count > free):
                raise StorageFull(
                    f"expected room for {count} more bytes, the oracle's storage is full",
                    hint="resume the upload later: what was received is kept",
                )
            self._used += count

    def check_room_to_price(self) -> None:
        """Checks that pricing an offer leaves the journal room for what is due on chain.

        Raises:
            StorageFull: It might not.
        """
        check_room_to_price(self._folders[KINDS[0]])

    def _add(self, count: int) -> None:
        """Corrects the count, so that no request costs more the more files there are."""
        with self._lock:
            self._used += count

    def path(self, name: str) -> Path:
        """The file of a blob."""
        kind, file = check_blob_name(name)
        return self._folders[kind] / file

    def size(self, name: str) -> int:
        """Number of bytes of a blob; 0 if it does not exist."""
        return _bytes_of(self.path(name))

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """The blob for reading.

        Raises:
            FileNotFoundError: It does not exist.
        """
        with self.path(name).open("rb") as file:
            yield file

    @contextmanager
    def append(self, name: str) -> Iterator[FileWriter]:
        """Writes to the end of a blob; on the disk when the context ends."""
        path = self.path(name)
        is_new, before, reserved = not path.exists(), _bytes_of(path), 0
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
                writer = FileWriter(file, self)
                try:
                    yield writer
                finally:
                    reserved = writer.reserved
                    file.flush()
                    os.fsync(file.fileno())
            if is_new:
                sync_folder(path.parent)
        finally:
            if path.exists():
                self._add(_bytes_of(path) - before - reserved)
            else:
                self._measure()  # deleted meanwhile

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """A new blob, whole and on the disk when the context ends well, and absent if it does not."""
        path = self.path(name)
        before = _bytes_of(path)
        with whole_file(path) as file:
            yield file
        self._add(_bytes_of(path) - before)

    def delete(self, name: str) -> None:
        """Deletes a blob; does nothing if it does not exist."""
        path = self.path(name)
        size = _bytes_of(path)
        with suppress(FileNotFoundError):
            path.unlink()
            self._add(-size)


def _bytes_of(path: Path) -> int:
    """Length of a file; 0 if it does not exist, or was deleted a moment ago by another thread."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
