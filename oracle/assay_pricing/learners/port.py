"""What every learner offers: it learns weighted records from nothing, and answers for other records."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import MAX_BASE, MAX_LEARNED, Sample

MIN_PROBABILITY = 1e-6
"""Least probability of an answer: bounds the loss of one record, as in a class that the learner has not seen."""

_MAX_NUMBERS = 2**21
"""Encoded features of all records that a learner is trained on: 16 MiB."""

CLASSES = ("as_given", "balanced")
"""Weights of classes: as records have them, or as much on every class, as ``class_weight="balanced"`` of libraries."""
COLUMNS = ("standardised", "scaled", "units")
"""Scales: numbers by their spread among the records that are learned, all columns by theirs, or the owner's units.

A model's pipeline fits its scaler to all records that the model learns: after an offer the spreads are other ones.
"""
_MAX_COLUMNS = 2048
"""Columns that a learner takes without the encoder's projection, at most."""
_MAX_SPREADS = 1e6
"""Numbers are at most so far from the centre: models clip none, and sums of larger ones lose their digits."""
_LEAST_SPREAD = 1e-9
_MAX_NUMBER = float(np.finfo(np.float32).max)

Capacity = Mapping[str, Any]
"""What bounds how closely a learner follows its records: plain JSON values by name."""


class Learner(ABC):
    """A family of learners at one capacity; the same records give the same answers.

    Attributes:
        encoder: Of the records.
        capacity: One value for each of the family's settings.
        draw: Of what the family leaves to chance, and a model's records do not tell: a seed, an order of the columns.
    """

    family: ClassVar[str]
    grid: ClassVar[Mapping[str, tuple[Any, ...]]]
    """Values of each setting that a search tries, in their order; texts have none."""
    tries: int = 16
    """Learners of the family that a search trains at most, after the first ones."""

    learns_many: ClassVar[bool] = False
    """Training takes little longer with ``MAX_LEARNED`` records than with ``MAX_BASE``."""

    is_random: ClassVar[bool] = False
    """Whether another draw gives other answers."""
    varies_as_model: ClassVar[bool] = False
    """Whether a model of the family varies as much: not if it may average more draws than the learner does."""

    def __init__(self, encoder: Encoder, capacity: Capacity, draw: int = 0) -> None:
        self.encoder = encoder
        self.capacity = dict(capacity)
        self.draw = draw

    def redrawn(self, draw: int) -> Self:
        """The learner with another draw."""
        return type(self)(self.encoder, self.capacity, draw)

    @classmethod
    @abstractmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """The family at capacities that are common in practice: where a search starts."""

    @property
    def kind(self) -> str:
        """What a search compares apart from the rest of the family, as it compares families.

        The capacity at which one kind comes closest says nothing of the capacity at which another does.
        """
        return ""

    def settings(self) -> list[str]:
        """Names of the settings that a search varies."""
        return [
            name
            for name in self.grid
            if (name != "classes" or self.is_classifier) and (name != "columns" or self.has_column_choices)
        ]

    @property
    def has_column_choices(self) -> bool:
        """Whether the ways to give columns to the learner differ for these records."""
        return True

    def moved(self, name: str, by: int) -> Self | None:
        """The learner with another value of a setting, so many places on in the grid.

        None at its end, and for scaled columns that are all numbers: they are standardised.
        """
        values = self.grid[name]
        index = values.index(self.capacity[name]) + by
        if not 0 <= index < len(values) or (values[index] == "scaled" and bool(self.encoder.are_numbers.all())):
            return None
        return type(self)(self.encoder, {**self.capacity, name: values[index]})

    def nearby(self, part: float) -> list[Self]:  # noqa: ARG002
        """Learners whose capacity is a part of one step of the grid from this one's: none where that is no number."""
        return []

    def growths(self, records: Sample) -> list[Self]:  # noqa: ARG002
        """Learners that give the same answers after records, and may give others after more, the likeliest first."""
        return [self]

    def steps(self) -> float:
        """Steps from the nearest of ``starts``: how unusual the capacity is."""
        return min(self.steps_from(start.capacity) for start in self.starts(self.encoder))

    def steps_from(self, capacity: Capacity) -> float:
        """Steps of the grid between another capacity and this one; one between two texts."""
        steps = 0
        for name, values in self.grid.items():
            apart = abs(values.index(self.capacity[name]) - values.index(capacity[name]))
            steps += min(apart, 1) if isinstance(values[0], str) else apart
        return steps

    @abstractmethod
    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """Answers after learning.

        Args:
            records: Weighted records to learn (n).
            inputs: Records to answer for (m); only their features are read.

        Returns:
            Log-probabilities (m, k), or standardised values of a regression (m, 1), as ``Encoder.outputs_in_units``
            takes them.
        """

    def roughly(self) -> Self:
        """A learner whose answers may be off by a thousandth in their log-odds: enough to doubt a label."""
        return self

    def attempts(self, records: Sample, inputs: Sample) -> Iterator[tuple[Self, Tensor]]:
        """This learner with its outputs, and others whose outputs cost little more, in the order of their capacity."""
        yield self, self.outputs(records, inputs)

    def training(self) -> str:
        """What its attempts depend on, but for the records: learners of which this is equal give equal answers."""
        return json.dumps([self.family, self.draw, self.capacity], sort_keys=True)

    def at(self, attempt: "Learner") -> Self:  # noqa: ARG002
        """This learner where it gives the answers of an attempt of a learner of equal training."""
        return self

    @property
    def most(self) -> int:
        """Records of the owner that the learner is trained on at most; fewer of many columns."""
        return max(MAX_BASE, min(MAX_LEARNED, _MAX_NUMBERS // self.encoder.width)) if self.learns_many else MAX_BASE

    @property
    def is_classifier(self) -> bool:
        """Whether records have classes; otherwise targets."""
        return self.encoder.schema.task == "classification"

    def codes(self, sample: Sample, learned: Sample) -> Float64:
        """Raw features (n, d) with NaN also for a missing category, and -1 for a category of no learned record.

        Numbers that single precision does not hold are clipped: scikit-learn's trees refuse them.

        Pipelines that number categories do the same: scikit-learn's ``OrdinalEncoder`` keeps a gap as a gap, and has
        numbers for the values that it was fitted on. An empty text, in files that hold that for a missing value, is a
        category like others.
        """
        x, known = np.clip(sample.raw.numpy(), -_MAX_NUMBER, _MAX_NUMBER), learned.raw.numpy()
        for j, feature in enumerate(self.encoder.schema.features):
            if feature.kind != "categorical":
                continue
            x[~np.isin(x[:, j], known[:, j]) & ~np.isnan(x[:, j]), j] = -1
            if feature.missing in ("nan", "none") and "" in feature.categories:
                x[x[:, j] == feature.categories.index(""), j] = np.nan
        return x

    def columns(self, records: Sample, inputs: Sample) -> tuple[Tensor, Tensor]:
        """Columns of records to learn (n, w) and of inputs (m, w), by the capacity's ``columns``; not clipped.

        They are not projected either, unless they are too many.
        """
        x, asked = self._unprojected(records), self._unprojected(inputs)
        is_projected, scales = x.shape[1] != self.encoder.columns, self.capacity["columns"]
        if scales == "units" or (scales == "standardised" and is_projected):
            return x, asked
        shares = records.weight / records.weight.sum()
        spread = (shares @ (x - shares @ x) ** 2).sqrt()
        is_scaled = spread > _LEAST_SPREAD
        if scales == "standardised":
            is_scaled &= self.encoder.are_numbers
        spread = torch.where(is_scaled, spread, torch.ones_like(spread))
        return x / spread, asked / spread

    def _unprojected(self, sample: Sample) -> Tensor:
        encoder = self.encoder
        if encoder.columns > _MAX_COLUMNS or sample.raw.shape[1] != len(encoder.schema.features):
            return sample.x
        return self._as_models.x(Records(encoder.schema, sample.raw.numpy(), np.zeros(len(sample))))

    @cached_property
    def _as_models(self) -> Encoder:
        """The encoder that neither clips nor projects."""
        standardised = self.encoder.standardised and self.capacity["columns"] != "units"
        return replace(self.encoder, basis=None, clip=_MAX_SPREADS, standardised=standardised)

    def weights(self, records: Sample) -> Float64:
        """Weights of records (n,) to learn with: those given, or with as much weight on every class."""
        given = np.asarray(records.weight.numpy())
        if self.capacity.get("classes") != "balanced" or not self.is_classifier:
            return given
        sums = np.bincount(records.y.numpy().astype(np.int64), given, self.encoder.outputs)
        shares = sums.sum() / (np.count_nonzero(sums) * np.where(sums > 0, sums, 1.0))
        return np.asarray(given * shares[records.y.numpy().astype(np.int64)])

    def answers(self, model: Any, x: Any) -> Tensor:
        """Outputs of a fitted scikit-learn model for features (m, d), as ``outputs`` returns them."""
        if self.is_classifier:
            return self.log_probabilities(model.predict_proba(x), model.classes_)
        return torch.from_numpy(model.predict(x))[:, None]

    def only_answer(self, records: Sample, count: int) -> Tensor | None:
        """The outputs for ``count`` inputs where all records have one label (n > 0); None where labels differ.

        Several libraries refuse to learn such records.
        """
        if bool((records.y != records.y[0]).any()):
            return None
        if self.is_classifier:
            return self.log_probabilities(torch.ones((count, 1)), records.y[:1])
        return records.y[:1].expand(count, 1)

    def log_probabilities(self, probabilities: Any, classes: Any) -> Tensor:
        """Logarithms (m, k) of a library's probabilities (m, c) for the classes that it has seen (c,)."""
        whole = torch.as_tensor(probabilities).double()
        if len(classes) < self.encoder.outputs:
            seen, whole = whole, torch.zeros((len(whole), self.encoder.outputs), dtype=torch.float64)
            whole[:, torch.as_tensor(classes).long()] = seen
        whole = whole.clamp(min=MIN_PROBABILITY)
        return (whole / whole.sum(1, keepdim=True)).log()
