"""Named files in a folder or an archive as one table, in one of three layouts.

- **Folders of labels**: each picture lies in a folder that is named as its label.
- **A table of labels**: ``labels`` or ``metadata`` at the top, in any format of records. Its column ``file_name`` (or
  ``file``, ``filename``, ``path``) names each picture; the others are columns of the table.
- **Samples**: files whose names differ in their endings alone are one record, as in WebDataset: ``.png`` or ``.jpg`` is
  the picture, ``.cls`` the label, ``.json`` an object of columns, ``.txt`` a text in the column ``txt``.

Pictures are in the column ``image``. Names that begin with a dot are left out, as what operating systems add.
"""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds, check_distinct
from assay_pricing.records.columns import Column, RawTable, Texts, check_columns
from assay_pricing.records.formats import registered
from assay_pricing.records.formats.arrow import kind_of, named, to_columns
from assay_pricing.records.formats.jsonl import distinct
from assay_pricing.records.pictures import SUFFIXES, Pictures
from assay_pricing.records.quoting import first_line, listed, quoted

IMAGE, LABEL, TEXT = "image", "label", "txt"
"""Names of columns: of pictures, of labels that are no column of a table, and of texts."""
MAX_ENTRY_BYTES = 2**28
"""Of one file."""
_TABLES = ("labels", "metadata")
_FILE_COLUMNS = ("file_name", "file", "filename", "path")
_SIDECARS = (".cls", ".json", ".txt")


@dataclass(frozen=True)
class Entry:
    """A file.

    Attributes:
        name: Relative path with slashes.
        size: In bytes.
        load: Reads it.
        archive: Name of the archive that it is in, if there are several: names are distinct within one.
    """

    name: str
    size: int
    load: Callable[[], bytes]
    archive: str = ""

    @property
    def path(self) -> PurePosixPath:
        """The name as a path."""
        return PurePosixPath(self.name)

    @property
    def suffix(self) -> str:
        """Ending of the name in lower case."""
        return self.path.suffix.lower()


def is_hidden(name: str) -> bool:
    """Whether a part of a relative path begins with a dot, or is what macOS adds to archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def read_entries(entries: Sequence[Entry], bounds: Bounds, schema: Schema | None) -> RawTable:
    """The table of files in one of the three layouts.

    Raises:
        DataError: As ``tables.parse_table``; or a file that is no part of a layout, by its name.
    """
    entries = sorted(entries, key=lambda entry: (entry.archive, entry.path.parts))
    for entry, other in pairwise(entries):
        if (entry.archive, entry.name) == (other.archive, other.name):
            raise DataError(f"expected files of distinct names, got {quoted(entry.name)} more than once")
    for entry in entries:
        if entry.size > MAX_ENTRY_BYTES:
            size = f"expected files of at most {MAX_ENTRY_BYTES} bytes, got {entry.size}"
            raise DataError(f"{size} in {quoted(entry.name)}")
    tables = [entry for entry in entries if _is_table(entry)]
    if tables:
        return _with_table(tables, [entry for entry in entries if entry not in tables], bounds, schema)
    if any(entry.suffix in _SIDECARS for entry in entries):
        return _of_samples(entries, bounds, schema)
    return _of_label_folders(entries, bounds, schema)


def _of_label_folders(entries: Sequence[Entry], bounds: Bounds, schema: Schema | None) -> RawTable:
    pictures = _pictures(entries)
    for entry in entries:
        if len(entry.path.parts) != 2:
            raise DataError(
                f"expected each picture in a folder that is named as its label, got {quoted(entry.name)}",
                hint="or name labels in a table labels.csv beside the pictures: file_name,y",
            )
    bounds.check_records(len(entries))
    labels = Texts.of(entry.path.parts[0] for entry in entries)
    return _checked(RawTable({LABEL: labels}, pictures={IMAGE: pictures}, label=LABEL, typed=False), schema)


def _with_table(tables: Sequence[Entry], others: Sequence[Entry], bounds: Bounds, schema: Schema | None) -> RawTable:
    from assay_pricing.records.tables import parse_table

    if len(tables) > 1:
        raise DataError(f"expected one table of labels, got {listed(entry.name for entry in tables)}")
    table = parse_table(io.BytesIO(tables[0].load()), max_bytes=bounds.max_bytes, max_records=bounds.max_records)
    found = [name for name in _FILE_COLUMNS if isinstance(table.columns.get(name), Texts)]
    if not found or IMAGE in table.columns:
        raise DataError(
            f"expected a column {quoted(_FILE_COLUMNS[0])} with the name of each picture, and none {quoted(IMAGE)}, in "
            f"{quoted(tables[0].name)}, got columns {listed(table.columns)}"
        )
    column = table.columns[found[0]]
    assert isinstance(column, Texts)
    known = {entry.name: entry for entry in others}
    names = [column.values[code] if code >= 0 else "" for code in column.codes.tolist()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DataError(f"expected files that {quoted(tables[0].name)} names, missing {listed(set(unknown))}")
    left = known.keys() - set(names)
    if left:
        raise DataError(
            f"expected files that {quoted(tables[0].name)} names, got others: {listed(left)}",
            hint="leave them out, or give each a row: the buyer would get them",
        )
    columns = {name: each for name, each in table.columns.items() if name != found[0]}
    pictures = _pictures([known[name] for name in names])
    return _checked(replace(table, columns=columns, pictures={IMAGE: pictures}), schema)


def _of_samples(entries: Sequence[Entry], bounds: Bounds, schema: Schema | None) -> RawTable:
    samples: dict[tuple[str, ...], dict[str, Entry]] = {}
    for entry in entries:
        *folders, name = entry.path.parts
        key, dot, suffix = name.partition(".")
        kind = IMAGE if f".{suffix.lower()}" in SUFFIXES else f"{dot}{suffix.lower()}"
        if kind not in (IMAGE, *_SIDECARS):
            raise DataError(
                f"expected samples of {', '.join((*SUFFIXES, *_SIDECARS))}, got {quoted(entry.name)}",
                hint="leave it out: it would not be priced, and the buyer would get it",
            )
        if samples.setdefault((entry.archive, *folders, key), {}).setdefault(kind, entry) is not entry:
            raise DataError(f"expected one picture in each sample, got another in {quoted(entry.name)}")
    bounds.check_records(len(samples))
    kinds = sorted({kind for sample in samples.values() for kind in sample})
    for (_, *parts), sample in samples.items():
        missing = [kind for kind in kinds if kind not in sample]
        if missing:
            rare = min(kinds, key=lambda kind: sum(kind in each for each in samples.values()))
            stray = next(each[rare] for each in samples.values() if rare in each)
            raise DataError(
                f"expected {listed(missing)} in every sample as in others, got none for {quoted('/'.join(parts))}",
                hint=f"leave out files that belong to no sample, such as {quoted(stray.name)}, or add what is missing",
            )
    columns: dict[str, list[Entry]] = {kind: [sample[kind] for sample in samples.values()] for kind in kinds}
    found: dict[str, Column] = {}
    table = RawTable(found)
    if ".json" in columns:
        table = _of_objects(columns[".json"], bounds)
        found = table.columns
    texts = {name: _texts(columns[kind]) for kind, name in ((".cls", LABEL), (".txt", TEXT)) if kind in columns}
    pictures = {IMAGE: _pictures(columns[IMAGE])} if IMAGE in columns else {}
    check_distinct([*found, *texts, *pictures])
    label = LABEL if ".cls" in columns else None
    return _checked(replace(table, columns={**found, **texts}, pictures=pictures, label=label), schema)


def _of_objects(entries: Sequence[Entry], bounds: Bounds) -> RawTable:
    """Columns of JSON objects, one a record."""
    import pyarrow as pa

    rows = []
    for entry in entries:
        try:
            row = json.loads(entry.load(), parse_constant=_no_constant, object_pairs_hook=distinct)
        except ValueError as error:
            raise DataError(f"expected JSON in {quoted(entry.name)}: {first_line(error)}") from None
        if not isinstance(row, dict):
            raise DataError(f"expected a JSON object in {quoted(entry.name)}, got another value")
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    bounds.check_bytes(8 * len(rows) * len(names))
    arrays = {}
    for name in names:
        try:
            arrays[name] = pa.array([row.get(name) for row in rows])
        except (pa.ArrowException, OverflowError) as error:
            raise DataError(f"expected values of one kind in field {quoted(name)}: {first_line(error)}") from None
    kinds = {name: kind_of(array.type) for name, array in arrays.items()}
    unreadable = {name: str(arrays[name].type) for name, kind in kinds.items() if kind is None}
    readable = pa.table({name: array for name, array in arrays.items() if kinds[name]})
    converted = to_columns(named(readable), bounds)
    stored = {name: each.stored for name, each in converted.items() if each.stored}
    columns = {name: each.column for name, each in converted.items()}
    return RawTable(columns, stored=stored, unreadable=unreadable)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no value in JSON")


def _texts(entries: Sequence[Entry]) -> Texts:
    found = []
    for entry in entries:
        try:
            found.append(entry.load().decode("utf-8-sig").strip())
        except UnicodeDecodeError:
            raise DataError(f"expected text in UTF-8 in {quoted(entry.name)}, got other bytes") from None
    return Texts.of(found)


def _pictures(entries: Sequence[Entry]) -> Pictures:
    for entry in entries:
        if entry.suffix not in SUFFIXES:
            raise DataError(
                f"expected pictures ({', '.join(SUFFIXES)}), got {quoted(entry.name)}",
                hint="leave it out, or convert it to PNG: it would not be priced, and the buyer would get it",
            )
    return Pictures(tuple(entry.name for entry in entries), lambda row: entries[row].load())


def _is_table(entry: Entry) -> bool:
    suffixes = {suffix for known in registered() for suffix in known.suffixes} - {".tar"}
    return len(entry.path.parts) == 1 and entry.path.stem in _TABLES and entry.suffix in suffixes


def _checked(table: RawTable, schema: Schema | None) -> RawTable:
    """The table, if its columns are those of ``schema``; without the others that may be there."""
    if schema is None:
        return table
    label = table.label or schema.label
    given = [*table.columns, *table.pictures, *table.unreadable]
    check_columns([schema.label if name == label else name for name in given], schema)
    used = {*(feature.name for feature in schema.features), label}
    return replace(
        table,
        columns={name: column for name, column in table.columns.items() if name in used},
        pictures={name: column for name, column in table.pictures.items() if name in used},
        ignored=tuple(name for name in given if name not in used),
    )
