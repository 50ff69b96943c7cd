"""Ensemble: several methods at once, so that no single surrogate's quirk sets a price.

A set is priced by the mean of what the members' surrogates then answer; a record by the members' mean (``by = mean``),
or in the order of its mean rank, with the values of the mean (``by = rank``), where no member outshouts the others.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from assay_pricing import methods
from assay_pricing.errors import DataError
from assay_pricing.methods import Parts, Refit
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Context, Sample, Task


class Ensemble(Refit):
    """Mean of other methods that update a surrogate."""

    name = "ensemble"
    settings: ClassVar[Mapping[str, int | float | str]] = {"members": "distillation,forest", "by": "rank"}

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        self.members = [_member(context, parts, name) for name in _names(parts.settings)]

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Fits every member; the fidelity is the lowest of theirs."""
        if task.settings["by"] not in ("rank", "mean"):
            raise DataError(f"expected the members to be joined by rank or mean, got {task.settings['by']!r}")
        tensors: dict[str, Tensor] = {}
        leaks: dict[str, str] = {}
        fidelities = []
        for name in _names(task.settings):
            fitted = methods.method(name).fit(replace(task, settings=methods.settings(name, {})))
            tensors |= {f"{name}.{key}": tensor for key, tensor in fitted.parts.tensors.items()}
            leaks |= {f"{name}.{key}": text for key, text in fitted.parts.leaks.items()}
            fidelities.append(fitted.parts.fidelity)
        return cls(task.context, Parts(tensors, task.settings, min(fidelities), leaks))

    def updated(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``Refit``: the logarithm of the mean probability, or the mean value."""
        outputs = torch.stack([torch.from_numpy(member.updated(offer, weights)) for member in self.members])
        if self.context.encoder.outputs == 1:
            return np.asarray(outputs.mean(0).numpy())
        return np.asarray((outputs.logsumexp(0) - np.log(len(self.members))).numpy())

    def points(self, records: Records) -> Float64:
        """Mean of the members, or its values in the order of the mean rank, (n,)."""
        return self._joined(np.stack([member.points(records) for member in self.members]))

    def gate(self, records: Records) -> Float64:
        """As ``points``, of the members' gates."""
        return self._joined(np.stack([member.gate(records) for member in self.members]))

    def _joined(self, values: Float64) -> Float64:
        mean = np.asarray(values.mean(0))
        if self.parts.settings["by"] == "mean":
            return mean
        order = np.argsort(rankdata(values, axis=1).mean(0), kind="stable")
        joined = np.empty_like(mean)
        joined[order] = np.sort(mean)
        return joined


def _names(settings: Mapping[str, object]) -> list[str]:
    names = [name.strip() for name in str(settings["members"]).split(",")]
    usable = [n for n in methods.names() if n != Ensemble.name and issubclass(methods.method(n), Refit)]
    strange = [name for name in names if name not in usable]
    if strange or len(set(names)) < len(names):
        raise DataError(f"expected distinct members among {', '.join(usable)}, got {', '.join(names)}")
    return names


def _member(context: Context, parts: Parts, name: str) -> Refit:
    own = {key.removeprefix(f"{name}."): t for key, t in parts.tensors.items() if key.startswith(f"{name}.")}
    member = methods.method(name).restore(context, Parts(own, methods.settings(name, {}), parts.fidelity))
    assert isinstance(member, Refit)
    return member


METHOD = Ensemble
