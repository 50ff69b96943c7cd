"""Tables of numbers and text with missing values as records, and who has which of their rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Feature, Schema
from assay_bench.figures import Floats, Mask
from assay_pricing.records.records import Int64, Records


@dataclass(frozen=True)
class Rows:
    """Rows of a table by who has them.

    Attributes:
        owner: The owner's, on which the model was trained.
        same: On offer, of the owner's population.
        new: On offer, of another population.
        validation: The owner's private records.
        test: What no price sees.
    """

    owner: Int64
    same: Int64
    new: Int64
    validation: Int64
    test: Int64


@dataclass(frozen=True)
class Sizes:
    """How many rows each party has; ``offer`` is the number of the same and of the new ones."""

    owner: int
    offer: int
    validation: int
    test: int


def two_populations(inside: Mask, sizes: Sizes, rng: np.random.Generator) -> Rows:
    """Rows of an owner inside a population, and of sellers inside and outside it.

    Of the validation and of the test rows the first half are inside.

    Args:
        inside: Which rows are of the owner's population (n,).
        sizes: How many rows to draw.
        rng: Source of the order.
    """
    within, without = rng.permutation(np.flatnonzero(inside)), rng.permutation(np.flatnonzero(~inside))
    owner, same, within = np.split(within, np.cumsum([sizes.owner, sizes.offer]))
    new, without = np.split(without, [sizes.offer])
    half_v, half_t = sizes.validation // 2, sizes.test // 2
    held = np.stack([within[: half_v + half_t], without[: half_v + half_t]])
    return Rows(owner, same, new, validation=held[:, :half_v].ravel(), test=held[:, half_v:].ravel())


def table_records(columns: Any, label: Any) -> Records:
    """The rows of a data frame as records.

    Args:
        columns: Data frame (n, d) of the features. A column of numbers is numeric, every other one categorical.
        label: Series (n,) with the label's name: text for a classification, numbers for a regression.
    """
    features, x = zip(*(_feature(str(name), columns[name]) for name in columns), strict=True)
    classes: tuple[str, ...] = ()
    if label.dtype.kind == "f":
        y = label.to_numpy(np.float64)
    else:
        classes, y = _codes(label.to_numpy(dtype=object))
    schema = Schema(
        task="classification" if classes else "regression", features=features, label=str(label.name), classes=classes
    )
    return Records(schema, np.stack(x, 1), y)


def _feature(name: str, column: Any) -> tuple[Feature, Floats]:
    """The feature of a column, and its values (n,)."""
    missing = "nan" if column.isna().any() else None
    if column.dtype.kind in "if":
        return Feature(name=name, missing=missing), column.to_numpy(np.float64)
    values = column.astype(object).where(column.notna(), "")
    categories, codes = _codes(values.to_numpy(dtype=object))
    return Feature(name=name, kind="categorical", categories=categories, missing=missing), codes


def _codes(values: npt.NDArray[Any]) -> tuple[tuple[str, ...], Floats]:
    """The distinct texts in order, and for each value the index of its text (n,)."""
    texts, codes = np.unique(values.astype(str), return_inverse=True)
    return tuple(texts.tolist()), codes.astype(np.float64)
