"""A model that hangs is ended, and one that takes long shows how far it is."""

import faulthandler
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import numpy as np
import pytest

from assay_oracle.owner import calls
from assay_oracle.owner.calls import ModelCalls, progress_text
from assay_pricing.black_box.inputs import Inputs
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.errors import ModelTimeout
from tests.pricing.contexts import schema

pytestmark = pytest.mark.unit
TWO = schema(2, 2)
X = np.arange(10_000, dtype=np.float32).reshape(5000, 2)


@pytest.mark.parametrize(
    ("inputs", "named"), [("array", "records 0 to 4095"), ("row", "record 0"), ("records", "records 0 to 4095")]
)
def test_a_model_that_hangs_is_ended_with_the_call_named(inputs: Inputs, named: str) -> None:
    def model(_: object) -> object:
        while True:
            with suppress(Exception):  # a model that goes on after every error
                time.sleep(60)

    with pytest.raises(ModelTimeout, match=rf"within 0.05 s for one call, got none on {named}$") as caught:
        as_black_box(model, TWO, inputs=inputs, watch=ModelCalls(limit=0.05)).predict(X)
    assert "--model-timeout" in str(caught.value.hint)


@pytest.mark.parametrize("inner", [60.0, 0.05])
def test_an_interrupt_that_a_model_swallows_comes_again(monkeypatch: pytest.MonkeyPatch, inner: float) -> None:
    """Also where the call is within another one, whose time is shorter or longer."""
    monkeypatch.setattr("assay_oracle.owner.calls._AGAIN", 0.05)
    outer, before, swallowed = 0.1 if inner > 1 else 60.0, signal.getitimer(signal.ITIMER_REAL), []

    def swallows() -> None:
        with ModelCalls(limit=outer).call("outer"), ModelCalls(limit=inner).call("inner"):
            while len(swallowed) < 3:
                try:
                    time.sleep(60)
                except BaseException as error:
                    swallowed.append(error)
            time.sleep(60)

    with pytest.raises(ModelTimeout, match=f"within {min(inner, outer):g} s"):
        swallows()
    assert len(swallowed) == 3
    left, again = signal.getitimer(signal.ITIMER_REAL)
    assert before[0] - 10 < left <= before[0]  # the timer of the test itself
    assert again == before[1]


@pytest.mark.parametrize("at", ["cancel_dump_traceback_later", "dump_traceback_later"])
@pytest.mark.parametrize("is_nested", [False, True])
def test_an_interrupt_at_the_edge_of_a_call_leaves_nothing_that_ends_the_process_later(
    monkeypatch: pytest.MonkeyPatch, at: str, is_nested: bool
) -> None:
    whole = getattr(faulthandler, at)

    def interrupted(*arguments: float, **options: Any) -> None:
        whole(*arguments, **options)
        signal.raise_signal(signal.SIGALRM)

    def called() -> None:
        with ModelCalls(limit=50.0).call("outer") if is_nested else nullcontext():
            monkeypatch.setattr(faulthandler, at, interrupted)
            with ModelCalls(limit=60.0).call("inner"):
                pass

    with pytest.raises(ModelTimeout):
        called()
    assert calls._ends == []


def test_a_limit_ends_with_its_call() -> None:
    box = as_black_box(lambda x: np.zeros(len(x), dtype=int), TWO, watch=ModelCalls(limit=0.2))
    box.predict(X)
    time.sleep(0.25)  # a timer that was left would end the test here


def test_a_model_that_takes_long_shows_how_far_it_is() -> None:
    lines: list[str] = []

    def model(_: np.ndarray) -> int:
        waits_for(lambda: len(lines) >= 2)
        return 0

    as_black_box(model, TWO, inputs="row", watch=ModelCalls(lines.append, every=0.01)).predict(X[:2])
    assert "asking the model: 0 of 2 records after 0 s; no answer yet" in lines[0]


def test_progress_has_a_rate_and_the_time_left() -> None:
    assert (
        progress_text(50, 200, 10.0) == "asking the model: 50 of 200 records after 10 s, 5 records/s, about 30 s left"
    )


def waits_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)


WITHIN = "within({}, lambda: {})"
STUBBORN = """
import ctypes, time
from assay_oracle.owner import calls
calls._AGAIN, calls._SWALLOWED, calls._DEAF = 0.01, {swallowed}, {deaf}
lock, library = ctypes.create_string_buffer(64), ctypes.PyDLL(None)
library.pthread_mutex_lock(lock)
def within(limit, work):
    with calls.ModelCalls(limit=limit).call("one"):
        work()
with calls.ModelCalls(limit=0.05).call("600 records"):
    while True:
        try:
            {work}
        except BaseException:
            pass
"""


@pytest.mark.parametrize(
    ("work", "swallowed", "deaf", "said"),
    [
        (
            "time.sleep(60)",
            3,
            60.0,
            "error: expected the owner's model or training to end when it is interrupted, it went",
        ),
        (WITHIN.format(0.01, "None") + "; library.pthread_mutex_lock(lock)", 10**9, 0.05, "Timeout (0:00:00."),
        (WITHIN.format(60, "library.pthread_mutex_lock(lock)"), 10**9, 0.05, "Timeout (0:00:00."),
    ],
)
def test_a_process_ends_whose_model_never_returns(work: str, swallowed: int, deaf: float, said: str) -> None:
    """It swallows every interrupt, or holds Python's lock in code that is not Python."""
    script = STUBBORN.format(work=work, swallowed=swallowed, deaf=deaf)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith(said)
