"""Canonical text of labels and categories."""

import numpy as np
import pytest

from assay_pricing.errors import DataError
from assay_pricing.records.spelling.numbers import number
from assay_pricing.records.tables import parse_records
from assay_pricing.records.text import canonical_number, canonical_text, length_prefixed
from tests.pricing.records.files import SCHEMA, csv, npz, refused, seconds

pytestmark = pytest.mark.unit


def test_stacked_combining_marks_are_refused_because_ordering_them_is_quadratic() -> None:
    file = csv("a,c,y\n1,o" + "\u0301\u0327" * 100_000 + ",0\n")
    assert seconds(lambda: refused(file, "at most 30 combining marks in a row")) < 3
    assert canonical_text("o" + "\u0301" * 29) == "ó" + "\u0301" * 28


def test_long_text_of_digits_that_spells_no_number_is_read_in_linear_time() -> None:
    assert seconds(lambda: number("1" * 1_000_000 + "x")) < 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1" * 5000, None),
        ("-" + "0" * 5000 + "9" * 17, None),
        ("0" * 5000 + "9007199254740992", 2.0**53),
        ("0" * 5000 + "1", 1.0),
    ],
    ids=["too large", "inexact behind zeros", "exact behind zeros", "small behind zeros"],
)
def test_numbers_of_more_digits_than_python_converts_are_read(text: str, expected: float | None) -> None:
    assert number(text) == expected


@pytest.mark.parametrize("row", ["{},red,0", "1,{},0", "1,red,{}"], ids=["number", "category", "label"])
def test_cell_of_thousands_of_digits_is_a_value_or_a_refusal(row: str) -> None:
    file = csv("a,c,y\n" + row.format("7" * 5000) + "\n")
    if row.startswith("1,{}"):
        assert parse_records(file, SCHEMA).unseen == {1: ("7" * 5000,)}
    else:
        refused(file, "expected")


def test_text_that_is_no_unicode_is_refused() -> None:
    file = npz(a=np.zeros(1), c=np.array(["\ud800"]), y=np.zeros(1))
    refused(file, "lone surrogate")
    refused(npz(a=np.zeros(1), c=np.array(["red"]), y=np.array(["\ud800"])), "lone surrogate")
    refused(csv("a,c,y\n1,é,0\n".encode() + b"1,\xff,0\n"), "invalid UTF8 in line 3 of a file with other characters")
    refused(csv(b"\xef\xbb\xbfa,c,y\n1,\xff,0\n"), "invalid UTF8 in line 2")
    refused(csv(b"a,c,y\n1,\x81,0\n"), "got a byte of none of them in line 2")
    assert parse_records(csv(b"a,c,y\n1,\xff,0\n"), SCHEMA).unseen == {1: ("ÿ",)}


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
