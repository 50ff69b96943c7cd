"""Marks in numbers: what a column proves is read, and what nothing proves is not."""

import pytest

from assay_pricing.records.spelling.numbers import COMMA, POINT, Marks, marks_of, number

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("texts", "marks", "values"),
    [
        (["1", "-2.5", "1e3"], POINT, [1, -2.5, 1000]),
        (["1,234.50", "12", "1,000"], Marks(".", ","), [1234.5, 12, 1000]),
        (["1.234.567", "0,5", "1.000"], Marks(",", "."), [1234567, 0.5, 1000]),
        (["1 234 567", "12"], Marks(".", " "), [1234567, 12]),
        (["0,5", "1,25"], COMMA, [0.5, 1.25]),
        (["1\u00a0234", "1\u202f234,5", "1'234"], COMMA, [1234, 1234.5, 1234]),
        (["1,500", "-1.23"], POINT, [None, -1.23]),
        (["1,5", "-1.23", "2.2"], POINT, [None, -1.23, 2.2]),
        (["1,23,456.5", "12,34", "0,123.5"], COMMA, [None, 12.34, None]),
        (["1,234.5", "1.234,5", "n.a."], Marks(".", ","), [1234.5, None, None]),
        (["555 123", "1'2345", "01,234.5"], POINT, [None, None, None]),
    ],
)
def test_a_column_is_read_with_the_marks_that_it_proves(texts, marks, values) -> None:
    assert marks_of(texts) == marks
    assert [number(text, marks) for text in texts] == values


@pytest.mark.parametrize(
    ("texts", "marks"),
    [(["1,500"], COMMA), (["1.5"], POINT), (["1,234,567"], Marks(".", ",")), (["1.234,5"], Marks(",", "."))],
)
def test_semicolons_between_fields_prove_the_decimal_comma(texts, marks) -> None:
    assert marks_of(texts, decimal_comma=True) == marks
