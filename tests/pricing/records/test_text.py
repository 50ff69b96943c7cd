"""Canonical text of labels and categories."""

import numpy as np
import pytest

from assay_pricing.errors import DataError
from assay_pricing.records.text import canonical_number, canonical_text, length_prefixed
from tests.pricing.records.files import csv, npz, refused, seconds

pytestmark = pytest.mark.unit


def test_stacked_combining_marks_are_refused_because_ordering_them_is_quadratic() -> None:
    file = csv("a,c,y\n1,o" + "\u0301\u0327" * 100_000 + ",0\n")
    assert seconds(lambda: refused(file, "at most 30 combining marks in a row")) < 3
    assert canonical_text("o" + "\u0301" * 29) == "ó" + "\u0301" * 28


def test_text_that_is_no_unicode_is_refused() -> None:
    file = npz(a=np.zeros(1), c=np.array(["\ud800"]), y=np.zeros(1))
    refused(file, "lone surrogate")
    refused(npz(a=np.zeros(1), c=np.array(["red"]), y=np.array(["\ud800"])), "lone surrogate")
    refused(csv(b"a,c,y\n1,\xff,0\n"), "invalid UTF8")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("red", "red"),
        ("e\u0301", "\u00e9"),
        (3, "3"),
        (3.0, "3"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (2**53 - 1, "9007199254740991"),
        (True, "true"),
        (np.False_, "false"),
    ],
)
def test_a_value_has_one_text(value, text: str) -> None:
    assert canonical_text(value) == text


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_no_text(value: float) -> None:
    with pytest.raises(DataError, match="expected finite labels and categories, got NaN or infinity"):
        canonical_text(value)


@pytest.mark.parametrize(("text", "number"), [("3.0", "3"), ("1e2", "100"), ("red", "red"), ("nan", "nan")])
def test_a_number_spelled_as_text_is_that_number(text: str, number: str) -> None:
    assert canonical_number(text) == number


def test_a_text_is_prefixed_by_the_length_of_its_normal_form() -> None:
    assert length_prefixed("e\u0301") == b"\x02\x00\x00\x00\xc3\xa9"
    assert length_prefixed("") == b"\x00\x00\x00\x00"
