"""The model as a function: features in, probabilities or labels out.

A black box is called while a price function is fitted, on the model owner's machine. It is no part of the artifact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.errors import ModelError
from assay_pricing.records.records import Float32, Float64
from assay_pricing.records.text import canonical_text

_BATCH = 4096


@dataclass(frozen=True, eq=False)
class Predictions:
    """The model's answers to n inputs.

    Attributes:
        labels: Index of the most likely class, or the value of a regression, (n,).
        probabilities: (n, k), rows summing to one; None if the model gives labels alone, and for a regression.
    """

    labels: Float64
    probabilities: Float64 | None = None


class BlackBox(Protocol):
    """A model of known or unknown size."""

    @property
    def parameters(self) -> int | None:
        """Number of parameters; None if it is not known."""
        ...

    def predict(self, x: Float32) -> Predictions:
        """Answers for inputs (n, d), categorical features as indices into the schema's categories."""
        ...


def as_black_box(model: Any, schema: Schema, *, labels_only: bool = False) -> BlackBox:
    """Wraps a model.

    Args:
        model: A ``torch.nn.Module`` that returns logits or probabilities; a scikit-learn estimator; or a callable that
            returns (n, k) logits or probabilities, or (n,) labels or values. If the schema has categorical features,
            estimators and callables get a pandas data frame with their text, otherwise a float32 array (n, d).
        schema: Of the features and the label.
        labels_only: Discard probabilities.

    Raises:
        ModelError: ``model`` is of another kind. ``predict`` raises it for an answer of another shape, for answers
            that are not finite, and for classes that the schema does not have.
    """
    answer, classes, parameters = _answerer(model, schema)
    return _Wrapped(schema, answer, classes, parameters, labels_only)


Answer = Callable[[Float32], npt.NDArray[Any]]


@dataclass(frozen=True)
class _Wrapped:
    schema: Schema
    answer: Answer
    classes: tuple[str, ...]
    parameters: int | None
    labels_only: bool

    def predict(self, x: Float32) -> Predictions:
        parts = [np.asarray(self.answer(x[i : i + _BATCH].copy())) for i in range(0, len(x), _BATCH)]
        if any(len(part) != len(x[i * _BATCH : (i + 1) * _BATCH]) for i, part in enumerate(parts)):
            raise ModelError(f"expected one answer for each of {len(x)} inputs, got {sum(map(len, parts))}")
        raw = np.concatenate(parts)
        if raw.ndim == 2 and raw.shape[1] == 1:
            raw = raw[:, 0]
        if self.schema.task == "regression":
            return Predictions(_finite(raw.reshape(len(x), -1)[:, 0]))
        if raw.ndim == 1 and (raw.dtype.kind != "f" or set(np.unique(raw)) <= set(range(len(self.classes)))):
            return Predictions(self._indices(raw))
        if raw.ndim == 1 and len(self.classes) == 2:
            raw = _two_columns(_finite(raw))
        if raw.ndim != 2 or raw.shape[1] != len(self.classes):
            raise ModelError(f"expected (n, {len(self.classes)}) probabilities or (n,) labels, got {raw.shape}")
        known = _as_probabilities(_finite(raw))
        place = [self.schema.classes.index(name) for name in self.classes]
        probabilities = np.zeros((len(x), len(self.schema.classes)))
        probabilities[:, place] = known
        labels = probabilities.argmax(1).astype(np.float64)
        return Predictions(labels, None if self.labels_only else probabilities)

    def _indices(self, raw: npt.NDArray[Any]) -> Float64:
        values, inverse = np.unique(raw, return_inverse=True)
        codes = []
        for value in values.tolist():
            text = canonical_text(value)
            if text not in self.schema.classes:
                raise ModelError(f"expected one of the classes {self.schema.classes}, got {text!r} from the model")
            codes.append(self.schema.classes.index(text))
        return np.asarray(np.array(codes, dtype=np.float64)[inverse.reshape(-1)])


def _answerer(model: Any, schema: Schema) -> tuple[Answer, tuple[str, ...], int | None]:
    """A function from features to raw answers, the classes of its columns in order, and the model's size."""
    import torch

    if isinstance(model, torch.nn.Module):
        return _torch_answer(model), schema.classes, sum(p.numel() for p in model.parameters())
    if hasattr(model, "predict"):
        named = _frames(schema) if hasattr(model, "feature_names_in_") or _has_text(schema) else None
        inner = model.predict_proba if hasattr(model, "predict_proba") else model.predict
        classes = tuple(canonical_text(c) for c in getattr(model, "classes_", ())) or schema.classes
        strange = set(classes) - set(schema.classes)
        if schema.task == "classification" and strange:
            raise ModelError(f"expected classes among {schema.classes}, the model also knows {sorted(strange)}")
        return (lambda x: inner(named(x) if named else x)), classes, None
    if callable(model):
        frames = _frames(schema) if _has_text(schema) else None
        return (lambda x: model(frames(x) if frames else x)), schema.classes, None
    raise ModelError(f"expected a torch module, an estimator with predict, or a callable, got {type(model).__name__}")


def _torch_answer(model: Any) -> Answer:
    import torch

    like = next(model.parameters(), torch.zeros(()))

    def answer(x: Float32) -> npt.NDArray[Any]:
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad():
                output = model(torch.tensor(x, dtype=like.dtype, device=like.device))
        finally:
            model.train(was_training)
        return np.asarray(output.detach().double().cpu())

    return answer


def _has_text(schema: Schema) -> bool:
    return any(feature.kind == "categorical" for feature in schema.features)


def _frames(schema: Schema) -> Callable[[Float32], Any]:
    def frame(x: Float32) -> Any:
        import pandas as pd

        columns: dict[str, Any] = {}
        for j, feature in enumerate(schema.features):
            if feature.kind == "numeric":
                columns[feature.name] = x[:, j]
                continue
            values = np.array([*feature.categories, None], dtype=object)
            columns[feature.name] = values[np.minimum(x[:, j].astype(np.int64), len(feature.categories))]
        return pd.DataFrame(columns)

    return frame


def _two_columns(scores: Float64) -> Float64:
    """(n, 2) from the positive class's probability or logit (n,)."""
    if scores.min() < 0 or scores.max() > 1:
        scores = 1 / (1 + np.exp(-scores))
    return np.stack([1 - scores, scores], axis=1)


def _as_probabilities(raw: Float64) -> Float64:
    """Probabilities (n, k); rows that are not distributions are taken for logits."""
    if raw.min() >= 0 and np.allclose(raw.sum(1), 1, atol=1e-3):
        return np.asarray(raw / raw.sum(1, keepdims=True))
    shifted = np.exp(raw - raw.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))


def _finite(raw: npt.NDArray[Any]) -> Float64:
    values = np.asarray(raw, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ModelError("expected finite answers, got NaN or infinity from the model")
    return values
