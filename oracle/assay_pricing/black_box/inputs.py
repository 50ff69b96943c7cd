"""What a model is given: the owner's columns as an array, a data frame, a series of text, or pictures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.classes import in_order
from assay_pricing.errors import ModelError
from assay_pricing.records.quoting import listed
from assay_pricing.records.records import Float64

_BOOLEANS = ({"false"}, {"true"}, {"false", "true"})


@dataclass(frozen=True)
class Form:
    """One form of the inputs: a function from features (n, d), and its description for the owner."""

    description: str
    make: Callable[[Float64], Any]


def named_forms(schema: Schema, fitted_on: Sequence[str] = ()) -> Iterator[Form]:
    """Data frames; with the columns that a model was fitted on, in its order.

    A column of booleans is one of ``bool``, or else of text.

    Args:
        schema: Of the features.
        fitted_on: Names of the model's inputs; () for the schema's, in its order.

    Raises:
        ModelError: The model was fitted on other columns than the schema has.
    """
    names = [feature.name for feature in schema.features]
    missing, extra = [n for n in fitted_on if n not in names], [n for n in names if fitted_on and n not in fitted_on]
    if missing or extra:
        found = [f"missing {listed(missing)}"] * bool(missing) + [f"extra {listed(extra)}"] * bool(extra)
        raise ModelError(
            f"expected the columns that the model was fitted on, {in_order(fitted_on)}, got {'; '.join(found)}",
            hint="give the data those columns and the label alone",
        )
    order = [names.index(name) for name in fitted_on] or list(range(len(names)))
    described = f"a pandas data frame with the columns {in_order(names[j] for j in order)}"
    for texts in (False, True) if any(map(is_boolean, schema.features)) else (False,):
        yield Form(described, lambda x, texts=texts: _frame(x, schema, order, texts=texts))  # type: ignore[misc]


def series_form(schema: Schema) -> Iterator[Form]:
    """The text of a table with one column, as a series."""
    if len(schema.features) == 1 and is_text(schema.features[0]):
        name = schema.features[0].name
        yield Form(f"a pandas series of the text in {name!r}", lambda x: _frame(x, schema, [0])[name])


def array_form(schema: Schema) -> Iterator[Form]:
    """A matrix (n, d) in single precision, booleans as 0 and 1; none for a table with text."""
    if not any(map(is_text, schema.features)):
        yield Form(f"a float32 array (n, {len(schema.features)})", _numeric(schema))


def picture_forms(schema: Schema, shape: tuple[int, ...]) -> Iterator[Form]:
    """Arrays of the owner's shape (n, *shape), then with the channels on the axis where PyTorch has them."""
    if len(shape) < 2 or any(map(is_text, schema.features)):
        return
    yield _shaped(shape, lambda x: x.reshape(len(x), *shape))
    if len(shape) == 2:
        yield _shaped((1, *shape), lambda x: x.reshape(len(x), 1, *shape))
    if len(shape) == 3:
        yield _shaped((shape[2], *shape[:2]), lambda x: x.reshape(len(x), *shape).transpose(0, 3, 1, 2))


def is_text(feature: Feature) -> bool:
    """The feature's values are text, and not booleans."""
    return feature.kind == "categorical" and not is_boolean(feature)


def is_boolean(feature: Feature) -> bool:
    """The feature's values are booleans: no others than ``false`` and ``true``, in any case."""
    return feature.kind == "categorical" and {value.casefold() for value in feature.categories} in _BOOLEANS


def described(x: npt.NDArray[Any], schema: Schema) -> str:
    """One input (d,) by its columns, shortened."""
    shown = []
    for value, feature in zip(x.tolist(), schema.features, strict=True):
        known = feature.categories
        text = f"{value:.6g}" if feature.kind == "numeric" else repr(known[int(value)] if value < len(known) else None)
        shown.append(f"{feature.name}={text[:40]}")
    return ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")


def _shaped(shape: tuple[int, ...], make: Callable[[Float64], Any]) -> Form:
    return Form(f"an array (n, {', '.join(map(str, shape))})", make)


def _numeric(schema: Schema) -> Callable[[Float64], Any]:
    flipped = [j for j, f in enumerate(schema.features) if is_boolean(f) and f.categories[0].casefold() == "true"]

    def array(x: Float64) -> Any:
        if flipped:  # the only category, at index 0, is true
            x[:, flipped] = 1 - x[:, flipped]
        return x

    return array


def _frame(x: Float64, schema: Schema, order: list[int], *, texts: bool = False) -> Any:
    import pandas as pd

    return pd.DataFrame({schema.features[j].name: _column(x[:, j], schema.features[j], texts=texts) for j in order})


def _column(values: npt.NDArray[Any], feature: Feature, *, texts: bool) -> npt.NDArray[Any]:
    if feature.kind == "numeric":
        return values
    known: list[Any] = list(feature.categories)
    if is_boolean(feature) and not texts:
        known = [value.casefold() == "true" for value in known]
    found = np.array([*known, None], dtype=object)[np.minimum(values.astype(np.int64), len(known))]
    complete = is_boolean(feature) and not texts and (values < len(known)).all()
    return np.asarray(found.astype(bool) if complete else found)
