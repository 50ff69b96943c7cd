"""Encoding by hand: standardised numbers, one-hot categories, clipping, projection."""

import numpy as np
import pytest
import torch

from assay.protocol.schema import Feature, Schema
from assay_pricing.records.records import Records
from assay_pricing.surrogate import encoder as module
from assay_pricing.surrogate.encoder import CLIP, Encoder
from tests.pricing.contexts import records

pytestmark = pytest.mark.unit
MIXED = Schema(
    task="classification",
    features=(Feature(name="a"), Feature(name="c", kind="categorical", categories=("p", "q", "r")), Feature(name="b")),
    label="y",
    classes=("0", "1"),
)
X = np.array([[1, 0, 10], [3, 2, 10], [5, 1, 10], [7, 0, 10]], dtype=np.float32)
OWNER = Records(MIXED, X, np.array([0, 1, 0, 1.0]))


def test_numbers_are_standardised_and_categories_one_hot() -> None:
    """Column a: mean 4, spread sqrt(5); a constant column keeps scale one."""
    encoder = Encoder.fit(OWNER)
    a = np.array([-3, -1, 1, 3]) / 5**0.5
    expected = np.column_stack([a, [1, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(encoder.x(OWNER).numpy(), expected, rtol=1e-12)
    assert (encoder.columns, encoder.width, encoder.outputs) == (5, 5, 2)
    assert encoder.x(OWNER).dtype == torch.float64


def test_in_the_owners_units_numbers_stay_as_they_are() -> None:
    units = Encoder(MIXED, *(getattr(Encoder.fit(OWNER), name) for name in ("centre", "scale", "target")), False)
    np.testing.assert_allclose(units.x(OWNER).numpy()[:, [0, 4]], X[:, [0, 2]], rtol=1e-12)
    np.testing.assert_allclose(units.column_scale.numpy(), [5**0.5, 1, 1, 1, 1])
    np.testing.assert_allclose(Encoder.fit(OWNER).column_scale.numpy(), [1] * 5)


def test_numbers_are_clipped_at_six_scales_from_the_mean() -> None:
    far = Records(MIXED, np.array([[1e9, 0, 10], [-1e9, 0, 10]], dtype=np.float32), np.zeros(2))
    encoder = Encoder.fit(OWNER)
    assert encoder.x(far)[:, 0].tolist() == [CLIP, -CLIP]
    units = Encoder(MIXED, encoder.centre, encoder.scale, encoder.target, standardised=False)
    np.testing.assert_allclose(units.x(far)[:, 0].numpy(), [4 + 6 * 5**0.5, 4 - 6 * 5**0.5])


def test_an_unseen_category_is_zero_everywhere() -> None:
    strange = Records(MIXED, np.array([[4, 3, 10]], dtype=np.float32), np.zeros(1), {1: ("z",)})
    assert not Encoder.fit(OWNER).x(strange).any()


def pictures(n: int = 400, d: int = 16) -> Records:
    """Sixteen pixels of 0 to 1, of which one hardly moves."""
    x = np.random.default_rng(0).random((n, d))
    x[:, 0] *= 0.01
    x[0], x[1] = 0, 1
    return records(x, np.zeros(n), 2)


def test_columns_of_one_unit_share_one_scale() -> None:
    owner = pictures()
    spread = owner.x.astype(np.float64).std(0)
    encoder = Encoder.fit(owner)
    np.testing.assert_allclose(encoder.scale, np.full(16, np.sqrt((spread**2).mean())))
    own = encoder.by_column(owner)
    np.testing.assert_allclose(own.scale, spread)
    assert own.by_column(owner) is own
    np.testing.assert_array_equal(own.centre, encoder.centre)


@pytest.mark.parametrize("change", ["few", "units"])
def test_other_columns_have_their_own(change: str) -> None:
    x = pictures().x.copy()
    x = x[:, :7] if change == "few" else x * np.where(np.arange(16) == 5, 1000, 1).astype(np.float32)
    owner = records(x, np.zeros(len(x)), 2)
    np.testing.assert_allclose(Encoder.fit(owner).scale, owner.x.astype(np.float64).std(0))


def wide(n: int = 300) -> Records:
    """200 columns that move in four directions, plus a little noise."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 4)) @ rng.normal(size=(4, 200)) + 0.01 * rng.normal(size=(n, 200))
    return records(x, np.zeros(n), 2)


@pytest.mark.parametrize("n", [300, 150])
def test_many_columns_are_projected_on_the_directions_that_hold_their_squares(n: int) -> None:
    """Of more records than columns, and of fewer."""
    owner = wide(n)
    encoder = Encoder.fit(owner)
    reduced = encoder.reduced(owner)
    plain = encoder.x(owner).numpy()
    _, singular, directions = np.linalg.svd(plain, full_matrices=False)
    share = np.cumsum(singular**2) / (singular**2).sum()
    kept = int(np.argmax(share >= 0.98)) + 1
    assert (reduced.columns, reduced.width) == (200, kept)
    assert reduced.basis is not None
    found = reduced.x(owner).numpy()
    np.testing.assert_allclose(np.abs(found), np.abs(plain @ directions[:kept].T), atol=1e-8)
    assert (found**2).sum() / (plain**2).sum() == pytest.approx(share[kept - 1])
    np.testing.assert_allclose((reduced.basis.T @ reduced.basis).numpy(), np.eye(kept), atol=1e-12)
    assert reduced.column_scale.tolist() == [1.0] * kept


def test_few_columns_are_not_projected() -> None:
    encoder = Encoder.fit(OWNER)
    assert encoder.reduced(OWNER) is encoder
    assert module.MAX_COLUMNS == 128


def test_classes_are_their_indices_and_outputs_log_probabilities() -> None:
    encoder = Encoder.fit(OWNER)
    assert encoder.y(OWNER.y).tolist() == [0, 1, 0, 1]
    logs = encoder.outputs_in_units(torch.tensor([[0.0, np.log(3)]]).double())
    np.testing.assert_allclose(logs, np.log([[0.25, 0.75]]))


def test_targets_are_standardised_clipped_and_brought_back() -> None:
    owner = records([[0.0], [1.0], [2.0], [3.0]], [10, 20, 30, 40], 1)
    encoder = Encoder.fit(owner)
    assert encoder.target == (25, pytest.approx(125**0.5))
    assert encoder.outputs == 1
    np.testing.assert_allclose(encoder.y(owner.y).numpy(), np.array([-15, -5, 5, 15]) / 125**0.5)
    assert encoder.y(np.array([1e6, -1e6])).tolist() == [CLIP, -CLIP]
    np.testing.assert_allclose(encoder.outputs_in_units(torch.tensor([[1.0]]).double()), [[25 + 125**0.5]])


def test_a_constant_target_keeps_its_unit() -> None:
    encoder = Encoder.fit(records([[0.0], [1.0]], [7, 7], 1))
    assert encoder.target == (7, 1)
