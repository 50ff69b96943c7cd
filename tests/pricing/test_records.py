"""Records are their content: joining, taking and hashing them."""

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
