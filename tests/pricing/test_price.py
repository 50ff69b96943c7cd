"""From gain to money: both pricing functions, in whole numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_pricing.price import MICRO, PricingRule, to_micros

pytestmark = pytest.mark.unit
MONEY = st.integers(0, 2**96 - 1)
RULES = st.builds(
    PricingRule,
    kind=st.sampled_from(["graded", "binary"]),
    rate=MONEY,
    cap=MONEY,
    floor=MONEY,
    grid=st.integers(1, 2**96 - 1),
)
GAINS = st.integers(-(10**12), 10**12)
COUNTS = st.integers(0, 10**6)


@given(RULES, GAINS, COUNTS)
def test_a_price_is_on_the_grid_within_the_cap_and_nothing_or_above_the_floor(
    rule: PricingRule, gain: int, useful: int
) -> None:
    price = rule.price(gain, useful)
    assert 0 <= price <= rule.cap
    assert price % rule.grid == 0
    assert price == 0 or price >= rule.floor


@given(RULES, GAINS, GAINS, COUNTS, COUNTS)
def test_more_gain_or_more_useful_records_are_never_paid_less(
    rule: PricingRule, gain: int, other: int, useful: int, more: int
) -> None:
    assert rule.price(min(gain, other), useful) <= rule.price(max(gain, other), useful)
    assert rule.price(gain, min(useful, more)) <= rule.price(gain, max(useful, more))


@given(RULES, st.integers(-(10**12), 0), COUNTS)
def test_no_gain_is_paid_nothing(rule: PricingRule, gain: int, useful: int) -> None:
    assert rule.price(gain, useful) == 0


def test_graded_pays_by_the_gain_and_binary_by_the_record() -> None:
    assert PricingRule(rate=10**18).price(MICRO // 4, 7) == 10**18 // 4
    assert PricingRule(kind="binary", rate=5).price(1, 7) == 35


@pytest.mark.parametrize(
    ("changes", "price"),
    [({"cap": 900}, 900), ({"grid": 300}, 900), ({"cap": 899, "grid": 300}, 600), ({"floor": 1001}, 0), ({}, 1000)],
)
def test_cap_grid_and_floor_in_turn(changes: dict[str, int], price: int) -> None:
    assert PricingRule(rate=1000, **changes).price(MICRO, 1) == price


@pytest.mark.parametrize(("gain", "micros"), [(0.25, 250000), (-1e-7, -1), (1e-7, 0), (0.3 - 1e-15, 300000)])
def test_gains_are_rounded_down_to_millionths_but_for_the_last_bits(gain: float, micros: int) -> None:
    assert to_micros(gain) == micros
