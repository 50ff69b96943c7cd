"""Ensemble: several methods at once, so that the errors of one surrogate do not set a price.

A set is priced by the mean of the outputs of the members' surrogates. A record is priced by the mean of the members'
values (``by = mean``); or, so that no member's scale dominates, records are ordered by their mean rank and take the
sorted values of the mean (``by = rank``).
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
from assay_pricing.methods.families.base import Parts, RefitMethod, prefixed, without_prefix
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Context, Sample, Task


class Ensemble(RefitMethod):
    """Mean of other methods that update a surrogate; each of its members is faster on its own."""

    name = "ensemble"
    when_to_use = "agreement of two surrogates of different families"
    standardised = True
    settings: ClassVar[Mapping[str, int | float | str]] = {"members": "distillation,forest", "by": "rank"}

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        self.members = [_member(context, parts, name) for name in _names(parts.settings)]

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Fits every member; the fidelity is the lowest among them."""
        if task.settings["by"] not in ("rank", "mean"):
            raise DataError(f"expected the members to be joined by rank or mean, got {task.settings['by']!r}")
        tensors: dict[str, Tensor] = {}
        leaks: dict[str, str] = {}
        fitted_parts = []
        for name in _names(task.settings):
            fitted = methods.method(name).fit(replace(task, settings=methods.settings(name, {})))
            tensors |= prefixed(fitted.parts.tensors, f"{name}.")
            leaks |= prefixed(fitted.parts.leaks, f"{name}.")
            fitted_parts.append(fitted.parts)
        weakest = min(fitted_parts, key=lambda parts: parts.fidelity)
        return cls(task.context, Parts(tensors, task.settings, weakest.fidelity, leaks, weakest.agreement))

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``RefitMethod``: the logarithm of the mean probability, or the mean value."""
        members = [torch.from_numpy(member.refit_outputs(offer, weights)) for member in self.members]
        outputs = torch.stack(members)  # (members, e, v, k)
        if self.context.encoder.outputs == 1:
            return np.asarray(outputs.mean(0).numpy())
        return np.asarray((outputs.logsumexp(0) - np.log(len(self.members))).numpy())

    def record_values(self, records: Records) -> Float64:
        """The members' values, combined, (n,)."""
        return self._combined(np.stack([member.record_values(records) for member in self.members]))

    def junk_score(self, records: Records) -> Float64:
        """The members' junk scores, combined, (n,)."""
        return self._combined(np.stack([member.junk_score(records) for member in self.members]))

    def _combined(self, values: Float64) -> Float64:
        """One value per record (n,) from the members' (members, n)."""
        mean = np.asarray(values.mean(0))
        if self.parts.settings["by"] == "mean":
            return mean
        order = np.argsort(rankdata(values, axis=1).mean(0), kind="stable")
        combined = np.empty_like(mean)
        combined[order] = np.sort(mean)
        return combined


def _names(settings: Mapping[str, object]) -> list[str]:
    names = [name.strip() for name in str(settings["members"]).split(",")]
    usable = [n for n in methods.names() if n != Ensemble.name and issubclass(methods.method(n), RefitMethod)]
    if not set(names) <= set(usable) or len(set(names)) < len(names):
        raise DataError(f"expected distinct members among {', '.join(usable)}, got {', '.join(names)}")
    return names


def _member(context: Context, parts: Parts, name: str) -> RefitMethod:
    own = without_prefix(parts.tensors, f"{name}.")
    member = methods.method(name).restore(context, Parts(own, methods.settings(name, {}), parts.fidelity))
    assert isinstance(member, RefitMethod)
    return member


METHOD = Ensemble
