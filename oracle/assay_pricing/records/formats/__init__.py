'''File formats of records: one module each, found by its ``FORMAT``.

To add a format, put one module into this folder. Everything that lists formats (error messages, help texts) and
everything that reads files asks this registry::

    """JSON Lines: one object per line."""

    from typing import BinaryIO

    from assay.protocol.schema import Schema
    from assay_pricing.records.bounds import Bounds
    from assay_pricing.records.columns import RawTable
    from assay_pricing.records.formats import Format


    def read(source: BinaryIO, bounds: Bounds, schema: Schema | None) -> RawTable:
        ...


    FORMAT = Format(name="JSON Lines", suffixes=(".jsonl",), magic=b"{", read=read)

A reader trusts nothing in the file: it checks ``bounds`` before it allocates, executes nothing, and raises
``DataError`` with the reason. Any other exception is reported as a file that cannot be read.

A module may also, or only, read a folder of files as one table: ``FOLDER = FolderFormat(...)``.
'''

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import RawTable
from assay_pricing.records.quoting import alternatives

Read = Callable[[BinaryIO, Bounds, Schema | None], RawTable]
"""Reads a seekable binary stream from its start; with a schema, refuses other columns before it reads their values."""
ReadFolder = Callable[[Path, Bounds, Schema | None], RawTable]
"""Reads a folder as ``Read`` reads a file. The order of the records follows from the names of the files."""


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        name: As messages and help texts write it.
        suffixes: Endings of file names, with the dot, the usual one first.
        magic: Bytes that every file of this format has at ``place``; empty for the one format that has none (CSV),
            which is taken when no other matches.
        read: The reader.
        place: Where the magic number stands, in bytes from the start.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: bytes
    read: Read
    place: int = 0


@dataclass(frozen=True)
class FolderFormat:
    """A folder of files that is one table.

    Attributes:
        name: Of its files, in the plural, as messages and help texts write it.
        suffixes: Endings of the names of its files, in lower case with the dot. A folder is of the first format, by
            name, of which some file below it has one.
        read: The reader.
    """

    name: str
    suffixes: tuple[str, ...]
    read: ReadFolder


def registered() -> tuple[Format, ...]:
    """All formats, by name."""
    formats = (module.FORMAT for module in _modules() if hasattr(module, "FORMAT"))
    return tuple(sorted(formats, key=lambda known: known.name))


def registered_folders() -> tuple[FolderFormat, ...]:
    """All formats of folders, by name."""
    formats = (module.FOLDER for module in _modules() if hasattr(module, "FOLDER"))
    return tuple(sorted(formats, key=lambda known: known.name))


def _modules() -> Iterator[ModuleType]:
    return (importlib.import_module(f"{__name__}.{name}") for name in _names(tuple(__path__)))


@cache
def _names(path: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the modules in some folders, which are listed once: that takes as long as reading a small file."""
    return tuple(module.name for module in pkgutil.iter_modules(path))


def detect(start: bytes) -> Format:
    """The format of a file whose first bytes are ``start``: the one with the longest magic number that matches."""
    fitting = (known for known in registered() if start[known.place :].startswith(known.magic))
    return max(fitting, key=lambda known: len(known.magic))


def detect_folder(folder: Path) -> FolderFormat:
    """The format of a folder, by the names of the files in it and in its folders.

    Raises:
        DataError: No file has a name of a known format.
    """
    known = {suffix: each for each in reversed(registered_folders()) for suffix in each.suffixes}
    found = {path.suffix.lower() for path in folder.rglob("*") if not path.name.startswith(".")}
    fitting = [known[suffix] for suffix in found & known.keys()]
    if not fitting:
        raise DataError(f"expected a folder of {listing_of_folders()}, got {folder} with none of them")
    return min(fitting, key=lambda each: each.name)


def magic_length() -> int:
    """First bytes of a file that ``detect`` needs."""
    return max(known.place + len(known.magic) for known in registered())


def expected() -> str:
    """What messages expect, as in ``a CSV, NPZ or Parquet file``."""
    names = listing()
    return f"{'an' if names[0] in 'AEIO' else 'a'} {names} file"


def listing() -> str:
    """Names of all formats, as in ``CSV, NPZ or Parquet``."""
    return alternatives([known.name for known in registered()])


def listing_of_folders() -> str:
    """What folders may have, as in ``Parquet files or pictures``."""
    return alternatives([each.name for each in registered_folders()] or ["files"])
