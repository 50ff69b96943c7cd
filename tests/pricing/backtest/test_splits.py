"""Parts that are held out, and what is made of them."""

import numpy as np
import pytest

from assay_pricing.backtest.splits import Split, splits
from assay_pricing.records.records import Records
from tests.pricing.contexts import records

pytestmark = pytest.mark.unit


def owned(n: int, k: int) -> Records:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, 3))
    return records(x, x[:, 1] if k == 1 else rng.integers(0, k, n), k)


def made(owner: Records) -> list[Split]:
    return list(splits(owner, lambda part: part.x, 0))


@pytest.mark.parametrize("k", [1, 2, 7])
def test_parts_are_the_owners_records_and_are_not_among_those_kept(k: int) -> None:
    owner = owned(400, k)
    known = set(owner.hashes())
    for split in made(owner):
        kept = set(split.kept.hashes())
        assert kept < known
        for name in ("whole", "a quarter"):
            assert set(split.offers[name].hashes()) <= known - kept
    assert [split.kind for split in made(owner)] == ["at random", "of one kind", "at one end of a column"]


def test_sizes_are_those_of_offers() -> None:
    for split in made(owned(400, 2)):
        assert split.kept.n == 240
        assert [offer.n for offer in split.offers.values()] == [160, 40, 80, 160, 80]


def test_a_part_is_most_of_a_class_or_the_highest_targets_or_one_end_of_a_column() -> None:
    by_class, by_target = made(owned(400, 7))[1], made(owned(400, 1))
    held = by_class.offers["whole"]
    counts = np.bincount(held.y.astype(int), minlength=7)
    kept = np.bincount(by_class.kept.y.astype(int), minlength=7)
    assert counts.max() > 3 * kept[counts.argmax()] > 0
    assert by_target[1].offers["whole"].y.min() >= by_target[1].kept.y.max()
    assert by_target[2].offers["whole"].x[:, 1].min() >= by_target[2].kept.x[:, 1].max()


def test_no_class_is_wholly_held_out() -> None:
    """Not even one that a column says, or one of few records."""
    x = np.random.default_rng(3).normal(size=(400, 3))
    owner = records(x, (x[:, 1] > 0.8) + 2.0 * (np.arange(400) < 3), 4)
    for split in made(owner):
        for code in np.unique(owner.y):
            assert (split.kept.y == code).sum() >= (owner.y == code).sum() / 5
    assert [split.kept.n for split in made(owner)] == [240] * 3


def test_wrong_labels_are_of_another_class_on_the_same_records() -> None:
    split = made(owned(400, 3))[0]
    wrong, whole = split.offers["wrong labels"], split.offers["whole"]
    np.testing.assert_array_equal(wrong.x, whole.x[: wrong.n])
    assert (wrong.y != whole.y[: wrong.n]).all()
    mixed = split.offers["half wrong"]
    assert (mixed.y == whole.y).mean() == 0.5


def test_records_between_the_others_bring_no_new_value_or_label() -> None:
    for owner in (owned(400, 2), owned(400, 1)):
        split = made(owner)[0]
        between = split.offers["between the others"]
        assert (between.x.min(0) >= split.kept.x.min(0)).all()
        assert (between.x.max(0) <= split.kept.x.max(0)).all()
        assert set(between.y) <= set(split.kept.y)
        assert not set(between.hashes()) & set(split.kept.hashes())


def test_few_records_make_fewer_splits_and_hardly_any_none() -> None:
    assert len(made(owned(100, 2))) == 2
    assert made(owned(7, 2)) == []
    assert made(records(owned(50, 2).x, np.ones(50), 2)) == []
    assert len(made(owned(8, 2))) == 2


def test_of_many_records_some_are_used() -> None:
    assert made(owned(5000, 1))[0].kept.n == 900
