"""One order as the buyer sees it, and its files.

<folder>/<order id>-<start of the data root>.age                     the download; the next one resumes it
                                             .sealed                 the sealed file, which has the order's data root
                                             .part                   the data while they are written
                                             .csv, .parquet, ...     the data, under the suffix of their format
                                             .aside                  a sealed file that was damaged or cannot be read

A reorganisation can replace an order by another one of the same pair, with the same id and another root. Names by the
id alone, which earlier versions gave, would take the file of one order for the other's.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NoReturn

from assay.errors import AssayError, ChunkMismatch, DiskError, SealError, UsageError
from assay.files import private_file, sync_folder
from assay.protocol import seal
from assay.protocol.structs import Order, Status
from assay.protocol.tree import ChunkProof

SUFFIXES = {
    (0, b"PAR1"): ".parquet",
    (0, b"PK\x03\x04"): ".npz",
    (0, b"ARROW1"): ".arrow",
    (0, b"\xff\xff\xff\xff"): ".arrows",
    (0, b"{"): ".jsonl",
    (257, b"ustar"): ".tar",
}
"""Suffix of an opened file by the bytes that it has at a place."""
DEFAULT_SUFFIX = ".csv"
_START = 262
ROOT_DIGITS = 40
"""Hex digits of a data root in a name: two files of a seller that share them take 2^80 work."""


@dataclass
class Purchase:
    """One order as the buyer sees it.

    Attributes:
        file: The opened file, once it is on disk.
        note: What the order waits for, or what is wrong with it.
        error: Why this call could not do what was due.
        gas: Gas that this call spent, by the contract's function.
    """

    order: Order
    status: Status
    deadline: int
    file: Path | None = None
    note: str = ""
    error: AssayError | None = None
    gas: dict[str, int] = field(default_factory=dict)

    def fail(self, error: AssayError) -> None:
        """Keeps why this call could not do what was due."""
        self.error, self.note = error, error.message

    @property
    def advice(self) -> str:
        """The note, and what to do about an error."""
        hint = self.error.hint if self.error else None
        return f"{self.note} ({hint})" if hint else self.note

    def fail_on_disk(self, error: OSError) -> None:
        """Keeps a refusal of the disk, with its remedy, and until when the remedy is in time."""
        what = f"{error.strerror or error}: {error.filename}" if error.filename else str(error.strerror or error)
        remedy = {
            errno.ENOSPC: "free some space",
            errno.EDQUOT: "free some space",
            errno.EACCES: "give this account the right to read and write the folder and its files",
            errno.EPERM: "give this account the right to read and write the folder and its files",
            errno.EROFS: "mount the disk for writing",
        }.get(error.errno or 0, "check the disk")
        hint = f"{remedy}, or name another folder (--into); then run the same command again"
        if self.status is Status.REVEALED:
            hint += f", before the window to dispute ends: {datetime.fromtimestamp(self.deadline, UTC).isoformat()}"
        self.fail(DiskError(f"the disk refused: {what}", hint=hint))


class PurchaseFiles:
    """Files of purchases in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, order: Order, suffix: str) -> Path:
        """Where a file of an order belongs."""
        return self._folder / f"{order.order_id().hex()}-{order.data_root.hex()[:ROOT_DIGITS]}{suffix}"

    def sealed(self, order: Order) -> Path:
        """The sealed file of an order; where it belongs if there is none."""
        path = self.path(order, ".sealed")
        if not path.exists() and _root_in(self._former(order, ".sealed")) == order.data_root:
            return self._former(order, ".sealed")
        return path

    def opened(self, order: Order, status: Status) -> Path | None:
        """The opened file of an order in state ``status``; None if there is none.

        A file with a former name counts if the sealed file with such a name has the order's root. If there is none, it
        counts for a paid order, for which nothing is signed or sent any more.
        """
        suffixes = (*SUFFIXES.values(), DEFAULT_SUFFIX)
        found = next((path for suffix in suffixes if (path := self.path(order, suffix)).exists()), None)
        if found is not None:
            return found
        former = next((path for suffix in suffixes if (path := self._former(order, suffix)).exists()), None)
        if former is None:
            return None
        sealed = self._former(order, ".sealed")
        is_its_own = _root_in(sealed) == order.data_root if sealed.exists() else status is Status.PAID
        return former if is_its_own else None

    @contextmanager
    def writing(self, order: Order) -> Iterator[BinaryIO]:
        """A new private file that becomes the opened one, complete and on disk, if its context ends without an error.

        Raises:
            UsageError: Another process is writing files of purchases.
        """
        aside = self.path(order, ".part")
        with self.alone():
            try:
                with private_file(aside, "wb") as target:
                    yield target
                    target.flush()
                    os.fsync(target.fileno())
                aside.replace(self.path(order, suffix_of(aside)))
                sync_folder(self._folder)
            finally:
                with suppress(OSError):
                    aside.unlink()

    def disposable(self, order: Order) -> list[Path]:
        """Where the copies lie that an order which has ended does not need."""
        suffixes = (".sealed", ".age", ".aside")
        return [name(order, suffix) for name in (self.path, self._former) for suffix in suffixes]

    def check(self, order: Order, sealed: Path) -> None:
        """Verifies that the disk still has every chunk that was downloaded: a receipt lets the seller reveal the key.

        Raises:
            ChunkMismatch: It does not.
        """
        try:
            with sealed.open("rb") as source:
                seal.check_chunks(source).check_root(order.data_root)
        except SealError as error:
            self.reject(order, sealed, error)

    def set_aside(self, order: Order, sealed: Path) -> Path:
        """Renames a sealed file that cannot be read, so that it is fetched again; the new path."""
        aside = self.path(order, ".aside")
        sealed.replace(aside)
        return aside

    def reject(self, order: Order, sealed: Path, error: SealError) -> NoReturn:
        """Sets a damaged sealed file aside.

        Raises:
            ChunkMismatch: Always.
        """
        aside = self.set_aside(order, sealed)
        raise ChunkMismatch(
            f"the sealed file on disk was altered since its download ({error.message}); it is now {aside}",
            hint="run the same command again to download it again",
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from writing files of purchases in this folder.

        Raises:
            UsageError: Another process is writing them.
        """
        with private_file(self._folder / ".lock", "ab") as lock:
            # A disk without locks is no reason to buy nothing.
            with suppress(OSError):
                _claim(lock, self._folder)
            yield

    def _former(self, order: Order, suffix: str) -> Path:
        return self._folder / f"{order.order_id().hex()}{suffix}"


def _claim(lock: BinaryIO, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f"another command is writing files of purchases in {folder}",
            hint="let it finish, or end it: one command for a folder is enough",
        ) from None


def _root_in(sealed: Path) -> bytes | None:
    """Data root of the sealed file at a path; None if there is no such file."""
    try:
        with sealed.open("rb") as source:
            return seal.read_index(source).data_root
    except (OSError, SealError):
        return None


def find_proof(sealed: Path, key: bytes, data_root: bytes) -> ChunkProof | None:
    """Proof of the first chunk that ``key`` does not open; None if it opens all. Writes nothing.

    Raises:
        SealError: The file has another root, or chunks in it were altered, and ``key`` opens all others.
    """
    with sealed.open("rb") as source:
        index = seal.read_index(source)
        index.check_root(data_root)
        bad = seal.find_bad_chunk(source, key)
        return None if bad is None else seal.prove(source, bad)


def suffix_of(path: Path) -> str:
    """Suffix of the file at ``path`` by its first bytes."""
    with path.open("rb") as file:
        start = file.read(_START)
    fitting = (suffix for (place, magic), suffix in SUFFIXES.items() if start[place:].startswith(magic))
    return next(fitting, DEFAULT_SUFFIX)
