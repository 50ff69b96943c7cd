"""A real Dask cluster of two workers."""

import json
import os
import platform
import resource
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import torch

from assay.errors import UsageError
from assay_oracle.owner.cluster import Cluster, cluster
from assay_pricing.duplicates import Kernel
from assay_pricing.fitting import fit
from assay_pricing.offers import partitions
from assay_pricing.offers.partitions import Whole
from assay_pricing.records.records import Records
from assay_pricing.surrogate.task import encoded
from tests.pricing.contexts import identity_encoder, records
from tests.pricing.machines import machines, regression_of

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("default")]


def where(wait: str, item: int) -> tuple[int, str]:
    return os.getpid(), f"{wait} {item}"


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
        yield local.scheduler_address


def test_two_workers_share_the_parts_and_sum_them_as_one_process_does(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "ROWS", 5)
    rng = np.random.default_rng(0)
    offer = records(rng.normal(size=(60, 2)), rng.integers(0, 3, 60), 3)
    encoder, kernel = identity_encoder(offer.schema), Kernel(0.4)
    others = encoded(encoder, records(rng.normal(size=(20, 2)), rng.integers(0, 3, 20), 3))
    with cluster(scheduler) as pool:
        found = list(pool.map(partial(where, "part"), range(40)))
        density = Whole(offer, encoder, pool).density(kernel, others)
    assert [text for _, text in found] == [f"part {item}" for item in range(40)]
    assert os.getpid() not in {pid for pid, _ in found}
    assert len({pid for pid, _ in found}) == 2
    assert torch.equal(density, Whole(offer, encoder).density(kernel, others))


def test_two_workers_train_and_give_the_price_of_one_process(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "ROWS", 30)
    owner, clean = machines(1, normal=80, wear=80), machines(3, normal=40, wear=40, fault=20)
    wrong = np.where(np.arange(clean.n) % 10, clean.y, 3 - np.maximum(clean.y, 1))
    offers = (clean, Records(clean.schema, clean.x, wrong))  # of the second a subset is searched for
    capacity = {"penalty": 1.0, "growth": 0.0, "columns": "scaled", "classes": "as_given", "kind": "direct", "folds": 5}
    settings = {"family": "linear", "capacity": json.dumps(capacity)}
    priced_by = fit(
        regression_of(owner), owner, validation=machines(2, normal=60, wear=60), settings=settings, decay=2e-3
    )
    alone = [priced_by.appraise(offer) for offer in offers]
    with cluster(scheduler) as pool:
        trained, halved = [], []
        halves = partitions.values_by_halves
        monkeypatch.setattr(pool, "train", lambda *work: trained.append(1) or Cluster.train(pool, *work))
        monkeypatch.setattr(partitions, "values_by_halves", lambda *work: halved.append(1) or halves(*work))
        shared = [priced_by.appraise(offer, pool=pool) for offer in offers]
    assert trained
    assert halved
    assert alone[0].price > 0
    assert [found.canonical_json() for found in shared] == [found.canonical_json() for found in alone]


def pages_cleared(_: int) -> int:
    """Pages that the system hands out while arrays of 2 MiB, 512 pages, are made and freed a hundred times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        np.ones(2**18)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_a_worker_uses_memory_again_that_it_frees(scheduler: str) -> None:
    with cluster(scheduler) as pool:
        assert max(pool.map(pages_cleared, range(4))) < 10 * 512


def test_an_address_that_is_none_is_an_error_with_an_example() -> None:
    with pytest.raises(UsageError, match="expected a Dask scheduler at nowhere://x") as caught, cluster("nowhere://x"):
        pass
    assert "tcp://" in str(caught.value.hint)
