"""The columns of a file before a schema gives them meaning, and whether they are the columns that a schema names."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.quoting import listed, quoted

Column = npt.NDArray[Any]
"""Numbers (float64) or text (object, of str), shape (n,)."""


@dataclass(frozen=True, eq=False)
class RawTable:
    """The columns of a file as they are stored.

    Attributes:
        columns: By name, all of one length n.
        positional: The file has a matrix of features without names: features are matched by position.
        label: Name of the label column, where the file itself tells labels from features.
        shape: Of one record's features, where the file has them as one array: () for columns.
    """

    columns: dict[str, Column]
    positional: bool = False
    label: str | None = None
    shape: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def check_columns(columns: Collection[str], schema: Schema) -> None:
    """Checks that the columns are the label and the features of ``schema``, in any order.

    Raises:
        DataError: Some are missing, or there are others.
    """
    given, names = set(columns), {feature.name for feature in schema.features}
    if schema.label not in given:
        raise DataError(f"expected a label column {quoted(schema.label)}, got columns {listed(columns)}")
    missing, extra = names - given, given - names - {schema.label}
    if missing or extra:
        found = [f"missing {listed(missing)}"] * bool(missing) + [f"extra {listed(extra)}"] * bool(extra)
        raise DataError(f"expected the {len(names)} features of the model, got {'; '.join(found)}")


def check_width(features: int, schema: Schema) -> None:
    """Checks the number of features of a file without column names.

    Raises:
        DataError: It is not the number that ``schema`` has.
    """
    if features != len(schema.features):
        raise DataError(f"expected {len(schema.features)} features in each record, got {features}")
