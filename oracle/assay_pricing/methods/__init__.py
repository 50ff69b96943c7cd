'''Methods: each one file, each one way to say what records are worth to a model.

A method's sign and unit are those of the goal: the predicted drop of the owner's risk on the validation set, positive
where the data helps. ``points`` is by record, ``set_value`` of all records together; they need not add up.

To add a method, put one file beside this one, named as the method is, with the class as ``METHOD``. It is found by
its name, by ``assay-oracle fit --method NAME`` and by the benchmark::

    """Distance: a record is worth as much as it is far from what the owner has."""

    from typing import Self
    import torch
    from assay_oracle.pricing.context import Context, Task
    from assay_oracle.pricing.methods import Additive, Parts

    class Distance(Additive):
        name = "distance"
        label_only = True

        @classmethod
        def fit(cls, task: Task) -> Self:
            return cls(task.context, Parts(fidelity=1.0))

        def points(self, records):
            x = self.context.encode(records).x
            return torch.cdist(x, self.context.base.x).min(1).values.numpy()

    METHOD = Distance
'''

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.errors import ArtifactError, DataError
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Context, Sample, Task

DEFAULT = "distillation"


@dataclass(frozen=True, eq=False)
class Parts:
    """What a fitted method consists of, apart from the context: all that an artifact keeps of it.

    Attributes:
        tensors: By name.
        settings: Plain JSON values.
        fidelity: Agreement of the surrogate with the model on records that it was not fitted on, 0..1.
        leaks: What the tensors say about the model or the owner's data, by tensor.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    fidelity: float = 1.0
    leaks: Mapping[str, str] = field(default_factory=dict)


class Method(Protocol):
    """A fitted method. ``Additive`` and ``Refit`` below are the two ways to write one."""

    name: ClassVar[str]
    label_only: ClassVar[bool]
    """Asks the black box for labels alone."""
    settings: ClassVar[Mapping[str, int | float | str]]
    """What an owner may set, with what it is if she does not."""
    needs_records: ClassVar[bool]
    context: Context
    parts: Parts

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Builds the method from the owner's records and the black box."""
        ...

    @classmethod
    def restore(cls, context: Context, parts: Parts) -> Self:
        """The method as it was fitted, from an artifact."""
        ...

    def points(self, records: Records) -> Float64:
        """Predicted drop of the risk by each record, had it come alone, (n,)."""
        ...

    def set_value(self, records: Records) -> float:
        """Predicted drop of the risk by all records together."""
        ...


class Additive(ABC):
    """A method that scores records one by one; a set is worth the sum of its records."""

    name: ClassVar[str]
    label_only: ClassVar[bool] = False
    settings: ClassVar[Mapping[str, int | float | str]] = {}
    needs_records: ClassVar[bool] = True
    """Prices with the owner's and the validation records at hand; an artifact of one that does not carries none."""

    def __init__(self, context: Context, parts: Parts) -> None:
        self.context = context
        self.parts = parts

    @classmethod
    @abstractmethod
    def fit(cls, task: Task) -> Self:
        """See ``Method``."""

    @classmethod
    def restore(cls, context: Context, parts: Parts) -> Self:
        """See ``Method``."""
        return cls(context, parts)

    @abstractmethod
    def points(self, records: Records) -> Float64:
        """See ``Method``."""

    def gate(self, records: Records) -> Float64:
        """What tells useful records from junk, higher for better, (n,): ``points``, unless a method knows better."""
        return self.points(records)

    def set_value(self, records: Records) -> float:
        """The sum of ``points``."""
        return float(self.points(records).sum())


class Refit(Additive):
    """A method that updates a surrogate with a set and reads what changed on the validation set."""

    @abstractmethod
    def updated(self, offer: Sample, weights: Tensor) -> Float64:
        """Outputs on the validation set after the surrogate has learned from base and offer.

        Args:
            offer: n encoded records; their own weights are ignored here.
            weights: How much each of them counts in each of e scenarios (e, n); a row of zeros is no offer at all.

        Returns:
            Log-probabilities (e, v, k), or values in the target's unit (e, v, 1).
        """

    def set_value(self, records: Records) -> float:
        """Risk after learning from the base alone, less the risk after learning from base and records."""
        offer = self.context.encode(records)
        nothing = torch.zeros((1, len(offer)), dtype=torch.float64)
        before, after = self.updated(offer, torch.cat([nothing, nothing + 1]))
        return self.context.metric.risk(before) - self.context.metric.risk(after)

    def points(self, records: Records) -> Float64:
        """``set_value`` of each record alone."""
        offer = self.context.encode(records)
        values = np.empty(records.n)
        before = self.context.metric.risk(self.updated(offer, torch.zeros((1, len(offer)), dtype=torch.float64))[0])
        for i in range(records.n):
            one = Sample(offer.x[i : i + 1], offer.y[i : i + 1], offer.weight[i : i + 1])
            values[i] = before - self.context.metric.risk(self.updated(one, one.weight[None])[0])
        return values


def settings(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a method: those given, the others as they are without a word.

    Raises:
        DataError: It has no such setting, or the value is of another kind.
    """
    known = method(name).settings
    for key, value in given.items():
        if key not in known:
            raise DataError(f"expected a setting of {name} among {', '.join(known) or '(none)'}, got {key!r}")
        kind = type(known[key])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise DataError(f"expected the setting {key} of {name} to be like {known[key]!r}, got {value!r}")
    return {**known, **given}


def names() -> list[str]:
    """Every method there is."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def method(name: str) -> type[Additive]:
    """The class of a method.

    Raises:
        ArtifactError: There is no method of that name.
    """
    if name not in names():
        raise ArtifactError(f"expected a method among {', '.join(names())}, got {name!r}")
    found: type[Additive] = importlib.import_module(f"{__name__}.{name}").METHOD
    return found
