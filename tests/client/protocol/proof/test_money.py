"""From a doubled price to money, back, and as a contract computes it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.protocol.proof.evidence import Rule
from assay.protocol.proof.money import Cut, MoneyTerms
from assay_pricing.controls import cut as in_the_clear
from assay_pricing.manifest import Control

pytestmark = pytest.mark.unit

SMALL = MoneyTerms(
    scale=9, unit=1.0, divisor=1.0, rate=10**6, cap=9_000_000, grid=1000, floor=5000, max_price=8_000_000
)


def by_contract(rule: Rule, doubled: int, moved: int) -> int:
    """``ProvenOracle``'s own arithmetic."""
    cut = rule.most_cut if moved < 0 else rule.least_cut
    gain = (doubled * rule.numerator >> rule.shift) - cut + moved
    amount = min(max(gain, 0), 2**128) * rule.rate // 10**6
    amount = min(amount, rule.cap) // rule.grid * rule.grid
    return min(amount if amount >= rule.floor else 0, rule.max_price)


def test_a_price_is_the_one_worked_out_by_hand() -> None:
    """A gain of 4099 / 2^10 is 4.002929 units and 4,002,929 base units, of which the grid leaves 4,002,000."""
    assert SMALL.price(4099, 1) == 4_002_000
    assert SMALL.price(5, 1) == 0, "4882 is less than the floor"
    assert SMALL.price(6, 1) == 5000
    assert SMALL.price(-7, 1) == 0
    assert SMALL.price(2**40, 1) == 8_000_000


def test_bounds_enclose_all_doubled_prices_of_a_price_and_no_more() -> None:
    prices = {doubled: SMALL.price(doubled, 1) for doubled in range(-(2**14), 2**14 + 1)}
    for price in (0, 5000, 4_002_000, 8_000_000):
        inside = [doubled for doubled, found in prices.items() if found == price]
        assert SMALL.enclosing(price, 1, 14) == (inside[0], inside[-1])
    for never in (1, 4_002_001, 9_000_000):
        with pytest.raises(ValueError, match=f"expected a price that the model's rule can give, got {never}"):
            SMALL.enclosing(never, 1, 14)


def cuts(small: float, large: float) -> tuple[Cut, Cut]:
    return Cut(records=16, gain=small), Cut(records=256, gain=large)


def test_a_cut_is_linear_in_the_logarithm_of_the_size_and_constant_beyond() -> None:
    cut = SMALL.model_copy(update={"cuts": cuts(1.0, 3.0)})
    for records, gain in ((1, 1), (16, 1), (64, 2), (256, 3), (1000, 3)):
        assert cut.price(2**10 * 5, records) == (5 - gain) * 10**6
    for records in (1, 20, 100, 255, 10**6):
        clear = [Control(records=16, gain=1.0), Control(records=256, gain=3.0)]
        assert cut.price(2**10 * 8, records) == int((8 - in_the_clear(clear, records)) * 10**6) // 1000 * 1000


terms = st.builds(
    MoneyTerms,
    scale=st.integers(20, 120),
    unit=st.floats(1e-3, 1e3),
    divisor=st.floats(0.1, 10),
    rate=st.integers(0, 2**80),
    cap=st.integers(0, 2**90),
    grid=st.integers(1, 10**15),
    floor=st.integers(0, 10**18),
    max_price=st.integers(0, 2**90),
    cuts=st.one_of(st.just(()), st.builds(cuts, st.floats(0, 1), st.floats(0, 1))),
)


@settings(max_examples=200, deadline=None)
@given(terms, st.integers(-(10**9), 10**12), st.integers(1, 1000))
def test_a_contract_accepts_the_bounds_of_every_price(found: MoneyTerms, micros: int, records: int) -> None:
    """Its arithmetic in integers is within a millionth of the client's in floating point."""
    doubled = round(micros / 10**6 * found.divisor / found.unit * 2.0 ** (found.scale + 1))
    bits = max(abs(doubled).bit_length(), 8)
    price, rule = found.price(doubled, records), found.rule()
    least, most = found.enclosing(price, records, bits)
    assert least <= doubled <= most
    assert rule.numerator < 2**48
    assert by_contract(rule, most, -1) <= price <= by_contract(rule, least, 1)


def test_a_scale_that_no_word_holds_is_refused() -> None:
    wide = SMALL.model_copy(update={"scale": 200, "unit": 1e-9})
    with pytest.raises(ValueError, match="expected a scale that a contract can compute with, got 200"):
        wide.rule()
