"""Methods on a small network: keeping it in an artifact, fine-tuning it on sets, scoring records by its derivatives."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.methods.families.base import Method, Parts, RefitMethod
from assay_pricing.records.records import Float64, Int64, Records
from assay_pricing.risk import Bools
from assay_pricing.surrogate.curvature import directional_derivatives, goal_gradient, solve
from assay_pricing.surrogate.distillation import distil, network_agreement, network_fidelity
from assay_pricing.surrogate.neighbours import Neighbours
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.newton import NewtonStep
from assay_pricing.surrogate.task import Context, Sample, Task

STEPS = 70
RATE = 1e-2


class NetworkMethod(Method):
    """A method on one network, by default a distilled student."""

    standardised = True

    def __init__(self, context: Context, parts: Parts) -> None:
        super().__init__(context, parts)
        count = sum(name.startswith("network.") for name in parts.tensors)
        self.network = Network.of([parts.tensors[f"network.{i}"] for i in range(count)])

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils a student."""
        network, fidelity = distil(task)
        parts = network_parts(network, fidelity, "student")
        return cls(task.context, replace(parts, agreement=network_agreement(task, network)))


@dataclass(frozen=True, eq=False)
class Goal:
    """What values of single records are read on: the validation records (v), or some of them.

    Attributes:
        solved: The direction that lowers the risk on them (p,), see ``influences``.
        newton: Weight of each (v,) in the drop by a Newton step; 0 for those that are left out.
        neighbours: Its weight (v,) in the drop by nearest neighbours.
    """

    solved: Tensor
    newton: Tensor
    neighbours: Tensor

    def among(self, rows: Int64, count: int) -> "Goal":
        """The goal where its validation records are those at rows (v,) among ``count``."""
        newton, neighbours = (torch.zeros(count, dtype=torch.float64) for _ in range(2))
        newton[rows], neighbours[rows] = self.newton, self.neighbours
        return Goal(self.solved, newton, neighbours)


class FineTunedMethod(NetworkMethod, RefitMethod):
    """Set price by fine-tuning the network on base and offer, for as many steps as on the base alone.

    Value of one record = mean(influence, Newton step after the line search) - 1 standard error over the validation
    records; at most 0 unless the record passes the junk test. It passes if its full Newton step gains more than one
    standard error; or if step and influence gain together, and the nearest neighbours by more than one standard error.
    Influence, to first order, believes junk. The full step does not, but rejects good records of a kind that the model
    hardly knows: the second way is for them.
    """

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils a student."""
        return cls._measured(task, distil(task)[0], "student")

    @classmethod
    def _measured(cls, task: Task, network: Network, description: str) -> Self:
        """The method on a network, with its fidelity and what that is worth."""
        found = cls.from_network(task.context, network, network_fidelity(task, network), description)
        return cls(found.context, replace(found.parts, agreement=network_agreement(task, network)))

    @classmethod
    def from_network(cls, context: Context, network: Network, fidelity: float, description: str) -> Self:
        """The method on a network, with everything computed once that all appraisals share.

        Args:
            context: The owner's records and goal.
            network: The surrogate (e = 1).
            fidelity: Its agreement with the model, 0..1.
            description: Of the network, for the owner.
        """
        parts = network_parts(network, fidelity, description)
        solved, alone = solve(network, context, goal_gradient(network, context)), _alone(network, context)
        tensors = {**parts.tensors, "solved": solved, "alone": alone}
        leaks = {
            **parts.leaks,
            "solved": "the direction that would lower the risk: one vector, no record",
            "alone": f"the {description}'s answers on the validation records",
        }
        return cls(context, replace(parts, tensors=tensors, leaks=leaks))

    def on(self, context: Context) -> Self:
        """See ``RefitMethod``; the student is the same."""
        tensors = {**self.parts.tensors, "alone": _alone(self.network, context)}
        return type(self)(context, replace(self.parts, tensors=tensors))

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        """See ``RefitMethod``; scenarios without an offer take the outputs that the fit stored."""
        outputs = self.parts.tensors["alone"].repeat(len(weights), 1, 1)  # (e, v, k)
        rows = torch.nonzero(weights.sum(1))[:, 0]
        if len(rows):
            outputs[rows] = _fine_tuned(self.network, self.context, offer, weights[rows])(self.context.validation.x)
        return self.context.encoder.outputs_in_units(outputs)

    def record_values(self, records: Records) -> Float64:
        """Cautious drop of the risk by each record on its own; at most 0 if the record fails the junk test, (n,)."""
        values: Float64 = self.values_by([self.goal], records)[0]
        return values

    @cached_property
    def goal(self) -> "Goal":
        """All validation records."""
        return self._goal_by(self._neighbours)

    def _goal_by(self, near: Neighbours) -> "Goal":
        return Goal(self.parts.tensors["solved"], self._newton.weights, near.weights)

    def goals(self, halves: Sequence["FineTunedMethod"]) -> Sequence["Goal"]:
        """All validation records, and each half of them, which these methods have for validation."""
        first = self.context.metric.first_half
        parts = zip(halves, (np.flatnonzero(first), np.flatnonzero(~first)), strict=True)
        found = ((half._goal_by(self._neighbours.on(half.context, rows)), rows) for half, rows in parts)
        return [self.goal, *(goal.among(rows, len(first)) for goal, rows in found)]

    def solved_halves(self) -> Tensor:
        """What is kept as ``solved``, of each half of the validation records (2, p)."""
        halves = self.context.halves()
        return torch.stack([solve(self.network, half, goal_gradient(self.network, half)) for half in halves])

    def values_by(self, goals: Sequence["Goal"], records: Records) -> Float64:
        """``record_values`` by each of r goals (r, n). What records do to validation records is computed once."""
        offer = self.context.encode(records)
        moves = self._newton.moves(offer)
        searched = self._newton.drops_by(moves.searched, [goal.newton for goal in goals])
        influence = np.stack([influences(self.network, self.context, offer, goal.solved) for goal in goals])
        mean, error = (np.stack([getattr(drop, name) for drop in searched]) for name in ("mean", "error"))
        values = (influence + mean) / 2 - error
        helpful = np.flatnonzero((values > 0).any(0))  # the junk test lowers no other value
        passes = self._are_no_junk(goals, offer.take(helpful), influence[:, helpful], moves.full[helpful])
        values[:, helpful] = np.where(passes, values[:, helpful], np.minimum(values[:, helpful], 0))
        return np.asarray(values)

    def _are_no_junk(self, goals: Sequence["Goal"], offer: Sample, influence: Float64, steps: Tensor) -> Bools:
        """Which records pass the junk test by each goal (r, n): of influences (r, n) and full steps (n, k, h + 1)."""
        full = self._newton.drops_by(steps, [goal.newton for goal in goals])
        passes = np.stack([drop.mean > drop.error for drop in full])
        undecided = ~passes & (np.stack([drop.mean for drop in full]) + influence > 0)
        asked = np.flatnonzero(undecided.any(0))
        near = self._neighbours.risk_drops_by(offer.take(asked), [goal.neighbours for goal in goals])
        passes[:, asked] |= undecided[:, asked] & np.stack([drop.mean > drop.error for drop in near])
        return np.asarray(passes)

    @cached_property
    def _newton(self) -> NewtonStep:
        return NewtonStep(self.context, self.network)

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self.context)

    def junk_score(self, records: Records) -> Float64:
        """Drop of the risk by a full Newton step towards each record, (n,)."""
        return self._newton.full(self.context.encode(records)).mean


class CompressedMethod(FineTunedMethod):
    """Set price by fine-tuning a student that was compressed after its distillation."""

    @classmethod
    @abstractmethod
    def compressor(cls, task: Task) -> tuple[Callable[[Network], Network], str]:
        """A function from the student to its compressed form, and a description of that form for the owner.

        Raises:
            DataError: A setting is out of its range.
        """

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils a student and compresses it; the fidelity is that of the compressed network."""
        compress, description = cls.compressor(task)
        network = compress(distil(task)[0])
        return cls._measured(task, network, description)


def network_parts(network: Network, fidelity: float, description: str) -> Parts:
    """A network as an artifact keeps it."""
    tensors = {f"network.{i}": tensor for i, tensor in enumerate(network.tensors)}
    leak = (
        f"part of a {description} of {network.parameters} parameters "
        f"that agrees with the model on {fidelity:.1%} of inputs"
    )
    return Parts(tensors, {}, fidelity, dict.fromkeys(tensors, leak))


def influences(network: Network, context: Context, offer: Sample, solved: Tensor) -> Float64:
    """Influence of each record on the risk, as a drop: g_goal^T H^-1 g_i / N, (n,).

    Koh and Liang, "Understanding black-box predictions via influence functions", 2017, equation 2, with the sign turned
    so that a record that helps is positive.

    Args:
        network: The surrogate (e = 1).
        context: The owner's records, N in all.
        offer: Records to score (n).
        solved: H^-1 g_goal (p,), see ``curvature.solve`` and ``curvature.goal_gradient``.
    """
    return np.asarray((directional_derivatives(network, offer, solved) / context.base.weight.sum()).numpy())


def _alone(network: Network, context: Context) -> Tensor:
    """Outputs on the validation records (1, v, k) after fine-tuning on the base alone."""
    nobody = context.base.take(np.arange(0))
    return _fine_tuned(network, context, nobody, nobody.weight[None])(context.validation.x)


def _fine_tuned(network: Network, context: Context, offer: Sample, weights: Tensor) -> Network:
    """The network fine-tuned on the base and, in each of e scenarios, the offer with the weights (e, n)."""
    base = context.base
    shares = torch.cat([base.weight.expand(len(weights), -1), weights], dim=1)  # (e, b + n)
    return train(
        network.repeat(len(weights)),
        torch.cat([base.x, offer.x]),
        torch.cat([base.y, offer.y]),
        shares / shares.sum(1, keepdim=True),
        decay=context.decay,
        steps=STEPS,
        rate=RATE,
    )
