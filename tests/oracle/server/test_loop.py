"""The loop: rounds until it is stopped, over failures, without a pause while there is work."""

import threading
from collections.abc import Callable

import pytest

from assay.errors import NodeUnreachable
from assay_oracle.server.daemon import last_rounds
from assay_oracle.server.loop import STALE_SECONDS, Loop

pytestmark = pytest.mark.unit

FOREVER = 3600.0
PATIENCE = 60


class Rounds:
    """A tick that counts its rounds, and lets a test wait for one."""

    def __init__(self, act: Callable[[int], bool] = lambda _: False) -> None:
        self.count = 0
        self._act = act
        self._changed = threading.Condition()

    def __call__(self) -> bool:
        with self._changed:
            self.count += 1
            self._changed.notify_all()
        return self._act(self.count)

    def reach(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= count, PATIENCE)


def running(rounds: Rounds, pause: float = FOREVER) -> Loop:
    loop = Loop("test", rounds, pause, now=lambda: 100)
    loop.start()
    return loop


def test_rounds_follow_at_once_while_there_is_work() -> None:
    rounds = Rounds(lambda number: number < 5)
    loop = running(rounds)
    rounds.reach(5)
    loop.stop(PATIENCE)
    assert rounds.count == 5


def test_wake_ends_a_pause() -> None:
    rounds = Rounds()
    loop = running(rounds)
    rounds.reach(1)
    while rounds.count < 2:
        loop.wake()
    loop.stop(PATIENCE)
    assert not loop.healthy()


@pytest.mark.parametrize("failure", [NodeUnreachable("no answer"), ZeroDivisionError()])
def test_failure_is_repeated(failure: Exception) -> None:
    def fail(number: int) -> bool:
        if number < 3:
            raise failure
        return False

    rounds = Rounds(fail)
    loop = running(rounds, pause=0.0001)
    rounds.reach(3)
    assert loop.healthy()
    loop.stop(PATIENCE)


def test_loop_whose_every_round_fails_is_unhealthy() -> None:
    time = 100

    def fail(_: int) -> bool:
        nonlocal time
        time += STALE_SECONDS
        raise NodeUnreachable("no answer")

    rounds = Rounds(fail)
    loop = Loop("test", rounds, 0.0001, now=lambda: time)
    loop.start()
    rounds.reach(3)
    assert not loop.healthy()
    loop.stop(PATIENCE)


def test_pauses_after_failures_double_up_to_a_minute() -> None:
    loop = Loop("test", Rounds(), 1.0, now=lambda: 0)
    assert [loop.pause_after(failures) for failures in (1, 2, 3, 6, 100_000)] == [2, 4, 8, 60, 60]


def test_loop_whose_round_takes_too_long_is_unhealthy() -> None:
    time, release = 100, threading.Event()
    rounds = Rounds(lambda _: not release.wait(PATIENCE))
    loop = Loop("test", rounds, FOREVER, now=lambda: time)
    assert not loop.healthy()
    loop.start()
    rounds.reach(1)
    assert loop.healthy()
    time += STALE_SECONDS
    assert not loop.healthy()
    release.set()
    loop.stop(PATIENCE)


def test_of_several_loops_of_one_name_the_metrics_show_the_worst() -> None:
    ended = (("pricing", 30), ("pricing", 10), ("pricing", 20), ("orders", 40))
    loops = [Loop(name, lambda: False, FOREVER, lambda: 0, ended=second) for name, second in ended]
    assert last_rounds(loops) == {"pricing": 10, "orders": 40}
