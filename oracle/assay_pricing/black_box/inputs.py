"""What a model is given: the owner's columns as an array, a data frame, a series of text, or pictures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.classes import in_order
from assay_pricing.errors import ModelError
from assay_pricing.records.inputs import to_array, to_frame
from assay_pricing.records.quoting import listed
from assay_pricing.records.records import Float64

Inputs = Literal["array", "frame", "records", "record", "row"]
INPUTS: tuple[Inputs, ...] = get_args(Inputs)
"""What a model takes: all records as an array, a data frame or a list of dictionaries; or one of them at a time, as a
dictionary or an array."""
_BOOLEANS = ({"false"}, {"true"}, {"false", "true"})
_WORDS: tuple[Callable[[bool], str], ...] = (str, lambda value: str(value).lower())


@dataclass(frozen=True)
class Form:
    """One form of the inputs.

    Attributes:
        description: For the owner.
        make: From features (n, d) to the inputs; where ``single``, to a sequence of n inputs.
        single: The model takes one record at a time.
    """

    description: str
    make: Callable[[Float64], Any]
    single: bool = False


def named_forms(schema: Schema, fitted_on: Sequence[str] = ()) -> Iterator[Form]:
    """Data frames; with the columns that a model was fitted on, in its order.

    A column of booleans is one of ``bool``, or else of text: as Python writes them, or in lower case. A column that the
    schema excludes is left out, even if the model was fitted on it: a pipeline may not use it.

    Args:
        schema: Of the features.
        fitted_on: Names of the model's inputs; () for the schema's, in its order.

    Raises:
        ModelError: The model was fitted on other columns than the schema has.
    """
    names = [feature.name for feature in schema.features]
    left = [column.name for column in schema.excluded if column.name in fitted_on]
    wanted = [name for name in fitted_on if name not in left]
    missing, extra = [n for n in wanted if n not in names], [n for n in names if fitted_on and n not in wanted]
    if missing or extra:
        found = [f"missing {listed(missing)}"] * bool(missing) + [f"extra {listed(extra)}"] * bool(extra)
        drops = " ".join(f"--drop {name!r}" for name in extra)
        raise ModelError(
            f"expected the columns that the model was fitted on, {in_order(fitted_on)}, got {'; '.join(found)}",
            hint=f"give the data those columns and the label alone{f' ({drops})' if drops else ''}",
        )
    order = [names.index(name) for name in wanted] or list(range(len(names)))
    without = (
        f" and without {listed(left)}, which {in_order(f'--feature {name!r}' for name in left)} keeps" if left else ""
    )
    described = f"a pandas data frame with the columns {in_order(names[j] for j in order)}{without}"
    for words in (None, *_WORDS) if any(map(is_boolean, schema.features)) else (None,):
        yield Form(described, lambda x, words=words: _frame(x, schema, order, words))  # type: ignore[misc]


def series_form(schema: Schema) -> Iterator[Form]:
    """The text of a table with one column, as a series."""
    if len(schema.features) == 1 and schema.features[0].kind == "categorical":
        name = schema.features[0].name
        yield Form(f"a pandas series of the text in {name!r}", lambda x: to_frame(schema, x)[name])


def array_form(schema: Schema) -> Iterator[Form]:
    """A matrix (n, d), booleans as 0 and 1, in the owner's precision, else in single; none for a table with text."""
    if any(map(is_text, schema.features)):
        return
    precise = to_array(schema, np.zeros((0, len(schema.features)))).dtype
    for kind in dict.fromkeys((precise, np.dtype(np.float32))):
        yield Form(
            f"a {kind} array (n, {len(schema.features)})",
            lambda x, kind=kind: to_array(schema, _numeric(schema, x)).astype(kind),  # type: ignore[misc]
        )


def record_forms(schema: Schema) -> Iterator[Form]:
    """A list of dictionaries; then one dictionary, or one row of an array, at a time."""
    order = list(range(len(schema.features)))

    def records(x: Float64) -> Any:
        return _frame(x, schema, order, None).to_dict("records")

    names = in_order(feature.name for feature in schema.features)
    yield Form(f"a list of dictionaries with the keys {names}", records)
    yield Form(f"one dictionary at a time with the keys {names}", records, single=True)
    if not any(map(is_text, schema.features)):
        yield Form(
            f"one array ({len(schema.features)},) at a time",
            lambda x: to_array(schema, _numeric(schema, x)),
            single=True,
        )


def stated_forms(schema: Schema, inputs: Inputs) -> list[Form]:
    """The forms that an owner's statement of the inputs allows.

    Raises:
        ModelError: An array of numbers cannot hold the columns.
    """
    listed_, *single = record_forms(schema)
    found = {
        "array": list(array_form(schema)),
        "frame": list(named_forms(schema)),
        "records": [listed_],
        "record": single[:1],
        "row": single[1:],
    }[inputs]
    if not found:
        raise ModelError(
            "expected columns of numbers for a model that takes arrays, got text or times",
            hint="--inputs frame, records or record",
        )
    return found


def picture_forms(schema: Schema, shape: tuple[int, ...]) -> Iterator[Form]:
    """Arrays of the owner's shape (n, *shape), then with the channels on the axis where PyTorch has them."""
    if len(shape) < 2 or any(map(is_text, schema.features)):
        return

    def pictures(x: Float64) -> npt.NDArray[Any]:
        return to_array(schema, x).reshape(len(x), *shape)

    yield _shaped(shape, pictures)
    if len(shape) == 2:
        yield _shaped((1, *shape), lambda x: pictures(x)[:, None])
    if len(shape) == 3:
        yield _shaped((shape[2], *shape[:2]), lambda x: pictures(x).transpose(0, 3, 1, 2))


def is_text(feature: Feature) -> bool:
    """The feature's values are text or times, which no array of numbers holds."""
    return feature.kind == "time" or (feature.kind == "categorical" and not is_boolean(feature))


def is_boolean(feature: Feature) -> bool:
    """The feature's values are booleans: no others than ``false`` and ``true``, in any case."""
    return feature.kind == "boolean" or (
        feature.kind == "categorical" and {value.casefold() for value in feature.categories} in _BOOLEANS
    )


def described(x: npt.NDArray[Any], schema: Schema) -> str:
    """One input (d,) by its columns, shortened."""
    shown = []
    for value, feature in zip(x.tolist(), schema.features, strict=True):
        known = feature.categories
        text = f"{value:.6g}"
        if feature.kind == "categorical":
            text = repr(known[int(value)] if value < len(known) else None)
        shown.append(f"{feature.name}={text[:40]}")
    return ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")


def _shaped(shape: tuple[int, ...], make: Callable[[Float64], Any]) -> Form:
    return Form(f"an array (n, {', '.join(map(str, shape))})", make)


def _numeric(schema: Schema, x: Float64) -> Float64:
    """Features (n, d) with booleans as 0 and 1: where the only category, at index 0, is true, they are turned over."""
    flipped = [j for j, f in enumerate(schema.features) if f.categories and f.categories[0].casefold() == "true"]
    x[:, flipped] = 1 - x[:, flipped]
    return x


def _frame(x: Float64, schema: Schema, order: list[int], words: Callable[[bool], str] | None) -> Any:
    """Columns in an order; booleans as ``bool``, or as ``words``."""
    frame = to_frame(schema, x)
    for feature in filter(is_boolean, schema.features):
        frame[feature.name] = _booleans(frame[feature.name], feature, words)
    return frame.iloc[:, order]


def _booleans(column: Any, feature: Feature, words: Callable[[bool], str] | None) -> Any:
    known = column.notna()
    if feature.kind == "categorical":
        if words is not None:
            return column
        column = column.map(lambda value: value.casefold() == "true", na_action="ignore")
    if words is not None:
        return column.astype(object).where(~known, column.map(lambda value: words(bool(value)), na_action="ignore"))
    return column.astype(bool) if known.all() else column
