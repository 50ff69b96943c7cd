"""Asking a model: in batches, with every failure of its own as an error that names the record."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.black_box.answers import Answers, Refused, unpack
from assay_pricing.black_box.inputs import INPUTS, Form, described
from assay_pricing.black_box.watch import UNWATCHED, Watch
from assay_pricing.errors import ModelError, ModelTimeout
from assay_pricing.records.quoting import alternatives
from assay_pricing.records.records import Float64

BATCH = 4096
_MAX_REASON = 300
"""Characters of a model's own message that an error repeats."""

Answerer = Callable[[Any], Any]
"""The model: one form of the inputs to whatever it returns."""


class _Miscounted(Refused):
    """The model gave another number of answers than it had inputs."""


class Asker:
    """Asks a model for answers, in the first of several forms of the inputs that it takes.

    Args:
        model: The function.
        forms: Forms of the inputs, the most natural first.
        schema: Of the features.
        watch: Follows the calls.
        fallbacks: Forms for a model that raises on each of ``forms``. A model that only gives another number of
            answers is not asked in these: what it would answer to single records could be anything.
    """

    def __init__(
        self,
        model: Answerer,
        forms: list[Form],
        schema: Schema,
        watch: Watch = UNWATCHED,
        fallbacks: Sequence[Form] = (),
    ) -> None:
        self._model = model
        self._forms = forms
        self._schema = schema
        self._watch = watch
        self._fallbacks = fallbacks

    @property
    def description(self) -> str:
        """The form of the inputs; the first one as long as the model was not asked."""
        return self._forms[0].description

    def inputs_of(self, x: Float64) -> Any:
        """Features (n, d) in the form that was settled on; in the first one as long as the model was not asked."""
        return self._forms[0].make(x.copy())

    def ask(self, x: Float64, start: int) -> Answers:
        """Answers for one batch (n, d), whose first record has the number ``start``.

        Raises:
            ModelError: The model raised, ended the program, took too long, or gave another number of answers.
        """
        failures: list[Refused] = []
        gaps: Answers | None = None
        for form in self._forms:
            try:
                found = self._call(form, x, start)
            except Refused as refused:
                failures.append(refused)
                continue
            if len(self._forms) == 1 or _is_finite(found):
                return self._settled(form, found)
            gaps = gaps or found
        if gaps is not None:
            return gaps
        if not any(isinstance(failure, _Miscounted) for failure in failures):
            for form in self._fallbacks:
                try:
                    return self._settled(form, self._call(form, x, start))
                except ModelTimeout:
                    raise
                except (Refused, ModelError):
                    continue
        raise self._error(failures[0], x, start) from failures[0].__cause__

    def _settled(self, form: Form, found: Answers) -> Answers:
        self._forms, self._fallbacks = [form], ()
        return found

    def _call(self, form: Form, x: Float64, start: int) -> Answers:
        inputs = form.make(x.copy())
        if form.single:
            output: Any = [self._answer(one, f"record {start + i}", 1) for i, one in enumerate(inputs)]
        else:
            output = self._answer(inputs, f"records {start} to {start + len(x) - 1}", len(x))
        answers = unpack(output, len(x))
        if len(answers) != len(x):
            raise _Miscounted(f"expected one answer for each of {len(x)} inputs, got {len(answers)}")
        return answers

    def _answer(self, inputs: Any, records: str, n: int) -> Any:
        """What the model returns for n records; a generator, which runs the model's code, as a list."""
        output: Any = None
        with self._watch.call(records):
            try:
                output = self._model(inputs)
                if isinstance(output, Iterator):
                    output = list(islice(output, n + 1))
            except (ModelError, Refused):
                raise
            except Exception as error:
                raise Refused(f"{type(error).__name__}: {error}".strip().removesuffix(":")) from error
            except SystemExit as error:
                raise Refused(f"it ended the program (status {error.code})") from error
        self._watch.answered(n)
        return output

    def _error(self, failure: Refused, x: Float64, start: int) -> ModelError:
        row = culprit(lambda part: self._fails(part), x)
        where = "" if row is None else f" on record {start + row} ({described(x[row], self._schema)})"
        reason = " ".join(line.strip() for line in str(failure).splitlines() if line.strip())
        got = f"the model got {self._forms[0].description}; wrap it in a function that takes that"
        return ModelError(
            f"the model failed{where}: {reason[:_MAX_REASON]}",
            hint=f"{got}, or state what it takes (--inputs {alternatives(INPUTS)})"
            if row is None
            else "mend the model, or leave the record out",
        )

    def _fails(self, x: Float64) -> bool:
        try:
            self._call(self._forms[0], x, 0)
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
