"""Draws: who has which records, and what attackers make of them."""

from collections import Counter

import numpy as np
import pytest

from assay_bench.pricing import attacks
from assay_bench.pricing.data import dataset, parties
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import BATCH, SIZES, Parties
from assay_bench.pricing.truth import gains

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def drawn() -> Parties:
    return parties.draw(dataset.load("digits"), SIZES["digits"], "shift", 5, batches=10)


def rows(data: Dataset) -> set[bytes]:
    return {row.tobytes() for row in data.x}


def test_every_party_has_its_records(drawn: Parties) -> None:
    sizes = SIZES["digits"]
    assert (len(drawn.base), len(drawn.validation), len(drawn.test)) == (sizes.base, sizes.validation, sizes.test)
    assert Counter(drawn.kinds.tolist()) == {
        "fresh": 120,
        "duplicate": 30,
        "near": 30,
        "mislabelled": 30,
        "noise": 15,
        "blurred": 15,
    }


def test_no_record_is_on_both_sides(drawn: Parties) -> None:
    fresh = drawn.offer.take(np.flatnonzero(drawn.kinds == "fresh"))
    assert rows(drawn.test).isdisjoint(rows(drawn.base) | rows(drawn.validation) | rows(fresh))
    assert rows(drawn.validation).isdisjoint(rows(drawn.base) | rows(fresh))
    assert rows(fresh).isdisjoint(rows(drawn.base))


def test_duplicates_are_the_owners_and_near_copies_are_not(drawn: Parties) -> None:
    duplicates = drawn.offer.take(np.flatnonzero(drawn.kinds == "duplicate"))
    near = drawn.offer.take(np.flatnonzero(drawn.kinds == "near"))
    assert rows(duplicates) <= rows(drawn.base)
    assert rows(near).isdisjoint(rows(drawn.base))


def test_the_owner_of_shift_lacks_classes_and_the_owner_of_iid_does_not(drawn: Parties) -> None:
    iid = parties.draw(dataset.load("digits"), SIZES["digits"], "iid", 5, batches=1)
    lacking, share = (float(np.isin(data.y, (3, 8, 9)).mean()) for data in (drawn.base, iid.base))
    assert lacking < 0.08
    assert 0.2 < share < 0.4


def test_a_draw_is_reproducible_and_depends_on_its_seed(drawn: Parties) -> None:
    again = parties.draw(dataset.load("digits"), SIZES["digits"], "shift", 5, batches=10)
    other = parties.draw(dataset.load("digits"), SIZES["digits"], "shift", 6, batches=10)
    assert np.array_equal(again.offer.x, drawn.offer.x)
    assert not np.array_equal(other.offer.x, drawn.offer.x)


def test_sets_have_twenty_records(drawn: Parties) -> None:
    assert [len(batch) for batch in drawn.batches] == [BATCH] * 10


def test_mislabelled_records_have_another_class() -> None:
    pool = dataset.load("digits").take(np.arange(50))
    made, used = parties.make("mislabelled", 50, pool, pool, np.random.default_rng(0))
    assert used == 50
    assert np.array_equal(made.x, pool.x)
    assert (made.y != pool.y).all()
    assert set(made.y) <= set(range(10))


def test_features_that_are_no_pixels_are_standardised_by_the_owner() -> None:
    drawn = parties.draw(dataset.load("wine"), SIZES["wine"], "iid", 1, batches=1)
    assert drawn.base.x.mean(0) == pytest.approx(np.zeros(13), abs=1e-9)
    assert drawn.base.x.std(0) == pytest.approx(np.ones(13))


def test_copies_are_exact_or_near(drawn: Parties) -> None:
    record = drawn.offer.take([0])
    exact, near = (attacks.copies(record, drawn, near=near) for near in (False, True))
    assert len(exact) == len(near) == 20
    assert rows(exact) == rows(record)
    assert np.array_equal(near.x[0], record.x[0])
    assert len(rows(near)) == 20
    span = drawn.base.x.max(0) - drawn.base.x.min(0)
    assert np.abs(near.x - record.x).max() < 6 * 0.03 * span.max()


def test_attackers_keep_labels_and_stay_within_reach() -> None:
    wine = parties.draw(dataset.load("wine"), SIZES["wine"], "iid", 1, batches=1)
    made = attacks.attacks(wine, gains.true_model(wine))
    span = wine.base.x.max(0) - wine.base.x.min(0)
    centre = wine.base.x.mean(0)
    assert len(made.honest) == len(made.crafted) == len(made.outliers) == len(made.split) == 1
    for honest, crafted, outliers in zip(made.honest, made.crafted, made.outliers, strict=True):
        assert np.array_equal(crafted.y, honest.y)
        assert (np.abs(crafted.x - honest.x) <= 0.2 * span + 1e-9).all()
        assert np.abs(crafted.x - honest.x).max() > 0
        assert outliers.x - centre == pytest.approx(3 * (honest.x - centre))
