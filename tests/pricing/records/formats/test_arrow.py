"""Columns of Arrow tables: their kinds, their values, and the memory that text takes."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.formats.arrow import kind_of, to_columns

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("arrow_type", "kind"),
    [
        (pa.string(), "text"),
        (pa.large_string(), "text"),
        (pa.dictionary(pa.int32(), pa.string()), "text"),
        (pa.bool_(), "boolean"),
        (pa.int8(), "number"),
        (pa.float16(), "number"),
        (pa.decimal128(9, 2), "number"),
        (pa.dictionary(pa.int8(), pa.int64()), "number"),
    ],
)
def test_a_column_holds_text_or_booleans_or_numbers(arrow_type: pa.DataType, kind: str) -> None:
    assert kind_of(arrow_type, "a") == kind


@pytest.mark.parametrize("arrow_type", [pa.list_(pa.int8()), pa.binary(), pa.timestamp("s"), pa.struct([])])
def test_a_column_of_another_type_is_refused_before_it_is_read(arrow_type: pa.DataType) -> None:
    with pytest.raises(DataError, match=r"expected numbers or text, got .* in column 'a'"):
        kind_of(arrow_type, "a")


def test_values_are_those_of_the_table() -> None:
    columns = to_columns(
        pa.table(
            {
                "text": ["a", "b", "a"],
                "coded": pa.array(["x", "y", "y"]).dictionary_encode(),
                "truth": [True, False, True],
                "price": pa.array([Decimal("1.25"), Decimal("-3"), Decimal("0")], pa.decimal128(9, 2)),
            }
        ),
        Bounds(),
    )
    assert {name: column.tolist() for name, column in columns.items()} == {
        "text": ["a", "b", "a"],
        "coded": ["x", "y", "y"],
        "truth": ["True", "False", "True"],
        "price": [1.25, -3.0, 0.0],
    }
    assert columns["price"].dtype == np.float64


def test_text_counts_with_its_repetitions_its_widest_characters_and_its_objects() -> None:
    """Twice ab: 4 bytes; é: at most 4 bytes for each of its 2; 8 for each row; 64 for each of two strings."""
    table = pa.table({"a": ["ab", "ab", "é"]})
    size = 4 + 8 + 3 * 8 + 2 * 64
    to_columns(table, Bounds(size))
    with pytest.raises(DataError, match=f"expected at most {size - 1} bytes once expanded, got {size}"):
        to_columns(table, Bounds(size - 1))


def test_columns_share_the_bound() -> None:
    table = pa.table({"a": [1.0, 2.0], "b": ["x", "y"]})
    to_columns(table, Bounds(2 * 8 + 2 + 2 * 8 + 2 * 64))
    with pytest.raises(DataError, match="once expanded"):
        to_columns(table, Bounds(2 + 2 * 8 + 2 * 64))
