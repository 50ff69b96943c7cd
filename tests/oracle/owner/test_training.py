"""Trainings within a stated time."""

import threading

import numpy as np
import pytest

from assay.errors import UsageError
from assay_oracle.owner.training import BoundedTraining, seconds_of
from tests.pricing.contexts import records

pytestmark = pytest.mark.unit
KNOWN = records(np.zeros((3, 1)), np.zeros(3), 1)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), (" 2m ", 120)])
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "0s", "-1m", "1d", "soon"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected a duration such as 90s, 10m or 2h"):
        seconds_of(text)


def test_models_are_counted_and_passed_on() -> None:
    bounded = BoundedTraining(lambda known: known.n, 60)  # type: ignore[arg-type, return-value]
    assert [bounded(KNOWN), bounded(KNOWN), bounded.done, bounded.is_over] == [3, 3, 2, False]


def test_a_training_under_way_ends_when_the_time_is_over_and_none_begins_after() -> None:
    def endless(_: object) -> None:
        threading.Event().wait(60)

    bounded = BoundedTraining(endless, 0.05)  # type: ignore[arg-type]
    assert bounded(KNOWN) is None
    assert (bounded.done, bounded.is_over) == (0, True)
    bounded._training = lambda known: known  # type: ignore[assignment]
    assert bounded(KNOWN) is None
