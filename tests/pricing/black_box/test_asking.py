"""A model that fails: an error of ours with the record and the model's own words."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.asking import culprit
from assay_pricing.black_box.inputs import Inputs
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.errors import ModelError
from tests.pricing.contexts import schema

pytestmark = pytest.mark.unit
TWO = schema(2, 2)
X = np.arange(10_000, dtype=np.float32).reshape(5000, 2)


def raising(kind: type[BaseException], message: str, when: float) -> Any:
    def model(x: np.ndarray) -> np.ndarray:
        if (x[:, 0] == when).any():
            raise kind(message)
        return np.zeros(len(x), dtype=int)

    return model


@pytest.mark.parametrize("row", [0, 17, 4095, 4096, 4999])
def test_the_record_on_which_a_model_raises_is_found(row: int) -> None:
    model = raising(ValueError, "negative\n  pressure\n", 2 * row)
    record = rf"record {row} \(x0={2 * row}, x1={2 * row + 1}\): ValueError: negative pressure"
    with pytest.raises(ModelError, match=record) as refused:
        as_black_box(model, TWO).predict(X)
    assert refused.value.hint == "mend the model, or leave the record out"


def test_a_model_that_always_raises_names_what_it_got() -> None:
    def model(_: np.ndarray) -> np.ndarray:
        raise RuntimeError("Expected 4D input to conv2d")

    with pytest.raises(ModelError, match=r"^the model failed: RuntimeError: Expected 4D input to conv2d$") as refused:
        as_black_box(model, TWO).predict(X)
    assert "the model got a float64 array (n, 2)" in str(refused.value.hint)


def test_a_model_that_ends_the_program_does_not() -> None:
    with pytest.raises(ModelError, match=r"it ended the program \(status 3\)"):
        as_black_box(lambda _: sys.exit(3), TWO).predict(X)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_record_with_an_answer_that_is_not_finite_is_named(bad: float) -> None:
    answers = np.full((5000, 2), 0.5)
    answers[4321, 1] = bad
    parts = iter([answers[:4096], answers[4096:]])
    with pytest.raises(ModelError, match=f"expected finite answers, got {bad} from the model on record 4321"):
        as_black_box(lambda _: next(parts), TWO).predict(X)


@pytest.mark.parametrize("answers", [np.zeros(3), np.zeros((1, 2)), np.zeros(5001)])
def test_another_number_of_answers_is_refused(answers: np.ndarray) -> None:
    with pytest.raises(ModelError, match=f"expected one answer for each of 4096 inputs, got {len(answers)}"):
        as_black_box(lambda _: answers, TWO).predict(X)


def test_answers_of_several_shapes_are_refused() -> None:
    with pytest.raises(ModelError, match="expected answers of one shape to all inputs"):
        as_black_box(lambda x: np.zeros((len(x), 2 if len(x) == 4096 else 1)), TWO).predict(X)


def test_bisection_names_nobody_where_all_fail_or_none_does_alone() -> None:
    x = np.zeros((9, 1), dtype=np.float32)
    assert culprit(lambda _: True, x) is None
    assert culprit(lambda part: len(part) > 4, x) is None


def test_interrupting_a_model_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt):
        as_black_box(raising(KeyboardInterrupt, "", 0), TWO).predict(X)


# --- models that take records as dictionaries, or one at a time -------------------------------------------------------

TOWNS = Schema(
    task="classification",
    features=(Feature(name="age"), Feature(name="town", kind="categorical", categories=("Ulm", "Bern"))),
    label="bought",
    classes=("no", "yes"),
)
PEOPLE = np.array([[31.0, 0], [64, 1], [18, 0]])
BOUGHT = [0, 1, 0]


def by_record(person: dict[str, Any]) -> str:
    return "yes" if person["town"] == "Bern" and person["age"] > 40 else "no"


def by_records(people: list[dict[str, Any]]) -> list[str]:
    return [by_record(person) for person in people]


def generating(people: list[dict[str, Any]]) -> Iterator[dict[str, float]]:
    for person in people:
        yes = 0.9 if by_record(person) == "yes" else 0.2
        yield {"yes": yes, "no": 1 - yes}


def one_of_one(person: dict[str, Any]) -> list[str]:
    return [by_record(person)]


@pytest.mark.parametrize(
    ("model", "inputs"),
    [(by_records, "records"), (generating, "records"), (by_record, "record"), (one_of_one, "record")],
)
@pytest.mark.parametrize("stated", [True, False])
def test_a_model_of_dictionaries_is_asked_in_them(model: Any, inputs: Inputs, stated: bool) -> None:
    box = as_black_box(model, TOWNS, inputs=inputs if stated else None)
    assert box.predict(PEOPLE).labels.tolist() == BOUGHT
    words = {"records": "a list of dictionaries", "record": "one dictionary at a time"}
    assert box.inputs == f"{words[inputs]} with the keys age, town"


@pytest.mark.parametrize("stated", [True, False])
def test_a_model_of_one_row_is_asked_row_by_row(stated: bool) -> None:
    def model(row: np.ndarray) -> int:
        return int(row[0] > row[1])  # an array (n, d) raises: the truth of several values is ambiguous

    x = np.array([[1.0, 0, 5], [0, 1, 5]])
    assert as_black_box(model, schema(3, 2), inputs="row" if stated else None).predict(x).labels.tolist() == [1, 0]


def test_a_model_that_miscounts_is_not_guessed_at_but_told_of_the_option() -> None:
    with pytest.raises(ModelError, match="expected one answer for each of 4096 inputs, got 2") as caught:
        as_black_box(lambda row: row[0] > 3, TWO).predict(X)
    assert "--inputs array, frame, records, record or row" in str(caught.value.hint)


def test_a_model_of_text_cannot_be_stated_to_take_rows() -> None:
    with pytest.raises(ModelError, match="expected columns of numbers") as caught:
        as_black_box(by_record, TOWNS, inputs="row")
    assert caught.value.hint == "--inputs frame, records or record"


def test_a_generator_that_raises_names_the_record() -> None:
    def model(people: list[dict[str, Any]]) -> Iterator[str]:
        for person in people:
            if person["age"] == 64:
                raise ValueError("too old")
            yield by_record(person)

    with pytest.raises(ModelError, match=r"record 1 \(age=64, town='Bern'\): ValueError: too old"):
        as_black_box(model, TOWNS, inputs="records").predict(PEOPLE)
