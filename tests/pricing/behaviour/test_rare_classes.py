"""Ten rows of a class in tens of thousands, and a class that the owner lacks: rare rows are worth what they bring."""

import numpy as np
import pytest

from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.surrogate.task import MAX_LEARNED
from tests.pricing.machines import STATES, machines, regression_of

pytestmark = pytest.mark.unit
OWNER = machines(1, normal=19_990, wear=10)
HELD = machines(2, normal=500, wear=50, fault=50)
MANY = machines(3, normal=5_000)
WEAR = machines(4, wear=100)
FAULTS = machines(5, fault=100)


@pytest.fixture(scope="module", params=[pytest.param("log_loss", marks=pytest.mark.slow), "balanced_log_loss"])
def plant(request: pytest.FixtureRequest) -> PriceFunction:
    return fit(regression_of(OWNER), OWNER, validation=HELD, metric=request.param, decay=2e-3)


def test_the_owners_ten_rows_are_all_kept(plant: PriceFunction) -> None:
    base = plant.method.context.base
    wear = base.y == STATES.index("wear")
    assert len(base) <= MAX_LEARNED < OWNER.n
    assert int(wear.sum()) == 10
    assert base.weight[wear].tolist() == [1.0] * 10
    assert float(base.weight.sum()) == pytest.approx(OWNER.n)


def test_a_hundred_rare_rows_are_worth_more_than_five_thousand_common_ones(plant: PriceFunction) -> None:
    common = plant.appraise(MANY).price
    assert plant.appraise(FAULTS).price > common
    assert plant.appraise(WEAR).price > common


def test_a_class_that_the_owner_never_saw_is_bought(plant: PriceFunction) -> None:
    appraisal = plant.appraise(FAULTS)
    assert appraisal.price > 0
    assert appraisal.priced == FAULTS.n
    assert (appraisal.record_values > 0).mean() > 0.5


def test_rare_rows_under_a_wrong_label_are_worth_less_than_under_their_own(plant: PriceFunction) -> None:
    wrong = type(FAULTS)(FAULTS.schema, FAULTS.x, np.full(FAULTS.n, float(STATES.index("normal"))))
    assert plant.appraise(wrong).price < plant.appraise(FAULTS).price // 10
