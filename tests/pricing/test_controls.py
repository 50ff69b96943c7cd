"""Control sets and the cut that they set, by hand."""

from typing import Self

import numpy as np
import pytest
import torch
from torch import Tensor

from assay_pricing.controls import control_records, control_sets, cut, instability, measure
from assay_pricing.manifest import Control
from assay_pricing.methods import Method, Parts, RefitMethod
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Sample, Task
from tests.pricing.contexts import records, task

pytestmark = pytest.mark.unit
CONTROLS = (Control(records=16, gain=0.1), Control(records=64, gain=0.3), Control(records=256, gain=0.2))


class Halving(RefitMethod):
    """Its squared error is 1 without an offer, and 1 / (1 + n) after n records."""

    name = "halving"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        error = (1 / (1 + weights.sum(1))).sqrt().numpy()
        return np.asarray(self.context.metric.y[None, :, None] + error[:, None, None])


class Constant(Method):
    """Values every record at one."""

    name = "constant"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def record_values(self, records: Records) -> Float64:
        return np.ones(records.n)


class Squared(Constant):
    """Values a set at the square of its number of records."""

    prices_sets = True

    def set_value(self, records: Records) -> float:
        return float(records.n**2)


@pytest.fixture
def owners_task() -> Task:
    rng = np.random.default_rng(0)
    owner, held = (records(rng.uniform(-1, 1, (n, 2)), rng.uniform(-1, 1, n), 1) for n in (50, 5))
    return task(lambda x: x[:, 0], owner, held)


@pytest.mark.parametrize(
    ("size", "gain"), [(16, 0.1), (32, 0.2), (64, 0.3), (128, 0.25), (256, 0.2), (1, 0.1), (0, 0.1), (10**6, 0.2)]
)
def test_the_cut_is_linear_in_the_logarithm_of_the_size(size: int, gain: float) -> None:
    assert cut(CONTROLS, size) == pytest.approx(gain)


def test_a_control_is_the_highest_gain_of_its_size(owners_task: Task) -> None:
    measured = measure(Halving.fit(owners_task), owners_task)
    assert [control.records for control in measured] == [16, 64, 256]
    assert [control.gain for control in measured] == pytest.approx([16 / 17, 64 / 65, 256 / 257])


def test_a_method_that_scores_records_one_by_one_has_no_cut(owners_task: Task) -> None:
    assert [control.gain for control in measure(Constant.fit(owners_task), owners_task)] == [0, 0, 0]


def test_a_method_that_prices_sets_of_records_has_the_cut_of_such_sets(owners_task: Task) -> None:
    assert [control.gain for control in measure(Squared.fit(owners_task), owners_task)] == [16**2, 64**2, 256**2]


def test_control_records_are_noise_and_wrong_labels_and_near_copies(owners_task: Task) -> None:
    owned = {tuple(row) for row in owners_task.owner.x.tolist()}
    low, high = owners_task.owner.x.min(0), owners_task.owner.x.max(0)
    sets = control_records(owners_task, 16)
    for noise, relabelled, near in (sets[:3], sets[3:]):
        assert ((noise.x >= low) & (noise.x <= high)).all()
        assert {tuple(row) for row in relabelled.x.tolist()} <= owned
        assert not {tuple(row) for row in near.x.tolist()} & owned
        assert all(set(one.y.tolist()) <= set(owners_task.owner.y.tolist()) for one in (noise, relabelled, near))


def test_control_sets_are_made_of_the_owners_records(owners_task: Task) -> None:
    base = owners_task.context.base
    sets = control_sets(owners_task, 16)
    assert [len(control) for control in sets] == [16] * 6
    owned_x, owned_y = {tuple(row) for row in base.x.tolist()}, set(base.y.tolist())
    assert all(set(control.y.tolist()) <= owned_y for control in sets)
    for noise, relabelled, near in (sets[:3], sets[3:]):
        assert (noise.x >= base.x.min(0).values).all()
        assert (noise.x <= base.x.max(0).values).all()
        assert {tuple(row) for row in relabelled.x.tolist()} <= owned_x
        distances = torch.cdist(near.x, base.x).min(1).values
        assert (distances > 0).all()
        assert (distances < 0.1).all()


def test_control_sets_come_from_the_seed_alone(owners_task: Task) -> None:
    first, second = control_sets(owners_task, 16), control_sets(owners_task, 16)
    assert all(torch.equal(a.x, b.x) and torch.equal(a.y, b.y) for a, b in zip(first, second, strict=True))


class Retrained(Halving):
    """It learns as the model does."""

    retrains = True


def test_instability_is_what_records_that_are_learned_once_more_change(owners_task) -> None:
    """Its squared errors are 1/2 to 1/5 after one to four of them."""
    drops = 1 - 1 / np.arange(2, 6)
    assert instability(Retrained.fit(owners_task), 0) == pytest.approx(np.sqrt((drops**2).mean()))
    assert instability(Halving.fit(owners_task), 0) == 0
    assert instability(Constant.fit(owners_task), 0) == 0
