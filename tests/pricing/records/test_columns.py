"""Columns of a file against the columns of a schema."""

import unicodedata

import numpy as np
import pytest

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.columns import RawTable, check_columns, check_width
from tests.pricing.records.files import SCHEMA

pytestmark = pytest.mark.unit


def test_columns_match_a_schema_in_any_order() -> None:
    check_columns(["y", "c", "a"], SCHEMA)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a", "c"], "expected a label column 'y', got columns 'a', 'c'"),
        (["a", "y"], "expected the 2 features of the model, got missing 'c'"),
        (["a", "c", "d", "y"], "expected the 2 features of the model, got extra 'd'"),
        (["a", "d", "y"], "expected the 2 features of the model, got missing 'c'; extra 'd'"),
    ],
)
def test_missing_and_extra_columns_are_named(columns: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_columns(columns, SCHEMA)


def test_a_matrix_has_as_many_columns_as_the_schema_has_features() -> None:
    check_width(2, SCHEMA)
    with pytest.raises(DataError, match="expected 2 features in each record, got 3"):
        check_width(3, SCHEMA)


def test_a_table_is_as_long_as_its_columns() -> None:
    assert len(RawTable({"a": np.zeros(3), "y": np.zeros(3)})) == 3


@pytest.mark.parametrize("column", ["c", "y"])
def test_a_name_in_another_normal_form_is_refused_with_the_form_to_write(column: str) -> None:
    """Neither form is read as the other: a model finds its columns by their exact names."""
    names = {"c": "c", "y": "y"} | {column: "caf\u00e9"}
    schema = Schema(task="regression", features=(Feature(name=names["c"]),), label=names["y"])
    with pytest.raises(DataError) as caught:
        check_columns([unicodedata.normalize("NFD", name) for name in names.values()], schema)
    assert "in its Unicode normal form alone: write it in NFC" in str(caught.value.hint)
    assert "leave the extra columns out" not in str(caught.value.hint)
