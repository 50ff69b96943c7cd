"""Baselines against their definitions."""

from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest
import torch

from assay_bench.pricing.data import dataset, parties
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import SIZES, Parties
from assay_bench.pricing.scorers import baselines
from assay_bench.pricing.scorers.baselines import BASELINES, NEIGHBOURS
from assay_bench.pricing.truth import gains, nets
from assay_bench.pricing.truth.nets import Nets

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def wine() -> tuple[Parties, Nets]:
    drawn = parties.draw(dataset.load("wine"), SIZES["wine"], "iid", 2, batches=1)
    return drawn, gains.true_model(drawn)


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "true_retraining"])
def test_a_baseline_scores_every_record(wine: tuple[Parties, Nets], name: str) -> None:
    drawn, model = wine
    scores = BASELINES[name](drawn, model, drawn.offer)
    assert scores.shape == (len(drawn.offer),)
    assert np.isfinite(scores).all()


def test_nearest_neighbour_shapley_values_are_the_definition(wine: tuple[Parties, Nets]) -> None:
    """By enumeration of all subsets of seven training records, for two validation records."""
    drawn, model = wine
    small = replace(
        drawn,
        base=drawn.base.take([0, 1, 2]),
        offer=drawn.offer.take([0, 5, 9, 14]),
        validation=drawn.validation.take([0, 1]),
    )
    train = small.base.plus(small.offer)

    def utility(subset: tuple[int, ...]) -> float:
        """Mean share of the nearest neighbours that have the validation record's label, over NEIGHBOURS."""
        total = 0.0
        for x, y in zip(small.validation.x, small.validation.y, strict=True):
            near = sorted(subset, key=lambda i: float(((train.x[i] - x) ** 2).sum()))[:NEIGHBOURS]
            total += sum(train.y[i] == y for i in near) / NEIGHBOURS
        return total / len(small.validation)

    n = len(train)
    expected = []
    for i in range(3, n):
        others = [j for j in range(n) if j != i]
        expected.append(
            sum(
                (utility((*subset, i)) - utility(subset)) / (n * comb(n - 1, size))
                for size in range(n)
                for subset in combinations(others, size)
            )
        )
    assert baselines.knn_shapley(small, model, small.offer) == pytest.approx(expected, abs=1e-9)


def test_the_gradient_norm_is_autograds(wine: tuple[Parties, Nets]) -> None:
    drawn, model = wine
    record = drawn.offer.take([4])
    module = nets.module(model)
    x, y = nets.tensors(record)
    torch.nn.functional.cross_entropy(module(x), y.long()).backward()
    norm = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None]).norm()
    assert baselines.gradient_norm(drawn, model, record)[0] == pytest.approx(float(norm), rel=1e-4)


def test_true_retraining_is_the_true_gain_of_a_set_of_one(wine: tuple[Parties, Nets]) -> None:
    drawn, model = wine
    record = drawn.offer.take([4])
    assert baselines.true_retraining(drawn, model, record)[0] == pytest.approx(
        gains.set_gains(drawn, (record,), initialisations=1).gain_v[0]
    )


@pytest.mark.parametrize("name", ["knn_shapley", "data_oob", "transport"])
def test_a_wrong_label_lowers_the_score(wine: tuple[Parties, Nets], name: str) -> None:
    drawn, model = wine
    good = drawn.offer.take(np.flatnonzero(drawn.kinds == "fresh")[:10])
    bad = Dataset(good.x, (good.y + 1) % 3, 3)
    score = BASELINES[name]
    assert score(drawn, model, good).mean() > score(drawn, model, bad).mean()


def test_the_loss_is_the_models(wine: tuple[Parties, Nets]) -> None:
    drawn, model = wine
    assert baselines.loss(drawn, model, drawn.offer).mean() == pytest.approx(
        nets.mean_loss(model, drawn.offer)[0], rel=1e-5
    )
