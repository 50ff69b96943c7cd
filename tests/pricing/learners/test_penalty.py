"""The penalty of a linear learner as records are added: a total, by record, or between; only a training tells which."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from assay_pricing.backtest.measure import measure
from assay_pricing.black_box.port import BlackBox
from assay_pricing.black_box.wrap import as_black_box
from assay_pricing.learners.linear import Linear
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.encoder import Encoder
from tests.pricing.contexts import records, task
from tests.pricing.learners.tables import sample, table

pytestmark = pytest.mark.unit
TOTAL, BETWEEN, BY_RECORD = 0.0, 0.5, 1.0


def line(encoder: Encoder, penalty: float) -> Linear:
    usual = next(Linear.starts(encoder))
    return Linear(encoder, {**usual.capacity, "penalty": penalty})


@pytest.mark.parametrize("k", [1, 2, 3])
def test_all_answer_alike_after_the_owners_records_and_by_their_growth_after_twice_as_many(k: int) -> None:
    owner = table(1, 60, k)
    encoder = Encoder.fit(owner)
    known = sample(encoder, owner)
    found = {learner.capacity["growth"]: learner for learner in line(encoder, 10.0).growths(known)}
    alone = line(encoder, 10.0).outputs(known, known)
    for growth, total in ((TOTAL, 10.0), (BETWEEN, 10.0 * 2**0.5), (BY_RECORD, 20.0)):
        twice = line(encoder, total).outputs(known.join(known), known)
        assert np.allclose(found[growth].outputs(known, known), alone, atol=1e-6)
        assert np.allclose(found[growth].outputs(known.join(known), known), twice, atol=1e-6)
    assert np.allclose(found[BY_RECORD].outputs(known.join(known), known), alone, atol=1e-6)


def test_the_libraries_own_penalty_is_first_taken_for_a_total_and_any_other_between() -> None:
    owner = table(1, 60, 2)
    encoder = Encoder.fit(owner)
    known = sample(encoder, owner)
    assert [one.capacity["growth"] for one in line(encoder, 1.0).growths(known)] == [TOTAL, BETWEEN, BY_RECORD]
    assert [one.capacity["growth"] for one in line(encoder, 3.2).growths(known)] == [BETWEEN, TOTAL, BY_RECORD]


class Learners:
    """A method with learners."""

    copy_share = 1.0

    def __init__(self, *learners: Linear) -> None:
        self.learners = learners


@pytest.mark.parametrize("growth", [TOTAL, BY_RECORD])
def test_a_training_tells_how_the_penalty_grows(growth: float) -> None:
    def drawn(seed: int, n: int) -> Records:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, 6))
        return records(x, x.sum(1) + rng.normal(size=n) > 0, 2)

    owner, penalty = drawn(1, 200), 100.0
    of = task(lambda x: (x.sum(1) > 0) + 0, owner, drawn(2, 1000))

    def train(known: Records) -> BlackBox:
        strength = (owner.n / known.n) ** growth / penalty
        inputs = np.asarray(of.context.encode(known).x.numpy())
        model = LogisticRegression(C=strength, tol=1e-8).fit(inputs, known.y)

        def probabilities(x: Float64) -> Float64:
            asked = of.context.encode(Records(known.schema, x.copy(), np.zeros(len(x))))
            return np.asarray(model.predict_proba(asked.x.numpy()))

        return as_black_box(probabilities, known.schema)

    learners = line(of.context.encoder, penalty).growths(of.context.base)
    outcome = measure(Learners(*learners), of, 1e-3, train)
    assert outcome.learner.capacity["growth"] == growth
    assert outcome.backtest is not None
    assert outcome.backtest.slope == pytest.approx(1, abs=0.05)
