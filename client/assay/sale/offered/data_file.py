"""What a data file is, from its first bytes: a CSV header, the shapes of arrays, or what is certainly no table."""

import ast
import csv
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

MAX_LINE = 2**20
"""Bytes of a header that are read."""
_START = 4096
_SEPARATORS = ",;\t|"
_TEXT_SUFFIXES = ("", ".csv", ".tsv", ".tab", ".psv", ".txt", ".text", ".dat", ".data", ".md", ".rst", ".log", ".sql")
"""A text under another suffix may be in a format that the oracle has and this client does not."""
_PARQUET = "convert it to Parquet, for example with pandas"
_PICTURE = (
    "for a model that takes pictures, put each in a folder named as its label and write a tar archive of them (tar -cf "
    "data.tar -C FOLDER .); for another, extract numbers from them, or save them as arrays (NPZ)"
)
_CSV = "save the table as CSV in UTF-8"
_CONTAINERS = (b"PAR1", b"PK\x03\x04", b"ARROW1", b"\xff\xff\xff\xff", b"{")
"""Starts of tables that are no CSV file: Parquet, NPZ, Arrow, JSON lines."""
_UNPACK = "unpack it first"
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n", "a PNG picture", _PICTURE),
    (b"\xff\xd8\xff", "a JPEG picture", _PICTURE),
    (b"GIF8", "a GIF picture", _PICTURE),
    (b"II*\0", "a TIFF picture", _PICTURE),
    (b"MM\0*", "a TIFF picture", _PICTURE),
    (b"%PDF-", "a PDF document", _CSV),
    (b"{\\rtf", "an RTF document", _CSV),
    (b"\x7fELF", "a program", _CSV),
    (b"\x1f\x8b", "a file compressed by gzip", _UNPACK),
    (b"BZh", "a file compressed by bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "a file compressed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"FEA1", "a Feather file of version 1", _PARQUET),
    (b"ORC", "an ORC file", _PARQUET),
    (b"\x89HDF", "an HDF5 file", _PARQUET),
    (b"SQLite format 3\0", "an SQLite database", _PARQUET),
    (b"\xd0\xcf\x11\xe0", "an old Office document", _CSV),
    (b"\x93NUMPY", "a single NumPy array", "save features and labels in one file: numpy.savez('data.npz', x=x, y=y)"),
    (b"\x80\x03", "a pickle, which is never opened because it may hold code", _PARQUET),
    (b"\x80\x04", "a pickle, which is never opened because it may hold code", _PARQUET),
    (b"\x80\x05", "a pickle, which is never opened because it may hold code", _PARQUET),
)
_MARKUP: tuple[tuple[str, str, str], ...] = (
    (
        "[",
        "a JSON array",
        "write JSON lines, one object a line: pandas.DataFrame.to_json(orient='records', lines=True)",
    ),
    ("<", "HTML or XML", _PARQUET),
)


@dataclass(frozen=True)
class Foreign:
    """What is certainly no table: its name, and how to make one of it."""

    name: str
    remedy: str


def foreign_kind(path: Path) -> Foreign | None:
    """What the file at ``path`` is if that is certainly no table; None if it may be one."""
    start = _start(path)
    for magic, name, remedy in _FOREIGN:
        if start.startswith(magic):
            return Foreign(name, remedy)
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return Foreign("a WebP picture", _PICTURE)
    if start.startswith(b"PK\x03\x04"):
        return _foreign_archive(path)
    text = _text(start)
    if text is not None:
        for mark, name, remedy in _MARKUP:
            if text.lstrip().startswith(mark):
                return Foreign(name, remedy)
        if text.lstrip('"').lower().startswith("sep="):
            return Foreign("a CSV file whose first line is for Excel alone", "delete the line that begins with sep=")
    return None


def is_text_table(path: Path) -> bool:
    """Whether the file can be nothing but delimiter-separated values: text, under a name that says nothing else."""
    start = _start(path)
    return path.suffix.lower() in _TEXT_SUFFIXES and not start.startswith(_CONTAINERS) and _text(start) is not None


def read_header(path: Path) -> tuple[str, ...] | None:
    """Names of the columns as the oracle reads them; None if the first line is no text.

    The separator is the most frequent of comma, semicolon, tab and bar outside quotes; a comma if none is more so.
    """
    start = _start(path)
    encoding = _encoding(start)
    if _text(start) is None:
        return None
    try:
        with path.open(encoding=encoding, newline="") as file:
            line = file.readline(MAX_LINE)
        outside = "".join(line.split('"')[::2])
        separator = max(_SEPARATORS, key=outside.count)
        return tuple(next(csv.reader([line], delimiter=separator), []))
    except (UnicodeError, csv.Error):
        return None


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the arrays of an NPZ file by name; empty if it is not one that is understood."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _shape(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, SyntaxError, struct.error, NotImplementedError):
        return {}


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START)


def _encoding(start: bytes) -> str:
    return "utf-16" if start.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def _text(start: bytes) -> str | None:
    """The text that a file starts with; None if it is none."""
    encoding = _encoding(start)
    if encoding != "utf-16" and b"\0" in start:
        return None
    try:
        return start.decode(encoding)
    except UnicodeDecodeError as error:
        cut = error.start > 0 and error.start >= len(start) - 4 and len(start) == _START
        return start[: error.start].decode(encoding) if cut else None


def _foreign_archive(path: Path) -> Foreign | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return None
    if "[Content_Types].xml" in names:
        return Foreign("an Excel workbook or another Office document", _CSV)
    if names and not any(name.endswith(".npy") for name in names):
        return Foreign("a ZIP archive of other files", _UNPACK)
    return None


def _shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """The shape in the header of NumPy's format (NEP 1)."""
    with archive.open(name) as member:
        start = member.read(8)
        if start[:6] != b"\x93NUMPY":
            raise ValueError(f"{name} is no array")
        form = "<H" if start[6] == 1 else "<I"
        (length,) = struct.unpack(form, member.read(struct.calcsize(form)))
        header = ast.literal_eval(member.read(min(length, MAX_LINE)).decode("latin-1").strip())
    return tuple(int(size) for size in header["shape"])
