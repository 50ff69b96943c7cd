"""What an error message quotes of a file."""

import pytest

from assay_pricing.records.quoting import alternatives, by_number, first_line, listed, quoted, shortened

pytestmark = pytest.mark.unit


def test_long_text_is_shortened_and_its_length_is_given() -> None:
    assert shortened("a" * 80) == "a" * 80
    assert shortened("a" * 81) == "a" * 80 + "... (81 characters)"
    assert quoted("it's") == '"it\'s"'
    assert quoted("a" * 100) == f"'{'a' * 80}'... (100 characters)"


def test_text_that_no_encoding_prints_is_escaped() -> None:
    assert shortened("a\ud800") == "a\\ud800"


def test_names_are_listed_by_number_and_counted_beyond_five() -> None:
    assert listed(["10", "9", "b", "a"]) == "'9', '10', 'a', 'b'"
    assert listed(str(i) for i in range(7)) == "'0', '1', '2', '3', '4' and 2 more"


def test_alternatives_are_joined_by_commas_and_or() -> None:
    assert [alternatives(words) for words in (["A"], ["A", "B"], ["A", "B", "C"])] == ["A", "A or B", "A, B or C"]


def test_an_error_is_quoted_by_its_first_line_or_its_name() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"


def test_not_a_number_sorts_as_text() -> None:
    assert sorted(["nan", "b", "2", "-1"], key=by_number) == ["-1", "2", "b", "nan"]
