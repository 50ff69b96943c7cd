"""The schema of an owner's tables: what each column holds, seen from all its rows, and which columns are no features.

The owner decides: every rule here can be overruled by name, and what the rules did is reported (``Inferred``).
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from assay.errors import UsageError
from assay.protocol.encoder import Encoder
from assay.protocol.schema import Excluded, Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.columns import Column, RawTable, Texts, check_readable, is_missing
from assay_pricing.records.faults import Faults
from assay_pricing.records.quoting import by_number, listed, quoted
from assay_pricing.records.roles import Choices, exclusion
from assay_pricing.records.spelling.numbers import SINGLE_EXACT, marks_of, number
from assay_pricing.records.spelling.times import are_dates, form_of, moment, time_format
from assay_pricing.records.text import Levels, canonical_number, canonical_text, is_gap
from assay_pricing.records.values import NUMBERS_HINT, TIMES_HINT, as_text

_MAX_CLASSES_FROM_INTEGERS = 50
_MANY_LEVELS = 100
_MOSTLY = 0.5
"""A text column in which more than this share of the values are numbers, or times, is taken for these with faults."""
_OR_TEXT = "leave the cell of a missing value empty, or read the column as text (assay-oracle fit --categorical COLUMN)"
_OTHER_DATE = re.compile(
    r"(\d{1,2}[./ -](\d{1,2}|[A-Za-z]{3,9})[./ -](\d{4}|\d{2})|\d{4}[./]\d{1,2}[./]\d{1,2}|\d{4}-\d{2}-\d{2})\b.*",
    re.ASCII,
)
"""A date in a form that is not read, or in one whose order of day and month nothing proves."""
_PADDED = re.compile(r"[+-]?0\d", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)

TaskKind = Literal["classification", "regression"]


@dataclass(frozen=True)
class Inferred:
    """A schema, and what the owner should know about how it came about.

    Attributes:
        schema: Of the owner's tables.
        warnings: Sentences.
    """

    schema: Schema
    warnings: tuple[str, ...]


def infer(
    tables: Sequence[RawTable],
    label: str,
    *,
    task: TaskKind | None = None,
    classes: Iterable[str] = (),
    choices: Choices | None = None,
    encoders: Mapping[str, Encoder] | None = None,
) -> Inferred:
    """Infers a schema from an owner's tables, which must have the same columns.

    A column is of one kind if all its values in all tables are: booleans, times, or numbers. Text is categorical.
    Labels are classes if they are text or booleans, or at most 50 distinct integers. Columns that identify rows, and
    text with a value of its own in most rows, are no features (``roles.exclusion``).

    Args:
        tables: The owner's data and, if it is separate, the validation data: classes come from all of them.
        label: Name of the label column.
        task: Overrides the rule above.
        classes: Classes of the model that may occur in no table.
        choices: What the owner says about columns.
        encoders: Of columns of texts and pictures, by name.

    Raises:
        DataError: There is no such column, a feature has the label's name, there is no feature, a column is of several
            kinds, an encoder's column is of another kind, pictures have no encoder, or a classification has fewer than
            two classes.
    """
    choices = choices or Choices()
    for table in tables:
        check_readable({name: kind for name, kind in table.unreadable.items() if not choices.excluded(name)})
    _check_same_columns(tables, label)
    choices.check([name for name in _names(tables[0]) if name != label])
    inference = _Inference(tables, choices, encoders or {})
    inference.check_encoders(label)
    features, excluded = inference.features(label)
    labels = [table.columns[table.label or label] for table in tables]
    if task is None:
        task = "classification" if all(_looks_like_classes(column) for column in labels) else "regression"
    if task == "regression":
        schema = Schema(task=task, features=features, label=label, excluded=excluded)
    else:
        names = _classes(labels, [canonical_text(name) for name in classes])
        schema = Schema(task=task, features=features, label=label, classes=names, excluded=excluded)
    schema = _in_units(schema, choices.units)
    notes = dict.fromkeys(note for table in tables for note in table.notes)
    return Inferred(schema, (*notes, *inference.warnings))


def _in_units(schema: Schema, units: Mapping[str, str]) -> Schema:
    """The schema with the units of numbers.

    Raises:
        UsageError: A column is neither a numeric feature nor the label of a regression.
    """
    numbers = {feature.name for feature in schema.features if feature.kind == "numeric"}
    numbers |= {schema.label} if schema.task == "regression" else set()
    if others := units.keys() - numbers:
        raise UsageError(
            f"expected units of columns of numbers, got units of {listed(sorted(others))}; columns of numbers are "
            f"{listed(sorted(numbers), 20)}"
        )
    features = tuple(one.model_copy(update={"unit": units.get(one.name, "")}) for one in schema.features)
    return schema.model_copy(update={"features": features, "label_unit": units.get(schema.label, "")})


@dataclass
class _Inference:
    tables: Sequence[RawTable]
    choices: Choices
    encoders: Mapping[str, Encoder]
    faults: Faults = field(default_factory=Faults)
    warnings: list[str] = field(default_factory=list)

    def check_encoders(self, label: str) -> None:
        """Checks that every encoder has a column of its kind, and every column of pictures an encoder.

        Raises:
            DataError: One has not.
        """
        first = self.tables[0]
        for name, encoder in self.encoders.items():
            known = first.columns if encoder.image is None else first.pictures
            if name not in known or name == (first.label or label) or first.positional:
                kind = "pictures" if encoder.image else "text"
                raise DataError(
                    f"expected a column {quoted(name)} of {kind} for its encoder, got columns {listed(_names(first))}",
                    hint="name the column in the encoder's declaration: column",
                )
        for name in first.pictures:
            if name not in self.encoders and not self.choices.excluded(name):
                raise DataError(
                    f"expected an encoder of the pictures in column {quoted(name)}, got none",
                    hint=f"declare one (assay-oracle fit --encoder FILE), or leave the column out (--drop {name})",
                )

    def features(self, label: str) -> tuple[tuple[Feature, ...], tuple[Excluded, ...]]:
        """All columns but the label, as features or as columns that are none."""
        first = self.tables[0]
        features: list[Feature] = []
        excluded: list[Excluded] = []
        for name in _names(first):
            if name == (first.label or label):
                continue
            columns = [table.columns[name] for table in self.tables if name in table.columns]
            if name in self.encoders:
                features.append(self._encoded(name, columns))
                continue
            if not self.choices.names(name):
                self._note_other_dates(name, columns)
            found = None if first.positional else exclusion(name, columns, self.choices, in_index=name in first.index)
            if found is None:
                features.append(self._feature(name, columns))
                continue
            excluded.append(found)
            if not self.choices.names(name):
                self.warnings.append(
                    f"column {quoted(name)} is no feature: {found.reason}. Records are the same with any values in it. "
                    f"--feature {quoted(name)} makes it a feature."
                )
        self.faults.check()
        if label in (feature.name for feature in features):
            raise DataError(f"expected a name for the label that no feature has, got {quoted(label)}")
        if not features:
            left = f": {listed(column.name for column in excluded)} are left out" if excluded else ""
            raise DataError(
                f"expected a label and at least one feature, got no feature{left}",
                hint="name the column that the model takes (assay-oracle fit --feature COLUMN)" if excluded else None,
            )
        return tuple(features), tuple(excluded)

    def _encoded(self, name: str, columns: Sequence[Column]) -> Feature:
        encoder = self.encoders[name]
        if encoder.image is not None:
            return Feature(name=name, kind="image", encoder=encoder)
        if not all(isinstance(column, Texts) for column in columns):
            raise DataError(f"expected text in column {quoted(name)} for its encoder, got numbers or times")
        return Feature(name=name, kind="text", missing="empty" if _missing(columns) else None, encoder=encoder)

    def _feature(self, name: str, columns: Sequence[Column]) -> Feature:
        missing = _missing(columns)
        stored = self.tables[0].stored.get(name, "")
        if name in self.choices.categories:
            return self._category(name, columns, stored)
        if stored == "bool":
            return Feature(name=name, kind="boolean", missing="none" if missing else None)
        if any(isinstance(column, Texts) for column in columns):
            return self._from_text(name, columns)
        self._note_gaps(name, _added(table.words.get(name, {}) for table in self.tables))
        kinds = {column.dtype.kind for column in columns if not isinstance(column, Texts)}
        if kinds == {"b"}:
            return Feature(name=name, kind="boolean")
        if "M" in kinds:
            return Feature(name=name, kind="time", stored=stored, missing=missing)
        return Feature(name=name, stored=self._number_type(name, columns), missing=missing)

    def _from_text(self, name: str, columns: Sequence[Column]) -> Feature:
        """The kind of a column that is text in some table: only text without types may spell anything else."""
        counts = _counts(columns)
        words = {text: count for text, count in counts.items() if not is_gap(text)}
        gaps = sum(counts.values()) > sum(words.values())
        comma = self.tables[0].decimal_comma
        missing: Literal["nan", "none"] | None = self.tables[0].gap if gaps else None
        other = {text: count for text, count in counts.items() if text and text not in words}
        form = form_of(words)
        times = {text for text in words if moment(text, form) is not None}
        if words and len(times) == len(words):
            self._note_gaps(name, other)
            return Feature(name=name, kind="time", stored=time_format(next(iter(words)), form), missing=missing)
        if sum(words[text] for text in times) > _MOSTLY * sum(words.values()):
            self._note_mixture(name, columns, times, "times", f"{TIMES_HINT}, {_OR_TEXT}")
            return self._category(name, columns, "")
        if self.tables[0].typed or not words:
            return self._category(name, columns, self.tables[0].stored.get(name, ""))
        if all(text.strip().lower() in ("true", "false") for text in words):
            self._note_gaps(name, other)
            return Feature(name=name, kind="boolean", missing=missing)
        marks = marks_of(words, decimal_comma=comma)
        numeric = {text for text in words if number(text, marks) is not None}
        if len(numeric) == len(words):
            self._note_gaps(name, other)
            self._note_padding(name, words)
            whole = not gaps and len(words) > 1 and all(_WHOLE.fullmatch(text.strip()) for text in words)
            return Feature(name=name, stored="int64" if whole else "", missing="nan" if gaps else None)
        if sum(words[text] for text in numeric) > _MOSTLY * sum(words.values()):
            self._note_mixture(name, columns, numeric, "numbers", NUMBERS_HINT)
        return self._category(name, columns, "")

    def _note_other_dates(self, name: str, columns: Sequence[Column]) -> None:
        words = {text for column in columns if isinstance(column, Texts) for text in column.values}
        form = form_of(words)
        other = sorted(text for text in words if moment(text, form) is None and _OTHER_DATE.fullmatch(text.strip()))
        if len(other) > _MOSTLY * len(words):
            self.warnings.append(
                f"column {quoted(name)} has dates such as {quoted(other[0])}, which are read as text: {TIMES_HINT}."
            )

    def _note_gaps(self, name: str, words: Mapping[str, int]) -> None:
        if words:
            rows = sum(words.values())
            self.warnings.append(
                f"column {quoted(name)}: {listed(words)} in {rows} rows is read as a missing value. --categorical "
                f"{quoted(name)} reads the column as text."
            )

    def _note_padding(self, name: str, words: Collection[str]) -> None:
        padded = sorted(text for text in words if _PADDED.match(text.strip()))
        if padded:
            self.warnings.append(
                f"column {quoted(name)} has numbers with zeros in front, such as {quoted(padded[0])}: read as numbers. "
                f"--categorical {quoted(name)} reads the column as text, as codes must be."
            )

    def _note_days(self, name: str, arrays: Sequence[npt.NDArray[Any]]) -> None:
        days = np.concatenate(arrays).astype(np.float64)
        if are_dates(days).all():
            self.warnings.append(
                f"column {quoted(name)} has dates without marks, such as {days[0]:.0f}, which are read as numbers: "
                f"{TIMES_HINT}."
            )

    def _note_mixture(self, name: str, columns: Sequence[Column], right: set[str], what: str, hint: str) -> None:
        for column in columns:
            if isinstance(column, Texts):
                wrong = np.array([t not in right and not is_gap(t) for t in column.values] + [False])
                rows = wrong[column.codes]
                if rows.any():
                    self.faults.add(
                        name,
                        f"{what} as in the other rows",
                        quoted(column.values[column.codes[int(rows.argmax())]]),
                        rows,
                        hint,
                    )
                    return

    def _category(self, name: str, columns: Sequence[Column], stored: str) -> Feature:
        values = {text for column in columns for text in as_text(column)[0]}
        rows = sum(map(len, columns))
        if len(values) > _MANY_LEVELS:
            self.warnings.append(f"column {quoted(name)} is text with {len(values)} distinct values in {rows} rows.")
        spelled = [text for text in values if (text and canonical_number(text) != text) or number(text) is not None]
        if len(spelled) == len(values) and self.tables[0].typed and name not in self.choices.categories:
            self.warnings.append(f"column {quoted(name)} is text that spells numbers: it is read as text.")
        if gaps := {text for text in values if text and is_gap(text)}:
            self.warnings.append(
                f"column {quoted(name)} has the text {listed(gaps)}: read as text, not as a missing value. A model saw "
                "the same if its data were read so (pandas: keep_default_na=False)."
            )
        missing = _missing(columns)
        return Feature(
            name=name,
            kind="categorical",
            categories=tuple(sorted(values)),
            stored=stored if stored == "category" else "",
            missing=(self.tables[0].gap if stored != "category" else "nan") if missing else None,
        )

    def _number_type(self, name: str, columns: Sequence[Column]) -> str:
        arrays = [column for column in columns if not isinstance(column, Texts)]
        kinds = {array.dtype.name for array in arrays}
        if kinds <= {"float16", "float32"}:
            if any((np.abs(array[~np.isnan(array)]) >= SINGLE_EXACT).any() for array in arrays):
                self.warnings.append(
                    f"column {quoted(name)} is stored in single precision, which rounds numbers as large as it has: "
                    "the model cannot tell neighbouring values apart. Store it in double precision or as integers."
                )
            return "float32"
        if all(array.dtype.kind in "iu" for array in arrays):
            self._note_days(name, arrays)
            if not self.tables[0].typed and len({int(end(array)) for array in arrays for end in (np.min, np.max)}) == 1:
                return "float64"  # text of one value, as in a column of zeros, does not say that others are whole
            return "int64" if len(kinds) > 1 else kinds.pop()
        return "float64"


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _missing(columns: Sequence[Column]) -> Literal["nan"] | None:
    return "nan" if any(is_missing(column).any() for column in columns) else None


def _names(table: RawTable) -> list[str]:
    return [*table.columns, *table.pictures, *table.unreadable]


def _check_same_columns(tables: Sequence[RawTable], label: str) -> None:
    for table in tables:
        if (table.label or label) not in table.columns:
            raise DataError(
                f"expected a label column {quoted(label)}, got columns {listed(table.columns)}",
                hint="name the column that holds the labels (assay-oracle fit --label)",
            )
        differing = set(_names(table)) ^ set(_names(tables[0]))
        if differing:
            raise DataError(
                f"expected the same columns in the owner's and the validation data, {listed(differing)} differ"
            )


def _classes(labels: Sequence[Column], more: Collection[str]) -> tuple[str, ...]:
    """Canonical texts of the classes: labels that all spell numbers, or all spell booleans, are these."""
    found = {text for column in labels for text in as_text(column)[0] if text}
    if found and all(number(text) is not None for text in found):
        found = {canonical_number(text) for text in found}
    elif found and all(text.lower() in ("true", "false") for text in found):
        found = {text.lower() for text in found}
    known = Levels(sorted(found))
    found |= {text for text in more if known.find(text) is None}
    if len(found) < 2:
        raise DataError(
            f"expected at least two classes, got {listed(found)}",
            hint="name the classes that the data lacks (assay-oracle fit --class)",
        )
    return tuple(sorted(found, key=by_number))


def _counts(columns: Sequence[Column]) -> dict[str, int]:
    """How often each canonical text occurs in the columns."""
    counts: dict[str, int] = {}
    for column in columns:
        texts, rows = as_text(column)
        for text, count in zip(texts, np.bincount(rows % max(len(texts), 1), minlength=len(texts)), strict=True):
            counts[text] = counts.get(text, 0) + int(count)
    return counts


def _looks_like_classes(column: Column) -> bool:
    if isinstance(column, Texts) or column.dtype.kind == "b":
        return True
    known: npt.NDArray[Any] = column[~is_missing(column)]
    return column.dtype.kind != "M" and _is_whole(column) and len(np.unique(known)) <= _MAX_CLASSES_FROM_INTEGERS


def _is_whole(column: npt.NDArray[Any]) -> bool:
    known = column[~is_missing(column)]
    return column.dtype.kind in "iub" or bool((known == np.round(known)).all())
