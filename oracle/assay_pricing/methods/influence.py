"""Influence functions (Koh and Liang, 2017) of a distilled student: g_goal^T H^-1 g_i, damped by the weight decay.

The Hessian is solved densely up to 4,000 parameters, by a fixed number of conjugate-gradient steps above. It is solved
once, at the fit; pricing takes one directional derivative per record.
"""

from dataclasses import replace
from typing import Self

from assay_pricing.methods.families.network import NetworkMethod, influences
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.curvature import goal_gradient, solve
from assay_pricing.surrogate.task import Task


class Influence(NetworkMethod):
    """Sum of influences: does not detect junk; use ``newton`` for that, and ``distillation`` for prices of sets."""

    name = "influence"
    when_to_use = "fast values of single records, without detection of junk"
    needs_records = False

    @classmethod
    def fit(cls, task: Task) -> Self:
        """Distils a student and solves for the goal."""
        plain = super().fit(task)
        solved = solve(plain.network, task.context, goal_gradient(plain.network, task.context))
        tensors = {**plain.parts.tensors, "solved": solved}
        leaks = {**plain.parts.leaks, "solved": "the direction that would lower the risk: one vector, no record"}
        return cls(task.context, replace(plain.parts, tensors=tensors, leaks=leaks))

    def record_values(self, records: Records) -> Float64:
        """Influence of each record, (n,)."""
        return influences(self.network, self.context, self.context.encode(records), self.parts.tensors["solved"])


METHOD = Influence
