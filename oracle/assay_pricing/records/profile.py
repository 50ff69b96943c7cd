"""What a schema makes of each column, and what a file has in it, for people to read."""

from collections.abc import Iterator

import numpy as np

from assay.protocol.schema import Feature, Schema
from assay.protocol.types import Value
from assay_pricing.records.inputs import MICROSECONDS
from assay_pricing.records.quoting import shortened
from assay_pricing.records.records import Float64, Records

_SAMPLE = 3
_LISTED = 4
_MAX_TEXT = 24
"""Characters of a value."""


class ColumnProfile(Value):
    """One column.

    Attributes:
        column: Its name.
        role: ``feature``, ``label``, ``id`` or ``dropped``.
        kind: Of its values; why it is no feature, for a column that is none.
        values: Their range, or the first of them.
        missing: Rows without a value; None without a file.
        sample: Values of the first records.
    """

    column: str
    role: str
    kind: str
    values: str = ""
    missing: int | None = None
    sample: tuple[str, ...] = ()


def profile(schema: Schema, records: Records | None = None) -> tuple[ColumnProfile, ...]:
    """The columns of a schema; with records of a file, what is in them. A text or a picture is one column."""
    return tuple(_profiles(schema, records))


def _profiles(schema: Schema, records: Records | None) -> Iterator[ColumnProfile]:
    j = 0
    for feature in schema.features:
        if feature.encoder is not None:
            yield ColumnProfile(column=feature.name, role="feature", kind=_encoded(feature))
        else:
            unseen = records.unseen.get(j, ()) if records else ()
            yield _column(feature, "feature", records.x[:, j] if records else None, unseen)
        j += len(feature.encoded)
    label = Feature(name=schema.label, kind="categorical" if schema.classes else "numeric", categories=schema.classes)
    yield _column(label, "label", records.y if records else None, ())
    for column in schema.excluded:
        yield ColumnProfile(column=column.name, role=column.role, kind=column.reason)


def _encoded(feature: Feature) -> str:
    optional = "" if feature.missing is None else ", may be missing"
    return f"{feature.kind}{optional}, encoded to {len(feature.encoded)} features"


def _column(feature: Feature, role: str, values: Float64 | None, unseen: tuple[str, ...]) -> ColumnProfile:
    known = (*feature.categories, *unseen)
    optional = "" if feature.missing is None else ", may be missing"
    found = ColumnProfile(column=feature.name, role=role, kind=feature.kind + optional)
    if feature.kind == "categorical":
        found = found.model_copy(update={"values": _levels(feature.categories)})
    if values is None:
        return found
    gaps = np.isnan(values)
    if feature.kind == "categorical":
        codes = values.astype(np.int64)
        gaps |= np.array([not text for text in known] or [False])[codes]
        found = found.model_copy(update={"values": _levels(tuple(known[code] for code in np.unique(codes)))})
    elif not gaps.all():
        low, high = (_shown(feature, edge, known) for edge in (float(np.nanmin(values)), float(np.nanmax(values))))
        found = found.model_copy(update={"values": low if low == high else f"{low} to {high}"})
    sample = tuple(_shown(feature, value, known) for value in values[:_SAMPLE])
    return found.model_copy(update={"missing": int(gaps.sum()), "sample": sample})


def _levels(categories: tuple[str, ...]) -> str:
    named = [_short(text) for text in categories if text]
    more = f", ... ({len(named)})" if len(named) > _LISTED else ""
    return ", ".join(named[:_LISTED]) + more


def _shown(feature: Feature, value: float, known: tuple[str, ...]) -> str:
    if np.isnan(value):
        return "-"
    if feature.kind == "categorical":
        return _short(known[int(value)]) or "-"
    if feature.kind == "boolean":
        return "true" if value else "false"
    if feature.kind == "time":
        return str(np.datetime64(round(value * MICROSECONDS), "us").astype("datetime64[s]"))
    return f"{value:.12g}"


def _short(text: str) -> str:
    return shortened(text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 3]}...")
