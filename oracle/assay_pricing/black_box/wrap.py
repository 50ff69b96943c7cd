"""Any model as a black box: torch modules, estimators, callables."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Schema
from assay_pricing.black_box.answers import Outputs
from assay_pricing.black_box.asking import BATCH, Answerer, Asker
from assay_pricing.black_box.inputs import (
    Form,
    Inputs,
    array_form,
    described,
    is_text,
    named_forms,
    picture_forms,
    record_forms,
    series_form,
    stated_forms,
)
from assay_pricing.black_box.port import Predictions
from assay_pricing.black_box.reading import NotFinite, Reader
from assay_pricing.black_box.watch import UNWATCHED, Watch
from assay_pricing.errors import ModelError
from assay_pricing.records.inputs import needs_frame
from assay_pricing.records.records import Float64

TaskKind = Literal["classification", "regression"]


def as_black_box(
    model: Any,
    schema: Schema,
    *,
    labels_only: bool = False,
    order: Sequence[str] = (),
    outputs: Outputs | None = None,
    inputs: Inputs | None = None,
    shape: tuple[int, ...] = (),
    watch: Watch = UNWATCHED,
) -> "Wrapped":
    """Wraps a model.

    Args:
        model: A ``torch.nn.Module``; a scikit-learn estimator; or a callable. What it returns is read by the rules of
            ``reading.Reader``, the classes in the order of its own ``classes_``, if it has that. An estimator that was
            fitted on a data frame, a model of a table with text, and a model with a true ``takes_names`` get a data
            frame with the owner's columns, a pipeline over one column of text its series, others an array (n, d)
            in the precision of the owner's file, or the other form if that fails. A function that raises on all of
            them gets a list of dictionaries, then one dictionary or one row at a time.
        schema: Of the features and the label.
        labels_only: Discard probabilities.
        order: The classes of the model's outputs in their order, where the model does not name them.
        outputs: What the model returns; None to infer it from the first answers.
        inputs: What the model takes; None to try the forms above in their order.
        shape: Of one record's features in the owner's file, where they are pictures: () for a table.
        watch: Follows the calls of the model.

    Raises:
        ModelError: ``model`` is of another kind, was fitted on other columns, or has classes that the schema lacks.
            ``predict`` raises it where the model fails or gives answers that cannot be read, and names the record.
    """
    answerer, forms, parameters = _taken(model, schema, shape)
    if inputs is not None:
        forms = stated_forms(schema, inputs)
    is_function = inputs is None and answerer is model and not getattr(model, "takes_names", False)
    fallbacks = list(record_forms(schema)) if is_function else []
    columns = _classes(model) if schema.task == "classification" else ()
    if _gives_labels(model, schema):
        outputs, columns = outputs or "labels", ()
    reader = Reader(schema, columns, order, outputs)
    return Wrapped(schema, Asker(answerer, forms, schema, watch, fallbacks), reader, parameters, labels_only, watch)


class Wrapped:
    """A model, asked in batches."""

    def __init__(
        self,
        schema: Schema,
        asker: Asker,
        reader: Reader,
        parameters: int | None,
        labels_only: bool,
        watch: Watch = UNWATCHED,
    ) -> None:
        self.parameters = parameters
        self._schema = schema
        self._asker = asker
        self._reader = reader
        self._labels_only = labels_only
        self._watch = watch

    @property
    def inputs(self) -> str:
        """What the model takes, in words."""
        return self._asker.description

    def inputs_of(self, x: Float64) -> Any:
        """Features (n, d) in the form that the model takes; a sequence of n where it takes one record at a time."""
        return self._asker.inputs_of(x)

    @property
    def order(self) -> tuple[int, ...] | None:
        """Index of the class of each output as it is read; None for a model that answers with labels."""
        return self._reader.order

    def predict(self, x: Float64) -> Predictions:
        """See ``BlackBox``."""
        starts = range(0, len(x), BATCH)
        with self._watch.asking(len(x)):
            parts = [self._asker.ask(x[start : start + BATCH], start) for start in starts]
        if len({part.values.shape[1:] for part in parts}) != 1 or len({part.classes for part in parts}) != 1:
            raise ModelError("expected answers of one shape to all inputs, got several from the model")
        try:
            found = self._reader.read(replace(parts[0], values=np.concatenate([part.values for part in parts])))
        except NotFinite as error:
            record = described(x[error.row], self._schema)
            raise ModelError(f"{error.message} on record {error.row} ({record})", hint=error.hint) from None
        return Predictions(found.labels) if self._labels_only else found


def task_of(model: Any) -> TaskKind | None:
    """What a model does, as far as it says so: scikit-learn's estimators do."""
    if hasattr(model, "predict_proba") or hasattr(model, "classes_"):
        return "classification"
    if not hasattr(model, "predict") or not hasattr(model, "get_params"):
        return None
    from sklearn.base import is_classifier, is_regressor

    return "classification" if is_classifier(model) else "regression" if is_regressor(model) else None


def _taken(model: Any, schema: Schema, shape: tuple[int, ...]) -> tuple[Answerer, list[Form], int | None]:
    """The model as a function, the forms of its inputs, the most natural first, and its size."""
    import torch

    tables, arrays = list(named_forms(schema)), list(array_form(schema))
    pictures, series = list(picture_forms(schema, shape)), list(series_form(schema))
    has_text = any(map(is_text, schema.features))
    if isinstance(model, torch.nn.Module):
        if has_text:
            raise ModelError(
                "expected columns of numbers for a torch module, got text",
                hint="wrap it in a function that takes a pandas data frame",
            )
        return _TorchAnswerer(model), pictures + arrays, sum(p.numel() for p in model.parameters())
    if hasattr(model, "predict"):
        _check_task(model, schema)
        inner = model.predict_proba if _has_probabilities(model, schema) else model.predict
        fitted_on = list(map(str, getattr(model, "feature_names_in_", ())))
        if fitted_on:
            return inner, list(named_forms(schema, fitted_on)), None
        return inner, series + tables if has_text else arrays + pictures + tables, None
    if getattr(model, "takes_names", False):
        return model, tables[:1] + pictures, None
    if callable(model):
        has_categories = needs_frame(schema)
        return model, tables + series + arrays if has_categories else pictures + arrays + tables, None
    raise ModelError(
        f"expected a torch module, an estimator with predict, or a callable, got {type(model).__name__}",
        hint="name the model itself, or a function from features to answers",
    )


class _TorchAnswerer:
    """A module in evaluation mode, without gradients, in its own precision and on its own device."""

    def __init__(self, module: Any) -> None:
        import torch

        self._module = module
        self._like = next(module.parameters(), torch.zeros(()))

    def __call__(self, x: npt.NDArray[Any]) -> Any:
        import torch

        was_training = self._module.training
        self._module.eval()
        try:
            with torch.no_grad():
                return self._module(torch.tensor(x, dtype=self._like.dtype, device=self._like.device))
        finally:
            self._module.train(was_training)


def _has_probabilities(model: Any, schema: Schema) -> bool:
    return schema.task == "classification" and hasattr(model, "predict_proba")


def _gives_labels(model: Any, schema: Schema) -> bool:
    """A classifier without probabilities: its numbers are labels, never logits."""
    if schema.task != "classification" or not hasattr(model, "predict") or _has_probabilities(model, schema):
        return False
    return task_of(model) == "classification"


def _classes(model: Any) -> tuple[object, ...]:
    """A model's own names of its outputs: ``classes_``, or ``config.id2label`` of Hugging Face's models."""
    found = getattr(model, "classes_", None)
    if found is not None:
        return tuple(np.asarray(found).tolist())
    names = getattr(getattr(model, "config", None), "id2label", None) or {}
    values = tuple(names[key] for key in sorted(names))
    return () if all(str(value).startswith("LABEL_") for value in values) else values


def _check_task(model: Any, schema: Schema) -> None:
    kind = task_of(model)
    if kind is not None and kind != schema.task:
        labels = f"{len(schema.classes)} classes" if schema.classes else "numbers"
        raise ModelError(
            f"expected a model for {schema.task}, as the labels were read as {labels}, got one for {kind}",
            hint=f"--task {kind}",
        )
