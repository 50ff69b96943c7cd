"""The two ways to write a method, with methods that can be worked out by hand."""

from typing import Self

import numpy as np
import pytest
from torch import Tensor

from assay_pricing.methods.families.base import Method, Parts, RefitMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Sample, Task
from tests.pricing.contexts import context, records, sample

pytestmark = pytest.mark.unit
CONTEXT = context(sample([[0.0], [1.0]], [1, 3]), sample([[0.0], [1.0]], [4, 4]), 1)
OFFER = records([[0.0], [1.0], [2.0]], [5, 6, 2], 1)


class Labels(Method):
    """A record is worth its label."""

    name = "labels"
    when_to_use = "in a test"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def record_values(self, records: Records) -> Float64:
        return records.y


class Mean(RefitMethod):
    """The surrogate answers the weighted mean of the labels that it has seen."""

    name = "mean"
    when_to_use = "in a test"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        base = self.context.base
        means = (base.y.sum() + weights @ offer.y) / (len(base) + weights.sum(1))
        return means[:, None, None].expand(-1, len(self.context.validation), 1).numpy()


def test_a_set_of_a_method_is_worth_the_sum_of_its_records() -> None:
    method = Labels(CONTEXT, Parts())
    assert method.set_value(OFFER) == 13
    assert method.junk_score(OFFER).tolist() == [5, 6, 2]
    assert Labels.restore(CONTEXT, method.parts).parts is method.parts


def test_a_set_of_a_refit_method_is_worth_the_drop_of_the_risk() -> None:
    """Mean 2 of the base is 4 off in the square; (1 + 3 + 5 + 6 + 2) / 5 = 3.4 is 0.36 off."""
    assert Mean(CONTEXT, Parts()).set_value(OFFER) == pytest.approx(4 - 0.36)


def test_a_record_of_a_refit_method_is_worth_its_own_drop() -> None:
    """The means are 9/3, 10/3 and 6/3."""
    found = Mean(CONTEXT, Parts()).record_values(OFFER)
    np.testing.assert_allclose(found, [4 - 1, 4 - 4 / 9, 0])
