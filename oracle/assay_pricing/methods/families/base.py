"""The two ways to write a method: ``Method`` scores records one by one, ``RefitMethod`` also prices sets jointly."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from assay_pricing.learners.port import Learner
from assay_pricing.learners.threads import Run
from assay_pricing.manifest import Agreement
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Context, Sample, Task

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Parts:
    """The state of a fitted method, apart from the context: everything that an artifact keeps of it.

    Attributes:
        tensors: By name.
        settings: Plain JSON values.
        fidelity: Agreement of the surrogate with the model on records that it was not fitted on, 0..1.
        leaks: What each tensor discloses about the model or the owner's data, by the tensor's name.
        agreement: What the fidelity of a classification is worth, if the method measured it.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    fidelity: float = 1.0
    leaks: Mapping[str, str] = field(default_factory=dict)
    agreement: Agreement | None = None


def prefixed(items: Mapping[str, T], prefix: str) -> dict[str, T]:
    """Tensors or leaks of a part of a method, by their names in the whole."""
    return {f"{prefix}{name}": item for name, item in items.items()}


def without_prefix(items: Mapping[str, T], prefix: str) -> dict[str, T]:
    """The inverse of ``prefixed``: the items of one part, by their own names."""
    return {name.removeprefix(prefix): item for name, item in items.items() if name.startswith(prefix)}


class Method(ABC):
    """A fitted method that scores records one by one; the value of a set is the sum over its records.

    Derive from ``RefitMethod`` instead if the surrogate can learn a set as a whole.
    """

    name: ClassVar[str]
    when_to_use: ClassVar[str]
    """What the method is for, as a phrase; docs/pricing-methods.md shows it."""
    label_only: ClassVar[bool] = False
    """The method reads the black box's labels, never its probabilities."""
    settings: ClassVar[Mapping[str, int | float | str]] = {}
    """Settings of an owner with their defaults; a value given must have the default's type."""
    needs_records: ClassVar[bool] = True
    """Pricing reads the owner's and the validation records; otherwise the artifact holds none of them."""

    reads_raw: ClassVar[bool] = False
    """Pricing reads the records before the encoder, too."""

    prices_sets: ClassVar[bool] = False
    """A set has a value of its own, so that worthless sets may have one by chance: control sets are made of records."""

    standardised: ClassVar[bool] = False
    """Values of records are drops of half the squared error of standardised targets, in a regression."""

    def __init__(self, context: Context, parts: Parts) -> None:
        self.context = context
        self.parts = parts

    @property
    def value_unit(self) -> float:
        """What a value of a record is to be multiplied by to be in the unit of the goal."""
        if not self.standardised or self.context.schema.task == "classification":
            return 1.0
        return 2 * self.context.encoder.target[1] ** 2

    @classmethod
    @abstractmethod
    def fit(cls, task: Task) -> Self:
        """Builds the method from the owner's records and the black box."""

    @classmethod
    def restore(cls, context: Context, parts: Parts) -> Self:
        """The fitted method, read from an artifact."""
        return cls(context, parts)

    @abstractmethod
    def record_values(self, records: Records) -> Float64:
        """Predicted drop of the risk by each record on its own, (n,)."""

    def junk_score(self, records: Records) -> Float64:
        """Score that separates useful records from junk, higher is better, (n,): ``record_values`` by default."""
        return self.record_values(records)

    def set_value(self, records: Records) -> float:
        """Predicted drop of the risk by all records together: the sum of ``record_values``."""
        return float(self.record_values(records).sum())

    def added_value(self, records: Records, others: Records) -> float:  # noqa: ARG002
        """Predicted drop of the risk by all records, beyond that by others: ``set_value`` if they add up."""
        return self.set_value(records)


class RefitMethod(Method):
    """A method that updates a surrogate with a set of records and reads the change on the validation set."""

    @property
    def learners(self) -> Sequence[Learner]:
        """Learners that price as the model learns, the one in use first; () for a method that fine-tunes.

        The others are known after a fit alone: an artifact has the first one.
        """
        return ()

    def with_learner(self, task: Task, learner: Learner) -> Self:
        """The method with another of its ``learners``; ``task`` is what it was fitted on."""
        raise NotImplementedError

    @property
    def retrains(self) -> bool:
        """The surrogate learns as the model does, so that the change is that of the model in size."""
        return False

    @property
    def prices_subsets(self) -> bool:
        """A set is priced as its best subset, and not as a whole; only where the surrogate ``retrains``."""
        return self.retrains

    @property
    def copy_share(self) -> float:
        """Radius within which records share a weight, as a share of ``Manifest.near_radius``."""
        return 1.0

    @property
    def scale(self) -> float:
        """What a drop of the surrogate's risk is multiplied by to be a drop of the model's."""
        return 1.0

    def on(self, context: Context) -> Self | None:
        """The method as if the owner had other records, those of ``context``; None if that would take another fit."""
        return None if self.parts.tensors else type(self)(context, self.parts)

    def trained_by(self, run: Run) -> Self:  # noqa: ARG002
        """The method with independent trainings given to ``run``, if it has any."""
        return self

    def doubted(self, offer: Sample, left_out: Tensor) -> Tensor:
        """Which records of an offer (n) probably have a wrong label, (n,); none unless the method can tell.

        Args:
            offer: Records (n).
            left_out: Which of them to tell it without (n,), because they are doubted already.
        """
        return torch.zeros(len(offer), dtype=left_out.dtype)

    @cached_property
    def by_halves(self) -> Sequence[Method]:
        """Two methods that value records by a half of the validation records each, see ``Metric.first_half``."""
        return [type(self)(half, self.parts) for half in self.context.halves()]

    def values_by_halves(self, records: Records) -> Float64:
        """Value of each record by all validation records, and by each half of them (3, n)."""
        return np.stack([self.record_values(records), *(half.record_values(records) for half in self.by_halves)])

    def own_choice(self) -> float:
        """What the owner gains by giving more weight to the better ones of her own records; 0 unless it was measured.

        A seller's records that are chosen in the same way are not paid for that.
        """
        return 0.0

    @abstractmethod
    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        """Outputs on the validation set after the surrogate has learned base and offer.

        Args:
            offer: n encoded records; their own weights are ignored.
            weights: Weight of each record in each of e scenarios (e, n); a row of zeros is the base alone.

        Returns:
            Log-probabilities (e, v, k), or values in the target's unit (e, v, 1).
        """

    def set_value(self, records: Records) -> float:
        """Risk after learning the base alone, less the risk after learning base and records."""
        offer = self.context.encode(records)
        nothing = torch.zeros((1, len(offer)), dtype=torch.float64)
        before, after = self.refit_outputs(offer, torch.cat([nothing, nothing + 1]))
        return self.context.metric.drop(before, after)

    def record_values(self, records: Records) -> Float64:
        """``set_value`` of each record on its own, (n,)."""
        offer = self.context.encode(records)
        nothing = torch.zeros((1, len(offer)), dtype=torch.float64)
        before = self.refit_outputs(offer, nothing)[0]
        values = np.empty(records.n)
        for i in range(records.n):
            one = offer.take(np.array([i]))
            values[i] = self.context.metric.drop(before, self.refit_outputs(one, one.weight[None])[0])
        return values
