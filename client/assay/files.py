"""Files that survive a crash: written aside, flushed to the disk, then put in place."""

import os
from pathlib import Path

PRIVATE = 0o600


def write_whole(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Writes ``path`` so that after a crash it has the old content or the new, never half."""
    aside = path.with_name(f".{path.name}.part")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames and new names in ``folder`` last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
