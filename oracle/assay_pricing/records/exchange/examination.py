"""What a file has under a model's schema, and what in it does not fit: read by the code that the oracle reads it with.

Pictures are decoded. What an encoder takes is not encoded, hence records of such a schema are not compared.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from assay.protocol.schema import Schema
from assay.protocol.types import Value
from assay_pricing.errors import DataError
from assay_pricing.records.bounds import MAX_EXPANDED_BYTES, MAX_RECORDS
from assay_pricing.records.columns import RawTable, is_missing
from assay_pricing.records.profile import ColumnProfile, profile
from assay_pricing.records.quoting import listed, quoted
from assay_pricing.records.records import Records
from assay_pricing.records.tables import Values, places_of, read_table, to_values

_LISTED = 20


class Examination(Value):
    """What was found in a file.

    Attributes:
        records: Their number; None if the file could not be read.
        repeated: Records that repeat another one of the file.
        faults: For what the oracle refuses the file; columns and rows are named, rows counted from 0.
        hints: What to do about the faults.
        warnings: What the file's owner may not expect.
        columns: What is in the columns of the model; empty if there are faults.
    """

    records: int | None = None
    repeated: int = 0
    faults: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: tuple[ColumnProfile, ...] = ()


def examine(
    path: Path, schema: Schema, *, max_bytes: int = MAX_EXPANDED_BYTES, max_records: int = MAX_RECORDS
) -> Examination:
    """Looks at the file or folder at ``path`` as an offer to a model with ``schema``; never raises for its content."""
    try:
        table = read_table(path, max_bytes=max_bytes, max_records=max_records, schema=schema)
        values = to_values(table, schema, take=True)
    except DataError as error:
        return Examination(faults=(error.message,), hints=(error.hint,) if error.hint else ())
    _decode(table, values)
    n, warnings = len(table), (*table.notes, *_gaps(table), *_unused(table), *_unknown(values, schema))
    encoded = dict(_encoded(table, schema, values))
    del table
    if values.faults.found:
        found = values.faults
        return Examination(records=n, faults=tuple(found.found), hints=tuple(found.hints), warnings=warnings)
    records = _comparable(values, schema)
    try:
        distinct = len(set(records.hashes())) if records.schema == schema else n
        known = {each.column: each for each in profile(records.schema, records)} | encoded
    except DataError as error:  # for example a text that is no Unicode
        return Examination(records=n, faults=(error.message,), warnings=warnings)
    columns = tuple(known[each.column] for each in profile(schema))
    return Examination(records=n, repeated=n - distinct, warnings=warnings, columns=columns)


def _decode(table: RawTable, values: Values) -> None:
    """Notes pictures that cannot be decoded."""
    faults: list[DataError] = []
    for pictures in table.pictures.values():
        for row in range(len(pictures)):
            try:
                pictures.decode(row)
            except DataError as error:
                faults.append(error)
    more = len(faults) - _LISTED
    found = [error.message for error in faults[:_LISTED]] + [f"and {more} more pictures"] * (more > 0)
    values.faults.found += found
    values.faults.hints += dict.fromkeys(error.hint for error in faults if error.hint)


def _encoded(table: RawTable, schema: Schema, values: Values) -> Iterator[tuple[str, ColumnProfile]]:
    """Columns that an encoder takes."""
    kinds = {each.column: each for each in profile(schema)}
    for feature, name in zip(schema.features, values.given, strict=True):
        if feature.encoder is None:
            continue
        missing, found = 0, f"{len(table)} pictures"
        if feature.kind == "text":
            missing = int(is_missing(table.columns[name]).sum())
            found = f"{len(values.texts[name])} distinct texts"
        yield feature.name, kinds[feature.name].model_copy(update={"values": found, "missing": missing})


def _comparable(values: Values, schema: Schema) -> Records:
    """The records without texts and pictures."""
    kept = [j for j, feature in enumerate(schema.features) if feature.encoder is None]
    places = places_of(schema)
    if len(kept) == len(places):
        return Records(schema, values.x, values.y, values.unseen)
    starts = [places[j].start for j in kept]
    reduced = schema.model_copy(update={"features": tuple(schema.features[j] for j in kept)})
    unseen = {place: values.unseen[start] for place, start in enumerate(starts) if start in values.unseen}
    return Records(reduced, values.x[:, starts], values.y, unseen)


def _gaps(table: RawTable) -> Iterator[str]:
    for name, words in table.words.items():
        yield f"column {quoted(name)}: {listed(words)} in {sum(words.values())} rows is read as a missing value"


def _unused(table: RawTable) -> Iterator[str]:
    if table.ignored:
        yield f"the model does not use {listed(table.ignored)}: the buyer gets these columns, too"


def _unknown(values: Values, schema: Schema) -> Iterator[str]:
    places = {place.start: feature for feature, place in zip(schema.features, places_of(schema), strict=True)}
    for start, unseen in values.unseen.items():
        feature = places[start]
        texts = [text for text in unseen if text]
        if texts:
            rows = values.x[:, start] >= len(feature.categories)
            first = int(np.argmax(rows))
            yield (
                f"column {quoted(feature.name)}: {listed(texts)} in {int(rows.sum())} records, first in row {first}: "
                "the model does not know these values"
            )
