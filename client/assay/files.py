"""Files that survive a crash: written under a temporary name, flushed to disk, then renamed."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from assay.errors import UsageError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk, a quota or a file system that takes no more bytes."""
PRIVATE = 0o600
_NAMELESS = getattr(os, "O_TMPFILE", 0) | os.O_RDWR
_NOT_NAMELESS = (errno.EISDIR, errno.EOPNOTSUPP)
"""Errors of a system, or a file system, that has no files without a name."""
_PRIVATE_FOLDER = 0o700


def private_folder(path: Path) -> None:
    """Makes ``path`` and the folders above it that are missing, for their owner alone. One that exists stays as it is.

    The modes do not depend on the umask.
    """
    if path.is_dir():
        return
    private_folder(path.parent)
    try:
        path.mkdir(mode=_PRIVATE_FOLDER)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        path.chmod(_PRIVATE_FOLDER)


def private_file(path: Path, mode: str) -> BinaryIO:
    """Opens ``path`` for writing in a binary ``mode``. Its owner alone can read it, from the first moment on.

    A file that exists is narrowed before anything is written to it. A symbolic link is not followed: who can write the
    folder could have made it.

    Raises:
        OSError: ``path`` is a symbolic link (``ELOOP``), or cannot be opened.
    """

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | os.O_NOFOLLOW, PRIVATE)
        try:
            os.fchmod(descriptor, PRIVATE)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    return cast(BinaryIO, open(path, mode, opener=opener))


def write_whole(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Replaces ``path`` atomically: after a crash it has either the old content or the new."""
    with _aside(path, content, mode) as aside:
        aside.replace(path)
    sync_folder(path.parent)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new private file that appears at ``path``, complete and on disk, if its context ends without an error.

    Yields:
        The file, open for reading and writing, empty.

    Raises:
        OSError: The disk is full; the error names ``path``.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        with _naming(path), private_file(aside, "w+b") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def check_regular(path: Path) -> None:
    """Checks that ``path``, which exists, is a regular file, without opening it.

    Raises:
        UsageError: It is something else.
    """
    if not path.is_file():
        raise UsageError(f"expected a regular file, got the pipe or device {path}", hint="write it to a file first")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Tells a person that ``path`` exists where its context ends in ``FileExistsError``.

    Raises:
        UsageError: In place of that.
    """
    try:
        yield
    except FileExistsError:
        raise UsageError(f"expected a new file, {path} exists", hint="name another one") from None


@contextmanager
def new_file(path: Path, *, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """A file that appears at ``path``, complete and on disk, if its context ends without an error.

    Yields:
        The file, open for reading and writing, empty.

    Raises:
        FileExistsError: ``path`` exists, even if it was created a moment ago. It is not replaced.
        OSError: The disk is full; the error names ``path``.
    """
    with _unseen(path) as (target, name):
        os.fchmod(target.fileno(), mode)
        with _naming(path):
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.link(name, path, src_dir_fd=target.fileno())  # no folder: with an argument, links in ``name`` are followed
    sync_folder(path.parent)


def write_new(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Creates ``path`` atomically. An existing file is never replaced.

    Raises:
        FileExistsError: ``path`` exists, even if it was created a moment ago.
    """
    with new_file(path, mode=mode) as target:
        target.write(content)


@contextmanager
def _unseen(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """A private file in the folder of ``path``, empty, and an absolute path to link it from.

    Where the system can make a file without a name (Linux), a process that is killed leaves nothing of it.
    """
    try:
        descriptor = os.open(path.parent, _NAMELESS, PRIVATE)
    except OSError as error:
        if error.errno not in _NOT_NAMELESS:
            raise
    else:
        with os.fdopen(descriptor, "w+b") as target:
            yield target, f"/proc/self/fd/{descriptor}"
        return
    with _aside(path, b"", PRIVATE) as aside, private_file(aside, "w+b") as target:
        yield target, os.path.abspath(aside)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Adds ``path`` to the error of a full disk: a write, unlike an open, does not know which file it was for."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM and error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def _aside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A temporary file with ``content``, on disk in the folder of ``path``; deleted at the end unless renamed."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keeps other processes and threads out of the contexts of the same ``path``, a file that holds nothing.

    A disk without locks keeps nobody out, which is no reason to do nothing.
    """
    with private_file(path, "ab") as lock:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    """Flushes renames and new names in ``folder`` to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
