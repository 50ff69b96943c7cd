"""From gain to money: both pricing functions, in whole numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_pricing.price import MICRO, Outlook, PricingRule, to_micros

pytestmark = pytest.mark.unit
MONEY = st.integers(0, 2**96 - 1)
RULES = st.builds(
    PricingRule,
    kind=st.sampled_from(["graded", "binary"]),
    rate=MONEY,
    cap=MONEY,
    floor=MONEY,
    grid=st.integers(1, 2**96 - 1),
    record_gain=st.integers(0, 10**15),
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
    ("gain", "records", "useful"),
    [(0, 9, 0), (99, 9, 0), (100, 9, 1), (299, 9, 1), (300, 9, 2), (1000, 9, 5), (10**6, 9, 9), (1000, 0, 0)],
)
def test_a_set_has_as_many_useful_records_as_its_gain_is_multiples_of_theirs(
    gain: int, records: int, useful: int
) -> None:
    """A useful record gains 200 millionths; the nearest number counts, and at most the records that there are."""
    rule = PricingRule(kind="binary", rate=7, record_gain=200_000)
    assert rule.price(gain, records) == 7 * useful


@given(st.lists(st.integers(0, 10**6), min_size=20, max_size=20), st.integers(10**6, 10**9))
def test_over_many_sets_the_binary_rule_pays_as_the_graded_one(gains: list[int], record_gain: int) -> None:
    """Where sets have records enough; what rounding adds and takes away is half a record for each set at most."""
    graded = PricingRule(rate=10**18)
    seen = Outlook(risk=record_gain * 10 / 10**9, records=2)
    assert seen.record_gain == pytest.approx(record_gain, abs=1)
    binary = PricingRule(kind="binary", rate=seen.rate_per_record(10**18), record_gain=seen.record_gain)
    paid, expected = (sum(rule.price(gain, 10**6) for gain in gains) for rule in (binary, graded))
    assert abs(paid - expected) <= 20 * binary.rate / 2 + expected * 1e-5


@pytest.mark.parametrize(
    ("changes", "price"),
    [({"cap": 900}, 900), ({"grid": 300}, 900), ({"cap": 899, "grid": 300}, 600), ({"floor": 1001}, 0), ({}, 1000)],
)
def test_cap_grid_and_floor_in_turn(changes: dict[str, int], price: int) -> None:
    assert PricingRule(rate=1000, **changes).price(MICRO, 1) == price


@pytest.mark.parametrize(("gain", "micros"), [(0.25, 250000), (-1e-7, -1), (1e-7, 0), (0.3 - 1e-15, 300000)])
def test_gains_are_rounded_down_to_millionths_but_for_the_last_bits(gain: float, micros: int) -> None:
    assert to_micros(gain) == micros
