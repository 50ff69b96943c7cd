"""Backtests of learners on small tables, with another learner or a trained model as the truth."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from assay_pricing.backtest.measure import Outcome, measure
from assay_pricing.black_box.port import BlackBox, Predictions
from assay_pricing.errors import ModelError
from assay_pricing.learners.linear import Linear
from assay_pricing.learners.neighbours import Neighbours
from assay_pricing.learners.port import Learner
from assay_pricing.manifest import Backtest
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Task
from tests.pricing.contexts import records, task

pytestmark = pytest.mark.unit
NEAR_RADIUS = 1e-3


@dataclass
class Several:
    """A method with learners."""

    learners: tuple[Learner, ...]
    copy_share: float = 1.0


@dataclass
class Answering(BlackBox):
    """A trained learner, as a model."""

    learner: Learner
    known: Records
    of: Task
    only_labels: bool = False

    parameters = None

    def predict(self, x: Float64) -> Predictions:
        encode = self.of.context.encode
        asked = Records(self.known.schema, x.copy(), np.zeros(len(x)))
        outputs = self.learner.outputs(encode(self.known), encode(asked))
        if not self.known.schema.classes:
            return Predictions(self.of.context.encoder.outputs_in_units(outputs)[:, 0])
        p = np.asarray(outputs.exp().numpy())
        return Predictions(p.argmax(1).astype(float), None if self.only_labels else p)


def drawn(seed: int, n: int, k: int) -> Records:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    score = x[:, 0] - x[:, 1]
    return records(x, score + 0.1 * rng.normal(size=n) if k == 1 else score + 0.5 * rng.normal(size=n) > 0, k)


def made(k: int, owner: int = 120, held: int = 200) -> Task:
    return task(lambda x: x[:, 0] - x[:, 1] if k == 1 else (x[:, 0] > 0) + 0, drawn(1, owner, k), drawn(2, held, k))


def nearest(of: Task, count: int) -> Neighbours:
    return Neighbours(of.context.encoder, {"count": count, "by": "distance", "columns": "units"})


def line(of: Task) -> Linear:
    return next(Linear.starts(of.context.encoder))


def figures(outcome: Outcome) -> Backtest:
    assert outcome.backtest is not None
    return outcome.backtest


@pytest.mark.parametrize("k", [1, 2])
def test_a_learner_that_is_as_near_says_what_parts_are_worth(k: int) -> None:
    of = made(k)
    found = figures(measure(Several((nearest(of, 5), nearest(of, 8), line(of))), of, NEAR_RADIUS))
    assert (found.truth, found.episodes, found.divisor) == ("learners", 10, 1)
    assert found.is_informative
    assert found.rank_agreement > 0.8
    assert found.expected_error > 0


def test_a_learner_without_another_is_compared_with_itself_on_other_validation_records() -> None:
    of = made(2)
    found = figures(measure(Several((line(of),)), of, NEAR_RADIUS))
    assert found.truth == "itself"
    assert found.rank_agreement == pytest.approx(found.ceiling)
    assert found.is_informative
    assert found.divisor == 1


def test_a_trained_model_chooses_the_learner_that_predicts_it_and_gives_the_size() -> None:
    of = made(1)
    learners = (nearest(of, 20), line(of), nearest(of, 5))
    outcome = measure(Several(learners), of, NEAR_RADIUS, lambda known: Answering(line(of), known, of))
    found = figures(outcome)
    assert outcome.learner is learners[1]
    assert found.truth == "train"
    assert found.slope == pytest.approx(1, abs=0.1)
    assert found.rank_agreement > 0.9


def test_a_training_that_ends_early_says_what_it_can_and_after_too_little_nothing() -> None:
    of = made(1)
    learners = (line(of), nearest(of, 5))
    for calls, truth, episodes in ((7, "train", 5), (6, "train", 5), (5, "learners", 10)):
        left = iter(range(calls))

        def train(known: Records, left=left) -> BlackBox | None:
            return None if next(left, None) is None else Answering(line(of), known, of)

        found = figures(measure(Several(learners), of, NEAR_RADIUS, train))
        assert (found.truth, found.episodes) == (truth, episodes)


def test_parts_on_which_the_training_fails_are_skipped_and_the_others_count() -> None:
    of = made(2)
    calls: list[int] = []

    def train(known: Records) -> BlackBox:
        calls.append(known.n)
        if len(calls) in (1, 4):
            raise ModelError("it needs two classes")
        return Answering(line(of), known, of)

    outcome = measure(Several((nearest(of, 20), line(of))), of, NEAR_RADIUS, train)
    assert figures(outcome).truth == "learners"
    assert figures(outcome).skipped == 6
    calls[:] = [0]
    outcome = measure(Several((nearest(of, 20), line(of))), of, NEAR_RADIUS, train)
    found = figures(outcome)
    assert (found.truth, found.episodes, found.skipped) == ("train", 9, 1)
    assert outcome.learner.family == "linear"
    assert found.slope == pytest.approx(1, abs=0.2)


def test_a_training_that_fails_on_every_part_is_an_error() -> None:
    def train(_: Records) -> BlackBox:
        raise ModelError("it needs two classes")

    of = made(2)
    with pytest.raises(ModelError, match="it needs two classes"):
        measure(Several((line(of),)), of, NEAR_RADIUS, train)


def test_labels_of_a_trained_model_say_nothing_of_a_log_loss() -> None:
    of = made(2)
    with pytest.raises(ModelError, match="expected probabilities of a trained model, as log_loss needs them") as caught:
        measure(Several((line(of),)), of, NEAR_RADIUS, lambda known: Answering(line(of), known, of, only_labels=True))
    assert "--metric accuracy" in (caught.value.hint or "")


def test_labels_that_have_nothing_to_do_with_the_features_make_no_informative_prices() -> None:
    """Two learners of noise agree on nothing but the share of each class."""
    of = made(2)
    blind = records(np.random.default_rng(5).normal(size=(120, 2)), of.owner.y, 2)
    of = task(lambda x: (x[:, 0] > 0) + 0, blind, drawn(2, 80, 2))
    found = figures(measure(Several((nearest(of, 1), line(of))), of, NEAR_RADIUS))
    assert not found.is_informative


def test_too_few_records_are_not_tested() -> None:
    of = made(2, owner=7)
    assert measure(Several((line(of),)), of, NEAR_RADIUS).backtest is None


def test_one_seed_gives_one_result() -> None:
    of = made(2)
    found = [measure(Several((nearest(of, 5), line(of))), of, NEAR_RADIUS).backtest for _ in range(2)]
    assert found[0] == found[1]
    assert torch.is_grad_enabled()
