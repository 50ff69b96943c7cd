"""New files that are written in batches, and that an interruption at any point, a crash included, does not cost.

A file grows under the name ``.NAME.part``, and ``.NAME.state`` has how far it came: what it is made of, the number of
batches that were ``written``, and the number that were ``synced`` to disk. The former holds after a crash of the
process, the latter after one of the machine, which then has another boot id. Behind them are notes of the writer, 32
bytes a batch.
"""

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from assay.errors import DiskError, SealError, UsageError
from assay.files import NO_ROOM, private_file, sync_folder
from assay.protocol.batch.transfer import MOST_CACHED_BYTES

_SYNC_EVERY = 64
"""Batches after which the file is flushed to disk, in the background."""
_STATE_BYTES = 512
"""The state is written in place, by one write into one sector of the disk."""
NOTE_BYTES = 32
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class State:
    """How far a file came. ``made_of`` names, by digests and sizes, what it is made of; ``boot`` the machine's run."""

    made_of: dict[str, str]
    written: int
    synced: int
    boot: str

    @property
    def done(self) -> int:
        """Batches that the file has, unless a disk lost some of those that are not ``synced``."""
        return self.written if self.boot and self.boot == boot_id() else self.synced


def boot_id() -> str:
    """Names the run of the machine since it started; empty where the system has no name for it."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Partial:
    """The unfinished file of ``path``, open and locked. ``resumable`` makes it.

    Attributes:
        file: Open for reading and writing.
        state: How far it came; None if there is nothing of an earlier run, or nothing that can be used.
    """

    def __init__(self, path: Path, file: BinaryIO, *, is_new: bool) -> None:
        self.file = file
        self.state = None if is_new else _read_state(_state_path(path))
        self._path = path
        self._state_file: BinaryIO | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._syncing: Future[int] | None = None

    def resume(
        self, made_of: Mapping[str, str], end_of: Callable[[int], int], first_damaged: Callable[[range], int]
    ) -> int | None:
        """Number of batches that an earlier run wrote, if they are made of the same; otherwise None.

        ``end_of`` tells where so many batches end: a shorter file has lost some of them. ``first_damaged`` reads the
        batches of a range and returns the first that is not what was written, or the end of the range. It gets those
        that were not flushed to disk: a file server that crashed, or a disk that failed, may have lost them.
        """
        if self.state is None or self.state.made_of != dict(made_of):
            return None
        done = self.state.done
        if os.fstat(self.file.fileno()).st_size < end_of(done):
            return None
        if self.state.synced < done:
            done = first_damaged(range(self.state.synced, done))
        self._begin(State(dict(made_of), written=done, synced=done, boot=boot_id()))
        return done

    def restart(self, made_of: Mapping[str, str], notes: bytes = b"") -> None:
        """Forgets what an earlier run wrote; the file is empty then, and ``notes`` are kept for the next run."""
        self.file.truncate(0)
        _state_path(self._path).unlink(missing_ok=True)
        self._begin(State(dict(made_of), written=0, synced=0, boot=boot_id()), notes)

    @property
    def notes(self) -> bytes:
        """Notes that were kept so far."""
        with _open_own(_state_path(self._path), "rb") as file:
            return file.read()[_STATE_BYTES:]

    def _begin(self, state: State, notes: bytes = b"") -> None:
        os.fsync(self.file.fileno())
        path = _state_path(self._path)
        if self._state_file is not None:
            self._state_file.close()
        self._state_file = _open_own(path, "r+b" if os.path.lexists(path) else "x+b")
        if notes:
            os.pwrite(self._state_file.fileno(), notes, _STATE_BYTES)
        self._save(state)
        os.fsync(self._state_file.fileno())
        sync_folder(self._path.parent)

    def batch_done(self, count: int, note: bytes = b"") -> None:
        """Records that the first ``count`` batches were written, and the ``note`` on the last of them."""
        assert self.state is not None
        assert self._state_file is not None
        self.file.flush()
        os.pwrite(self._state_file.fileno(), note, _STATE_BYTES + (count - 1) * NOTE_BYTES)
        synced = self.state.synced
        if self._syncing is not None and self._syncing.done():
            synced = self._syncing.result()
            self._syncing = None
        if self._syncing is None and count - synced >= _SYNC_EVERY:
            self._syncing = self._disk.submit(self._sync, count)
        self._save(replace(self.state, written=count, synced=synced))

    def _sync(self, count: int) -> int:
        assert self._state_file is not None
        self._flush()
        os.fsync(self._state_file.fileno())
        return count

    def _flush(self) -> None:
        """Waits until the file is on disk; a large one then leaves the page cache to others.

        Memory that is new to the cache costs the system more than memory that it uses again: up to as much as hashing.
        """
        descriptor = self.file.fileno()
        os.fsync(descriptor)
        if os.fstat(descriptor).st_size > MOST_CACHED_BYTES and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def _save(self, state: State) -> None:
        assert self._state_file is not None
        content = json.dumps(vars(state)).encode().ljust(_STATE_BYTES - 1) + b"\n"
        os.pwrite(self._state_file.fileno(), content, 0)
        self.state = state

    def is_lost_by(self, error: BaseException) -> bool:
        """Whether nothing is worth keeping after ``error``: the same work would meet it again, or none was done."""
        return isinstance(error, SealError) or self.state is None or self.state.written == 0

    def close(self) -> None:
        """Ends what runs in the background; both files stay."""
        self._disk.shutdown()
        if self._state_file is not None:
            self._state_file.close()

    def finish(self) -> None:
        """The file appears at its path, complete and on disk, unless there is another file by then.

        Raises:
            UsageError: There is one; the unfinished file stays.
        """
        self.file.flush()
        self._flush()
        part = part_path(self._path)
        try:
            self._path.hardlink_to(part)
        except FileExistsError:
            raise self._exists() from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if self._path.exists():  # on such a disk, another program may still come in between
                raise self._exists() from None
            part.replace(self._path)
        sync_folder(self._path.parent)
        self.discard()

    def _exists(self) -> UsageError:
        return UsageError(
            f"{self._path} appeared while it was written", hint="move it away, and run the same command again"
        )

    def discard(self) -> None:
        """Deletes both files."""
        part_path(self._path).unlink(missing_ok=True)
        _state_path(self._path).unlink(missing_ok=True)


@contextmanager
def resumable(path: Path) -> Iterator[Partial]:
    """The unfinished file of ``path``, of an earlier run or new. It appears at ``path`` if the context ends.

    An interruption leaves it for the next run, unless its content is refused, or nothing was written.

    Raises:
        UsageError: Another process is writing it.
        DiskError: The disk is full.
    """
    with _locked(path) as (file, is_new):
        partial = Partial(path, file, is_new=is_new)
        try:
            yield partial
            partial.finish()
        except BaseException as error:
            if partial.is_lost_by(error):
                partial.discard()
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                raise DiskError(
                    f"cannot write {path}: {error.strerror}",
                    hint=f"make room, and run the same command again; delete {part_path(path)} to give it up",
                ) from None
            raise
        finally:
            partial.close()


@contextmanager
def _locked(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """The unfinished file, and whether it is new; no other process has it.

    Raises:
        UsageError: Another process has it, or may have it where the disk has no locks; or it is not this account's.
    """
    name = part_path(path)
    forget_finished(path)
    is_new = not os.path.lexists(name)
    try:
        opened = _open_own(name, "x+b" if is_new else "r+b")
    except FileExistsError:
        raise _busy(path) from None
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _busy(path) from None
        except OSError:
            if not is_new:  # a new one was made by this process and by no other
                raise UsageError(
                    f"{name} is there, and its disk has no locks to show whether another command is writing it",
                    hint=f"if none is, delete {name} to begin again; or name another folder with --out",
                ) from None
        if not name.exists() or not os.path.samestat(os.fstat(file.fileno()), name.stat()):
            raise _busy(path)
        yield file, is_new


def forget_finished(path: Path) -> None:
    """Removes the unfinished file of ``path`` if it is a second name of a complete one, which a crash left.

    Otherwise a complete file would be emptied, or written to.
    """
    with suppress(FileNotFoundError):
        found = part_path(path).lstat()
        if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
            for name in work_paths(path):
                name.unlink(missing_ok=True)


def _open_own(path: Path, mode: str) -> BinaryIO:
    """Opens a regular file of this account, or makes it: others could read what is written to a file of theirs.

    Raises:
        UsageError: It is another's, or no regular file.
    """
    try:
        file = private_file(path, mode)
        found = os.fstat(file.fileno())
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
            return file
        file.close()
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EPERM, errno.ENXIO, None):
            raise
    raise UsageError(
        f"expected a file of this account at {path}, found another's, or no regular file",
        hint="delete it, or name a folder that only this account can write to",
    )


def _busy(path: Path) -> UsageError:
    return UsageError(f"another command is writing {path}", hint="let it finish, or end it")


def check_room(folder: Path, wanted: int) -> None:
    """Verifies, before anything is written, that ``folder`` has room for ``wanted`` bytes.

    Raises:
        DiskError: It has not.
    """
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < wanted:
        raise DiskError(
            f"expected room for {wanted} bytes in {folder.absolute()}, found {free}",
            hint="make room, or name another folder",
        )


def part_path(path: Path) -> Path:
    """Where the unfinished file of ``path`` lies."""
    return path.with_name(f".{path.name}.part")


def work_paths(path: Path) -> tuple[Path, Path]:
    """The unfinished file of ``path`` and its state."""
    return part_path(path), _state_path(path)


def _state_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.state")


def _read_state(path: Path) -> State | None:
    try:
        with _open_own(path, "rb") as file:
            state = State(**json.loads(file.read(_STATE_BYTES)))
    except (OSError, ValueError, TypeError):
        return None
    counts = (state.written, state.synced)
    usable = isinstance(state.made_of, dict) and all(type(count) is int and count >= 0 for count in counts)
    return state if usable else None
