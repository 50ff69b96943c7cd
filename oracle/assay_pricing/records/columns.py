"""Columns of a file, and whether they are those that a schema names."""

from collections.abc import Collection
from typing import Any

import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.limits import listed, quoted

Column = npt.NDArray[Any]
"""Numbers (float64) or text (object, of str), shape (n,)."""


def expect_columns(columns: Collection[str], schema: Schema) -> None:
    """Refuses columns other than the label and the features of ``schema``.

    Raises:
        DataError: Some are missing, or there are others.
    """
    given, names = set(columns), {feature.name for feature in schema.features}
    if schema.label not in given:
        raise DataError(f"expected a label column {quoted(schema.label)}, got columns {listed(columns)}")
    missing, extra = names - given, given - names - {schema.label}
    if missing or extra:
        said = [f"missing {listed(missing)}"] * bool(missing) + [f"extra {listed(extra)}"] * bool(extra)
        raise DataError(f"expected the {len(names)} features of the model, got {'; '.join(said)}")


def expect_width(features: int, schema: Schema) -> None:
    """Refuses another number of features than ``schema`` has, where a file names none.

    Raises:
        DataError: It is another.
    """
    if features != len(schema.features):
        raise DataError(f"expected {len(schema.features)} features in each record, got {features}")
