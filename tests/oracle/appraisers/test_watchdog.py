"""What happens unless work ends in time."""

import threading

import pytest

from assay_oracle.appraisers.watchdog import Watchdog

pytestmark = pytest.mark.unit

LONG, SOON, HANG = 3600.0, 0.02, 60.0


def test_what_takes_too_long_is_ended_and_what_ends_in_time_is_not() -> None:
    watchdog, called = Watchdog(), []
    for number in range(3):
        with watchdog.unless_within(SOON, lambda number=number: called.append(number)):  # type: ignore[misc]
            pass
    ended = threading.Event()
    with watchdog.unless_within(LONG, lambda: called.append(9)), watchdog.unless_within(SOON, ended.set):
        assert ended.wait(HANG)  # although the thread waited for the later one
    assert called == []


def test_several_are_ended_each_at_its_time() -> None:
    watchdog, ended = Watchdog(), [threading.Event() for _ in range(3)]
    with (
        watchdog.unless_within(3 * SOON, ended[0].set),
        watchdog.unless_within(SOON, ended[1].set),
        watchdog.unless_within(LONG, ended[2].set),
    ):
        assert ended[1].wait(HANG)
        assert ended[0].wait(HANG)
        assert not ended[2].is_set()
