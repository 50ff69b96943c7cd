"""Token buckets: what is let through, when it continues, and how much memory any number of senders takes."""

import pytest

from assay_oracle.access import rates
from assay_oracle.access.rates import Rate
from assay_oracle.errors import RateExceeded

pytestmark = pytest.mark.unit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def passes(rate: Rate, key: str = "a") -> bool:
    try:
        rate.take(key)
    except RateExceeded:
        return False
    return True


def test_bucket_gives_what_it_holds_and_then_what_it_gains(clock: Clock) -> None:
    rate = Rate("requests", 2.0, seconds=5, clock=clock)
    assert [passes(rate) for _ in range(12)] == 10 * [True] + 2 * [False]
    clock.now += 0.5
    assert [passes(rate) for _ in range(2)] == [True, False]
    clock.now += 1000
    assert [passes(rate) for _ in range(12)] == 10 * [True] + 2 * [False]


def test_time_to_wait_is_when_the_next_one_passes(clock: Clock) -> None:
    rate = Rate("logins", 1 / 60, seconds=60, clock=clock)
    rate.take("a")
    clock.now += 10
    with pytest.raises(RateExceeded, match="expected at most 1 logins at once, and one each 60 s") as raised:
        rate.take("a")
    assert raised.value.retry_after == 50
    clock.now += 49
    assert not passes(rate)
    clock.now += 1
    assert passes(rate)


def test_senders_do_not_share_a_bucket(clock: Clock) -> None:
    rate = Rate("requests", 1.0, seconds=1, clock=clock)
    assert passes(rate, "a")
    assert not passes(rate, "a")
    assert passes(rate, "b")


def test_any_number_of_senders_takes_bounded_memory(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_BUCKETS", 10)
    rate = Rate("requests", 1.0, seconds=1, clock=clock)
    for number in range(100):
        assert passes(rate, "often") == (number == 0)
        rate.take(str(number))
    assert len(rate) == 10
    assert not passes(rate, "99")
