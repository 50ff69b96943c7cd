"""What can be said of a file before anything is sealed or sent, for the person who wants to sell it.

A fault is what the oracle refuses for certain. A warning is what it may refuse, or not pay for; only a CSV file is read
for warnings. The oracle, which parses the file, decides.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from assay.errors import DataEmpty, OfferRefused
from assay.protocol.messages import ModelInfo, OracleInfo
from assay.protocol.schema import Feature, Schema
from assay.sale.offered.data_file import Header, is_container, read_header
from assay.sale.offered.precheck import check_file, chunk_size_for

GAPS = ("", "na", "nan", "null", "none", "n/a")
"""Spellings of a missing value, in lower case."""
_DIGEST_BYTES = 12
"""Of each row, to find rows that repeat another."""
_MOST_WARNINGS = 20


@dataclass
class FileReport:
    """What was found; ``records`` is None where the records were not read."""

    bytes: int
    records: int | None = None
    repeated: int = 0
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def report_on(path: Path, oracle: OracleInfo, model: ModelInfo) -> FileReport:
    """Looks at the file at ``path`` for ``model``, which ``oracle`` prices for."""
    found = FileReport(path.stat().st_size)
    try:
        check_file(path, oracle, model, chunk_size_for(model))
    except (OfferRefused, DataEmpty) as error:
        found.faults.append(error.message)
        return found
    if is_container(path):
        found.warnings.append("the values of this file are not looked at here")
        return found
    header = read_header(path)
    if header is None:
        found.faults.append("the file is neither text in UTF-8 or UTF-16, nor Parquet, nor NPZ")
    elif {*(f.name for f in model.schema_.features), model.schema_.label} <= set(header.names):
        _read_csv(path, header, model.schema_, found)
    else:
        found.warnings.append("the values are not looked at here: the first line lacks columns of the model")
    return found


def _read_csv(path: Path, header: Header, schema: Schema, found: FileReport) -> None:
    columns: dict[int, Feature | None] = {
        place: feature for place, name in enumerate(header.names) for feature in schema.features if feature.name == name
    }
    columns[header.names.index(schema.label)] = None
    try:
        with path.open(newline="", encoding=header.encoding) as file:
            rows = csv.reader(file, strict=True, delimiter=header.separator)
            next(rows)
            _read_rows(rows, header, columns, schema.classes, found)
    except UnicodeDecodeError:
        found.faults.append("the file is no text in one encoding: save it in UTF-8")
    except csv.Error as error:
        found.faults.append(f"the file is no delimiter-separated text: {error}")


def _read_rows(
    rows: Iterator[list[str]],
    header: Header,
    columns: dict[int, Feature | None],
    classes: tuple[str, ...],
    found: FileReport,
) -> None:
    """Counts records, and what is unusual in them; ``columns`` has the feature of each place, None for the label's."""
    seen: set[bytes] = set()
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    found.records = 0
    for number, row in enumerate((row for row in rows if row), start=2):
        if len(row) != len(header.names):
            found.faults.append(f"row {number}: expected {len(header.names)} values, got {len(row)}")
            return
        found.records += 1
        used = [row[place] for place in columns]
        seen.add(hashlib.blake2b("\0".join(used).encode(), digest_size=_DIGEST_BYTES).digest())
        for place, feature in columns.items():
            unusual = _unusual(row[place], feature, classes, comma=header.separator == ";")
            if unusual:
                what = f"column {header.names[place]!r}: {unusual}"
                counts[what] += 1
                first.setdefault(what, f"row {number}: {row[place][:40]!r}")
    if not found.records:
        found.faults.append("the file has no records")
    found.repeated = found.records - len(seen)
    if found.repeated:
        found.warnings.append(f"{found.repeated} of {found.records} records repeat another, and are not paid for")
    found.warnings += [
        f"{what} in {count} records, first in {first[what]}" for what, count in counts.most_common(_MOST_WARNINGS)
    ]


def _unusual(value: str, feature: Feature | None, classes: tuple[str, ...], *, comma: bool) -> str:
    """What is unusual about a value of a feature, or of the label (None); empty if nothing is.

    With ``comma``, a number may have a comma before its fraction.
    """
    if feature is not None and feature.kind == "categorical":
        return "" if value in feature.categories else "a value that the model does not know"
    if value.strip().lower() in GAPS:
        return "no value" if feature is None or feature.missing is None else ""
    if feature is None:
        return "" if not classes or _is_among(value, classes) else "no class of the model"
    written = value.replace(",", ".", 1) if comma and "." not in value else value
    return "no number" if feature.kind == "numeric" and _number(written) is None else ""


def _is_among(value: str, classes: tuple[str, ...]) -> bool:
    """Whether the label is a class: as text, as a number, or as a boolean in any spelling."""
    number = _number(value)
    return value in classes or any(
        value.lower() == name.lower() or (number is not None and number == _number(name)) for name in classes
    )


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
