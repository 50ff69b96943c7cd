"""Kernel ridge regression on the leaves of trees: a closed form for the effect of a set of labels.

The kernel of two records is the share of trees in which they fall into the same leaf (Breiman's proximity), the inner
product of their leaf indicators. The regression learns the residuals between labels and the black box's answers, so of
the owner's records it reads leaf numbers and labels, no features. Equivalently it is the posterior mean of a Gaussian
process with that kernel, whose noise is ``RIDGE`` divided by a record's weight.
"""

from functools import cached_property

import torch
from torch import Tensor

from assay_pricing.surrogate.linear_algebra import conjugate_gradient
from assay_pricing.surrogate.task import Context, Sample
from assay_pricing.surrogate.trees import Trees

RIDGE = 0.03
"""Noise variance of one record's label, where the kernel's is 1: small, as labels are mostly right."""
MAX_DENSE = 4096
"""Offered records up to which the kernel is formed and solved; above, ``_CG_STEPS`` conjugate-gradient steps."""
_CG_STEPS = 100


class LeafRidge:
    """Scores of the validation records after learning the base, and after learning an offer as well.

    Args:
        context: The owner's records and goal.
        trees: The t trees.
        answers: The black box's answer in each leaf (l, k).
    """

    def __init__(self, context: Context, trees: Trees, answers: Tensor) -> None:
        self.context, self.trees, self.answers = context, trees, answers

    def after(self, offer: Sample, weights: Tensor) -> Tensor:
        """Scores of the validation records (v, k) after learning base and offer.

        Args:
            offer: n records; their own weights are ignored.
            weights: Weight of each of them (n,); those of weight 0 are left out.
        """
        kept = weights > 0
        if not bool(kept.any()):
            return self.before
        x, y, weights = offer.x[kept], offer.y[kept], weights[kept]
        leaves = self.trees.locate(x)
        if len(x) > MAX_DENSE:
            return self._after_iteratively(leaves, y, weights)
        gain, covariance, residual = self._conditional(leaves, y)
        covariance = covariance + torch.diag(RIDGE / weights)
        change: Tensor = gain @ torch.linalg.solve(covariance, residual)  # (v, k)
        return self.before + change

    def after_each(self, offer: Sample) -> tuple[Tensor, Tensor, Tensor]:
        """Scores after learning each of n records on its own, as the scores before plus a change of rank one.

        Returns:
            Scores before (v, k); direction of each change (n, v); its size by output (n, k).
        """
        leaves = self.trees.locate(offer.x)
        cross = self._kernel(leaves, self._leaves)  # (n, b)
        solved = torch.cholesky_solve(cross.T, self._factor)  # (b, n)
        variance = 1 + RIDGE - (cross * solved.T).sum(1)
        gain = self._kernel(leaves, self._validation) - solved.T @ self._cross_validation.T  # (n, v)
        residual = self._target(offer.y) - self._prior(leaves) - cross @ self._solution
        return self.before, gain / variance[:, None], residual

    def _conditional(self, leaves: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Given the base: covariance of validation and offer (v, n), of the offer (n, n), its residuals (n, k)."""
        cross = self._kernel(leaves, self._leaves)
        solved = torch.cholesky_solve(cross.T, self._factor)
        gain = self._kernel(self._validation, leaves) - self._cross_validation @ solved
        covariance = self._kernel(leaves, leaves) - cross @ solved
        return gain, covariance, self._target(y) - self._prior(leaves) - cross @ self._solution

    def _after_iteratively(self, leaves: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        """``after`` for many records: the kernel is never formed, its products are sums by leaf."""
        all_leaves = torch.cat([self._leaves, leaves])  # (b + n, t)
        noise = RIDGE / torch.cat([self.context.base.weight, weights])[:, None]
        right = self._target(torch.cat([self.context.base.y, y])) - self._prior(all_leaves)
        solution = conjugate_gradient(
            lambda values: self._kernel_product(all_leaves, all_leaves, values) + noise * values, right, _CG_STEPS
        )
        return self._prior(self._validation) + self._kernel_product(self._validation, all_leaves, solution)

    def _kernel_product(self, rows: Tensor, columns: Tensor, values: Tensor) -> Tensor:
        """Kernel of rows (m, t) and columns (n, t) times values (n, k): tree by tree, sums over the leaves, (m, k)."""
        total = torch.zeros((len(rows), values.shape[1]), dtype=torch.float64)
        for tree in range(len(self.trees)):
            sums = torch.zeros((len(self.answers), values.shape[1]), dtype=torch.float64)
            total += sums.index_add_(0, columns[:, tree], values)[rows[:, tree]]
        return total / len(self.trees)

    def _kernel(self, a: Tensor, b: Tensor) -> Tensor:
        """Share of trees in which two records fall into one leaf, (n, m), for leaves (n, t) and (m, t)."""
        shared = torch.zeros((len(a), len(b)), dtype=torch.int16)
        a, b = a.T.int().contiguous(), b.T.int().contiguous()
        for tree in range(len(self.trees)):
            shared += a[tree][:, None] == b[tree][None, :]
        return shared.double() / len(self.trees)

    def _prior(self, leaves: Tensor) -> Tensor:
        """The black box's mean answer at records with the given leaves (n, t), (n, k)."""
        total = torch.zeros((len(leaves), self.answers.shape[1]), dtype=torch.float64)
        for tree in range(len(self.trees)):
            total += self.answers[leaves[:, tree]]
        return total / len(self.trees)

    def _target(self, y: Tensor) -> Tensor:
        """Labels (n,) as one-hot (n, k), or targets (n, 1)."""
        if self.answers.shape[1] == 1:
            return y[:, None]
        return torch.nn.functional.one_hot(y.long(), self.answers.shape[1]).double()

    @cached_property
    def _leaves(self) -> Tensor:
        return self.trees.locate(self.context.base.x)

    @cached_property
    def _validation(self) -> Tensor:
        return self.trees.locate(self.context.validation.x)

    @cached_property
    def _factor(self) -> Tensor:
        """Cholesky factor of the base's kernel with its noise, (b, b)."""
        covariance = self._kernel(self._leaves, self._leaves) + torch.diag(RIDGE / self.context.base.weight)
        factor: Tensor = torch.linalg.cholesky(covariance)
        return factor

    @cached_property
    def _solution(self) -> Tensor:
        """Dual coefficients of the base (b, k)."""
        right = self._target(self.context.base.y) - self._prior(self._leaves)
        return torch.cholesky_solve(right, self._factor)

    @cached_property
    def _cross_validation(self) -> Tensor:
        return self._kernel(self._validation, self._leaves)

    @cached_property
    def before(self) -> Tensor:
        """Scores of the validation records (v, k) after learning the base alone."""
        return self._prior(self._validation) + self._cross_validation @ self._solution
