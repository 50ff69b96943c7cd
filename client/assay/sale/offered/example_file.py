"""An example of the file that a model takes: a few made-up records in CSV, in the spellings that the oracle reads."""

import csv
import io
from datetime import UTC, datetime

from assay.errors import UsageError
from assay.protocol.schema import Feature, Schema

_MOMENT = datetime(2025, 1, 5, 8, 30, tzinfo=UTC)
_LEAST_RECORDS = 3
_MOST_RECORDS = 12


def example_csv(schema: Schema) -> str:
    """Records of the columns of ``schema`` with a head (RFC 4180): each class once, up to twelve of them.

    The values are permitted and mean nothing. Every feature that may lack a value lacks it in the last record, and has
    one in the others.

    Raises:
        UsageError: The model takes pictures, which no CSV file holds.
    """
    pictures = [feature.name for feature in schema.features if feature.kind == "image"]
    if pictures:
        raise UsageError(
            f"expected a model of tables for an example, this one takes pictures in column {pictures[0]!r}",
            hint="offer a tar archive with each picture in a folder named as its label: tar -cf data.tar -C FOLDER .",
        )
    count = min(max(_LEAST_RECORDS, len(schema.classes)), _MOST_RECORDS)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([*(feature.name for feature in schema.features), schema.label])
    for record in range(count):
        values = [_value(feature, record, last=record == count - 1) for feature in schema.features]
        writer.writerow([*values, _label(schema, record)])
    return written.getvalue()


def type_text(feature: Feature) -> str:
    """What a column holds, for the person who writes the file."""
    if feature.kind == "numeric":
        return ("whole number" if feature.is_whole else "number") + (f" in {feature.unit}" if feature.unit else "")
    if feature.kind == "categorical":
        return "one of the values"
    if feature.kind == "text":
        return "text"
    if feature.kind == "image":
        return "picture (PNG, JPEG)"
    return "true or false" if feature.kind == "boolean" else _time_type(feature)


def _time_type(feature: Feature) -> str:
    if "%" in feature.stored and "%M" not in feature.stored:
        return "date"
    if "%" in feature.stored and "%d" not in feature.stored:
        return "time of day"
    return "date" if feature.stored == "date" else "date and time"


def _value(feature: Feature, record: int, *, last: bool) -> str:
    if last and feature.missing is not None:
        return ""
    if feature.kind == "categorical":
        known = [text for text in feature.categories if text]
        return known[record % len(known)] if known else ""
    if feature.kind == "text":
        return f"a text, number {record}"
    if feature.kind == "boolean":
        return ("true", "false")[record % 2]
    if feature.kind == "time":
        return _time(feature, record)
    return str(record) if feature.is_whole else f"{record + 0.5}"


def _time(feature: Feature, record: int) -> str:
    moment = _MOMENT.replace(day=_MOMENT.day + record)
    if "%" in feature.stored:
        return moment.strftime(feature.stored)
    return moment.strftime("%Y-%m-%d" if feature.stored == "date" else "%Y-%m-%dT%H:%M:%S")


def _label(schema: Schema, record: int) -> str:
    return schema.classes[record % len(schema.classes)] if schema.classes else f"{record + 0.5}"
