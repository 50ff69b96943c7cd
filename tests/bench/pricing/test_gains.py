"""True gains: reproducible, and those that are stored for the quick run."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from assay_bench.pricing.data import dataset, parties
from assay_bench.pricing.data.parties import SETTINGS, SIZES, Parties, Recipe
from assay_bench.pricing.truth import gains, nets
from assay_bench.pricing.units import Part, Unit
from tests.bench.pricing.stored import stored_truth

pytestmark = pytest.mark.unit

RECORDS, SETS = 6, 2


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_stored_gains_of_the_quick_run_are_what_retraining_gives(setting: str) -> None:
    """A sample of them: the first records, and the first sets from one initialisation."""
    stored = stored_truth(Unit(Part.TRUTH, "digits", setting, 101))
    drawn = parties.draw(dataset.load("digits"), SIZES["digits"], setting, 101)
    assert tuple(drawn.kinds) == stored.kinds
    model = gains.true_model(drawn)
    assert nets.accuracy(model, drawn.test) == pytest.approx(stored.accuracy, abs=0.005)
    records = gains.record_gains(replace(drawn, offer=drawn.offer.take(np.arange(RECORDS))), model)
    assert records.validation == pytest.approx(stored.validation[:RECORDS], abs=2e-5)
    assert records.test == pytest.approx(stored.test[:RECORDS], abs=2e-5)
    assert records.update == pytest.approx(stored.update[:RECORDS], rel=0.05)
    sets = gains.set_gains(drawn, drawn.batches[:SETS], initialisations=1)
    assert sets.validation[:, 0] == pytest.approx([gain[0] for gain in stored.sets_validation[:SETS]], abs=2e-3)
    assert sets.test[:, 0] == pytest.approx([gain[0] for gain in stored.sets_test[:SETS]], abs=2e-3)


@pytest.fixture(scope="module")
def wine() -> Parties:
    drawn = parties.draw(dataset.load("wine"), SIZES["wine"], "iid", 3, batches=4)
    return replace(drawn, offer=drawn.offer.take(np.arange(6)), recipe=Recipe(hidden=8, steps=40, warm_steps=20))


def test_a_records_gain_does_not_depend_on_the_others_trained_with_it(
    wine: Parties, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = gains.true_model(wine)
    together = gains.record_gains(wine, model)
    monkeypatch.setattr(gains, "_CHUNK_RECORDS", 1)
    alone = gains.record_gains(wine, model)
    assert alone.validation == pytest.approx(together.validation, abs=1e-6)
    assert alone.update == pytest.approx(together.update, rel=1e-3)


def test_a_sets_gain_does_not_depend_on_the_length_of_others(wine: Parties) -> None:
    short, long = wine.batches[0].take([0, 1, 2]), wine.batches[1]
    both = gains.set_gains(wine, (short, long), initialisations=2)
    alone = gains.set_gains(wine, (short,), initialisations=2)
    assert both.validation.shape == (2, 2)
    assert both.validation[0] == pytest.approx(alone.validation[0], abs=1e-5)
    assert both.gain_v[0] == pytest.approx(both.validation[0].mean())
    assert both.gain_t[0] == pytest.approx(both.test[0].mean())


def test_a_gain_is_the_drop_of_the_loss_against_the_control(wine: Parties) -> None:
    """By hand, with one network at a time."""
    record = wine.offer.take([2])
    model = gains.true_model(wine)
    losses = []
    for data in (wine.base, wine.base.plus(record)):
        x, y = nets.tensors(data)
        weights = torch.full((1, len(x)), 1 / len(x))
        trained = nets.train(model, x, y, weights, data.classes, wine.recipe, warm=True)
        losses.append(nets.mean_loss(trained, wine.validation)[0])
    found = gains.record_gains(replace(wine, offer=record), model)
    assert found.validation[0] == pytest.approx(losses[0] - losses[1], abs=1e-6)
