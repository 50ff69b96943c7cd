"""The value of an offer by hand, and its interval by SciPy."""

from typing import Self

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap
from torch import Tensor

from assay_pricing.duplicates import Kernel
from assay_pricing.manifest import Control
from assay_pricing.methods import Method, Parts, RefitMethod
from assay_pricing.offers.partitions import Whole
from assay_pricing.records.records import Float64, Records
from assay_pricing.risk import Metric
from assay_pricing.surrogate import task as task_module
from assay_pricing.surrogate.task import Sample, Task
from assay_pricing.valuation import (
    Valuation,
    _unseen,
    base_risk,
    best_subset,
    bootstrap_interval,
    joint_records,
    shrunk,
    value_offer,
)
from tests.pricing.contexts import FLAT, context, manifest, records, sample

pytestmark = pytest.mark.unit
BASE = sample([[100.0]], [0.0])
GOAL = context(BASE, sample([[0.0]] * 4, [0.0] * 4), 1)
NOTHING = records(np.zeros((0, 1)), [], 1)


class Halving(RefitMethod):
    """Its squared error is 1 without an offer, and 1 / (1 + w) after records of total weight w."""

    name = "halving"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        error = (1 / (1 + weights.sum(1))).sqrt().numpy()
        return np.asarray(self.context.metric.y[None, :, None] + error[:, None, None])


class Relearning(Halving):
    """By which copies within a quarter of the radius share a weight."""

    copy_share = 0.25


class Mean(RefitMethod):
    """Answers the mean label of base and offer, and doubts labels over 5; retrains as the model does."""

    name = "mean"
    retrains = True

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def doubted(self, offer: Sample, left_out: Tensor) -> Tensor:
        return offer.y > 5

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        base = self.context.base
        means = (base.y.sum() + weights @ offer.y) / (len(base) + weights.sum(1))
        return means[:, None, None].expand(-1, len(self.context.validation), 1).numpy()


class Memory(RefitMethod):
    """Answers validation records at the feature of a learned record better or worse, by its label, and no others."""

    name = "memory"
    retrains = True

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def refit_outputs(self, offer: Sample, weights: Tensor) -> Float64:
        same = (offer.x == self.context.validation.x[:, 0]).double()  # (n, v)
        return (1 - (weights * offer.y) @ same / 2)[:, :, None].numpy()


class Sum(Method):
    """Values a record at its feature."""

    name = "sum"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts())

    def record_values(self, records: Records) -> Float64:
        return records.x[:, 0].astype(np.float64)


def at(*places: float) -> Records:
    return records([[place] for place in places], [0.0] * len(places), 1)


def valued(
    offer: Records,
    others: Records = NOTHING,
    sold: Records = NOTHING,
    method: type[Method] = Halving,
    **changes: object,
) -> Valuation:
    return value_offer(method(GOAL, Parts()), manifest(**changes), offer, lambda: np.ones(offer.n), others, sold)


def test_the_set_value_is_the_drop_from_the_base_alone() -> None:
    found = valued(at(1, 2, 3))
    assert found.set_value == pytest.approx(1 - 1 / 4)
    assert found.gain == found.set_value
    assert found.interval == pytest.approx((0.75, 0.75))  # all validation records improve alike
    assert found.distinct == 3


def test_the_cut_of_the_controls_is_subtracted_from_the_gain_and_its_interval() -> None:
    found = valued(at(1, 2, 3), controls=(Control(records=16, gain=0.25), *FLAT[1:]))
    assert found.set_value == pytest.approx(0.75)
    assert found.gain == pytest.approx(0.5)
    assert found.interval == pytest.approx((0.5, 0.5))


def test_an_offer_is_worth_what_it_adds_to_the_sellers_other_offers() -> None:
    """1/2 after the one record of the other offer, 1/4 after the three of both."""
    found = valued(at(1, 2), others=at(3))
    assert found.set_value == pytest.approx(1 / 2 - 1 / 4)
    assert found.distinct == 2


def test_near_copies_share_one_weight_and_count_as_one() -> None:
    found = valued(at(1, 1, 5), near_radius=0.1)
    assert found.set_value == pytest.approx(1 - 1 / 3)
    assert found.distinct == 2


def test_of_a_learner_that_is_retrained_only_closer_copies_share_a_weight() -> None:
    near = valued(at(1, 1.09), near_radius=0.1)
    assert near.set_value < valued(at(1, 1.09), method=Relearning, near_radius=0.1).set_value
    assert valued(at(1, 1.09), method=Relearning, near_radius=0.1).set_value == pytest.approx(1 - 1 / 3, abs=1e-3)
    assert valued(at(1, 1.01), method=Relearning, near_radius=0.1).set_value < 1 - 1 / 2.2


@pytest.mark.parametrize("source", ["sold", "others"])
def test_copies_of_other_offers_share_their_weight_within_the_whole_radius(source: str) -> None:
    """A copy that is moved a little is not paid a second time."""
    found = valued(at(1.09), method=Relearning, near_radius=0.1, **{source: at(1)})
    assert found.set_value == pytest.approx(valued(at(1.09), near_radius=0.1, **{source: at(1)}).set_value)
    assert found.set_value < 0.05


def test_a_copy_of_what_others_sold_adds_nothing_and_new_records_keep_their_value() -> None:
    assert valued(at(1), sold=at(1, 2), near_radius=0.1).set_value == pytest.approx(0)
    assert valued(at(1), sold=at(1, 2), near_radius=0.1).distinct == 0
    assert valued(at(3), sold=at(1, 2), near_radius=0.1).set_value == pytest.approx(1 / 2)


def test_records_that_do_not_help_by_themselves_count_in_a_set_that_helps() -> None:
    values = np.array([1.0, 0.0, -1.0])
    assert value_offer(Halving(GOAL, Parts()), manifest(), at(1, 2, 3), lambda: values, NOTHING, NOTHING).distinct == 3


def test_a_method_without_a_surrogate_adds_up_its_records() -> None:
    method = Sum(GOAL, Parts())
    controls = tuple(Control(records=size, gain=0.5) for size in (16, 64, 256))
    values = np.array([1.0, 2.0, -1.0])
    found = value_offer(method, manifest(controls=controls), at(1, 2, -1), lambda: values, NOTHING, NOTHING)
    assert found == Valuation(set_value=2.0, gain=1.5, interval=(1.5, 1.5), distinct=2)


def test_the_risk_before_any_offer_is_that_of_the_base() -> None:
    assert base_risk(Halving(GOAL, Parts())) == 1
    assert base_risk(Sum(GOAL, Parts())) == 0


def test_an_offer_is_priced_with_all_that_it_copies_and_a_sample_of_the_sellers_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_module, "MAX_BASE", 4)
    others, sold = at(1, *range(10, 30)), at(2, 40)
    found = joint_records(GOAL, Kernel(0.1), Whole(at(1, 2), GOAL.encoder), others, sold, 0)
    places = found.x[:, 0].tolist()
    assert places[0] == 1  # copied from the seller's other offers
    assert places[-1] == 2  # copied from what others sold
    assert len(places) == 6  # four of the rest, which represent twenty
    assert found.weight.tolist() == [1, 5, 5, 5, 5, 1]


def test_the_interval_is_scipys_percentile_bootstrap_of_the_same_samples() -> None:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 40).astype(np.float64)
    metric = Metric("log_loss", y)

    def outputs() -> Float64:
        scores = rng.normal(size=(40, 2))
        return np.asarray(scores - np.log(np.exp(scores).sum(1, keepdims=True)))

    before, after = outputs(), outputs()
    drops = (after - before)[np.arange(40), y.astype(int)]
    expected = bootstrap(
        (drops,),
        np.mean,
        n_resamples=200,
        confidence_level=0.9,
        method="percentile",
        random_state=np.random.default_rng(7),
    ).confidence_interval
    assert bootstrap_interval(metric, before, after, seed=7) == pytest.approx(tuple(expected))


def test_the_interval_of_three_records_by_hand() -> None:
    """Drops 1, 2, 3: a sample of three has the mean 1 or 3 in 1 of 27 cases each, less than 5 %."""
    y = np.zeros(3)
    before, after = np.sqrt([[2.0], [3.0], [4.0]]), np.ones((3, 1))
    assert bootstrap_interval(Metric("squared_error", y), before, after, seed=0) == pytest.approx((4 / 3, 8 / 3))


# --- what retrains is paid by its own gain, of the best subset --------------------------------------------------------

FOUR = context(sample([[100.0]] * 4, [4.0] * 4), sample([[0.0]] * 4, [0.0] * 4), 1)


def retrained(labels: list[float], values: list[float]) -> Valuation:
    """Of an offer with these labels and values of its records, to an owner of four records of label 4."""
    offer = records([[float(i)] for i in range(len(labels))], labels, 1)
    return value_offer(Mean(FOUR, Parts()), manifest(), offer, lambda: np.array(values), NOTHING, NOTHING)


def test_a_good_set_is_priced_whole() -> None:
    """The mean of 4 falls to 2: the squared error by 12, the same on every validation record."""
    found = retrained([0, 0, 0, 0], [1, 1, 1, 1])
    assert found == Valuation(set_value=12, gain=12, interval=(12, 12), distinct=4)


def test_junk_in_a_good_set_is_left_out_by_its_labels_and_costs_nothing() -> None:
    found = retrained([0, 0, 0, 0, 28], [1, 1, 1, 1, 1])
    assert (found.set_value, found.gain) == (12, 12)
    assert found.excluded == (False, False, False, False, True)
    assert found.distinct == 4


def test_junk_in_a_good_set_is_left_out_by_the_values_of_its_records() -> None:
    found = retrained([0, 0, 0, 0, 5], [1, 1, 1, 1, -1])
    assert found.gain == 12
    assert found.excluded == (False, False, False, False, True)


def test_records_that_help_only_the_validation_records_that_chose_them_are_no_subset() -> None:
    """Those of label 1 would lower the squared error by 3/4 where they lie, and by nothing elsewhere."""
    places = [[float(i)] for i in range(6)]
    goal = context(BASE, sample(places, [0.0] * 6), 1)
    offer = records(places, [1.0, 1.0, -1.0, -1.0, 1.0, -1.0], 1)
    method = Memory(goal, Parts())
    values = method.record_values(offer)
    assert (values > 0).tolist() == [True, True, False, False, True, False]
    found = value_offer(method, manifest(), offer, lambda: values, NOTHING, NOTHING)
    assert found.excluded == ()
    assert found.gain == pytest.approx((0.75 - 1.25) / 2)


def test_where_no_subset_is_paid_the_whole_set_was_priced() -> None:
    """Without the label of 28, which the encoder clips to 6, the rest would still raise the error."""
    found = retrained([28, 5, 5, 5, 5], [1, 1, 1, 1, 1])
    assert found.excluded == ()
    assert (found.gain, found.set_value) == pytest.approx((4**2 - (42 / 9) ** 2,) * 2)


def test_a_set_of_junk_alone_has_no_subset_and_no_gain() -> None:
    found = retrained([28, 28], [-1, -1])
    assert found.gain < 0
    assert found.excluded == ()


def test_an_uncertain_gain_is_shrunk_and_a_clear_one_is_not() -> None:
    assert shrunk(1.0, 0.0) == 1
    assert shrunk(1.0, 0.1) == pytest.approx(0.99)
    assert shrunk(1.0, 0.5) == pytest.approx(0.75)
    assert shrunk(1.0, 1.0) == 0
    assert shrunk(-1.0, 9.0) == -1
    gains = [shrunk(gain, 1.0) for gain in np.linspace(-2, 5, 50)]
    assert gains == sorted(gains)


def test_a_subset_is_not_paid_for_what_the_owner_gains_by_choosing_among_her_own_records() -> None:
    """A subset lowers the error by 3/4, the whole set by none; the owner can lower it as much, or by 1/4, herself."""
    y = np.zeros(50)
    metric = Metric("squared_error", y)
    before, chosen = np.ones((50, 1)), np.full((50, 1), 0.5)
    assert best_subset(metric, before, [before, chosen], 0) == (1, 0.75, (0.75, 0.75))
    assert best_subset(metric, before, [before, chosen], 0, own=0.25)[:2] == (1, 0.5)
    assert best_subset(metric, before, [before, chosen], 0, own=0.75)[:2] == (0, 0)


def test_a_gain_that_any_change_of_the_records_may_bring_is_not_paid() -> None:
    """The squared error of every record falls by 1/4, so that the validation records leave no doubt."""
    metric = Metric("squared_error", np.zeros(50))
    before, after = np.ones((50, 1)), np.full((50, 1), 0.75**0.5)
    for instability, paid in ((0.0, 0.25), (0.0625, 0.1875), (0.125, 0.0), (1.0, 0.0)):
        assert best_subset(metric, before, [after], 0, instability=instability)[1] == pytest.approx(paid)


@pytest.mark.parametrize(("copies", "left"), [(0, True), (13, True), (14, False), (100, False)])
def test_as_many_copies_of_validation_records_as_the_owner_has_are_chance(copies: int, left: bool) -> None:
    """Of 200 records 8 are expected to be copies, +- 2.8."""
    copied = torch.zeros(200, dtype=torch.float64)
    copied[:copies] = 1
    weights = _unseen(copied, 0.04)
    assert int(weights.sum()) == (200 if left else 200 - copies)
    assert int(_unseen(copied, 0.0).sum()) == 200 - copies


def test_chance_does_not_choose_a_subset() -> None:
    """A subset that gains as much in the mean, by other validation records, is no better: its excess is shrunk to 0."""
    rng = np.random.default_rng(0)
    y = np.zeros(200)
    metric = Metric("squared_error", y)
    before, whole = np.full((200, 1), 2.0), np.sqrt(rng.uniform(0, 2, (200, 1)))
    other = np.sqrt(rng.permutation(whole**2) - 1e-3 * (whole**2 > 0.01))
    best, gain, (low, high) = best_subset(metric, before, [whole, other], 0)
    drop = metric.drop(before, whole)
    assert best == 0
    assert 0.98 * drop < gain < drop
    assert low < gain < high
    clear, more, _ = best_subset(metric, before, [whole, whole / 2], 0)
    assert clear == 1
    assert more > gain
