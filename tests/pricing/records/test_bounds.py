"""Bounds on a file: the last value that passes and the first that does not."""

import pytest

from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds, check_distinct

pytestmark = pytest.mark.unit


def test_bytes_and_records_are_bounded_inclusively() -> None:
    bounds = Bounds(max_bytes=100, max_records=3)
    bounds.check_bytes(100)
    bounds.check_records(3)
    with pytest.raises(DataError, match="expected at most 100 bytes once expanded, got 101"):
        bounds.check_bytes(101)
    with pytest.raises(DataError, match="expected at most 3 records in one offer, got 4"):
        bounds.check_records(4)


def test_a_file_has_at_least_one_record_and_an_owners_file_any_number() -> None:
    with pytest.raises(DataError, match="expected at least one record, got none"):
        Bounds(max_records=None).check_records(0)
    Bounds(max_records=None).check_records(10**9)


def test_names_that_repeat_are_named() -> None:
    check_distinct(["a", "b"])
    with pytest.raises(DataError, match="expected distinct column names, got 'a', 'b' more than once"):
        check_distinct(["b", "a", "c", "a", "b"])
