"""What a rate costs, before anything is fitted."""

import numpy as np
import pytest

from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.fitting import goal_of
from assay_pricing.price import Outlook, PricingRule
from assay_pricing.records.records import Records
from assay_pricing.surrogate.outlook import outlook
from tests.pricing.contexts import records, soft

pytestmark = pytest.mark.unit
ETHER = 10**18


def seen_of(owner: Records, model: object, **goal: str) -> Outlook:
    owned, held, metric = goal_of(owner, **goal)
    return outlook(as_black_box(model, owner.schema), owned, held, metric, 0)


def line(n: int) -> Records:
    """A regression in thousands: the labels' unit is large, as prices are."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 3))
    return records(x, 3000 + 1000 * x[:, 0] + rng.normal(0, 100, n), 1)


def test_the_risk_is_the_models_own() -> None:
    owner = line(200)
    held = goal_of(owner)[1]
    seen = seen_of(owner, lambda x: 3000 + 1000 * x[:, 0].astype(float))
    assert seen.risk == pytest.approx(float(((3000 + 1000 * held.x[:, 0] - held.y) ** 2).mean()), rel=1e-4)
    assert seen.records == 28  # a fifth of 140


def test_the_risk_of_probabilities_is_their_loss() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    owner = records(x, x.argmax(1), 3)
    held = goal_of(owner)[1]
    expected = -np.log(soft(held.x.astype(float))[np.arange(held.n), held.y.astype(int)]).mean()
    assert seen_of(owner, lambda x: soft(x.astype(float))).risk == pytest.approx(expected)
    assert seen_of(owner, lambda x: x.argmax(1), metric="accuracy").risk == 0
    assert 0 < seen_of(owner, lambda x: x.argmax(1)).risk < np.log(3), "of labels alone, that of a small network"


def test_what_another_temperature_brings_is_told_of_a_model_that_is_too_sure() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    owner = records(x, (x + np.random.default_rng(1).gumbel(size=x.shape)).argmax(1), 3)
    right, sure = (seen_of(owner, lambda x, t=t: soft(t * x.astype(float))) for t in (1.0, 4.0))
    assert right.recalibration < 0.02
    assert sure.recalibration == pytest.approx(sure.risk - right.risk + right.recalibration, abs=1e-3)
    assert seen_of(owner, lambda x: x.argmax(1), metric="accuracy").recalibration == 0


def test_more_of_the_owners_kind_brings_less_the_more_there_is() -> None:
    few, many = (seen_of(line(n), lambda x: 3000 + 1000 * x[:, 0].astype(float)).gain for n in (60, 600))
    assert few > many >= 0


@pytest.mark.parametrize("unit", [1.0, 1e3, 0.03])
@pytest.mark.parametrize("kind", ["graded", "binary"])
def test_a_budget_pays_for_ten_typical_offers_in_every_unit(unit: float, kind: str) -> None:
    seen = Outlook(risk=4 * unit**2, records=20, gain=0.5 * unit**2)
    rule = PricingRule(kind=kind, rate=seen.suggested_rate(5 * ETHER, kind), record_gain=seen.record_gain)
    rounded = rule.rate / 2 if kind == "binary" else 0
    assert seen.typical(rule) == pytest.approx(ETHER // 2, rel=1e-2, abs=rounded)
    assert seen.perfect(rule) >= seen.typical(rule)


def test_a_gain_that_chance_hides_counts_as_a_hundredth_of_the_risk() -> None:
    seen = Outlook(risk=4.0, records=20, gain=0.0)
    rule = PricingRule(rate=seen.suggested_rate(5 * ETHER, "graded"))
    assert seen.typical(rule) == 0
    assert seen.perfect(rule) == pytest.approx(50 * ETHER, rel=1e-6)


def test_a_model_without_risk_still_gets_a_rate() -> None:
    seen = Outlook(risk=0.0, records=20, gain=0.0)
    assert seen.suggested_rate(1, "graded") >= 1
    assert seen.perfect(PricingRule(rate=ETHER)) == 0
