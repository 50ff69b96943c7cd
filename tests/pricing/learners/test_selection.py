"""The search finds the family and about the capacity of models that were trained on the same records."""

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor

from assay.protocol.schema import Feature, Schema
from assay_pricing.black_box.port import Predictions
from assay_pricing.learners import selection
from assay_pricing.learners.closeness import constant_distance, distances
from assay_pricing.learners.label_noise import doubted
from assay_pricing.learners.linear import Linear
from assay_pricing.learners.selection import FAMILIES, Candidate, Choice, choose, choose_among
from assay_pricing.records.records import Records
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample
from tests.pricing import contexts
from tests.pricing.learners.tables import sample, standardised, table

pytestmark = pytest.mark.unit


def chosen(model, features: str, k: int, families=tuple(FAMILIES), *, labels_alone: bool = False) -> Candidate:
    """The best learner for a model that was trained on the owner's features, raw or encoded."""
    return choice(model, features, k, families, labels_alone=labels_alone).best


def choice(model, features: str, k: int, families, *, labels_alone: bool = False) -> Choice:
    owner, asked = table(1, 150, k), table(2, 150, k)
    encoder = Encoder.fit(owner)
    known, inputs = sample(encoder, owner), sample(encoder, asked)
    model.fit(getattr(known, features), owner.y)
    x = getattr(known.join(inputs), features).numpy()
    answers = Predictions(model.predict(x), None if k == 1 or labels_alone else model.predict_proba(x))
    return choose(encoder, known, known.join(inputs), answers, families)


def test_boosting_is_found_with_its_capacity() -> None:
    model = HistGradientBoostingClassifier(max_iter=30, learning_rate=0.3, min_samples_leaf=5, early_stopping=False)
    found = chosen(model, "raw", 2, ("linear", "boosting", "forest"))
    assert found.learner.family == "boosting"
    assert found.learner.capacity["rate"] == 0.3
    assert found.learner.capacity["rounds"] == 30
    assert found.distance < 1e-3


def test_a_forest_is_found_with_its_leaves() -> None:
    found = chosen(
        RandomForestRegressor(100, min_samples_leaf=2, random_state=5), "raw", 1, ("linear", "boosting", "forest")
    )
    assert found.learner.family == "forest"
    assert found.learner.capacity["kind"] == "bagged"
    assert found.learner.capacity["smallest"] in (1, 2, 3)


def test_a_linear_model_is_found_with_its_penalty_from_labels_alone() -> None:
    found = chosen(LogisticRegression(C=0.1), "x", 2, labels_alone=True)
    assert found.learner.family == "linear"
    assert 1 <= found.learner.capacity["penalty"] <= 100


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize(("penalty", "least", "most"), [(1.0, 1.0, 1.0), (18.0, 15.5, 21.0)])
def test_a_penalty_is_found_between_those_of_the_grid(k: int, penalty: float, least: float, most: float) -> None:
    model = Ridge(alpha=penalty) if k == 1 else LogisticRegression(C=1 / penalty, tol=1e-8)
    found = choice(model, "x", k, ["linear"])
    assert found.between is not None
    assert least <= found.between.learner.capacity["penalty"] <= most
    assert found.between.distance <= found.best.distance


def test_a_model_of_standardised_numbers_is_found_where_the_students_inputs_keep_their_units() -> None:
    """A descent from learners in units alone ends at one in units, with more penalty than the model has."""
    owner, asked = (
        Records(one.schema, one.x * [1, 50, 0.02, 1], one.y) for one in (table(1, 150, 2), table(2, 150, 2))
    )
    encoder = replace(Encoder.fit(owner), standardised=False)
    known, inputs = sample(encoder, owner), sample(encoder, asked)
    model = standardised(LogisticRegression(C=1 / 100, tol=1e-8)).fit(known.x, owner.y)
    answers = Predictions(model.predict(inputs.x), model.predict_proba(inputs.x))
    found = choose(encoder, known, inputs, answers, ("linear",)).best
    assert (found.learner.capacity["columns"], found.learner.capacity["penalty"]) == ("standardised", 100)
    assert found.distance < 1e-6


def test_nearest_neighbours_are_found_with_their_count() -> None:
    found = chosen(standardised(KNeighborsClassifier(10)), "x", 3)
    assert found.learner.family == "neighbours"
    assert found.learner.capacity["count"] == 10
    assert found.distance < 1e-9


def test_only_the_families_asked_for_are_tried() -> None:
    owner = table(1, 100, 2)
    encoder = Encoder.fit(owner)
    known = sample(encoder, owner)
    answers = Predictions(owner.y, np.eye(2)[owner.y.astype(int)])
    seen = []
    found = choose(encoder, known, known, answers, ["linear", "neighbours"], lambda *step: seen.append(step)).best
    assert found.learner.family in ("linear", "neighbours")
    assert seen[-1] == ("choosing a learner", 8, 8)
    assert set(FAMILIES) >= {"linear", "neighbours", "random_features", "forest", "boosting", "network"}


def test_distances_by_hand() -> None:
    two, one = (contexts.identity_encoder(contexts.schema(1, k)) for k in (2, 1))
    answers = Predictions(np.array([0.0, 1.0]), np.array([[0.75, 0.25], [0.25, 0.75]]))
    half = torch.full((2, 2), 0.5, dtype=torch.float64).log()
    more, less = 0.755 / 1.01, 0.255 / 1.01  # each class is given 0.005 more
    apart = more * np.log(2 * more) + less * np.log(2 * less)
    assert distances(two, half, answers) == pytest.approx([apart] * 2)
    assert distances(two, torch.from_numpy(answers.probabilities).log(), answers) == pytest.approx([0, 0])
    assert constant_distance(two, answers) == pytest.approx(apart)
    assert distances(two, half, Predictions(answers.labels)) == pytest.approx([np.log(2)] * 2)
    assert constant_distance(two, Predictions(answers.labels)) == pytest.approx(np.log(2))
    values = Predictions(np.array([1.0, 3.0]))
    assert distances(one, torch.tensor([[1.0], [2.0]]), values) == pytest.approx([0, 1])
    assert constant_distance(one, values) == pytest.approx(1)
    assert np.isinf(distances(one, torch.tensor([[1.0], [torch.nan]]), values)).all()


def candidate(family: str, capacity: dict, *apart: float) -> Candidate:
    encoder = contexts.identity_encoder(contexts.schema(1, 2))
    start = next(FAMILIES[family].starts(encoder))
    return Candidate(FAMILIES[family](encoder, {**start.capacity, **capacity}), np.array(apart))


def test_among_the_near_the_most_conventional_capacity_of_the_closest_family_is_chosen() -> None:
    far = candidate("linear", {"penalty": 1.0}, 8.0, 8.0, 9.0, 9.0)
    usual = candidate("linear", {"penalty": 3.2}, 1.0, 4.0, 1.0, 3.0)
    closest = candidate("linear", {"penalty": 3200.0}, 2.0, 2.0, 2.0, 2.0)
    other = candidate("neighbours", {"count": 5, "by": "equal"}, 1.0, 4.0, 1.0, 2.5)
    found = choose_among([far, usual, closest, other])
    assert found.best is usual
    assert found.near == (closest, other, usual)
    assert choose_among([far, closest]).best is closest


class Noisy(Linear):
    """Answers the mean of the owner's targets, and a normal deviate of a size that is its capacity."""

    family = "noisy"
    is_random = True
    grid: ClassVar[dict] = {"size": (0.0, 1.0, 3.0)}

    @classmethod
    def starts(cls, encoder: Encoder):
        yield cls(encoder, {"size": 1.0})

    def nearby(self, part: float) -> list[Self]:
        return []

    def outputs(self, records: Sample, inputs: Sample) -> Tensor:
        deviates = np.random.default_rng((self.draw, 5)).normal(size=(len(inputs), 1))
        return records.y.mean() + self.capacity["size"] * torch.from_numpy(deviates)


def test_a_learner_that_varies_as_the_model_does_is_not_taken_for_a_smoother_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The constant answer is closer by one half; without what the learner's own draw adds, both are as close."""
    monkeypatch.setitem(FAMILIES, "noisy", Noisy)
    owner = contexts.sample(np.zeros((10, 1)), np.zeros(10))
    asked = contexts.sample(np.zeros((500, 1)), np.zeros(500))
    encoder = contexts.identity_encoder(contexts.schema(1, 1))
    answers = Predictions(np.random.default_rng(1).normal(size=500))
    found = choose(encoder, owner, asked, answers, ["noisy"])
    assert found.best.learner.capacity == {"size": 1.0}
    assert found.best.distance == pytest.approx(np.mean(answers.labels**2), abs=0.1)
    assert {candidate.learner.capacity["size"] for candidate in found.near} == {0.0, 1.0}


def test_candidates_that_give_no_numbers_are_not_near() -> None:
    broken = candidate("linear", {"penalty": 1.0}, np.inf, np.inf)
    worst = candidate("linear", {"penalty": 10.0}, 5.0, 6.0)
    assert choose_among([broken, worst]).near == (worst,)


def test_steps_are_counted_from_the_nearest_default() -> None:
    encoder = contexts.identity_encoder(contexts.schema(1, 2))
    usual = next(FAMILIES["boosting"].starts(encoder)).capacity
    assert FAMILIES["boosting"](encoder, usual).steps() == 0
    assert FAMILIES["boosting"](encoder, usual | {"rounds": 400}).steps() == 2
    assert FAMILIES["boosting"](encoder, usual | {"rate": 0.03, "leaves": 15}).steps() == 2
    assert FAMILIES["neighbours"](encoder, {"count": 25, "by": "distance", "columns": "units"}).steps() == 2


@pytest.mark.parametrize("k", [1, 2])
def test_wrong_labels_are_doubted_and_others_hardly(k: int) -> None:
    """Also of a kind of records that the owner has none of."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    y = 3 * (x[:, 0] + x[:, 1])
    labels = y + 0.1 * rng.normal(size=400) if k == 1 else (y > 0).astype(float)
    wrong = np.zeros(400, dtype=bool)
    wrong[300::4] = True
    given = np.where(wrong, -labels if k == 1 else 1 - labels, labels)
    encoder = contexts.identity_encoder(contexts.schema(2, k))

    owner = contexts.sample(x[:100] + np.array([5.0, -5.0]), labels[:100])
    offer, nobody = contexts.sample(x[100:], given[100:]), torch.zeros(300, dtype=torch.bool)
    found = doubted(Linear(encoder, {"penalty": 0.1, "columns": "standardised"}), owner, offer, nobody).numpy()
    assert found[wrong[100:]].mean() > 0.5
    assert found[~wrong[100:]].mean() < 0.1


def test_an_offer_of_three_records_is_not_doubted() -> None:
    owner = table(1, 30, 2)
    encoder = Encoder.fit(owner)
    known = sample(encoder, owner)
    assert not doubted(
        Linear(encoder, {"penalty": 1.0}), known, known.take(np.arange(3)), torch.zeros(3, dtype=torch.bool)
    ).any()


def far(seed: int, n: int) -> Records:
    """Records of two classes with values of up to thousands of times their usual size."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n), rng.lognormal(0, 3, n)])
    schema = Schema(
        task="classification", features=(Feature(name="a"), Feature(name="b")), label="y", classes=("0", "1")
    )
    return Records(schema, x, (x[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(np.float64))


def test_neighbours_are_found_on_columns_with_far_values() -> None:
    """The encoder clips what lies far out; a model of neighbours on scaled columns does not."""
    owner, asked = far(1, 400), far(2, 200)
    encoder = Encoder.fit(owner)
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(7)).fit(owner.x, owner.y)
    answers = Predictions(model.predict(asked.x), model.predict_proba(asked.x))
    best = choose(encoder, sample(encoder, owner), sample(encoder, asked), answers, ("linear", "neighbours")).best
    assert best.learner.capacity["count"] == 7
    assert best.distance < 1e-6


def test_a_rival_of_another_kind_is_as_usual_as_the_best_and_one_of_its_own_differs_most() -> None:
    encoder = Encoder.fit(table(1, 50, 2))
    calibrated, machine, direct = (next(iter(kind)) for kind in selection._kinds(FAMILIES["linear"], encoder))
    assert [learner.kind for learner in (direct, calibrated, machine)] == ["direct", "calibrated", "calibrated_svm"]
    forest = next(FAMILIES["forest"].starts(encoder))
    own = [direct.moved("penalty", by) for by in (1, -2)]
    found = (direct, *own, forest, machine.moved("penalty", 3), calibrated)
    near = [Candidate(one, np.ones(2)) for one in found]
    assert Choice(near[0], tuple(near)).rivals() == [forest, calibrated, own[1], own[0]]


@pytest.mark.parametrize(
    ("model", "capacity"),
    [
        (CalibratedClassifierCV(LogisticRegression(), cv=5), {"kind": "calibrated", "folds": 5, "penalty": 1.0}),
        (CalibratedClassifierCV(LinearSVC(C=0.1), cv=3), {"folds": 3}),
    ],
)
def test_a_calibrated_classifier_is_found_with_its_folds(model: object, capacity: dict[str, object]) -> None:
    """Its sigmoids are fitted on folds, so that its confidence grows with the records; no direct learner's does."""
    found = chosen(model, "x", 2, ("linear", "forest"))
    assert found.learner.family == "linear"
    assert found.learner.capacity["kind"].startswith("calibrated")
    assert found.learner.capacity.items() >= capacity.items()
    assert found.distance < 1e-4
