"""What a file that is in no known format looks like, and how to convert it."""

import io
import re
import zipfile
from typing import BinaryIO

from assay_pricing.errors import DataError
from assay_pricing.records.formats import expected
from assay_pricing.records.quoting import quoted

_HEAD = 4096
_EXCEL_SEPARATOR = re.compile(r'"?sep=.?"?', re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_TO_PARQUET = "convert it: pandas.{reader}(...).to_parquet('data.parquet')"
_LOOKS = (
    (b"\x1f\x8b", "a file compressed by gzip", "unpack it first: gunzip FILE"),
    (b"BZh", "a file compressed by bzip2", "unpack it first: bunzip2 FILE"),
    (b"\xfd7zXZ\x00", "a file compressed by xz", "unpack it first: unxz FILE"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd", "unpack it first: unzstd FILE"),
    (b"FEA1", "a Feather file of version 1", _TO_PARQUET.format(reader="read_feather")),
    (b"ORC", "an ORC file", _TO_PARQUET.format(reader="read_orc")),
    (b"\x89HDF", "an HDF5 file", _TO_PARQUET.format(reader="read_hdf")),
    (b"SQLite format 3", "an SQLite database", _TO_PARQUET.format(reader="read_sql")),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save it as CSV (UTF-8)"),
    (b"\x93NUMPY", "a single NumPy array", "save features and labels in one file: numpy.savez('data.npz', x=x, y=y)"),
    (b"\x80", "a pickle, which is never opened because it may hold code", _TO_PARQUET.format(reader="read_pickle")),
)


def refusal(source: BinaryIO) -> DataError:
    """The error that names what a file looks like."""
    head = source.read(_HEAD)
    source.seek(0)
    for magic, name, remedy in _LOOKS:
        if head.startswith(magic):
            return _looks_like(name, remedy)
    return DataError(f"expected {expected()}, got none of them: the first line is no CSV header")


def check_text(source: BinaryIO) -> None:
    """Checks that a file does not begin as files of other kinds do, and has no control characters at its start.

    Raises:
        DataError: It does, or has.
    """
    head = source.read(_HEAD)
    source.seek(0)
    if _CONTROL.search(head) or any(head.startswith(magic) for magic, _, _ in _LOOKS):
        raise refusal(source)


def check_header(line: str) -> None:
    """Checks that the first line of a text file is neither JSON nor the separator that Excel is to use.

    Raises:
        DataError: It is.
    """
    if _EXCEL_SEPARATOR.fullmatch(line.strip()):
        raise DataError(
            f"expected a CSV header in the first line, got {quoted(line.strip())}",
            hint="delete that line, which only Excel reads",
        )
    if line.lstrip()[:1] in ("{", "["):
        raise _looks_like(
            "JSON", "write JSON lines, one object a line: pandas.read_json(...).to_json(orient='records', lines=True)"
        )


def check_archive(content: BinaryIO) -> None:
    """Checks that a ZIP archive holds NumPy arrays and nothing else.

    Raises:
        DataError: It is an Excel workbook, or holds other files.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        names = []
    finally:
        content.seek(0, io.SEEK_SET)
    if "[Content_Types].xml" in names:
        raise _looks_like("an Excel workbook or another Office file", "save it as CSV (UTF-8)")
    if names and not any(name.endswith(".npy") for name in names):
        raise _looks_like("a ZIP archive of other files", "unpack it first: unzip FILE")


def _looks_like(name: str, remedy: str) -> DataError:
    return DataError(f"expected {expected()}, got what looks like {name}", hint=remedy)
