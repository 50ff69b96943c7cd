"""Ridge regression whose features are the leaves that a record falls into: a closed form for the price of a set.

Two records are alike by the share of trees in which they share a leaf. That kernel is all the regression sees: of the
owner's records it keeps leaf numbers, no features.
"""

from functools import cached_property

import torch
from torch import Tensor

from assay_pricing.surrogate.task import Context, Sample
from assay_pricing.surrogate.trees import Trees

RIDGE = 0.03
"""Noise of one record's label against the kernel's one: small, as labels are mostly right."""
MAX_DENSE = 4096
"""Records that are solved for directly; more take ``_CG_STEPS`` conjugate-gradient steps."""
_CG_STEPS = 100


class LeafRidge:
    """What the owner's labels say beyond the black box's answers, and what more labels would say.

    Args:
        context: The owner's records and goal.
        trees: What gives records their leaves.
        answers: What the black box says in each leaf (l, k).
    """

    def __init__(self, context: Context, trees: Trees, answers: Tensor) -> None:
        self.context, self.trees, self.answers = context, trees, answers

    def after(self, offer: Sample, weights: Tensor) -> Tensor:
        """Scores on the validation records (v, k) when the offer (n), each record weighted (n,), is learned too."""
        kept = weights > 0
        if not bool(kept.any()):
            return self.before
        x, y, weights = offer.x[kept], offer.y[kept], weights[kept]
        leaves = self.trees.locate(x)
        if len(x) > MAX_DENSE:
            return self._by_steps(leaves, y, weights)
        gain, spread, residual = self._conditional(leaves, y)
        spread = spread + torch.diag(RIDGE / weights)
        change: Tensor = gain @ torch.linalg.solve(spread, residual)
        return self.before + change

    def after_each(self, offer: Sample) -> tuple[Tensor, Tensor, Tensor]:
        """Scores before (v, k), and the rank-one change by each record alone: directions (n, v) times sizes (n, k)."""
        leaves = self.trees.locate(offer.x)
        cross = self._alike(leaves, self._leaves)
        solved = torch.cholesky_solve(cross.T, self._factor)
        variance = 1 + RIDGE - (cross * solved.T).sum(1)
        gain = self._alike(leaves, self._held) - solved.T @ self._cross_held.T
        residual = self._target(offer.y) - self._prior(leaves) - cross @ self._solution
        return self.before, gain / variance[:, None], residual

    def _conditional(self, leaves: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Given the base: covariance of validation and offer (v, n), of the offer (n, n), its residuals (n, k)."""
        cross = self._alike(leaves, self._leaves)
        solved = torch.cholesky_solve(cross.T, self._factor)
        gain = self._alike(self._held, leaves) - self._cross_held @ solved
        spread = self._alike(leaves, leaves) - cross @ solved
        return gain, spread, self._target(y) - self._prior(leaves) - cross @ self._solution

    def _by_steps(self, leaves: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        """The same for many records: the kernel is never formed, its products go through sums by leaf."""
        every = torch.cat([self._leaves, leaves])
        noise = RIDGE / torch.cat([self.context.base.weight, weights])[:, None]
        right = self._target(torch.cat([self.context.base.y, y])) - self._prior(every)
        solution, left = torch.zeros_like(right), right.clone()
        direction, norm = left.clone(), (left**2).sum(0)
        for _ in range(_CG_STEPS):
            bent = self._spread(every, every, direction) + noise * direction
            length = norm / (direction * bent).sum(0).clamp(min=1e-300)
            solution = solution + length * direction
            left = left - length * bent
            new = (left**2).sum(0)
            direction, norm = left + new / norm.clamp(min=1e-300) * direction, new
        return self._prior(self._held) + self._spread(self._held, every, solution)

    def _spread(self, to: Tensor, of: Tensor, values: Tensor) -> Tensor:
        """Kernel (m, n) times values (n, k), tree by tree."""
        total = torch.zeros((len(to), values.shape[1]), dtype=torch.float64)
        for tree in range(len(self.trees)):
            sums = torch.zeros((len(self.answers), values.shape[1]), dtype=torch.float64)
            total += sums.index_add_(0, of[:, tree], values)[to[:, tree]]
        return total / len(self.trees)

    def _alike(self, a: Tensor, b: Tensor) -> Tensor:
        """Share of trees in which two records have one leaf (n, m)."""
        together = torch.zeros((len(a), len(b)), dtype=torch.int16)
        a, b = a.T.int().contiguous(), b.T.int().contiguous()
        for tree in range(len(self.trees)):
            together += a[tree][:, None] == b[tree][None, :]
        return together.double() / len(self.trees)

    def _prior(self, leaves: Tensor) -> Tensor:
        """The black box's answer at records with the given leaves (n, k)."""
        total = torch.zeros((len(leaves), self.answers.shape[1]), dtype=torch.float64)
        for tree in range(len(self.trees)):
            total += self.answers[leaves[:, tree]]
        return total / len(self.trees)

    def _target(self, y: Tensor) -> Tensor:
        if self.answers.shape[1] == 1:
            return y[:, None]
        return torch.nn.functional.one_hot(y.long(), self.answers.shape[1]).double()

    @cached_property
    def _leaves(self) -> Tensor:
        return self.trees.locate(self.context.base.x)

    @cached_property
    def _held(self) -> Tensor:
        return self.trees.locate(self.context.validation.x)

    @cached_property
    def _factor(self) -> Tensor:
        spread = self._alike(self._leaves, self._leaves) + torch.diag(RIDGE / self.context.base.weight)
        factor: Tensor = torch.linalg.cholesky(spread)
        return factor

    @cached_property
    def _solution(self) -> Tensor:
        right = self._target(self.context.base.y) - self._prior(self._leaves)
        return torch.cholesky_solve(right, self._factor)

    @cached_property
    def _cross_held(self) -> Tensor:
        return self._alike(self._held, self._leaves)

    @cached_property
    def before(self) -> Tensor:
        """Scores on the validation records (v, k) without an offer."""
        return self._prior(self._held) + self._cross_held @ self._solution
