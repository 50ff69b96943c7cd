"""NPZ files: arrays are bounded before allocation, and other kinds of arrays are refused."""

import zipfile

import numpy as np
import pytest

from tests.pricing.records.files import NUMERIC, npy, npz, refused, seconds, zipped

pytestmark = pytest.mark.unit


def test_an_npz_is_bounded_by_its_numbers_in_double_precision() -> None:
    file = npz(x=np.zeros((1000, 900), np.uint8), y=np.zeros(1000, np.int8))
    refused(file, "at most 1000000 bytes once expanded, got 7200000", None, max_bytes=1_000_000)


def test_a_member_of_a_zip_file_that_may_unpack_without_bound_is_refused() -> None:
    refused(zipped({"x.npy": npy(np.zeros((3, 2)))}, zipfile.ZIP_BZIP2), "another compression of 'x'", None)


def test_a_wide_array_is_refused_before_it_becomes_columns() -> None:
    file = npz(x=np.zeros((1, 10**7), np.uint8), y=np.zeros(1, np.int8))
    assert seconds(lambda: refused(file, "expected 2 features in each record, got 10000000", NUMERIC)) < 2


def test_two_members_of_one_name_are_refused() -> None:
    labels = npy(np.zeros(3, int))
    file = zipped({"x": npy(np.zeros((3, 2))), "x.npy": npy(np.ones((3, 2))), "y.npy": labels})
    refused(file, "expected distinct column names, got 'x' more than once", NUMERIC)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "at least one record"),
        ({"x": np.zeros((2, 0)), "y": np.zeros(2)}, "one value in each"),
        ({"x": np.zeros((2, 2)), "y": np.zeros(3)}, r"expected labels \(2,\)"),
        ({"x": np.zeros((2, 2))}, "expected 'x' and one array of labels, got labels in none"),
        ({"x": np.zeros((2, 2), complex), "y": np.zeros(2)}, "expected arrays of numbers, text or times"),
        ({"x": np.zeros(2, [("a", "f4"), ("b", "f4")]), "y": np.zeros(2)}, "expected arrays of numbers, text or times"),
        ({"a": np.float64(1), "b": np.zeros(1), "y": np.zeros(1)}, r"expected a column \(n,\), got \(\) in 'a'"),
        ({"a": np.zeros(2), "b": np.zeros(1), "y": np.zeros(2)}, "expected columns of one length"),
    ],
)
def test_npz_arrays_of_other_kinds_are_refused(arrays, message) -> None:
    refused(npz(**arrays), message, NUMERIC)
