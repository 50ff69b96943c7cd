"""A folder of Parquet files that is one table, also in Hive partitions: folders ``column=value`` around the files.

All files have the same columns. The value of a partition is a whole number if all values of its column are, else text;
``__HIVE_DEFAULT_PARTITION__`` is a missing value (Apache Hive). Files whose names begin with a dot or an underscore are
notes of the writer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds, check_distinct
from assay_pricing.records.columns import Column, RawTable, Texts, check_columns, check_readable, used
from assay_pricing.records.formats import FolderFormat
from assay_pricing.records.formats.parquet import read as read_file
from assay_pricing.records.quoting import listed, quoted
from assay_pricing.records.spelling.numbers import MAX_EXACT

_SUFFIXES = (".parquet", ".pq")
_MAX_FILES = 10_000
_MISSING = "__HIVE_DEFAULT_PARTITION__"
_WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)


def read(folder: Path, bounds: Bounds, schema: Schema | None) -> RawTable:
    """Reads the files in the order of their paths.

    Raises:
        DataError: As ``tables.parse_table``, with the file's path; or the files differ in their columns, or in the kind
            of one, or the folder has other files.
    """
    paths = _files(folder)
    partitions = [_partition(path.relative_to(folder)) for path in paths]
    tables: list[RawTable] = []
    left, rows = bounds.max_bytes, 0
    for path, partition in zip(paths, partitions, strict=True):
        name = quoted(str(path.relative_to(folder)))
        try:
            with path.open("rb") as source:
                table = read_file(source, Bounds(left), None)
            check_distinct([*table.columns, *table.unreadable, *partition])
        except DataError as error:
            raise DataError(f"{name}: {error.message}", hint=error.hint) from None
        if tables and (set(table.columns), set(table.unreadable)) != (
            set(tables[0].columns),
            set(tables[0].unreadable),
        ):
            differing = {*table.columns, *table.unreadable} ^ {*tables[0].columns, *tables[0].unreadable}
            raise DataError(
                f"expected the same columns in every file of a folder, got others in {name}: {listed(differing)}"
            )
        tables.append(table)
        rows += len(table)
        left -= _size(table)
        bounds.check_records(rows)
    names, lengths = list(tables[0].columns), [len(table) for table in tables]
    columns = {  # a column of the files is given up once it is joined
        name: _joined(name, [table.columns.pop(name) for table in tables], tables[0].stored.get(name, ""))
        for name in names
    }
    columns |= _partition_columns(partitions, lengths)
    bounds.check_bytes(8 * rows * len(columns))
    index = frozenset(name for table in tables for name in table.index)
    names, unreadable = [*columns, *tables[0].unreadable], tables[0].unreadable
    if schema is not None:
        check_columns(names, schema, index)
        check_readable({name: unreadable[name] for name in used(names, schema) if name in unreadable})
    kept = [name for name in used(names, schema) if name in columns]
    return replace(
        tables[0],
        columns={name: columns[name] for name in kept},
        index=index,
        ignored=tuple(name for name in names if name not in kept),
    )


def _files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.name.startswith((".", "_")) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.suffix.lower() not in _SUFFIXES or path.is_symlink() or not path.is_file():
            raise DataError(f"expected a folder of Parquet files alone, got {quoted(str(path.relative_to(folder)))}")
        found.append(path)
        if len(found) > _MAX_FILES:
            raise DataError(f"expected at most {_MAX_FILES} files in a folder, got more: write larger ones")
    return found


def _partition(path: Path) -> dict[str, str]:
    """The values that the folders around a file give to columns."""
    pairs = [[*map(unquote, part.split("=", 1))] for part in path.parts[:-1] if "=" in part]
    check_distinct([name for name, _ in pairs])
    return dict(pairs)


def _partition_columns(partitions: Sequence[Mapping[str, str]], rows: Sequence[int]) -> dict[str, Column]:
    names = list(partitions[0])
    if any(set(partition) != set(names) for partition in partitions):
        raise DataError("expected the same partitions around every file of a folder, got others")
    columns: dict[str, Column] = {}
    for name in names:
        values = [None if partition[name] == _MISSING else partition[name] for partition in partitions]
        texts = Texts.of(values)
        repeated = replace(texts, codes=np.repeat(texts.codes, rows))
        is_whole = all(value is not None and _WHOLE.fullmatch(value) for value in values)
        columns[name] = np.repeat([int(value or 0) for value in values], rows) if is_whole else repeated
    return columns


def _joined(name: str, parts: Sequence[Column], stored: str) -> Column:
    """A column of all files; one without a value in a file is of the kind that it has in the others."""
    known = [part for part in parts if not (isinstance(part, Texts) and not part.values)] or list(parts[:1])
    if stored == "bool" and any(isinstance(part, Texts) for part in parts):
        parts = known = [_of_truths(part) for part in parts]
    kinds = {"text" if isinstance(part, Texts) else "times" if part.dtype.kind == "M" else "numbers" for part in known}
    if len(kinds) > 1:
        raise DataError(f"expected one kind of values in every file of a folder, got {listed(kinds)} in {quoted(name)}")
    if kinds == {"text"}:
        return _joined_texts([part for part in parts if isinstance(part, Texts)])
    gap = np.datetime64("NaT", "us") if kinds == {"times"} else np.nan
    arrays = [np.full(len(part), gap) if isinstance(part, Texts) else part for part in parts]
    if len({array.dtype.kind for array in arrays}) > 1:
        for array in arrays:
            if array.dtype.kind in "iu" and (np.abs(array.astype(np.float64)) >= MAX_EXACT).any():
                raise DataError(f"expected numbers that double precision holds exactly, got others in {quoted(name)}")
    joined: npt.NDArray[Any] = np.concatenate(arrays)
    return joined


def _of_truths(part: Column) -> Texts:
    return part if isinstance(part, Texts) else Texts(part.astype(np.int64), ("false", "true"))


def _joined_texts(parts: Sequence[Texts]) -> Texts:
    places: dict[str, int] = {}
    codes = []
    for part in parts:
        place = np.array([*(places.setdefault(text, len(places)) for text in part.values), -1], dtype=np.int64)
        codes.append(place[part.codes])  # code -1 is the last one
    return Texts(np.concatenate(codes), tuple(places))


def _size(table: RawTable) -> int:
    """Memory of a file's columns in bytes, at least."""
    texts = (text for column in table.columns.values() if isinstance(column, Texts) for text in column.values)
    return 8 * len(table) * len(table.columns) + sum(map(len, texts))


FOLDER = FolderFormat(name="Parquet files", suffixes=_SUFFIXES, read=read)
