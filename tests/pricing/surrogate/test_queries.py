"""Mixtures of records: their moments, and the bounds that they keep."""

import numpy as np
import pytest
from scipy.stats import kstest

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.records.records import Records
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.queries import JITTER, encoded, mixtures
from assay_pricing.surrogate.task import Task
from tests.pricing.contexts import context, records, sample, task

pytestmark = pytest.mark.unit


def world(x: np.ndarray) -> Task:
    owner = records(x, np.zeros(len(x)), 2)
    return task(lambda rows: np.zeros(len(rows), dtype=np.int64), owner, owner.take([0]))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_moments_are_those_of_two_records_and_noise(share: float) -> None:
    """x (1 - s) + y s + e, s uniform to m: variance (E(1 - s)^2 + E s^2) Var x + 0.1^2, with E s^2 = m^2 / 3."""
    rng = np.random.default_rng(0)
    pool = rng.normal(2, 1, (4000, 2)).astype(np.float32)
    found = world(np.array([[-1000.5, -1000.5], [1000.5, 1000.5]]))
    drawn = mixtures(found, rng, 40_000, max_share=share, among=pool)
    factor = (1 - share + share**2 / 3) + share**2 / 3
    assert drawn.shape == (40_000, 2)
    assert drawn.dtype == np.float64
    np.testing.assert_allclose(drawn.mean(0), pool.mean(0), atol=0.03)
    np.testing.assert_allclose(drawn.var(0), factor * pool.var(0) + JITTER**2, rtol=0.03)


def test_the_noise_is_a_tenth_of_the_encoders_scale() -> None:
    found = world(np.array([[-1000.5], [1000.5]]))
    pool = np.full((3, 1), 7.0, dtype=np.float32)
    noise = mixtures(found, np.random.default_rng(0), 5000, among=pool)[:, 0] - 7
    assert kstest(noise / 0.1, "norm").pvalue > 0.01


def test_no_mixture_leaves_the_owners_range() -> None:
    x = np.random.default_rng(0).random((50, 3)) * [1, 0.01, 2]
    drawn = mixtures(world(x), np.random.default_rng(1), 2000, max_share=1.0)
    low, high = x.astype(np.float32).min(0), x.astype(np.float32).max(0)
    assert (drawn >= low).all()
    assert (drawn <= high).all()
    assert (drawn == low).any()


def mixed_world(x: np.ndarray) -> Task:
    """A count, a category and a number."""
    features = (Feature(name="count"), Feature(name="c", kind="categorical", categories=("p", "q")), Feature(name="u"))
    schema = Schema(task="classification", features=features, label="y", classes=("0", "1"))
    owner = Records(schema, x.astype(np.float32), np.zeros(len(x)))
    plain = context(sample([[0.0]], [0]), sample([[0.0]], [0]), 2)
    return Task(
        type(plain)(schema, Encoder.fit(owner), plain.base, plain.validation, plain.metric),
        as_black_box(lambda rows: np.zeros(len(rows), dtype=np.int64), schema),
        owner,
        owner,
    )


def test_a_mixture_is_nearer_to_the_record_whose_category_it_has() -> None:
    found = mixed_world(np.array([[0, 0, 0.25], [0, 1, 100.75]] * 4))
    drawn = mixtures(found, np.random.default_rng(0), 300)
    near = [drawn[drawn[:, 1] == category, 2].mean() for category in (0, 1)]
    assert near[0] < 20
    assert near[1] > 80


def test_integers_stay_integers_and_categories_are_one_of_the_pairs() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, 9, 60), rng.integers(0, 2, 60), rng.random(60)]).astype(np.float32)
    found = mixed_world(x)
    encoder = found.context.encoder
    drawn = mixtures(found, rng, 500)
    assert set(np.unique(drawn[:, 0])) <= set(range(9))
    assert set(np.unique(drawn[:, 1])) == {0, 1}
    assert len(np.unique(drawn[:, 2])) > 400
    np.testing.assert_array_equal(encoded(found, x).numpy(), encoder.x(found.owner).numpy())


def test_one_generator_gives_one_set_of_mixtures() -> None:
    found = world(np.random.default_rng(0).random((20, 2)))
    first, again, other = (mixtures(found, np.random.default_rng(seed), 10) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
