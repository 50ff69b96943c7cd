"""Nearest neighbours against loops over records."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from assay_pricing.surrogate import neighbours as module
from assay_pricing.surrogate.neighbours import Neighbours
from assay_pricing.surrogate.task import Context, Sample
from tests.pricing.contexts import context, drawn, sample

pytestmark = pytest.mark.unit


def log_shares(found: Context, offer: Sample, weights: np.ndarray, neighbours: int, k: int) -> np.ndarray:
    """Outputs on the validation set (v, k), one record at a time: who is nearest, and how many places are left."""
    x = np.concatenate([found.base.x.numpy(), offer.x.numpy()])
    y = np.concatenate([found.base.y.numpy(), offer.y.numpy()])
    mass = np.concatenate([found.base.weight.numpy(), weights])
    rows = []
    for v in found.validation.x.numpy():
        left, votes = float(neighbours), np.zeros(k)
        total = count = 0.0
        for i in sorted(range(len(x)), key=lambda i: float(np.linalg.norm(x[i] - v))):
            taken = min(mass[i], left)
            left -= taken
            if k > 1:
                votes[int(y[i])] += taken
            total, count = total + taken * y[i], count + taken
        rows.append(np.log((votes + 1 / k) / (votes.sum() + 1)) if k > 1 else np.array([total / count]))
    return np.array(rows)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_outputs_are_those_of_the_nearest_by_weight(k: int) -> None:
    found = context(drawn(1, 20, 2, k, weights=True), drawn(2, 15, 2, k), k)
    offer, weights = drawn(3, 6, 2, k), np.array([[0] * 6, [1] * 6, [0.3, 0, 2, 1, 0.5, 7]])
    outputs = Neighbours(found, 4).outputs(offer, torch.from_numpy(weights).double())
    expected = np.stack([log_shares(found, offer, row, 4, k) for row in weights])
    np.testing.assert_allclose(outputs.numpy(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("neighbours", [1, 5, 30])
def test_one_records_drop_is_that_of_the_losses_with_and_without_it(
    k: int, neighbours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where more neighbours are asked for than the owner has records: then each record joins, none leaves."""
    found = context(drawn(1, 20, 2, k), drawn(2, 15, 2, k), k)
    offer = drawn(3, 8, 2, k)

    def losses(weights: np.ndarray) -> np.ndarray:
        outputs, y = log_shares(found, offer, weights, neighbours, k), found.validation.y.numpy()
        return (outputs[:, 0] - y) ** 2 / 2 if k == 1 else -outputs[np.arange(15), y.astype(int)]

    drops = np.stack([losses(np.zeros(8)) - losses(np.eye(8)[i]) for i in range(8)])
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", 15 * 3 * k)
    found_drops = Neighbours(found, neighbours).risk_drops(offer)
    np.testing.assert_allclose(found_drops.mean, drops.mean(1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found_drops.error, drops.std(1) / np.sqrt(15), rtol=1e-9, atol=1e-12)


def test_a_record_as_far_as_the_last_neighbour_changes_nothing() -> None:
    found = context(sample([[0.0], [2.0]], [0, 1]), sample([[1.25]], [1]), 2)
    drops = Neighbours(found, 2).risk_drops(sample([[2.5], [1.5]], [1, 1]))
    assert drops.mean[0] == 0
    assert drops.mean[1] == pytest.approx(np.log(2.5 / 3) - np.log(1.5 / 3))


def test_distances_are_measured_in_the_encoders_scales() -> None:
    """The second column is in thousands: unscaled it alone would say who is near."""
    encoder_scale = np.array([1.0, 1000.0])
    base, v = sample([[0.0, 900.0], [3.0, 0.0]], [0, 1]), sample([[0.0, 0.0]], [0])
    found = context(base, v, 2)
    units = module.Context(
        found.schema,
        type(found.encoder)(found.schema, np.zeros(2), encoder_scale, (0.0, 1.0), standardised=False),
        base,
        v,
        found.metric,
    )
    nobody = base.take(np.arange(0))
    nearest = [int(Neighbours(c, 1).outputs(nobody, nobody.weight[None])[0, 0].argmax()) for c in (found, units)]
    assert nearest == [1, 0]


@pytest.mark.parametrize("neighbours", [4, 30])
def test_the_nearest_of_some_validation_records_are_those_found_among_all(neighbours: int) -> None:
    found = context(drawn(1, 20, 2, 3), drawn(2, 15, 2, 3), 3)
    rows = np.array([1, 4, 5, 9, 14])
    half = replace(found, validation=found.validation.take(rows))
    known, anew = Neighbours(found, neighbours).on(half, rows), Neighbours(half, neighbours)
    assert all(torch.equal(*pair) for pair in zip(known._nearest, anew._nearest, strict=True))
    assert torch.equal(known.weights, anew.weights)
