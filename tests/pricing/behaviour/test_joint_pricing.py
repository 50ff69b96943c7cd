"""Offers priced together with other offers: worth what they add."""

import re

import numpy as np
import pytest

from assay_pricing.errors import DataError
from assay_pricing.records.records import Records
from assay_pricing.surrogate.task import MAX_BASE
from tests.pricing.digits import Olga

pytestmark = pytest.mark.unit


def test_near_copies_of_what_was_bought_are_worth_a_tenth_at_most(function, olga: Olga) -> None:
    few, near = olga.offers["few"], olga.offers["near copies"].take(range(30))
    alone = function.appraise(near).price
    assert function.appraise(near, context=few).price <= alone // 10


def test_twenty_near_copies_in_twenty_offers_are_paid_about_once(function, olga: Olga) -> None:
    few, near = olga.offers["few"], olga.offers["near copies"]
    together = function.appraise(few).price
    paid, context = together, few
    for start in range(0, 120, 30):
        part = near.take(range(start, start + 30))
        paid += function.appraise(part, context=context).price
        context = context.join(part)
    assert paid <= 1.2 * together


def test_parts_of_an_offer_are_paid_about_what_the_whole_is(function, olga: Olga) -> None:
    useful = olga.offers["useful"]
    first, second = useful.take(range(60)), useful.take(range(60, 120))
    parts = function.appraise(first).price + function.appraise(second, context=first).price
    assert parts == pytest.approx(function.appraise(useful).price, rel=0.2)


def test_near_copies_of_what_others_sold_are_worth_a_tenth_at_most(function, olga: Olga) -> None:
    few, near = olga.offers["few"], olga.offers["near copies"].take(range(30))
    assert function.appraise(near, sold=few).price <= function.appraise(near).price // 10


def test_other_records_that_others_sold_change_no_price(function, olga: Olga) -> None:
    alone = function.appraise(olga.offers["few"])
    joint = function.appraise(olga.offers["few"], sold=olga.offers["useful"])
    assert joint.price == pytest.approx(alone.price, rel=0.01)


def test_the_reason_names_the_sellers_other_offers(function, olga: Olga) -> None:
    appraisal = function.appraise(olga.offers["useful"], context=olga.offers["few"])
    assert any("together with 30 records of the seller's other offers" in reason for reason in appraisal.reasons)


def test_copies_of_the_end_of_a_long_offer_are_worth_a_tenth_at_most(function, olga: Olga) -> None:
    """However much a seller offered before: what the offer copies of it is never left out."""
    few = olga.offers["few"]
    rng = np.random.default_rng(5)
    rows = rng.integers(olga.owner.n, size=MAX_BASE + 100)
    x = olga.owner.x[rows] + rng.normal(0, 0.2, (len(rows), 64)).astype(np.float32)
    long = Records(olga.owner.schema, x, olga.owner.y[rows]).join(few)
    near = olga.offers["near copies"].take(range(30))
    assert function.appraise(near, context=long).price <= function.appraise(near).price // 10


def test_a_seller_learns_no_figure_but_the_price(function, olga: Olga) -> None:
    for offer in (olga.offers["useful"], olga.offers["owner's copy"], olga.offers["noise"]):
        appraisal = function.appraise(offer)
        assert not any(re.search(r"[0-9]\.[0-9]", reason) or "own" in reason.split() for reason in appraisal.reasons)


def test_context_of_another_schema_is_refused(function, olga: Olga) -> None:
    schema = olga.owner.schema.model_copy(update={"classes": (*olga.owner.schema.classes, "10")})
    other = Records(schema, olga.owner.x, olga.owner.y)
    with pytest.raises(DataError, match="expected context and sold records of the model's schema"):
        function.appraise(olga.offers["useful"], context=other)
