"""Trainings at the same time: their order, their errors, one thread for each, and the same price on any number."""

import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from assay_pricing.fitting import fit
from assay_pricing.learners import threads
from assay_pricing.learners.selection import FAMILIES
from assay_pricing.learners.threads import in_parallel
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import deterministic
from tests.pricing.contexts import records
from tests.pricing.learners.tables import sample, table

pytestmark = pytest.mark.unit

MANY = 100_000


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_processors", lambda: 2)


@pytest.mark.usefixtures("two")
def test_results_come_in_the_order_of_the_items() -> None:
    second_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            second_is_done.set()
        elif item == 0:
            assert second_is_done.wait(30)
        return 10 * item

    assert in_parallel(work, range(4), MANY) == [0, 10, 20, 30]
    assert in_parallel(work, [], MANY) == []


@pytest.mark.usefixtures("two")
def test_the_first_error_is_raised() -> None:
    def work(item: int) -> None:
        if item:
            raise ValueError(f"item {item}")

    with pytest.raises(ValueError, match="item 1"):
        in_parallel(work, range(3), MANY)


@pytest.mark.usefixtures("two")
def test_each_worker_computes_on_one_thread_and_shares_nothing_out() -> None:
    def work(_: int) -> tuple[set[int], str, list[str]]:
        limits = {torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())}
        return (
            limits,
            threading.current_thread().name,
            in_parallel(lambda _: threading.current_thread().name, range(3), MANY),
        )

    before = [pool["num_threads"] for pool in threadpool_info()]
    with deterministic():
        found = in_parallel(work, range(4), MANY)
    assert all(limits == {1} for limits, _, _ in found)
    assert all(nested == [name] * 3 for _, name, nested in found)
    assert [pool["num_threads"] for pool in threadpool_info()] == before


@pytest.mark.usefixtures("two")
def test_work_on_few_records_stays_in_its_thread() -> None:
    name = threading.current_thread().name
    assert in_parallel(lambda _: threading.current_thread().name, range(3), 1000) == [name] * 3


@pytest.mark.usefixtures("two")
def test_filters_of_warnings_are_as_before_in_any_order_of_the_ends() -> None:
    first_has_begun, second_has_ended = threading.Event(), threading.Event()

    def work(item: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (first_has_begun.set if item == 0 else first_has_begun.wait)()
            if item == 0:
                assert second_has_ended.wait(30)
        second_has_ended.set()

    before = list(warnings.filters)
    in_parallel(work, range(2), MANY)
    assert list(warnings.filters) == before


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("family", ["boosting", "forest", "linear", "network"])
def test_trainings_at_the_same_time_give_the_answers_of_one_alone(family: str) -> None:
    owner = table(1, 150, 3)
    encoder = Encoder.fit(owner)
    known, learner = sample(encoder, owner), next(FAMILIES[family].starts(encoder))
    alone = learner.outputs(known, known)
    assert all(
        torch.equal(alone, found) for found in in_parallel(lambda _: learner.outputs(known, known), range(2), MANY)
    )


def test_one_worker_and_several_give_one_integer_price(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(90, 3))
    drawn = records(x, x[:, 0] + x[:, 1] + 0.3 * rng.normal(size=90), 1)
    monkeypatch.setattr(threads, "_LEAST_RECORDS", 1)
    owner, offer = drawn.take(np.arange(60)), drawn.take(np.arange(60, 90))

    def priced(workers: int) -> tuple[str, int]:
        monkeypatch.setattr(threads, "_processors", lambda: workers)
        function = fit(lambda x: x[:, 0] + x[:, 1], owner, settings={"family": "linear"}, decay=2e-3)
        return function.manifest.model_dump_json(), function.appraise(offer).price

    assert priced(1) == priced(2)


def test_pools_of_libraries_that_are_loaded_later_are_limited_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with threads.single_thread():
        pass
    before = threads._pools.cache_info().misses
    monkeypatch.setitem(sys.modules, "a_library_that_is_loaded_later", threads)
    with threads.single_thread():
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    assert threads._pools.cache_info().misses == before + 1
