"""What methods that work on a small network have in common: keeping it, fine-tuning it, reading gradients from it."""

from dataclasses import replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.methods import Additive, Parts, Refit
from assay_pricing.methods.knn import NearestNeighbours
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.curvature import goal_gradient, slopes, solve
from assay_pricing.surrogate.distillation import distil
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.newton import Gate
from assay_pricing.surrogate.task import Context, Sample, Task

STEPS = 70
RATE = 1e-2


class OnNetwork(Additive):
    """A method on one network, by default a distilled student."""

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        count = sum(name.startswith("network.") for name in parts.tensors)
        self.network = Network.of([parts.tensors[f"network.{i}"] for i in range(count)])

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils a student."""
        network, fidelity = distil(task)
        return cls(task.context, network_parts(network, fidelity, "student"))


class FineTuned(OnNetwork, Refit):
    """A set is priced by fine-tuning the network on base and offer, for as many steps as on the base alone.

    A record alone is worth the mean of two forecasts, its influence and a Newton step of the best length, less one
    standard error over the validation records, where other judges agree that it helps. Influence is to first order and
    believes junk. A whole Newton step, read forward, does not, and turns away good records of a kind that the model
    hardly knows; those pass when the nearest neighbours, and the mean of step and influence, speak for them. A judge
    has to be sure by one standard error.
    """

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils a student."""
        network, fidelity = distil(task)
        return cls.on(task.context, network, fidelity, "student")

    @classmethod
    def on(cls, context: Context, network: Network, fidelity: float, what: str) -> Self:
        """The method on a network, with what every appraisal needs of it computed once."""
        parts = network_parts(network, fidelity, what)
        alone = _tuned(network, context, _none(context), context.base.weight[None][:, :0])(context.validation.x)
        tensors = {**parts.tensors, "solved": solve(network, context, goal_gradient(network, context)), "alone": alone}
        leaks = {
            **parts.leaks,
            "solved": "the direction that would lower the risk: one vector, no record",
            "alone": f"the {what}'s answers on the validation records",
        }
        return cls(context, replace(parts, tensors=tensors, leaks=leaks))

    def updated(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``Refit``."""
        outputs = self.parts.tensors["alone"].repeat(len(weights), 1, 1)
        rows = torch.nonzero(weights.sum(1))[:, 0]
        if len(rows):
            outputs[rows] = _tuned(self.network, self.context, offer, weights[rows])(self.context.validation.x)
        return self.context.encoder.outputs_in_units(outputs)

    def points(self, records: Records) -> Float64:
        """Drop of the risk that each record surely brings; not above zero where the judges do not agree, (n,)."""
        offer = self.context.encode(records)
        influence = influences(self.network, self.context, offer, self.parts.tensors["solved"])
        step, best = Gate(self.context, self.network).forecasts(offer)
        helps = step.drop > step.error
        asked = np.flatnonzero(~helps & (step.drop + influence > 0))
        neighbours = NearestNeighbours(self.context, Parts(settings=NearestNeighbours.settings))
        said = neighbours.forecast(offer.take(asked))
        helps[asked] = said.drop > said.error
        sure = (influence + best.drop) / 2 - best.error
        return np.where(helps, sure, np.minimum(sure, 0))

    def gate(self, records: Records) -> Float64:
        """Drop of the risk by a Newton step towards each record, (n,)."""
        return Gate(self.context, self.network).drops(self.context.encode(records))


def _tuned(network: Network, context: Context, offer: Sample, weights: Tensor) -> Network:
    """The network fine-tuned on the base and, in each of e scenarios, the offer with the weights (e, n)."""
    base = context.base
    shares = torch.cat([base.weight.expand(len(weights), -1), weights], dim=1)
    return train(
        network.repeat(len(weights)),
        torch.cat([base.x, offer.x]),
        torch.cat([base.y, offer.y]),
        shares / shares.sum(1, keepdim=True),
        decay=context.decay,
        steps=STEPS,
        rate=RATE,
    )


def _none(context: Context) -> Sample:
    """An offer of no records."""
    return Sample(context.base.x[:0], context.base.y[:0], context.base.weight[:0])


def network_parts(network: Network, fidelity: float, what: str) -> Parts:
    """A network as an artifact keeps it."""
    tensors = {f"network.{i}": tensor for i, tensor in enumerate(network.tensors)}
    leak = f"part of a {what} of {network.parameters} parameters that agrees with the model on {fidelity:.1%} of inputs"
    return Parts(tensors, {}, fidelity, dict.fromkeys(tensors, leak))


def influences(network: Network, context: Context, offer: Sample, solved: Tensor | None = None) -> Float64:
    """Influence of each record on the risk, as a drop: g_goal^T H^-1 g_i / N, (n,).

    Koh and Liang, "Understanding black-box predictions via influence functions", 2017, equation 2; the sign is turned,
    so that a record that helps is positive. ``solved`` is H^-1 g_goal where it is at hand.
    """
    vector = solve(network, context, goal_gradient(network, context)) if solved is None else solved
    return np.asarray((slopes(network, offer, vector) / context.base.weight.sum()).numpy())
