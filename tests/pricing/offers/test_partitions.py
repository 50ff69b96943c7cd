"""Parts of an offer, worked on anywhere: the same values, sums and prices, whatever the parts are."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, TypeVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_pricing.appraisal import Appraisal
from assay_pricing.duplicates import Kernel, order
from assay_pricing.function import PriceFunction
from assay_pricing.learners import threads
from assay_pricing.offers import partitions, representation
from assay_pricing.offers.partitions import Threads, Whole, in_order, parts
from assay_pricing.offers.representation import represent
from assay_pricing.records.records import Records, Selection
from assay_pricing.surrogate.task import encoded
from tests.pricing.contexts import identity_encoder, records
from tests.pricing.machines import machines

pytestmark = pytest.mark.unit

T = TypeVar("T")
R = TypeVar("R")


class Backwards:
    """A pool that works on the last item first, and runs trainings while it does so."""

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        return reversed([work(item) for item in reversed(list(items))])

    def train(self, function: Callable[[T], R], items: Iterable[T], records: int) -> list[R]:
        return list(self.map(function, items))

    def has_room(self, records: int) -> bool:
        return True


@pytest.fixture(scope="module")
def offer() -> Records:
    return machines(3, normal=40, wear=40, fault=20)


@pytest.fixture(scope="module", params=[40, 10**6], ids=["represented", "whole"])
def most(request: pytest.FixtureRequest) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(representation, "MAX_OFFERED", request.param)
        yield request.param


@pytest.fixture(scope="module")
def whole(plant: PriceFunction, offer: Records, most: int) -> Appraisal:
    return plant.appraise(offer)


@given(rows=st.integers(1, 120), backwards=st.booleans(), order=st.sampled_from("CF"))
@settings(max_examples=4, deadline=None)
def test_no_partitioning_and_no_pool_changes_a_price(
    plant: PriceFunction, offer: Records, whole: Appraisal, rows: int, backwards: bool, order: Literal["C", "F"]
) -> None:
    mixed = np.random.default_rng(rows).permutation(offer.n)
    same = Records(offer.schema, np.array(offer.x[mixed], order=order), offer.y[mixed])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "ROWS", rows)
        found = plant.appraise(same, pool=Backwards() if backwards else Threads())
    assert (found.price, found.distinct, found.set_value) == (whole.price, whole.distinct, whole.set_value)
    assert found.data_hash == whole.data_hash
    assert found.verdicts == tuple(np.array(whole.verdicts)[mixed])
    np.testing.assert_array_equal(found.record_values, whole.record_values[mixed])


def test_results_come_in_order_and_few_items_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "usable_processors", lambda: 2)
    taken, done = 0, 0
    is_worker = []

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(50):
            taken += 1
            assert taken - done <= 6
            yield item

    def work(item: int) -> int:
        is_worker.append(threading.current_thread() is not threading.main_thread() and threads.usable_processors() == 1)
        return item * item

    for i, found in enumerate(Threads().map(work, items())):
        assert found == i * i
        done += 1
    assert done == 50
    assert all(is_worker)


def test_an_error_of_a_part_is_raised() -> None:
    def work(item: int) -> int:
        raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 0"):
        list(Threads().map(work, range(5)))


def test_futures_are_asked_for_one_after_the_other() -> None:
    assert list(in_order(lambda item: Done(item + 1), range(5), 2)) == [1, 2, 3, 4, 5]


class Done:
    """A future of a result that is there."""

    def __init__(self, value: int) -> None:
        self._value = value

    def result(self) -> int:
        return self._value


def test_parts_are_all_records_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "ROWS", 3)
    some = records([[place] for place in range(7)], [0.0] * 7, 1)
    assert [part.x[:, 0].tolist() for part in parts(some)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [part.n for part in parts(some.take(np.arange(0)))] == [0]


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_a_whole_offer_is_compared_as_its_parts_are(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(partitions, "ROWS", rows)
    rng = np.random.default_rng(0)
    offer = records(rng.normal(size=(50, 2)), rng.integers(0, 3, 50), 3)
    encoder, kernel = identity_encoder(offer.schema), Kernel(0.4)
    others = encoded(encoder, records(rng.normal(size=(20, 2)), rng.integers(0, 3, 20), 3))
    whole = Whole(offer, encoder)
    assert torch.equal(whole.density(kernel, others), kernel.density(others, encoded(encoder, offer)))
    assert torch.equal(whole.copies(kernel, others), kernel.is_copied(others, encoded(encoder, offer)))


def test_some_records_in_an_order_of_their_own_are_those_records() -> None:
    many = records(np.arange(40).reshape(20, 2), np.arange(20) % 3, 3)
    rows = np.random.default_rng(0).permutation(20)[:13]
    some, taken = Selection(many, rows), many.take(rows)
    for one, other in zip(parts(some), parts(taken), strict=True):
        assert one.hashes() == other.hashes()
    for found, expected in zip(represent(some, 6), represent(taken, 6), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_first_records_of_each_class_stand_for_all() -> None:
    offer = records(np.zeros((100, 1)), [0] * 90 + [1] * 8 + [2] * 2, 3)
    rows, weights = represent(offer, 20)
    labels = offer.y[rows]
    assert len(rows) <= 20
    assert rows.tolist() == [*range((labels == 0).sum()), *range(90, 90 + (labels == 1).sum()), 98, 99]
    for label, count in enumerate((90, 8, 2)):
        assert weights[labels == label].sum() == pytest.approx(count)
    everything, ones = represent(offer, 100)
    assert everything.tolist() == list(range(100))
    assert ones.tolist() == [1.0] * 100


def test_a_larger_offer_is_represented_by_the_same_records_and_new_ones() -> None:
    """Neither the order of a file nor what else is in it decides which of two records comes first."""
    many = records(np.random.default_rng(1).normal(size=(400, 1)), [0] * 400, 2)
    salt = b"secret"

    def chosen(offer: Records) -> set[float]:
        sorted_ = offer.take(order(offer.hashes(), salt))
        return set(sorted_.take(represent(sorted_, 50)[0]).x[:, 0].tolist())

    half, mixed = many.take(np.arange(200)), many.take(np.random.default_rng(2).permutation(400))
    assert chosen(many) == chosen(mixed)
    assert chosen(many) & set(half.x[:, 0].tolist()) <= chosen(half)


def test_a_seller_without_the_salt_cannot_choose_who_represents() -> None:
    many = records(np.random.default_rng(1).normal(size=(400, 1)), [0] * 400, 2)
    by_hash = many.take(np.argsort(np.array(many.hashes(), dtype="S32")))
    first = set(order(by_hash.hashes(), b"secret")[:100].tolist())
    assert len(first & set(range(100))) < 50  # by chance: 25
