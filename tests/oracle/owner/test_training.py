"""Trainings within a stated time."""

import threading

import numpy as np
import pytest

from assay.errors import UsageError
from assay_oracle.owner.training import BoundedTraining, seconds_of
from assay_pricing.errors import ModelError, ModelTimeout
from tests.pricing.contexts import records

pytestmark = pytest.mark.unit
KNOWN = records(np.zeros((3, 1)), np.zeros(3), 1)


class Model:
    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def predict(self, _: object) -> str:
        threading.Event().wait(self.seconds)
        return "answers"


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), (" 2m ", 120)])
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "0s", "-1m", "1d", "soon"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected a duration such as 90s, 10m or 2h"):
        seconds_of(text)


def test_models_are_counted_and_passed_on() -> None:
    bounded = BoundedTraining(lambda _: Model(), 60)  # type: ignore[arg-type, return-value]
    models = [bounded(KNOWN), bounded(KNOWN)]
    assert [model and model.predict(KNOWN.x) for model in models] == ["answers"] * 2
    assert [bounded.done, bounded.is_over, bounded.failures] == [2, False, []]


def test_a_training_under_way_ends_when_the_time_is_over_and_none_begins_after() -> None:
    def endless(_: object) -> None:
        threading.Event().wait(60)

    bounded = BoundedTraining(endless, 0.05)  # type: ignore[arg-type]
    assert bounded(KNOWN) is None
    assert (bounded.done, bounded.is_over) == (0, True)
    bounded._training = lambda known: known  # type: ignore[assignment]
    assert bounded(KNOWN) is None


def test_answers_take_of_the_time_for_trainings() -> None:
    bounded = BoundedTraining(lambda _: Model(60), 0.05)  # type: ignore[arg-type, return-value]
    model = bounded(KNOWN)
    assert model is not None
    with pytest.raises(ModelTimeout):
        model.predict(KNOWN.x)
    assert bounded.is_over
    assert bounded(KNOWN) is None


def test_an_interrupt_that_a_training_makes_an_error_of_means_that_the_time_is_over() -> None:
    def training(_: object) -> None:
        try:
            threading.Event().wait(60)
        except BaseException:
            raise ModelError("it raised RuntimeError: a worker died") from None

    bounded = BoundedTraining(training, 0.05)  # type: ignore[arg-type]
    assert bounded(KNOWN) is None
    assert (bounded.is_over, bounded.failures) == (True, [])


def test_why_a_training_fails_is_kept() -> None:
    def training(_: object) -> None:
        raise ModelError("it needs two classes")

    bounded = BoundedTraining(training, 60)  # type: ignore[arg-type]
    with pytest.raises(ModelError):
        bounded(KNOWN)
    assert (bounded.is_over, bounded.failures) == (False, ["it needs two classes"])
