"""What an artifact discloses, counted for a method that stores one tensor."""

from typing import Self

import numpy as np
import pytest
import torch

from assay_pricing.disclosure import carried, leaks
from assay_pricing.manifest import Leak
from assay_pricing.methods import Method, Parts
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Task
from tests.pricing.contexts import records, task

pytestmark = pytest.mark.unit


class Stored(Method):
    """Keeps one tensor and says what it is."""

    name = "stored"

    @classmethod
    def fit(cls, task: Task) -> Self:
        return cls(task.context, Parts(fidelity=0.6, leaks={"mean": "the mean of something"}))

    def record_values(self, records: Records) -> Float64:
        return np.zeros(records.n)


@pytest.fixture(scope="module")
def owners_task() -> Task:
    """A model that a small network can copy from the owner's records: the sign of the first feature."""
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(80, 2)), rng.normal(size=(40, 2))
    owner, held = (records(part, part[:, 0] > 0, 2) for part in (x, v))
    return task(lambda x: np.stack([x[:, 0] <= 0, x[:, 0] > 0], axis=1).astype(float), owner, held)


def test_each_tensor_is_described_and_counted(owners_task: Task) -> None:
    tensors = {
        "validation.x": torch.zeros(40, 2).double(),
        "base.x": torch.zeros(80, 2).double(),
        "method.mean": torch.zeros(3),
        "owner.hashes": torch.zeros(80, 16, dtype=torch.uint8),
        "method.other": torch.zeros(1),
    }
    assert leaks(owners_task, Stored.fit(owners_task), tensors) == (
        Leak(
            tensor="base.x",
            bytes=1280,
            owner_records=80,
            validation_records=0,
            carries="features of 80 of the owner's 80 records, as the surrogate sees them",
        ),
        Leak(tensor="method.mean", bytes=12, owner_records=0, validation_records=0, carries="the mean of something"),
        Leak(
            tensor="method.other",
            bytes=4,
            owner_records=0,
            validation_records=0,
            carries="not described by the method",
        ),
        Leak(
            tensor="owner.hashes",
            bytes=1280,
            owner_records=0,
            validation_records=0,
            carries="whether a record that one holds is among the owner's 80",
        ),
        Leak(
            tensor="validation.x",
            bytes=640,
            owner_records=0,
            validation_records=40,
            carries="features of all 40 validation records, as the surrogate sees them",
        ),
    )


def leak(owner_records: int) -> Leak:
    return Leak(tensor="t", bytes=5, owner_records=owner_records, validation_records=3, carries="x")


def test_without_the_owners_records_the_best_copy_is_the_surrogate(owners_task: Task) -> None:
    total = carried(owners_task, Stored.fit(owners_task), (leak(0), leak(0)))
    assert (total.bytes, total.owner_records, total.validation_records) == (10, 0, 3)
    assert (total.copy_fidelity, total.copied_by) == (0.6, "using the surrogate")


def test_with_them_it_may_be_a_network_trained_on_them(owners_task: Task) -> None:
    total = carried(owners_task, Stored.fit(owners_task), (leak(80),))
    assert total.copied_by == "training on the owner's records"
    assert 0.85 < total.copy_fidelity <= 1
