"""Tar archives of pictures, texts and labels: one, or a folder of them as WebDataset writes shards; see ``entries``.

A member's bytes are read only within the archive's own length, and nothing is extracted to the disk.
"""

import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import RawTable
from assay_pricing.records.formats import FolderFormat, Format
from assay_pricing.records.formats.entries import Entry, is_hidden, read_entries
from assay_pricing.records.quoting import quoted

_BLOCK = 512
_MOST_NOTES = 2**14
"""Bytes of the notes on a member: a long name, times, attributes."""
_DIGITS = re.compile(rb"\d{256}")
"""What no note has: Python's reader takes time quadratic in a run of digits (CVE-2024-6232)."""
_REMEDY = "write the archive from regular files with relative names: tar -cf data.tar -C FOLDER ."


def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a tar archive; its members may be in any order.

    Raises:
        DataError: As ``tables.parse_table``; or a member is no regular file, has a name that leads out of the archive,
            or is cut short. The message names it.
    """
    return read_entries(list(_members(source, bounds)), bounds, schema)


def read_folder(folder: Path, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a folder of tar archives as one; errors as of ``read``."""
    entries: list[Entry] = []
    left = bounds.max_bytes
    for path in sorted(folder.iterdir()):
        if is_hidden(path.name):
            continue
        if path.suffix.lower() != ".tar" or path.is_symlink():
            raise DataError(f"expected a folder of tar archives alone, got {quoted(path.name)}")
        with path.open("rb") as source:
            found = list(_members(source, Bounds(left, bounds.max_records)))
        left -= sum(entry.size for entry in found)
        entries += [replace(entry, archive=path.name) for entry in found]
    return read_entries(entries, bounds, schema)


def _members(source: BinaryIO, bounds: Bounds) -> Iterator[Entry]:
    length = source.seek(0, io.SEEK_END)
    source.seek(0)
    total = 0
    with tarfile.open(fileobj=cast(BinaryIO, _Headers(source)), mode="r:") as archive:
        place = -1
        while (member := archive.next()) is not None:
            vars(archive)["members"].clear()  # it would grow with the archive
            if member.offset <= place or member.size < 0:
                raise DataError(f"expected a tar archive, got a damaged size before or of {quoted(member.name)}")
            place = member.offset
            if member.isdir():
                continue
            name = _relative(member)
            if member.offset_data + member.size > length:
                raise DataError(f"expected the whole archive, got one that ends within {quoted(member.name)}")
            if is_hidden(name):
                continue
            total += member.size + _BLOCK
            bounds.check_bytes(total)
            source.seek(member.offset_data)
            content = source.read(member.size)
            yield Entry(name, member.size, lambda content=content: content)  # type: ignore[misc]
        source.seek(archive.offset)
        if source.read(_BLOCK) != bytes(_BLOCK):
            raise DataError("expected the end of the archive, got a damaged or missing block", hint="write it again")


class _Headers:
    """The file as the reader of headers gets it: a read of more than what a header may have is refused."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.seek, self.tell = source.seek, source.tell

    def read(self, size: int) -> bytes:
        """So many bytes.

        Raises:
            DataError: They are no header of a usual archive.
        """
        if not 0 <= size <= _MOST_NOTES:
            raise DataError(f"expected notes of at most {_MOST_NOTES} bytes on a member, got {size}", hint=_REMEDY)
        content = self._source.read(size)
        if _DIGITS.search(content):
            raise DataError("expected notes on a member without hundreds of digits, got such", hint=_REMEDY)
        return content


def _relative(member: tarfile.TarInfo) -> str:
    """The name of a regular file within the archive.

    Raises:
        DataError: It is a link, a device or a sparse file, or its name is absolute or has ``..``.
    """
    name = re.sub(r"^(\./)+", "", member.name)
    if not member.isreg() or member.issparse():
        kind = "link" if member.issym() or member.islnk() else "special file"
        raise DataError(f"expected regular files, got the {kind} {quoted(member.name)}", hint=_REMEDY)
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise DataError(f"expected names within the archive, got {quoted(member.name)}", hint=_REMEDY)
    return "/".join(parts)


FORMAT = Format(name="tar", suffixes=(".tar",), magic=b"ustar", read=read, place=257)
FOLDER = FolderFormat(name="tar archives", suffixes=(".tar",), read=read_folder)
