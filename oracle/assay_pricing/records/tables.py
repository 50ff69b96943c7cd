"""Files to records: detect the format, read the columns, check them against a schema."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from assay.protocol.encoder import Encoder
from assay.protocol.schema import Feature, Schema
from assay_pricing.encoding.encoders import Encoders
from assay_pricing.errors import DataError
from assay_pricing.records import formats
from assay_pricing.records.bounds import MAX_EXPANDED_BYTES, MAX_RECORDS, Bounds
from assay_pricing.records.columns import Column, RawTable, Texts, check_columns, check_width, is_missing
from assay_pricing.records.faults import Faults
from assay_pricing.records.quoting import first_line, listed, quoted
from assay_pricing.records.records import Float64, Records
from assay_pricing.records.spelling.times import form_in
from assay_pricing.records.text import canonical_text
from assay_pricing.records.values import Reader

_MISSING_HINT = "fill the gaps or leave these rows out: the model's schema has no missing value there"
_LABEL_HINT = "leave the rows without a label out"


def parse_records(
    source: BinaryIO,
    schema: Schema,
    *,
    max_bytes: int = MAX_EXPANDED_BYTES,
    max_records: int = MAX_RECORDS,
    encoders: Encoders | None = None,
) -> Records:
    """Reads a file of records.

    Args:
        source: A seekable binary stream in one of ``formats.registered()``, detected by its first bytes.
        schema: Columns that the file must have.
        max_bytes: Memory that the file's columns may take.
        max_records: Number of records that the file may have.
        encoders: Of the schema's texts and pictures; None if it has none.

    Raises:
        DataError: The file does not match the schema; the message names columns and rows.
    """
    table = parse_table(source, max_bytes=max_bytes, max_records=max_records, schema=schema)
    return to_records(table, schema, encoders, take=True)


def read_table(
    path: Path,
    *,
    max_bytes: int = MAX_EXPANDED_BYTES,
    max_records: int | None = None,
    schema: Schema | None = None,
) -> RawTable:
    """Reads the columns of the file or folder at ``path``; arguments and errors as of ``parse_table``."""
    if not path.is_dir():
        with path.open("rb") as source:
            return parse_table(source, max_bytes=max_bytes, max_records=max_records, schema=schema)
    known, bounds = formats.detect_folder(path), Bounds(max_bytes, max_records)
    return _checked(lambda: known.read(path, bounds, schema), bounds, f"a folder of {known.name}")


def parse_table(
    source: BinaryIO,
    *,
    max_bytes: int = MAX_EXPANDED_BYTES,
    max_records: int | None = None,
    schema: Schema | None = None,
) -> RawTable:
    """Reads the columns of a file. A ``schema`` refuses other columns before their values are read.

    Raises:
        DataError: The file is empty, of no known format, damaged, larger than ``max_bytes`` once expanded, has more
            than ``max_records`` records, or two columns of one name.
    """
    start = source.read(formats.magic_length())
    source.seek(0)
    if not start:
        raise DataError(f"expected {formats.expected()}, got an empty file")
    known, bounds = formats.detect(start), Bounds(max_bytes, max_records)
    return _checked(lambda: known.read(source, bounds, schema), bounds, f"{formats.expected()}")


def _checked(read: Callable[[], RawTable], bounds: Bounds, expected: str) -> RawTable:
    try:
        table = read()
    except DataError:
        raise
    except Exception as error:  # a parser may raise anything on a malformed file: report it as unreadable
        raise DataError(f"expected {expected}, got an unreadable one: {first_line(error)}") from None
    table = _with_texts(table)
    lengths = {len(column) for column in table.columns.values()} or {0}
    if len(lengths) > 1:
        raise DataError(f"expected columns of one length, got {min(lengths)} to {max(lengths)} values")
    bounds.check_records(lengths.pop())
    return table


def _with_texts(table: RawTable) -> RawTable:
    """The table with every array of strings as ``Texts``."""
    columns = {
        name: column if isinstance(column, Texts) or not column.dtype.hasobject else Texts.of(column.tolist())
        for name, column in table.columns.items()
    }
    return replace(table, columns=columns)


@dataclass(frozen=True)
class Values:
    """The values of a table under a schema, before texts and pictures are encoded.

    Attributes:
        x: Features (n, d) of ``schema.encoded()``; those of an encoder hold nothing yet.
        y: Labels (n,).
        unseen: As of ``Records``.
        texts: By column that an encoder takes, its distinct texts.
        given: Names of the table's columns, in the order of the schema's features.
        faults: What the schema does not allow.
    """

    x: Float64
    y: Float64
    unseen: dict[int, tuple[str, ...]]
    texts: dict[str, Sequence[str]]
    given: Sequence[str]
    faults: Faults


def to_records(table: RawTable, schema: Schema, encoders: Encoders | None = None, *, take: bool = False) -> Records:
    """Turns the columns of a table into records of ``schema.encoded()``.

    Args:
        table: The columns.
        schema: Of the file.
        encoders: Of the schema's texts and pictures; None if it has none.
        take: See ``to_values``.

    Raises:
        DataError: Missing or extra columns; or values that the schema does not allow, all in one message: no value
            where one is required, no number, time or boolean where there must be one, an unknown class.
        EncoderError: An encoder fails on a text or a picture.
    """
    values = to_values(table, schema, take=take)
    values.faults.check()
    x = values.x
    for feature, name, place in zip(schema.features, values.given, places_of(schema), strict=True):  # it is costly
        if feature.encoder is not None:
            x[:, place] = _encoded(table, feature.encoder, name, values.texts.get(name), encoders or Encoders())
    return Records(schema.encoded(), x, values.y, values.unseen)


def to_values(table: RawTable, schema: Schema, *, take: bool = False) -> Values:
    """Reads the columns of a table as the schema says, and notes what it does not allow.

    Args:
        table: The columns.
        schema: Of the file.
        take: Take each column out of the table once it is read, and keep its values together in memory: a large file is
            not in memory twice. Columns of texts stay.

    Raises:
        DataError: Missing or extra columns, or columns of another kind.
    """
    names = [feature.name for feature in schema.features]
    label = table.label or schema.label
    if table.positional:
        given = [name for name in table.columns if name != label]
        check_width(len(given), schema)
    else:
        given = names
        check_columns(_named_as(schema.label, label, (*table.columns, *table.pictures)), schema, table.index)
    encoded = schema.encoded()
    Bounds().check_bytes(8 * len(table) * len(encoded.features))
    reader = Reader(table, Faults())
    x: Float64 = np.empty((len(table), len(encoded.features)), dtype=np.float64, order="F" if take else "C")
    unseen: dict[int, tuple[str, ...]] = {}
    texts: dict[str, Sequence[str]] = {}
    for feature, name, place in zip(schema.features, given, places_of(schema), strict=True):
        if feature.kind == "text":
            texts[name] = _texts(reader, feature, name)
        elif feature.kind != "image":
            x[:, place.start], unknown = _values(reader, feature, name)
            if unknown:
                unseen[place.start] = unknown
        elif name not in table.pictures:
            raise DataError(f"expected pictures in column {quoted(name)}, got {_kind(table.columns[name])}")
        if take and feature.encoder is None:
            del table.columns[name]
    return Values(x, _labels(reader, schema, label), unseen, texts, given, reader.faults)


def _named_as(label: str, own: str, names: Sequence[str]) -> list[str]:
    """Names of columns, where the table's own name of the label is the schema's."""
    return [label if name == own else name for name in names]


def places_of(schema: Schema) -> list[slice]:
    """Where the features of each column are among all."""
    widths = [1 if feature.encoder is None else feature.encoder.width for feature in schema.features]
    ends = np.cumsum(widths).tolist()
    return [slice(end - width, end) for width, end in zip(widths, ends, strict=True)]


def _texts(reader: Reader, feature: Feature, name: str) -> Sequence[str]:
    """The distinct texts of a column in the order of their codes, then the empty one, which is a missing value."""
    column = reader.table.columns.get(name)
    if not isinstance(column, Texts):
        raise DataError(f"expected text in column {quoted(name)}, got {_kind(column)}")
    missing = is_missing(column) & (feature.missing is None)
    if missing.any():
        reader.faults.add(name, "a text in every row", "none", missing, _MISSING_HINT)
    return [canonical_text(text) for text in column.values]


def _encoded(table: RawTable, encoder: Encoder, name: str, texts: Sequence[str] | None, encoders: Encoders) -> Float64:
    if texts is None:
        return encoders.of_pictures(encoder, table.pictures[name])
    column = table.columns[name]
    assert isinstance(column, Texts)
    gap = [""] * bool((column.codes < 0).any())
    return encoders.of_texts(encoder, name, [*texts, *gap])[column.codes]  # code -1 is the last one


def _kind(column: Column | None) -> str:
    if column is None:
        return "pictures"
    return "text" if isinstance(column, Texts) else "times" if column.dtype.kind == "M" else "numbers"


def _values(reader: Reader, feature: Feature, name: str) -> tuple[Float64, tuple[str, ...]]:
    unknown: tuple[str, ...] = ()
    if feature.kind == "categorical":
        values, unknown = reader.levels(name, feature.categories)
        missing = np.isin(values, [len(feature.categories) + i for i, text in enumerate(unknown) if not text])
    else:
        if feature.kind == "boolean":
            values = reader.booleans(name)
        elif feature.kind == "time":
            values = reader.times(name, form_in(feature.stored))
        else:
            values = reader.numbers(name, single=feature.stored in ("float16", "float32"), whole=feature.is_whole)
        missing = np.isnan(values) & (feature.missing is None)
    column = reader.table.columns[name]
    if isinstance(column, Texts):  # what could not be read is noted already
        missing &= reader.is_gap(name)
    if missing.any():
        reader.faults.add(name, "a value in every row", "none", missing, _MISSING_HINT)
    return values, unknown


def _labels(reader: Reader, schema: Schema, label: str) -> Float64:
    if schema.task == "regression":
        values = reader.numbers(label)
        missing = np.isnan(values) & reader.is_gap(label)
    else:
        values, unknown = reader.levels(label, schema.classes)
        missing = is_missing(reader.table.columns[label])
        wrong = (values >= len(schema.classes)) & ~missing
        if wrong.any():
            strange = [text for text in unknown if text]
            reader.faults.add(label, f"labels among {listed(schema.classes)}", listed(strange), wrong)
    if missing.any():
        reader.faults.add(label, "a value in every row", "none", missing, _LABEL_HINT)
    return values
