"""Halves of the validation records are independent as far as records that say the same are in one of them."""

import numpy as np
import pytest
import torch

from assay_pricing.learners import halves
from assay_pricing.learners.halves import first_half
from assay_pricing.risk import alternating
from assay_pricing.surrogate.task import Sample

pytestmark = pytest.mark.unit


def sample(x: np.ndarray, y: np.ndarray) -> Sample:
    return Sample(torch.from_numpy(x), torch.from_numpy(y.astype(np.float64)), torch.ones(len(x), dtype=torch.float64))


def in_pairs(n: int, classes: int) -> Sample:
    """Every record once more at a small distance, after all of the first ones."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 6)), rng.integers(classes, size=n)
    return sample(np.concatenate([x, x + 0.01 * rng.normal(size=x.shape)]), np.tile(y, 2))


@pytest.mark.parametrize("is_classified", [True, False])
def test_two_records_of_one_thing_are_in_one_half(is_classified: bool) -> None:
    pairs = in_pairs(150, 3)
    first = first_half(pairs, is_classified=is_classified)
    assert (first[:150] == first[150:]).all()
    for code in range(3):
        own = pairs.y.numpy() == code
        assert abs(first[own].mean() - 0.5) < 0.07 or not is_classified
    assert abs(int(first.sum()) - 150) <= 2


def test_copies_of_one_record_do_not_all_fall_into_one_half() -> None:
    """A group is small: otherwise a half would lack a class, and a choice by it would say nothing of that class."""
    alike = sample(np.zeros((40, 2)), np.repeat([0, 1], 20))
    first = first_half(alike, is_classified=True)
    assert [int(first[:20].sum()), int(first[20:].sum())] == [10, 10]


def test_halves_of_a_regression_have_targets_of_every_size() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 3))
    first = first_half(sample(x, x.sum(1)), is_classified=False)
    quarters = np.searchsorted(np.quantile(x.sum(1), (0.25, 0.5, 0.75)), x.sum(1))
    assert all(35 <= first[quarters == quarter].sum() <= 65 for quarter in range(4))


def test_a_class_of_one_record_and_more_records_than_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    few = sample(np.arange(5.0)[:, None], np.array([0, 0, 0, 0, 1]))
    assert int(first_half(few, is_classified=True).sum()) in (2, 3)
    monkeypatch.setattr(halves, "_MOST", 4)
    assert first_half(few, is_classified=True).tolist() == alternating(few.y.numpy()).tolist()
