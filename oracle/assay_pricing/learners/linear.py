"""Linear learners: logistic and ridge regression with a penalty on the weights, to the optimum.

The penalty is a total, as in scikit-learn's ``C`` and ``alpha``: the more records, the less it counts.
"""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from assay_pricing.learners.port import Learner, single_thread
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample

PENALTIES = tuple(float(f"{x:.2g}") for x in 10.0 ** np.arange(-4, 4.5, 0.5))
_MAX_NEWTON = 1500
"""Parameters up to which Newton's method is used; its system has the square of that many numbers."""


class Linear(Learner):
    """Logistic regression of classes, ridge regression of targets, with half of ``penalty`` on the squared weights."""

    family: ClassVar[str] = "linear"
    learns_many: ClassVar[bool] = True
    grid: ClassVar[Mapping[str, tuple[Any, ...]]] = {"penalty": PENALTIES}

    @classmethod
    def starts(cls, encoder: Encoder) -> Iterator[Self]:
        """As scikit-learn has it by default."""
        yield cls(encoder, {"penalty": 1.0})

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        """See ``Learner``."""
        return self.linear_outputs(records.x, inputs.x, records)

    def linear_outputs(self, x: Tensor, asked: Tensor, records: Sample) -> Tensor:
        """``outputs`` of a linear model of the columns ``x`` (n, w) of records, for the columns ``asked`` (m, w)."""
        with single_thread():
            if not self.is_classifier:
                return _ridge(x, asked, records, self.capacity["penalty"])
            only = self.only_answer(records, len(asked))
            return self._logistic(x, asked, records) if only is None else only

    def _logistic(self, x: Tensor, asked: Tensor, records: Sample) -> Tensor:
        from sklearn.linear_model import LogisticRegression

        small = x.shape[1] * self.encoder.outputs <= _MAX_NEWTON
        solver, steps = ("newton-cholesky", 50) if small else ("lbfgs", 1000)
        model = LogisticRegression(C=1 / self.capacity["penalty"], solver=solver, tol=1e-8, max_iter=steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the last digit was not reached, or that columns repeat each other
            model.fit(x.numpy(), records.y.numpy(), sample_weight=records.weight.numpy())
        return self.answers(model, asked.numpy())


def _ridge(x: Tensor, asked: Tensor, records: Sample, penalty: float) -> Tensor:
    """Ridge regression with an intercept that has no penalty."""
    weight = records.weight
    centre_x, centre_y = weight @ x / weight.sum(), weight @ records.y / weight.sum()
    x, y = x - centre_x, records.y - centre_y
    squares = x.T @ (weight[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=torch.float64)
    solved = torch.linalg.solve(squares, x.T @ (weight * y))
    found: Tensor = (asked - centre_x) @ solved + centre_y
    return found[:, None]
