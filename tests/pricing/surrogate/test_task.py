"""Samples, contexts and the mean drop of a risk, by hand."""

import numpy as np
import pytest
import torch

from assay_pricing.surrogate import task as module
from assay_pricing.surrogate.task import RiskDrop, Sample, stratified_sample
from tests.pricing.contexts import context, identity_encoder, records, sample

pytestmark = pytest.mark.unit


def test_a_mean_drop_and_its_standard_error_by_hand() -> None:
    """Weights 1/4 and 3/4: mean 1/4 * 4 + 3/4 * 8 = 7; error sqrt(3^2 / 16 + 1 * 9 / 16) = sqrt(18) / 4."""
    drop = RiskDrop.average(torch.tensor([[4.0, 8.0], [5.0, 5.0]]).double(), torch.tensor([0.5, 1.5]).double())
    np.testing.assert_allclose(drop.mean, [7, 5])
    np.testing.assert_allclose(drop.error, [18**0.5 / 4, 0])


def test_with_equal_weights_it_is_the_standard_error_of_the_mean() -> None:
    drops = np.random.default_rng(0).normal(size=(3, 50))
    for unit in (1.0, 2.0, 0.0):
        drop = RiskDrop.average(torch.from_numpy(drops), torch.full((50,), unit, dtype=torch.float64))
        np.testing.assert_allclose(drop.mean, unit * drops.mean(1))
        np.testing.assert_allclose(drop.error, unit * drops.std(1) / 50**0.5)


def test_blocks_are_joined_in_order() -> None:
    parts = [RiskDrop(np.array([1.0, 2.0]), np.array([3.0, 4.0])), RiskDrop(np.array([5.0]), np.array([6.0]))]
    joined = RiskDrop.concatenate(parts)
    assert joined.mean.tolist() == [1, 2, 5]
    assert joined.error.tolist() == [3, 4, 6]
    assert RiskDrop.concatenate([]).mean.shape == (0,)


def test_samples_are_taken_and_joined_with_their_weights() -> None:
    first, second = sample([[1.0], [2.0], [3.0]], [0, 1, 2], [7, 8, 9]), sample([[4.0]], [5])
    taken = first.take(np.array([2, 0]))
    assert (taken.x[:, 0].tolist(), taken.y.tolist(), taken.weight.tolist()) == ([3, 1], [2, 0], [9, 7])
    both = taken.join(second)
    assert (both.x[:, 0].tolist(), both.y.tolist(), both.weight.tolist()) == ([3, 1, 4], [2, 0, 5], [9, 7, 1])
    assert len(both) == 3


def test_offered_records_count_once_each() -> None:
    found = context(sample([[0.0]], [0]), sample([[0.0]], [1]), 2)
    encoded = found.encode(records([[0.5], [-0.5]], [1, 0], 2))
    assert (encoded.x.tolist(), encoded.y.tolist(), encoded.weight.tolist()) == ([[0.5], [-0.5]], [1, 0], [1, 1])


def test_importance_is_the_goals() -> None:
    """Of a balanced goal the classes count alike: one record of class 1 as much as three of class 0."""
    v = sample([[0.0]] * 4, [0, 0, 0, 1])
    found = context(v, v, 2, metric="balanced_log_loss")
    np.testing.assert_allclose(found.importance(torch.zeros(4, 2).double()).numpy(), [2 / 3, 2 / 3, 2 / 3, 2])


def test_of_few_records_every_one_is_kept() -> None:
    owner = records([[0.0], [1.0], [2.0]], [0, 1, 0], 2)
    kept = stratified_sample(owner, identity_encoder(owner.schema), np.random.default_rng(0))
    assert (kept.x[:, 0].tolist(), kept.weight.tolist()) == ([0, 1, 2], [1, 1, 1])


def test_a_sample_represents_every_class_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 places, classes of 900, 90 and 10: half by class (16, 16, 10), the others by what is left (884, 74, 0)."""
    monkeypatch.setattr(module, "MAX_BASE", 100)
    y = np.repeat([0, 1, 2], [900, 90, 10])
    owner = records(np.arange(1000.0)[:, None] / 1000, y, 3)
    kept: Sample = stratified_sample(owner, identity_encoder(owner.schema), np.random.default_rng(0))
    counts = [int((kept.y == c).sum()) for c in range(3)]
    assert counts == [69, 20, 10]
    assert [float(kept.weight[kept.y == c].sum()) for c in range(3)] == pytest.approx([900, 90, 10])
    assert [float(kept.weight[kept.y == c].std()) for c in range(3)] == pytest.approx([0, 0, 0])
    assert len(np.unique(kept.x.numpy())) == 99


def test_a_regression_is_one_class_which_gets_all_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BASE", 50)
    owner = records(np.arange(200.0)[:, None] / 200, np.arange(200.0), 1)
    kept = stratified_sample(owner, identity_encoder(owner.schema), np.random.default_rng(0))
    assert len(kept) == 50
    assert kept.weight.tolist() == [4.0] * 50


def test_a_thinned_sample_stands_for_the_same_records_of_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BASE", 100)
    y = np.repeat([0, 1], [900, 90])
    owner = records(np.arange(990.0)[:, None] / 990, y, 2)
    encoder = identity_encoder(owner.schema)
    whole = stratified_sample(owner, encoder, np.random.default_rng(0), 400)
    few = module.thinned(whole, encoder)
    assert (len(whole), len(few)) == (400, 99)
    assert [float(few.weight[few.y == c].sum()) for c in range(2)] == pytest.approx([900, 90])
    assert set(few.x[:, 0].tolist()) <= set(whole.x[:, 0].tolist())
    assert module.thinned(few, encoder) is few
