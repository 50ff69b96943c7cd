"""A folder of PNG and JPEG pictures; ``entries`` has the layouts."""

import os
from collections.abc import Iterator
from pathlib import Path

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import RawTable
from assay_pricing.records.formats import FolderFormat
from assay_pricing.records.formats.entries import Entry, is_hidden, read_entries
from assay_pricing.records.pictures import SUFFIXES
from assay_pricing.records.quoting import quoted


def read(folder: Path, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads a folder of pictures. A picture is read from the disk when its features are computed.

    Raises:
        DataError: As ``tables.parse_table``; or there is a symbolic link.
    """
    return read_entries(list(_entries(folder)), bounds, schema)


def _entries(folder: Path) -> Iterator[Entry]:
    for top, folders, files in os.walk(folder):
        for name in sorted((*folders, *files)):
            path = Path(top) / name
            relative = path.relative_to(folder).as_posix()
            if is_hidden(relative):
                continue
            if path.is_symlink():
                raise DataError(
                    f"expected files and folders, got the symbolic link {quoted(relative)}",
                    hint="put a copy of the file in its place",
                )
            if not path.is_dir():
                yield Entry(relative, path.stat().st_size, path.read_bytes)


FOLDER = FolderFormat(name="pictures", suffixes=SUFFIXES, read=read)
