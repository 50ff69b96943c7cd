"""Records are their content: joining, taking and hashing them."""

import hashlib
import struct
import time

import numpy as np
import pytest

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.records import Records, content_hash

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    task="classification",
    features=(Feature(name="colour", kind="categorical", categories=("red",)), Feature(name="size")),
    label="y",
    classes=("0", "1"),
)


def records(codes, unseen: tuple[str, ...]) -> Records:
    x = np.stack([np.asarray(codes, dtype=np.float32), np.zeros(len(codes), dtype=np.float32)], axis=1)
    return Records(SCHEMA, x, np.zeros(len(codes)), {0: unseen} if unseen else {})


def test_joined_records_keep_their_hashes_where_they_know_the_same_and_other_unseen_values() -> None:
    first, second = records([0, 1, 2], ("blue", "green")), records([1, 2, 0], ("green", "pink"))
    joined = first.join(second)
    assert joined.unseen == {0: ("blue", "green", "pink")}
    assert joined.x[:, 0].tolist() == [0, 1, 2, 2, 3, 0]
    assert joined.hashes() == first.hashes() + second.hashes()


def test_joining_tens_of_thousands_of_unseen_values_takes_no_longer_than_reading_them() -> None:
    count = 40_000
    codes = np.arange(1, count + 1)
    first = records(codes, tuple(f"a{i}" for i in range(count)))
    second = records(codes, tuple(f"b{i}" for i in range(count)))
    started = time.process_time()
    joined = first.join(second)
    assert time.process_time() - started < 2  # a search through a list for each takes minutes
    assert len(joined.unseen[0]) == 2 * count


def test_negative_zero_and_zero_are_one_record() -> None:
    schema = SCHEMA.model_copy(update={"features": (Feature(name="size"),)})
    x = np.array([[0.0], [-0.0]], dtype=np.float32)
    hashes = Records(schema, x, np.zeros(2)).hashes()
    assert hashes[0] == hashes[1]
    assert content_hash(hashes) == content_hash(hashes[:1])


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="expected finite numbers"):
        records([np.nan], ())


def test_a_hash_covers_the_fields_in_the_schemas_order_as_documented() -> None:
    """By hand: a tag, each category as its length and text, each number in double precision, the label's text."""
    fields = struct.pack("<I", 3) + b"red" + struct.pack("<d", 1.5) + struct.pack("<I", 1) + b"1"
    record = Records(SCHEMA, np.array([[0, 1.5]], dtype=np.float32), np.ones(1))
    assert record.hashes() == (hashlib.sha256(b"assay/record/v2" + fields).digest(),)


def test_a_missing_number_is_hashed_as_one_nan_and_only_where_the_schema_lets_it_be_missing() -> None:
    optional = Schema(task="regression", features=(Feature(name="size", missing="nan"),), label="y")
    gap = np.array([[np.frombuffer(bytes.fromhex("010000000000f8ff"), dtype="<f8")[0]]])  # another NaN
    record = Records(optional, gap, np.array([2.0]))
    expected = b"assay/record/v2" + bytes.fromhex("000000000000f87f") + struct.pack("<d", 2.0)
    assert record.hashes() == (hashlib.sha256(expected).digest(),)
    required = Schema(task="regression", features=(Feature(name="size"),), label="y")
    with pytest.raises(DataError, match="expected finite numbers"):
        Records(required, gap, np.array([2.0]))


def test_the_target_of_a_regression_is_hashed_in_double_precision() -> None:
    schema = Schema(task="regression", features=(Feature(name="size"),), label="y")
    record = Records(schema, np.array([[2.0]], dtype=np.float32), np.array([0.1]))
    assert record.hashes() == (hashlib.sha256(b"assay/record/v2" + struct.pack("<dd", 2.0, 0.1)).digest(),)


def test_records_are_hashed_once() -> None:
    found = records([0, 1], ("blue",))
    assert found.hashes() is found.hashes()


def test_records_are_taken_by_index_or_by_mask_in_that_order() -> None:
    found = records([0, 1, 2], ("blue", "green"))
    assert found.take([2, 0]).x[:, 0].tolist() == [2, 0]
    assert found.take(np.array([True, False, True])).hashes() == found.take([0, 2]).hashes()
    assert found.take(np.arange(0)).n == 0


def test_records_of_two_schemas_are_not_joined() -> None:
    other = SCHEMA.model_copy(update={"label": "z"})
    with pytest.raises(DataError, match="expected records of one schema, got two schemas"):
        records([0], ()).join(Records(other, np.zeros((1, 2), dtype=np.float32), np.zeros(1)))


def test_the_content_hash_is_the_same_in_any_order_and_number_of_copies() -> None:
    found = records([0, 1, 2], ("blue", "green"))
    first, second, third = sorted(found.hashes())
    assert found.content_hash() == hashlib.sha256(first + second + third).digest()
    assert found.take([2, 2, 0, 1]).content_hash() == found.content_hash()


def test_memory_of_records_covers_arrays_hashes_and_unseen_texts() -> None:
    """By hand: two features of 8 bytes, a label of 8, a hash of 73; a text of 1,000 characters on top."""
    assert records([0, 0, 0], ()).nbytes == 3 * (2 * 8 + 8 + 73)
    assert 1_000 < records([1], ("a" * 1_000,)).nbytes - records([0], ()).nbytes < 1_100
