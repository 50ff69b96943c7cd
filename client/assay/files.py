"""Files that survive a crash: written aside, flushed to the disk, then put in place."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600


def write_whole(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Writes ``path`` so that after a crash it has the old content or the new, never half."""
    with _aside(path, content, mode) as aside:
        aside.replace(path)
    sync_folder(path.parent)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is at ``path``, whole and on the disk, once the context ends well, and not at all if it does not.

    Yields it open for writing and reading, from its start.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("w+b") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_new(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Writes ``path``, whole or not at all, and never over something that is there.

    Raises:
        FileExistsError: there is something at ``path``, if only since a moment ago.
    """
    with _aside(path, content, mode) as aside:
        path.hardlink_to(aside)
    sync_folder(path.parent)


@contextmanager
def _aside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A file of our own with ``content`` on the disk, beside ``path``; gone at the end if it is still there."""
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


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in ``folder`` last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
