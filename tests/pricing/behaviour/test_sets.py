"""A price depends on the set of the records that are offered, and on none that the owner tests it by."""

import numpy as np
import pytest

from assay_pricing.records.records import Records
from tests.pricing.machines import SCHEMA, STATES, machines

pytestmark = pytest.mark.unit
VALIDATION = machines(2, normal=60, wear=60)
NEW = machines(13, normal=10, wear=10, fault=40)


def half_wrong(records: Records) -> Records:
    """Every second record with the label after its own."""
    y = np.where(np.arange(records.n) % 2, (records.y + 1) % len(STATES), records.y)
    return Records(SCHEMA, records.x, y)


@pytest.mark.parametrize("offer", [NEW, half_wrong(NEW)], ids=["clean", "half wrong"])
def test_the_order_of_records_changes_nothing(plant, offer: Records) -> None:
    others = machines(14, normal=10, fault=20)
    row, back = np.random.default_rng(0).permutation(offer.n), np.arange(others.n)[::-1]
    found = plant.appraise(offer, context=others, sold=others)
    shuffled = plant.appraise(offer.take(row), context=others.take(back), sold=others.take(back))
    assert (found.set_value, found.price) == (shuffled.set_value, shuffled.price)
    assert [found.verdicts[i] for i in row] == list(shuffled.verdicts)
    assert found.record_values[row] == pytest.approx(shuffled.record_values)


def test_records_that_a_price_is_tested_by_are_worth_nothing(plant) -> None:
    found = plant.appraise(VALIDATION)
    assert (found.price, found.distinct) == (0, 0)


def test_near_copies_of_them_are_worth_nothing(plant) -> None:
    new = machines(13, normal=60, wear=60)
    near = Records(SCHEMA, VALIDATION.x + np.array([1e-5, 1e-7, 1e-5, 1e-3, 0]), VALIDATION.y)
    found = plant.appraise(near.join(new))
    assert plant.appraise(near).price == 0
    assert 0 < found.price <= 1.2 * plant.appraise(new).price
