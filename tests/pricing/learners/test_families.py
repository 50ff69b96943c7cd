"""Each family answers as the library's model of that family and capacity does, and takes records of every kind."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

from assay.protocol.schema import Feature
from assay_pricing.learners.neighbours import _nearest
from assay_pricing.learners.port import MIN_PROBABILITY, Learner
from assay_pricing.learners.selection import FAMILIES
from assay_pricing.records.records import Records
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample
from tests.pricing.learners.tables import sample, standardised, table

pytestmark = pytest.mark.unit
SMALL = {"boosting": {"rounds": 20, "leaves": 8, "smallest": 5}}


def first(family: str, encoder: Encoder) -> Learner:
    """The family at its first capacity; fewer rounds of boosting."""
    return at(family, encoder, SMALL.get(family, {}))


def at(family: str, encoder: Encoder, capacity: dict) -> Learner:
    """The family at its first capacity, but for what is given."""
    learner = next(FAMILIES[family].starts(encoder))
    return type(learner)(encoder, {**learner.capacity, **capacity})


def learned(family: str, owner: Sample, asked: Sample, encoder: Encoder) -> np.ndarray:
    """Probabilities, or values in the target's unit."""
    outputs = encoder.outputs_in_units(first(family, encoder).outputs(owner, asked))
    return np.exp(outputs) if encoder.outputs > 1 else outputs[:, 0]


@pytest.mark.parametrize(
    ("family", "capacity", "model"),
    [
        (
            "boosting",
            SMALL["boosting"],
            HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=8, min_samples_leaf=5),
        ),
        (
            "forest",
            {"kind": "random", "smallest": 3, "share": 0.5},
            ExtraTreesClassifier(200, min_samples_leaf=3, max_features=0.5, random_state=7),
        ),
        (
            "boosting",
            SMALL["boosting"] | {"depth": 3, "penalty": 1.0, "classes": "balanced"},
            HistGradientBoostingClassifier(
                max_iter=20,
                max_leaf_nodes=8,
                min_samples_leaf=5,
                max_depth=3,
                l2_regularization=1.0,
                class_weight="balanced",
            ),
        ),
        (
            "forest",
            {"kind": "random", "smallest": 1, "depth": 4, "classes": "balanced", "share": 0.5},
            ExtraTreesClassifier(200, max_depth=4, max_features=0.5, class_weight="balanced", random_state=7),
        ),
        ("linear", {"penalty": 10.0}, standardised(LogisticRegression(C=0.1, tol=1e-8))),
        (
            "linear",
            {"penalty": 10.0, "columns": "scaled"},
            make_pipeline(StandardScaler(), LogisticRegression(C=0.1, tol=1e-8)),
        ),
        ("linear", {"kind": "calibrated_svm"}, standardised(CalibratedClassifierCV(LinearSVC(random_state=0)))),
        ("linear", {"kind": "calibrated"}, standardised(CalibratedClassifierCV(LogisticRegression(tol=1e-8)))),
        (
            "neighbours",
            {"count": 10, "by": "distance", "columns": "standardised"},
            standardised(KNeighborsClassifier(10, weights="distance")),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_family_answers_as_the_librarys_classifier(family: str, capacity: dict, model) -> None:
    owner, asked = table(1, 300, 3), table(2, 200, 3)
    encoder = Encoder.fit(owner)
    known, inputs = sample(encoder, owner), sample(encoder, asked)
    name = "x" if family in ("linear", "neighbours") else "raw"
    expected = model.fit(getattr(known, name), owner.y).predict_proba(getattr(inputs, name))
    found = at(family, encoder, capacity).outputs(known, inputs).exp().numpy()
    np.testing.assert_allclose(found.sum(1), 1)
    assert np.abs(found - expected).mean() < (0.03 if family == "forest" else 1e-5)


def test_numbers_are_standardised_by_all_records_that_are_learned_as_a_pipeline_does_it() -> None:
    """An offer of other spreads changes how much the penalty weighs on each number."""
    owner, offer, asked = table(1, 300, 3), table(3, 300, 3), table(2, 200, 3)
    offer = replace(offer, x=offer.x * [10, 0.1, 1, 1])
    encoder = Encoder.fit(owner)
    known, inputs = sample(encoder, owner), sample(encoder, asked)
    learner = at("linear", encoder, {"penalty": 300.0})
    whole = replace(encoder, clip=1e6).x(owner.join(offer))
    expected = standardised(LogisticRegression(C=1 / 300, tol=1e-8)).fit(whole, owner.join(offer).y)
    found = learner.outputs(known.join(sample(encoder, offer)), inputs).exp().numpy()
    assert np.abs(found - expected.predict_proba(inputs.x)).mean() < 1e-5


def test_a_rough_training_is_within_a_thousandth_of_the_whole_one() -> None:
    owner, asked = table(1, 300, 3), table(2, 200, 3)
    encoder = Encoder.fit(owner)
    learner = first("linear", encoder)
    whole, rough = (
        each.outputs(sample(encoder, owner), sample(encoder, asked)) for each in (learner, learner.roughly())
    )
    assert 0 < float((whole - rough).abs().max()) < 1e-3


def test_a_linear_model_of_several_classes_is_trained_without_scikit_learn() -> None:
    """Importing it takes many times as long as a small training."""
    script = """
import sys
from assay_pricing.learners.linear import Linear
from tests.pricing.contexts import context, drawn
found = context(drawn(1, 25, 3, 3), drawn(3, 15, 3, 3), 3)
outputs = next(Linear.starts(found.encoder)).outputs(found.base, found.validation)
assert outputs.isfinite().all()
print({"sklearn", "scipy.stats", "pandas"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("family", "capacity", "model"),
    [
        (
            "boosting",
            SMALL["boosting"],
            HistGradientBoostingRegressor(max_iter=20, max_leaf_nodes=8, min_samples_leaf=5),
        ),
        (
            "forest",
            {"kind": "bagged", "smallest": 2, "share": 1.0},
            RandomForestRegressor(200, min_samples_leaf=2, random_state=7),
        ),
        ("linear", {"penalty": 10.0}, standardised(Ridge(10.0))),
        (
            "neighbours",
            {"count": 5, "by": "equal", "columns": "standardised"},
            standardised(KNeighborsRegressor(5)),
        ),
        (
            "random_features",
            {"penalty": 1.0, "narrowness": 1.0},
            GaussianProcessRegressor(RBF(7**0.5 * 1.0) + WhiteKernel(1.0), optimizer=None),
        ),
        (
            "network",
            {"width": 16, "decay": 2e-3},
            MLPRegressor(hidden_layer_sizes=(32,), alpha=0.05, max_iter=1000, random_state=0, learning_rate_init=1e-2),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_family_answers_as_the_librarys_regressor(family: str, capacity: dict, model) -> None:
    owner, asked = table(1, 300, 1), table(2, 200, 1)
    encoder = Encoder.fit(owner)
    known, inputs = sample(encoder, owner), sample(encoder, asked)
    name = "raw" if family in ("boosting", "forest") else "x"
    expected = model.fit(getattr(known, name), known.y).predict(getattr(inputs, name))
    found = at(family, encoder, capacity).outputs(known, inputs)[:, 0].numpy()
    allowed = {"forest": 0.1, "random_features": 0.2, "network": 0.4}.get(family, 1e-5)
    assert np.sqrt(np.mean((found - expected) ** 2)) < allowed


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("k", [1, 3])
def test_a_family_learns_from_tables_with_missing_values_and_unseen_categories(family: str, k: int) -> None:
    """It is nearer to the labels of other records than the best constant is; an unseen category has an answer."""
    owner, asked = table(1, 300, k), table(2, 200, k)
    unseen = replace(asked, x=np.column_stack([asked.x[:, :3], np.full(200, 3.0)]), unseen={3: ("violet",)})
    encoder = Encoder.fit(owner)
    known = sample(encoder, owner)
    found = learned(family, known, sample(encoder, asked), encoder)
    if k > 1:
        shares = np.bincount(owner.y.astype(int), minlength=k) / owner.n
        truth = np.eye(k)[asked.y.astype(int)]
        assert ((found - truth) ** 2).sum(1).mean() < 0.95 * ((shares - truth) ** 2).sum(1).mean()
    else:
        assert np.mean((found - asked.y) ** 2) < 0.95 * asked.y.var()
    assert np.isfinite(learned(family, known, sample(encoder, unseen), encoder)).all()


@pytest.mark.parametrize("family", ["network", "linear", "random_features", "neighbours"])
@pytest.mark.parametrize("k", [1, 3])
def test_a_record_of_weight_two_is_learned_as_two_records(family: str, k: int) -> None:
    owner, asked = table(1, 60, k), table(2, 40, k)
    encoder = Encoder.fit(owner)
    twice = np.random.default_rng(0).integers(1, 3, 60)
    repeated = owner.take(np.repeat(np.arange(60), twice))
    inputs = sample(encoder, asked)
    found = learned(family, sample(encoder, owner, twice.astype(float)), inputs, encoder)
    np.testing.assert_allclose(found, learned(family, sample(encoder, repeated), inputs, encoder), atol=1e-3)


@pytest.mark.parametrize("family", ["boosting", "forest"])
def test_trees_follow_the_heavier_of_two_labels(family: str) -> None:
    owner, asked = table(1, 200, 2), table(2, 40, 2)
    encoder = Encoder.fit(owner)
    both = owner.join(replace(owner, y=1 - owner.y))
    heavy = np.where(both.y == 1, 9.0, 1.0)
    assert learned(family, sample(encoder, both, heavy), sample(encoder, asked), encoder)[:, 1].mean() > 0.75


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_takes_classes_without_records_and_a_constant_column(family: str) -> None:
    owner, asked = table(1, 60, 3), table(2, 20, 3)
    constant = replace(owner, x=np.column_stack([owner.x[:, 0], np.ones(60), owner.x[:, 2:]]))
    encoder = Encoder.fit(constant)
    inputs = sample(encoder, asked)
    two = learned(family, sample(encoder, constant.take(owner.y != 1)), inputs, encoder)
    assert np.isfinite(two).all()
    assert two.shape == (20, 3)
    if family != "network":
        assert two[:, 1].max() < 10 * MIN_PROBABILITY
    one = learned(family, sample(encoder, constant.take(owner.y == 1)), inputs, encoder)
    assert (one.argmax(1) == 1).all()


@pytest.mark.parametrize("kind", ["calibrated", "calibrated_svm"])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_few_records_of_a_new_class_leave_the_calibration_of_the_others(kind: str, count: int) -> None:
    """The library refuses fewer records than folds; two or no folds would make another classifier of all classes."""
    owner, asked = table(1, 150, 3), table(2, 100, 3)
    encoder = Encoder.fit(owner)
    inputs, new = sample(encoder, asked), np.flatnonzero(owner.y == 1)[:count]
    known = sample(encoder, owner.take(owner.y != 1))
    learner = at("linear", encoder, {"kind": kind, "columns": "units"})
    before = learner.outputs(known, inputs).exp()
    after = learner.outputs(known.join(sample(encoder, owner.take(new))), inputs).exp()
    share = count / (len(known) + count)
    torch.testing.assert_close(after[:, [0, 2]], (1 - share) * before[:, [0, 2]], rtol=1e-4, atol=0)
    torch.testing.assert_close(after[:, 1], torch.full_like(after[:, 1], share), rtol=1e-4, atol=0)


def test_a_calibrated_classifier_learns_few_records_of_every_class() -> None:
    owner, asked = table(1, 60, 3), table(2, 20, 3)
    encoder = Encoder.fit(owner)
    of = [np.flatnonzero(owner.y == k) for k in range(3)]
    for rows in ([of[0][:1], of[1][:1], of[2][:1]], [of[0][:9], of[1][:1], of[2][:1]], [of[0][:9], of[2][:2]]):
        known = sample(encoder, owner.take(np.concatenate(rows)))
        found = at("linear", encoder, {"kind": "calibrated_svm"}).outputs(known, sample(encoder, asked)).exp()
        assert float(found.std(0).max()) > 0.01


def test_neighbours_among_many_records_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, asked = table(1, 300, 3), table(2, 100, 3)
    encoder = Encoder.fit(owner)
    known, inputs, sizes = sample(encoder, owner), sample(encoder, asked), []
    whole = first("neighbours", encoder).outputs(known, inputs)
    monkeypatch.setattr("assay_pricing.learners.neighbours._MAX_DISTANCES", 3000)
    monkeypatch.setattr(
        "assay_pricing.learners.neighbours._nearest",
        lambda distance, *rest: sizes.append(distance.numel()) or _nearest(distance, *rest),
    )
    torch.testing.assert_close(first("neighbours", encoder).outputs(known, inputs), whole)
    assert max(sizes) <= 3000


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("k", [1, 3])
def test_a_family_takes_a_column_without_a_value(family: str, k: int) -> None:
    """As a column that is mostly missing is in a part of the records."""
    owner, asked = table(1, 60, k), table(2, 20, k)
    empty = replace(owner, x=np.column_stack([np.full(60, np.nan), owner.x[:, 1:]]))
    encoder = Encoder.fit(owner)
    for columns in ("one_hot", "categories", "codes") if family == "boosting" else (None,):
        learner = at(family, encoder, SMALL.get(family, {}) | ({"columns": columns} if columns else {}))
        assert torch.isfinite(learner.outputs(sample(encoder, empty), sample(encoder, asked))).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_takes_targets_that_are_all_the_same(family: str) -> None:
    owner, asked = table(1, 60, 1), table(2, 20, 1)
    encoder = Encoder.fit(owner)
    flat = replace(sample(encoder, owner), y=torch.full((60,), 0.5, dtype=torch.float64))
    outputs = first(family, encoder).outputs(flat, sample(encoder, asked))
    assert outputs.shape == (20, 1)
    assert float((outputs - 0.5).abs().max()) < 0.2


@pytest.mark.parametrize("columns", ["codes_first", "codes_last"])
def test_boosting_takes_categories_as_a_pipeline_numbers_and_places_them(columns: str) -> None:
    """The pipeline knows no colour but those that it was fitted on, and moves columns: the answers are the same."""
    owner, asked = table(1, 400, 2), table(2, 200, 2)
    owner = owner.take(np.flatnonzero(owner.x[:, 3] != 1))
    encoder = Encoder.fit(owner)
    numbers = (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [3])
    rest = ("passthrough", [0, 1, 2])
    placed = make_column_transformer(*((numbers, rest) if columns == "codes_first" else (rest, numbers)))
    pipeline = make_pipeline(placed, HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5))
    expected = pipeline.fit(owner.x, owner.y).predict_proba(asked.x)
    learner = at("boosting", encoder, {"rounds": 20, "leaves": 31, "smallest": 5, "columns": columns})
    found = learner.outputs(sample(encoder, owner), sample(encoder, asked)).exp().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(("missing", "is_gap"), [("none", True), ("nan", True), ("empty", False)])
def test_trees_take_a_missing_category_as_a_pipeline_hands_it_on(missing: Any, is_gap: bool) -> None:
    """A pipeline hands a gap on as NaN, and an empty text as a category, which sorts first."""
    owner = table(1, 200, 2)
    colour = Feature(name="colour", kind="categorical", categories=("", "green", "red"), missing=missing)
    gaps = replace(owner, schema=owner.schema.model_copy(update={"features": (*owner.schema.features[:3], colour)}))
    encoder = Encoder.fit(gaps)
    found = first("boosting", encoder).outputs(sample(encoder, gaps), sample(encoder, gaps))
    x = gaps.x.copy()
    if is_gap:
        x[x[:, 3] == 0, 3] = np.nan
    model = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=8, min_samples_leaf=5).fit(x, gaps.y)
    np.testing.assert_allclose(np.exp(found.numpy()), model.predict_proba(x), atol=1e-6)


@pytest.mark.parametrize("decimals", [9, 0], ids=["distinct", "equal distances"])
def test_neighbours_are_found_without_sorting_all_records(decimals: int) -> None:
    draw = torch.Generator().manual_seed(0)
    x, asked = (torch.randn((n, 2), generator=draw, dtype=torch.float64).round(decimals=decimals) for n in (200, 20))
    weight = 0.2 + torch.rand(200, generator=draw, dtype=torch.float64)
    distances = torch.cdist(asked, x)
    everything = distances.sort(dim=1, stable=True)
    for count in (1, 5, 40, 500):
        found, rows = _nearest(distances, weight, count)
        needed = int(((weight[everything.indices].cumsum(1) - weight[everything.indices]) < count).sum(1).max())
        assert torch.equal(found[:, :needed], everything.values[:, :needed])
        assert torch.equal(rows[:, :needed], everything.indices[:, :needed])


@pytest.mark.parametrize("family", ["boosting", "forest"])
def test_trees_take_a_number_that_single_precision_does_not_hold(family: str) -> None:
    owner, asked = table(1, 60, 2), table(2, 20, 2)
    asked = Records(asked.schema, np.where(np.arange(4) == 1, 1e39, asked.x), asked.y)
    encoder = Encoder.fit(owner)
    assert np.isfinite(learned(family, sample(encoder, owner), sample(encoder, asked), encoder)).all()
