"""Asking a model: in batches, with every failure of its own as an error that names the record."""

from collections.abc import Callable
from typing import Any

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.black_box.answers import Answers, Refused, unpack
from assay_pricing.black_box.inputs import Form, described
from assay_pricing.errors import ModelError
from assay_pricing.records.records import Float64

BATCH = 4096
_MAX_REASON = 300
"""Characters of a model's own message that an error repeats."""

Answerer = Callable[[Any], Any]
"""The model: one form of the inputs to whatever it returns."""


class Asker:
    """Asks a model for answers, in the first of several forms of the inputs that it takes.

    Args:
        model: The function.
        forms: Forms of the inputs, the most natural first.
        schema: Of the features.
    """

    def __init__(self, model: Answerer, forms: list[Form], schema: Schema) -> None:
        self._model = model
        self._forms = forms
        self._schema = schema

    def ask(self, x: Float64, start: int) -> Answers:
        """Answers for one batch (n, d), whose first record has the number ``start``.

        Raises:
            ModelError: The model raised, ended the program, or gave another number of answers.
        """
        failures: list[Exception] = []
        gaps: Answers | None = None
        for form in self._forms:
            try:
                found = self._call(form, x)
            except Refused as refused:
                failures.append(refused)
                continue
            if len(self._forms) == 1 or _is_finite(found):
                self._forms = [form]
                return found
            gaps = gaps or found
        if gaps is not None:
            return gaps
        raise self._error(failures[0], x, start) from failures[0].__cause__

    def _call(self, form: Form, x: Float64) -> Answers:
        try:
            output = self._model(form.make(x.copy()))
        except (ModelError, Refused):
            raise
        except Exception as error:
            raise Refused(f"{type(error).__name__}: {error}".strip().removesuffix(":")) from error
        except SystemExit as error:
            raise Refused(f"it ended the program (status {error.code})") from error
        answers = unpack(output, len(x))
        if len(answers) != len(x):
            raise Refused(f"expected one answer for each of {len(x)} inputs, got {len(answers)}")
        return answers

    def _error(self, failure: Exception, x: Float64, start: int) -> ModelError:
        row = culprit(lambda part: self._fails(part), x)
        where = "" if row is None else f" on record {start + row} ({described(x[row], self._schema)})"
        reason = " ".join(line.strip() for line in str(failure).splitlines() if line.strip())
        return ModelError(
            f"the model failed{where}: {reason[:_MAX_REASON]}",
            hint=f"the model got {self._forms[0].description}; wrap it in a function that takes that"
            if row is None
            else "mend the model, or leave the record out",
        )

    def _fails(self, x: Float64) -> bool:
        try:
            self._call(self._forms[0], x)
        except Refused:
            return True
        return False


def _is_finite(answers: Answers) -> bool:
    return answers.values.dtype.kind != "f" or bool(np.isfinite(answers.values).all())


def culprit(fails: Callable[[Float64], bool], x: Float64) -> int | None:
    """Index of the first input that the model refuses by itself, by bisection; None if it refuses all or none."""
    if len(x) == 1 or all(fails(x[i : i + 1]) for i in (0, len(x) // 2, len(x) - 1)):
        return None
    low, high = 0, len(x)
    while high - low > 1:
        middle = (low + high) // 2
        if fails(x[low:middle]):
            high = middle
        elif fails(x[middle:high]):
            low = middle
        else:
            return None
    return low
