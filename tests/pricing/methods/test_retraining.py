"""Retraining: the learner that is chosen, what it was compared with, and the price of sets in the size of the truth."""

import json

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

from assay_pricing.appraisal import Appraisal, Verdict
from assay_pricing.errors import DataError
from assay_pricing.fitting import fit
from assay_pricing.function import PriceFunction
from assay_pricing.learners.boosting import Boosting
from assay_pricing.learners.threads import in_parallel
from assay_pricing.methods.retraining import Retraining
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.encoder import Encoder
from tests.pricing.contexts import records, task

pytestmark = pytest.mark.unit


def trained(known: Records) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=60, early_stopping=False).fit(known.x, known.y)


def drawn(seed: int, n: int, *, half: bool = False) -> Records:
    """A wave in one number and a line in another; with ``half``, of positive first numbers alone."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, (n, 3))
    if half:
        x[:, 0] = abs(x[:, 0])
    return records(x, 2 * np.sin(2 * x[:, 0]) + x[:, 1] + 0.3 * rng.normal(size=n), 1)


OWNER = drawn(1, 300, half=True)
TEST = drawn(9, 2000)


@pytest.fixture(scope="module")
def function() -> PriceFunction:
    return fit(trained(OWNER).predict, OWNER, validation=drawn(2, 300), method="retraining", decay=2e-3)


def risk(model: HistGradientBoostingRegressor) -> float:
    return float(np.mean((model.predict(TEST.x) - TEST.y) ** 2))


def gain(offer: Records) -> float:
    """What an offer truly brings on unseen records."""
    return risk(trained(OWNER)) - risk(trained(OWNER.join(offer)))


def shuffled(offer: Records) -> Records:
    return Records(offer.schema, offer.x, np.random.default_rng(0).permutation(offer.y))


def kept(offer: Records, appraisal: Appraisal) -> Records:
    return offer.take(np.array([verdict is not Verdict.EXCLUDED for verdict in appraisal.verdicts]))


def test_the_models_family_and_capacity_are_found(function: PriceFunction) -> None:
    assert function.manifest.settings["family"] == "boosting"
    assert '"rounds": 60' in function.manifest.settings["capacity"]
    assert function.fidelity > 0.999


def test_nested_good_sets_are_paid_their_true_gains_in_order(function: PriceFunction) -> None:
    offer = drawn(3, 300)
    paid = [function.appraise(offer.take(np.arange(n))).predicted_gain for n in (40, 100, 300)]
    true = [gain(offer.take(np.arange(n))) for n in (40, 100, 300)]
    assert paid == sorted(paid)
    np.testing.assert_allclose(paid, true, rtol=0.2, atol=0.1)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_hundred_records_that_the_owner_lacks_are_paid_more_than_twenty_of_them(
    function: PriceFunction, seed: int
) -> None:
    offer = drawn(seed, 400)
    rare = offer.take(np.flatnonzero(offer.x[:, 0] < 0)[:100])
    few = function.appraise(rare.take(np.arange(20))).predicted_gain
    assert function.appraise(rare).predicted_gain > max(few, 0.01)


def test_junk_in_a_good_set_costs_about_its_share_and_is_named(function: PriceFunction) -> None:
    good, junk = drawn(3, 150), shuffled(drawn(4, 150))
    alone, mixed = function.appraise(good), function.appraise(good.join(junk))
    out = np.array([verdict is Verdict.EXCLUDED for verdict in mixed.verdicts])
    assert out[150:].mean() > 3 * out[:150].mean()
    assert mixed.predicted_gain > 0.6 * alone.predicted_gain
    assert gain(kept(good.join(junk), mixed)) > gain(good.join(junk))


def test_worthless_sets_are_paid_hardly_anything(function: PriceFunction) -> None:
    useful = function.appraise(drawn(3, 150)).predicted_gain
    near = Records(OWNER.schema, OWNER.x + 1e-6, OWNER.y)
    for worthless in (near, shuffled(drawn(4, 150)), shuffled(OWNER)):
        assert function.appraise(worthless).predicted_gain < 0.1 * useful


def test_where_validation_is_split_off_the_model_is_compared_with_a_learner_of_all_records() -> None:
    """It has learned the validation records, too: a learner of the others alone would seem to differ from it."""
    found = fit(trained(OWNER).predict, OWNER, method="retraining", settings={"family": "boosting"}, decay=2e-3)
    assert '"rounds": 60' in found.manifest.settings["capacity"]
    assert found.fidelity > 0.999


def small_task(settings: dict[str, object]):
    def step(x: Float64) -> Float64:
        return np.stack([x[:, 0] <= 0, x[:, 0] > 0], axis=1).astype(float)

    x = np.random.default_rng(0).normal(size=(90, 2))
    whole = records(x, x[:, 0] > 0, 2)
    return task(
        step, whole.take(np.arange(50)), whole.take(np.arange(50, 90)), {"family": "auto", "capacity": "{}"} | settings
    )


def test_an_owner_may_state_family_and_capacity() -> None:
    found = Retraining.fit(
        small_task({"family": "neighbours", "capacity": '{"count": 3, "by": "distance", "columns": "standardised"}'})
    )
    assert found.learner is not None
    assert found.learner.capacity == {"count": 3, "by": "distance", "columns": "standardised"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"family": "oracle"}, "expected a family among auto, network, .*, got 'oracle'"),
        ({"capacity": '{"count": 3}'}, "expected a capacity with its family, got one without"),
        (
            {"family": "neighbours", "capacity": '{"count": 3}'},
            "expected a capacity with by, columns, count, got count",
        ),
        ({"family": "neighbours", "capacity": "3"}, "expected a capacity as a JSON object, got '3'"),
    ],
)
def test_settings_that_no_family_has_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Retraining.fit(small_task(settings))


def test_more_of_the_owners_kind_is_valued_as_by_the_model_where_she_has_plenty() -> None:
    """A few records that stand for many hold less information, and would learn again what these have taught."""
    owner, more, validation = drawn(1, 9000), drawn(3, 400), drawn(2, 500)
    model = trained(owner)
    method = fit(
        model.predict,
        owner,
        validation=validation,
        decay=2e-3,
        settings={
            "family": "boosting",
            "capacity": json.dumps({**next(Boosting.starts(Encoder.fit(OWNER))).capacity, "rounds": 60}),
        },
    ).method
    assert isinstance(method, Retraining)
    assert (len(method.context.base), len(method.student.context.base)) == (9000, 4096)
    before, after = ((m.predict(validation.x) - validation.y) ** 2 for m in (model, trained(owner.join(more))))
    assert method.set_value(more) == pytest.approx(float((before - after).mean()), abs=1e-6)


def confident(x: Float64) -> Float64:
    p = 1 / (1 + np.exp(-10 * x[:, 0]))
    return np.stack([1 - p, p], axis=1)


@pytest.mark.parametrize("disputed", [False, True])
def test_a_student_is_anchored_where_the_owners_labels_alone_take_it_from_the_model(disputed: bool) -> None:
    x = np.random.default_rng(0).normal(size=(200, 2))
    owner = records(x[:100], (x[:100, 0] > 0) != disputed, 2)
    validation = records(x[100:], x[100:, 0] > 0, 2)
    found = Retraining.fit(task(confident, owner, validation, {"family": "network", "capacity": "{}"}))
    assert found.retrains == disputed
    assert not found.learners
    metric, nothing = found.context.metric, torch.zeros((1, 100), dtype=torch.float64)
    of_model = metric.risk(np.log(confident(validation.x)))
    if not disputed:
        before = metric.calibrated(found.refit_outputs(found.context.base, nothing)[0])
        assert found.scale == pytest.approx(min(of_model / metric.risk(before), 4), rel=1e-6)
        return
    before, after = found.refit_outputs(found.context.base, torch.cat([nothing, nothing + 1]))
    student = found.student.network(found.context.validation.x)[0].log_softmax(1).numpy()
    np.testing.assert_allclose(before, student, atol=1e-12)
    assert abs(after - before).max() > 1e-2
    assert found.scale == pytest.approx(of_model / metric.risk(before), rel=1e-6)
    assert found.scale != 1


def test_what_the_halves_compute_once_is_kept_from_one_offer_to_the_next(function: PriceFunction) -> None:
    method = function.method
    assert isinstance(method, Retraining)
    assert method.trained_by(in_parallel).by_halves is method.trained_by(in_parallel).by_halves


def test_values_by_halves_are_those_of_each_half_alone(function: PriceFunction) -> None:
    method, offer = function.method, drawn(21, 40)
    assert isinstance(method, Retraining)
    alone = [method.record_values(offer), *(half.record_values(offer) for half in method.by_halves)]
    np.testing.assert_allclose(method.values_by_halves(offer), alone, rtol=1e-9, atol=1e-12)
