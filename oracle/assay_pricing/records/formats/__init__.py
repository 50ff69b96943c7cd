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
'''

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from assay.protocol.schema import Schema
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.columns import RawTable
from assay_pricing.records.quoting import alternatives

Read = Callable[[BinaryIO, Bounds, Schema | None], RawTable]
"""Reads a seekable binary stream from its start; with a schema, refuses other columns before it reads their values."""


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        name: As messages and help texts write it.
        suffixes: Endings of file names, with the dot, the usual one first.
        magic: The first bytes of every file of this format; empty for the one format that has none (CSV), which is
            taken when no other matches.
        read: The reader.
    """

    name: str
    suffixes: tuple[str, ...]
    magic: bytes
    read: Read


def registered() -> tuple[Format, ...]:
    """All formats, by name."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    formats = (module.FORMAT for module in modules if hasattr(module, "FORMAT"))
    return tuple(sorted(formats, key=lambda known: known.name))


def detect(start: bytes) -> Format:
    """The format of a file whose first bytes are ``start``: the one with the longest magic number that matches."""
    return max((known for known in registered() if start.startswith(known.magic)), key=lambda known: len(known.magic))


def magic_length() -> int:
    """First bytes of a file that ``detect`` needs."""
    return max(len(known.magic) for known in registered())


def listing() -> str:
    """Names of all formats, as in ``CSV, NPZ or Parquet``."""
    return alternatives([known.name for known in registered()])
