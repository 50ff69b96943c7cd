"""What models return, as one array: tensors, lists, dictionaries, data frames, and objects that hold one of these."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from assay_pricing.black_box.classes import in_order
from assay_pricing.errors import ModelError

Array = npt.NDArray[Any]

Outputs = Literal["probabilities", "logits", "labels"]
OUTPUTS: tuple[Outputs, ...] = get_args(Outputs)
_FIELDS: dict[str, Outputs | None] = {
    "probabilities": "probabilities",
    "probs": "probabilities",
    "logits": "logits",
    "scores": None,
    "predictions": None,
    "labels": "labels",
    "label": "labels",
}
"""Names under which a dictionary or an object holds its answers, in the order in which they are looked for."""


class Refused(Exception):
    """A model's own refusal of its inputs, with its reason; which record caused it is then looked for."""


@dataclass(frozen=True, eq=False)
class Answers:
    """A model's answers to n inputs before they are read.

    Attributes:
        values: Labels or values (n,), or one column per class (n, k).
        classes: The model's names of the columns, where it gives them.
        kind: What the values are, where the model's answer names it.
    """

    values: Array
    classes: tuple[object, ...] | None = None
    kind: Outputs | None = None

    def __len__(self) -> int:
        return len(self.values)


def unpack(output: Any, n: int) -> Answers:
    """The answers in what a model returned for n inputs.

    Raises:
        ModelError: Nothing in it is an array of answers.
    """
    if isinstance(output, Answers):
        return replace(output, values=_narrow(output.values))
    if isinstance(output, Mapping):
        return _of_mapping(output, n)
    if isinstance(output, Iterator):
        output = list(islice(output, n + 1))
    if hasattr(output, "to_pandas"):  # a table of Arrow or Polars, or a frame of a GPU
        output = output.to_pandas()
    if hasattr(output, "columns") and hasattr(output, "to_numpy"):
        return _of_frame(output)
    if isinstance(output, list | tuple):
        return _of_sequence(output, n)
    if not hasattr(output, "__array__") and not hasattr(output, "toarray"):
        for field, kind in _FIELDS.items():
            if getattr(output, field, None) is not None:
                return replace(unpack(getattr(output, field), n), kind=kind)
    return Answers(_narrow(_array(output)))


def _of_mapping(output: Mapping[Any, Any], n: int) -> Answers:
    for field, kind in _FIELDS.items():
        if output.get(field) is not None:
            found = replace(unpack(output[field], n), kind=kind)
            return replace(found, classes=tuple(output["classes"])) if "classes" in output else found
    columns = [_array(column) for column in output.values()]
    if not columns or any(column.shape != (n,) for column in columns):
        raise ModelError(f"expected answers under {in_order(_FIELDS)} or under the classes, got {in_order(output)}")
    return Answers(np.stack(columns, axis=1), tuple(output))


def _of_frame(output: Any) -> Answers:
    names = tuple(output.columns)
    for field, kind in _FIELDS.items():
        if len(names) > 1 and field in names:
            return Answers(_array(output[field]), kind=kind)
    values = _narrow(output.to_numpy())
    numbered = names == tuple(range(len(names)))
    return Answers(values, None if values.ndim == 1 or numbered else names)


def _of_sequence(output: Sequence[Any], n: int) -> Answers:
    """One answer per input; or several outputs, of which the first holds the answers."""
    if hasattr(output, "_asdict"):
        return _of_mapping(output._asdict(), n)
    shapes = {np.shape(part) for part in output} if not any(map(_is_nested, output)) else {()}
    if (len(output) != n or len(shapes) > 1) and output and np.shape(output[0])[:1] == (n,):
        return unpack(output[0], n)
    if output and all(isinstance(row, Mapping) for row in output):
        return _of_rows(output)
    if output and all(isinstance(row, list) and row and isinstance(row[0], Mapping) for row in output):
        return _of_rows([{entry.get("label"): entry.get("score") for entry in row} for row in output])
    return Answers(_narrow(_array([_array(row) if hasattr(row, "detach") else row for row in output])))


def _is_nested(part: Any) -> bool:
    return isinstance(part, Mapping | list | tuple)


def _of_rows(rows: Sequence[Mapping[Any, Any]]) -> Answers:
    """One dictionary per input: ``{"label": ..., "score": ...}``, or a probability by class."""
    names = tuple(rows[0])
    if "label" in names:
        return Answers(_array([row.get("label") for row in rows]))
    if any(set(row) != set(names) for row in rows):
        raise ModelError(f"expected an answer for the same classes {in_order(names)} to every input")
    return Answers(_array([[row[name] for name in names] for row in rows]), names)


def _array(output: Any) -> Array:
    if hasattr(output, "detach"):  # a tensor; bfloat16 has no counterpart in NumPy
        output = output.detach().cpu()
        return np.asarray(output.double() if output.is_floating_point() else output)
    if hasattr(output, "toarray"):  # a sparse matrix
        output = output.toarray()
    masked = int(np.sum(getattr(output, "mask", False))) if isinstance(output, np.ma.MaskedArray) else 0
    if masked:
        raise ModelError(
            f"expected an answer to every input, got {masked} masked values from the model",
            hint="return a value in place of each masked one",
        )
    try:
        found = np.asarray(output)
    except ValueError:
        raise ModelError("expected answers of one length from the model, got several lengths") from None
    if found.ndim == 0 or found.dtype.kind not in "biufOUS":
        shown = "nothing" if output is None else f"{type(output).__name__}"
        raise ModelError(f"expected an array of answers from the model, got {shown}")
    return found


def _narrow(values: Array) -> Array:
    """Without axes of length one behind the first."""
    shape = (len(values), *(size for size in values.shape[1:] if size != 1))
    return values.reshape(shape)
