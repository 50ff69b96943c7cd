"""The price follows the stated goal: what helps one use and hurts another is priced by the use."""

from functools import cache

import numpy as np
import pytest

from assay_pricing.errors import DataError
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.price import PricingRule
from assay_pricing.records.records import Records
from tests.pricing.machines import SCHEMA, machines, regression_of

pytestmark = pytest.mark.unit
NORTH, SOUTH = 0.0, 1.0


def plant(seed: int, n: int, site: float, *, limit: float) -> Records:
    """Machines of one site; all above a limit of temperature are worn."""
    found = machines(seed, normal=n)
    x = found.x.copy()
    x[:, 4] = site
    worn = (x[:, 0] - 20) / 8 > limit
    return Records(SCHEMA, x, np.where(worn, 2.0, 1.0))


OWNER = plant(1, 300, NORTH, limit=0.0).join(plant(2, 20, SOUTH, limit=0.0))
OURS = plant(3, 150, NORTH, limit=0.0)
THEIRS = plant(4, 150, NORTH, limit=1.0)
OTHER_LIMIT = plant(5, 150, NORTH, limit=1.0)


@cache
def priced_by(goal: str) -> PriceFunction:
    model = regression_of(OWNER)
    if goal == "ours":
        return fit(model, OWNER, validation=OURS, decay=2e-3)
    return fit(model, OWNER, validation=THEIRS, decay=2e-3)


def test_the_validation_set_decides_what_is_good_data() -> None:
    assert priced_by("theirs").appraise(OTHER_LIMIT).price > 0
    assert priced_by("ours").appraise(OTHER_LIMIT).price == 0
    assert priced_by("ours").appraise(OTHER_LIMIT).set_value < 0


def test_the_metric_decides_what_is_good_data() -> None:
    """More of a rare state than there is in truth helps where all states count alike, and hurts where rows do."""

    def blurred(seed: int, normal: int, wear: int) -> Records:
        found = machines(seed, normal=normal, wear=wear)
        noise = np.random.default_rng(seed).normal(0, 1, (found.n, 4)) * np.array([20.0, 0.12, 5.0, 300.0])
        x = found.x.copy()
        x[:, :4] += noise
        return Records(SCHEMA, x, found.y)

    owner, held, offer = blurred(6, 380, 20), blurred(7, 285, 15), blurred(8, 0, 300)
    model = regression_of(owner)
    rows = fit(model, owner, validation=held, metric="log_loss", decay=2e-3).appraise(offer)
    states = fit(model, owner, validation=held, metric="balanced_log_loss", decay=2e-3).appraise(offer)
    assert rows.set_value < 0 < states.set_value
    assert rows.price == 0 < states.price


def test_the_worst_group_decides_what_is_good_data() -> None:
    """The south wears at another limit; a goal for the worst site pays for the south's machines alone."""
    held = plant(9, 200, NORTH, limit=0.0).join(plant(10, 50, SOUTH, limit=1.0))
    function = fit(regression_of(OWNER), OWNER, validation=held, worst_group="site", decay=2e-3)
    north, south = plant(11, 100, NORTH, limit=0.0), plant(12, 100, SOUTH, limit=1.0)
    assert function.manifest.worst_group == "site"
    assert function.appraise(south).price > 10 * function.appraise(north).price


def test_a_group_that_is_no_column_is_refused() -> None:
    with pytest.raises(DataError, match="to group by, got 'weather'"):
        fit(regression_of(OWNER), OWNER, validation=OURS, worst_group="weather", decay=2e-3)


def test_a_metric_of_another_task_is_refused() -> None:
    with pytest.raises(DataError, match="expected a metric for classification, got 'squared_error'"):
        fit(regression_of(OWNER), OWNER, validation=OURS, metric="squared_error", decay=2e-3)


def test_the_lower_bound_of_the_interval_is_paid_where_the_owner_wants_that() -> None:
    function = priced_by("theirs")
    estimate = function.appraise(OTHER_LIMIT)
    rule = PricingRule(basis="lower_bound")
    cautious = PriceFunction(function.manifest.model_copy(update={"rule": rule}), function.method, function.tensors)
    low, high = estimate.interval
    assert low < estimate.predicted_gain < high
    assert 0 < cautious.appraise(OTHER_LIMIT).price < estimate.price
    assert cautious.appraise(OTHER_LIMIT).price == pytest.approx(low * 10**18, rel=1e-4)


def test_the_papers_binary_rule_pays_each_useful_record_alike_and_in_all_as_the_graded_rule() -> None:
    function = priced_by("theirs")
    seen, graded = function.manifest.outlook, function.manifest.rule
    rule = PricingRule(kind="binary", rate=seen.rate_per_record(graded.rate), record_gain=seen.record_gain)
    binary = PriceFunction(function.manifest.model_copy(update={"rule": rule}), function.method, function.tensors)
    offer = plant(5, 400, NORTH, limit=1.0)
    paid, expected = (priced.appraise(offer).price for priced in (binary, function))
    assert paid == pytest.approx(expected, abs=rule.rate)
    assert paid % rule.rate == 0
    assert 100 * rule.rate < paid < offer.n * rule.rate
