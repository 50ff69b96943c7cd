"""How a model's answers become predictions: one declared rule for each kind of output, chosen once for a model."""

from collections.abc import Sequence

import numpy as np

from assay.protocol.schema import Schema
from assay_pricing.black_box.answers import Answers, Array, Outputs
from assay_pricing.black_box.classes import ClassNames
from assay_pricing.black_box.port import Predictions
from assay_pricing.errors import ModelError
from assay_pricing.records.records import Float64

_TOLERANCE = 1e-3
"""By which a row of probabilities may miss the sum of one."""
_STATE = "state what the model returns (--outputs probabilities, logits or labels)"


class Reader:
    """Reads a model's answers under a schema.

    What is not declared is inferred from the first answers and then kept, so that all answers are read by one rule:

    - what the answer names (an object with ``logits``, a dictionary with ``probabilities``) is that;
    - text, integers, booleans, and numbers that are all whole, one for each input, are labels;
    - (n, k) with exactly one 1 in each row and zeros elsewhere are labels, too;
    - (n, k) of no negative number, rows summing to one, are probabilities; (n,) in [0, 1] of two classes are the
      probabilities of the second;
    - other (n, k) with negative numbers are logits, of which log-probabilities are a case; other (n,) of two classes
      are the logits of the second;
    - anything else is refused.

    Args:
        schema: Of the label.
        columns: The model's own names of its classes in the order of its outputs; () if it has none.
        order: The owner's statement of that order, which goes before the model's names.
        outputs: What the model returns; None to infer it.

    Raises:
        ModelError: A name is no class of the schema.
    """

    def __init__(
        self,
        schema: Schema,
        columns: Sequence[object] = (),
        order: Sequence[str] = (),
        outputs: Outputs | None = None,
    ) -> None:
        self._schema = schema
        self._names = ClassNames(schema.classes, order)
        self._columns: tuple[int, ...] | None = self._names.order or None
        if columns and not order and schema.task == "classification":
            self._columns = self._names.of_columns(columns)
        self._stated = bool(order)
        self._outputs = outputs

    @property
    def order(self) -> tuple[int, ...] | None:
        """Index of the class of each output; None for a model that answers with labels."""
        if self._outputs == "labels":
            return None
        return self._columns or tuple(range(len(self._schema.classes)))

    def read(self, answers: Answers) -> Predictions:
        """Predictions (n) from answers (n) or (n, k).

        Raises:
            ModelError: The answers have another shape, are not finite, name classes that the schema lacks, or could
                mean several things.
        """
        if self._schema.task == "regression":
            return Predictions(self._values(answers.values))
        if answers.classes is not None and not self._stated:
            self._columns = self._names.of_columns(answers.classes)
        values = answers.values
        self._outputs = self._outputs or answers.kind or self._inferred(values)
        if self._outputs == "labels":
            return Predictions(self._labels(values))
        columns = self.order or ()
        scores = _numbers(values)
        if scores.ndim == 1 and len(columns) == 2:
            scores = self._two_columns(scores)
        if scores.ndim != 2 or scores.shape[1] != len(columns):
            raise self._misshapen(values)
        probabilities = np.zeros((len(scores), len(self._schema.classes)))
        probabilities[:, columns] = self._normalised(scores)
        return Predictions(probabilities.argmax(1).astype(np.float64), probabilities)

    def _inferred(self, values: Array) -> Outputs:
        if values.ndim == 1 and values.dtype.kind != "f":
            return "labels"
        numbers = _numbers(values)
        if numbers.ndim == 1:
            if (numbers == np.round(numbers)).all():
                return "labels"
            return "probabilities" if numbers.min() >= 0 and numbers.max() <= 1 else "logits"
        if numbers.ndim != 2:
            raise self._misshapen(values)
        if ((numbers == 0) | (numbers == 1)).all() and (numbers.sum(1) == 1).all():
            return "labels"
        if numbers.min() < 0:
            return "logits"
        if np.allclose(numbers.sum(1), 1, atol=_TOLERANCE):
            return "probabilities"
        raise ModelError(
            f"expected rows of probabilities that sum to one, or logits, got rows of {_range(numbers)} that sum to "
            f"{_range(numbers.sum(1))}",
            hint=_STATE,
        )

    def _labels(self, values: Array) -> Float64:
        if values.ndim == 2:
            places = _numbers(values).argmax(1)
            columns = np.array(self._columns or range(len(self._schema.classes)))
            if values.shape[1] != len(columns):
                raise self._misshapen(values)
            return np.asarray(columns[places], dtype=np.float64)
        if values.ndim != 1:
            raise self._misshapen(values)
        if values.dtype.kind == "f":
            _numbers(values)
        distinct, inverse = np.unique(values.astype(str) if values.dtype.kind == "O" else values, return_inverse=True)
        codes = np.array([self._names.of_label(value) for value in distinct.tolist()], dtype=np.float64)
        return np.asarray(codes[inverse.reshape(-1)])

    def _two_columns(self, scores: Float64) -> Float64:
        """(n, 2) from the second class's probability or logit (n,)."""
        if self._outputs == "logits":
            return np.stack([np.zeros_like(scores), scores], axis=1)
        return np.stack([1 - scores, scores], axis=1)

    def _normalised(self, scores: Float64) -> Float64:
        """Probabilities (n, k) from probabilities or logits."""
        if self._outputs == "logits":
            raised = np.exp(scores - scores.max(1, keepdims=True))
            return np.asarray(raised / raised.sum(1, keepdims=True))
        sums = scores.sum(1, keepdims=True)
        if scores.min() < 0 or not (sums > 0).all():
            raise ModelError(f"expected probabilities from the model, got numbers of {_range(scores)}", hint=_STATE)
        return np.asarray(scores / sums)

    def _values(self, values: Array) -> Float64:
        if values.ndim != 1:
            raise ModelError(
                f"expected one value for each input of a regression, got {values.shape}",
                hint="if the label is a class: --task classification",
            )
        return _numbers(values)

    def _misshapen(self, values: Array) -> ModelError:
        k = len(self._columns or self._schema.classes)
        return ModelError(
            f"expected (n, {k}) probabilities or (n,) labels, got {values.shape}",
            hint="state the model's classes in its own order (--classes a,b,c), or fit a regression "
            "(--task regression)",
        )


class NotFinite(ModelError):
    """An answer is NaN or infinite; ``row`` is the index of the first."""

    def __init__(self, row: int, value: float) -> None:
        super().__init__(f"expected finite answers, got {value} from the model")
        self.row = row


def _numbers(values: Array) -> Float64:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError):
        raise ModelError(
            f"expected numbers from the model, got {values.reshape(-1)[0]!r}",
            hint="if the label is a class: --task classification",
        ) from None
    bad = np.argwhere(~np.isfinite(numbers))
    if len(bad):
        raise NotFinite(int(bad[0][0]), float(numbers[tuple(bad[0])]))
    return np.asarray(numbers)


def _range(values: Float64) -> str:
    return f"{values.min():.3g} to {values.max():.3g}"
