"""A folder as one file, which can be sealed: Parquet files as one table, pictures and texts as one archive.

The same folder gives the same file, so that an interrupted sale of a folder is found again.
"""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from assay.errors import DataChanged, UsageError
from assay.files import private_folder, whole_file
from assay.protocol.schema import Schema
from assay.sale.offered.reader import convert

ARCHIVE = ".tar"
"""Ending of what holds files as they are; another ending names a format of tables."""
_TABLES, _PICTURES = {".parquet", ".pq"}, {".png", ".jpg", ".jpeg"}
_FOLDER = "packed"


def packed(folder: Path, home: Path) -> Path:
    """The file that stands for ``folder``, in ``home``; another one if a file in the folder changed since.

    Raises:
        UsageError: The folder has no file, or one that cannot be packed; or what reads tables is not installed.
        DataError: The Parquet files are no one table.
        DataChanged: A file changed while it was packed.
    """
    files = files_of(folder)
    suffix = suffix_for(files)
    own, state = _digest(str(folder.resolve())), _digest(*(_seen(folder, path) for path in files))
    private_folder(home / _FOLDER)
    target = home / _FOLDER / f"{own}-{state}{suffix}"
    if not target.exists():
        with whole_file(target) as out:
            write(folder, out, suffix.removeprefix("."))
    return target


def packed_files(home: Path) -> list[Path]:
    """The files that stand for folders."""
    return sorted((home / _FOLDER).glob("*-*"))


def write(folder: Path, target: BinaryIO, form: str) -> None:
    """Writes ``folder`` to ``target`` as a ``tar`` archive, or as a table in the format ``form``.

    Raises:
        UsageError: The folder has no file, or one that cannot be packed; or what reads tables is not installed.
        DataError: The folder is no one table.
        DataChanged: A file changed while it was packed.
    """
    files = files_of(folder)
    if form != ARCHIVE.removeprefix("."):
        convert(folder, target, form, _no_schema)
        return
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in files:
            _add(archive, path.relative_to(folder).as_posix(), path)


def _add(archive: tarfile.TarFile, name: str, path: Path) -> None:
    changed = DataChanged(f"{path} changed while it was packed", hint="let its writer finish first")
    member = tarfile.TarInfo(name)
    with path.open("rb") as source:
        before = os.fstat(source.fileno())
        member.size = before.st_size
        try:
            archive.addfile(member, source)
        except OSError as error:
            if error.errno is not None:
                raise
            raise changed from None  # tarfile's own error: the file ended early
        after = os.fstat(source.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise changed


def suffix_for(files: list[Path]) -> str:
    """Ending of what stands for a folder with these files."""
    suffixes = {path.suffix.lower() for path in files}
    return ".parquet" if suffixes & _TABLES and not suffixes & _PICTURES else ARCHIVE


def files_of(folder: Path) -> list[Path]:
    """All files in ``folder`` and below, in the order of their names; without those that begin with a dot.

    Raises:
        UsageError: There is none, or one that cannot be packed.
    """
    files = list(_found(folder))
    if not files:
        raise UsageError(f"expected files in {folder}, found none")
    return files


def _found(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.is_symlink():
            raise UsageError(
                f"expected files and folders, got the symbolic link {path}", hint="put a copy of the file in its place"
            )
        if path.suffix.lower() == ARCHIVE:
            raise UsageError(
                f"expected a folder of pictures or Parquet files, got the archive {path}",
                hint="offer each archive by itself, or unpack all of them into one folder",
            )
        if path.is_file():
            yield path


def _seen(folder: Path, path: Path) -> str:
    state = path.stat()
    return json.dumps([path.relative_to(folder).as_posix(), state.st_size, state.st_mtime_ns])


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _no_schema() -> Schema:
    raise UsageError(
        "expected a folder of Parquet files, got files without types or names of columns",
        hint="offer them as they are, one file an offer",
    )
