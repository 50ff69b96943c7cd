"""The owner's training function: from inputs and labels, in the forms of her own files, to a model."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from assay_pricing.black_box.wrap import Wrapped
from assay_pricing.errors import ModelError
from assay_pricing.records.records import Records

_MAX_REASON = 300


class Training:
    """Trains models as the owner does.

    Args:
        function: From inputs and labels (n,) to a model, of any kind that ``as_black_box`` takes.
        like: The owner's model, once it was asked: a training gets inputs in the form that this takes.
        wrap: From what the function returns to a black box.
    """

    def __init__(self, function: Callable[[Any, Any], Any], like: Wrapped, wrap: Callable[[Any], Wrapped]) -> None:
        self._function = function
        self._like = like
        self._wrap = wrap

    def __call__(self, records: Records) -> Wrapped:
        """A model that was trained on records.

        Raises:
            ModelError: The function raised, ended the program, or returned something that is no model.
        """
        inputs, labels = self._like.inputs_of(records.x), labels_of(records)
        try:
            model = self._function(inputs, labels)
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}".strip()[:_MAX_REASON]
            raise ModelError(
                f"expected a model of {records.n} records from the training function, it raised {reason}",
                hint=f"it is called as train(inputs, labels): inputs are {self._like.inputs}, labels an array (n,) of "
                f"{labels.dtype}, and it returns what --model may be",
            ) from error
        return self._wrap(model)


def labels_of(records: Records) -> npt.NDArray[Any]:
    """Labels (n,) of the type that their classes are written in: integers, numbers, booleans or text."""
    names = records.schema.classes
    if not names:
        return records.y.copy()
    codes = records.y.astype(np.int64)
    for kind in (np.int64, np.float64):
        try:
            return np.array(names).astype(kind)[codes]
        except (ValueError, OverflowError):
            continue
    if {name.casefold() for name in names} == {"false", "true"}:
        return np.array([name.casefold() == "true" for name in names])[codes]
    return np.array(names, dtype=object)[codes]
