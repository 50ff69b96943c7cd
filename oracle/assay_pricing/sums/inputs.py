"""Records as small integers: what public columns make of numbers, categories and labels."""

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from assay.protocol.schema import Schema
from assay.protocol.types import Value
from assay_pricing.errors import DataError
from assay_pricing.records.records import Float64, Records

Integers = npt.NDArray[np.int64]

SPREAD = 32
"""Integer of a number that is one spread above the centre."""
MOST = 127
"""Integers of inputs are at most so large: four spreads from the centre."""
LABEL_SPREAD = 256
MOST_LABEL = 4 * LABEL_SPREAD
"""The same of a regression's labels."""
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Column(Value):
    """One feature of the schema.

    A number x becomes ``floor((x - centre) / step + 1/2)`` in IEEE double precision, clipped to -127..127; a missing
    one becomes 0. ``may_lack`` adds an input that is 32 where the number is missing, else 0. A feature with ``values``
    is a category: it becomes one input for each value, 32 for its own, else 0; a value that is not known is 0 in all.

    Attributes:
        name: Of the feature.
        centre: Of a number.
        step: What one unit of the integer is.
        may_lack: The number may be missing.
        values: Number of categories; 0 for a number.
    """

    name: str
    centre: _Finite = 0.0
    step: _Positive = 1.0
    may_lack: bool = False
    values: int = Field(default=0, ge=0, le=65_536)

    @property
    def width(self) -> int:
        """Number of inputs."""
        return self.values or 1 + self.may_lack


class Inputs(Value):
    """How the records of a schema become integers.

    Attributes:
        columns: The schema's features, in order.
        classes: k labels; empty for a regression.
        label: Name, centre and step of a regression's label, whose integers are clipped to -1024..1024; None for a
            classification.
    """

    columns: tuple[Column, ...] = Field(min_length=1, max_length=65_536)
    classes: tuple[str, ...] = ()
    label: Column | None = None

    @classmethod
    def fit(cls, schema: Schema, centre: Float64, spread: Float64, target: tuple[float, float]) -> "Inputs":
        """Columns for records of a schema.

        Args:
            schema: Of the records (d features).
            centre: Of each number (d,).
            spread: Positive, of each number (d,).
            target: Centre and spread of a regression's labels.
        """
        columns = tuple(
            Column(name=feature.name, values=max(len(feature.categories), 1))
            if feature.kind == "categorical"
            else Column(name=feature.name, centre=c, step=s / SPREAD, may_lack=feature.missing is not None)
            for feature, c, s in zip(schema.features, centre.tolist(), spread.tolist(), strict=True)
        )
        label = None
        if not schema.classes:
            label = Column(name=schema.label, centre=target[0], step=target[1] / LABEL_SPREAD)
        return cls(columns=columns, classes=schema.classes, label=label)

    @property
    def width(self) -> int:
        """Number of inputs w."""
        return sum(column.width for column in self.columns)

    @property
    def outputs(self) -> int:
        """Number of classes k; 1 for a regression."""
        return len(self.classes) or 1

    def check(self, schema: Schema) -> None:
        """Checks that records of a schema have these columns.

        Raises:
            DataError: They have others.
        """
        found = (tuple(f.name for f in schema.features), schema.classes, schema.label if not schema.classes else None)
        expected = (tuple(c.name for c in self.columns), self.classes, self.label.name if self.label else None)
        if found != expected:
            raise DataError("expected records of the columns and classes that the price is of, got others")

    def codes(self, x: Float64) -> Integers:
        """Inputs of features (n, d), as in ``Records.x``: (n, w) between -127 and 127."""
        blocks = []
        for column, values in zip(self.columns, x.T, strict=True):
            if column.values:
                blocks.append((values[:, None] == np.arange(column.values)) * SPREAD)
                continue
            missing = np.isnan(values)
            blocks.append(_integers(np.where(missing, column.centre, values), column, MOST)[:, None])
            if column.may_lack:
                blocks.append(missing[:, None] * SPREAD)
        return np.asarray(np.concatenate(blocks, axis=1), dtype=np.int64)

    def targets(self, y: Float64) -> Integers:
        """Labels of records (n,), as in ``Records.y``: (n, k) of 0 and 1, or (n, 1) of a regression."""
        if self.label is None:
            return np.asarray(y[:, None] == np.arange(len(self.classes)), dtype=np.int64)
        return _integers(y, self.label, MOST_LABEL)[:, None]

    def of(self, records: Records) -> tuple[Integers, Integers]:
        """Inputs (n, w) and labels (n, k) of records.

        Raises:
            DataError: The records have other columns.
        """
        self.check(records.schema)
        return self.codes(records.x), self.targets(records.y)


def _integers(values: Float64, column: Column, most: int) -> Integers:
    steps = (values - column.centre) / column.step
    return np.asarray(np.floor(np.clip(steps, -most - 1, most + 1) + 0.5).clip(-most, most), dtype=np.int64)
