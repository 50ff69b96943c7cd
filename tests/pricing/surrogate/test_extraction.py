"""Extraction of models that are trees themselves: they come back exactly."""

import numpy as np
import pytest
import torch

from assay_pricing.surrogate import extraction
from assay_pricing.surrogate.extraction import extract_forest, extract_tree, leaf_answers
from assay_pricing.surrogate.task import Task
from assay_pricing.surrogate.trees import Trees
from tests.pricing.contexts import records, task

pytestmark = pytest.mark.unit
NEW = np.random.default_rng(9).uniform(-1, 1, (2000, 2)).astype(np.float32)


def quadrants(x: np.ndarray) -> np.ndarray:
    """A tree of depth two: class 0 left of 0.2; right of it 1 below -0.3 and 2 above."""
    return np.where(x[:, 0] <= 0.2, 0, np.where(x[:, 1] <= -0.3, 1, 2))


def world(model: object, k: int) -> tuple[Task, list[int]]:
    rng = np.random.default_rng(0)
    asked: list[int] = []

    def counted(x: np.ndarray) -> np.ndarray:
        asked.append(len(x))
        return model(x)

    owner = records(rng.uniform(-1, 1, (300, 2)), rng.integers(0, k, 300), k)
    return task(counted, owner, owner.take(range(40))), asked


def answer(trees: Trees, answers: torch.Tensor, x: np.ndarray) -> np.ndarray:
    return answers[trees.locate(torch.from_numpy(x).double())].mean(1).numpy()


def test_a_tree_is_recovered_by_three_leaves() -> None:
    found, _ = world(quadrants, 3)
    trees, answers = extract_tree(found, leaves=3, queries=200)
    assert (len(trees), len(trees.leaves), trees.depth) == (1, 3, 2)
    assert int(trees.feature[0]) == 0
    assert float(trees.threshold[0]) == pytest.approx(0.2, abs=0.01)
    assert sorted(trees.feature[trees.left != torch.arange(5)].tolist()) == [0, 1]
    right = int(trees.right[0])
    assert float(trees.threshold[right]) == pytest.approx(-0.3, abs=0.01)
    assert (answer(trees, answers, NEW).argmax(1) == quadrants(NEW)).mean() > 0.99
    assert sorted(answers.argmax(1).tolist()) == [0, 1, 2]
    assert float(answers.max(1).values.min()) > 0.98


def test_leaves_that_tell_nothing_more_are_not_split() -> None:
    found, _ = world(lambda x: np.where(x[:, 0] <= 0.2, 0, 1), 2)
    trees, answers = extract_tree(found, leaves=50, queries=200)
    assert len(trees.leaves) <= 6
    assert (answer(trees, answers, NEW).argmax(1) == (NEW[:, 0] > 0.2)).mean() > 0.99


def test_the_steps_of_a_regression_are_recovered() -> None:
    found, _ = world(lambda x: np.where(x[:, 1] <= 0.5, -1.0, 2.0), 1)
    trees, answers = extract_tree(found, leaves=2, queries=200)
    assert int(trees.feature[0]) == 1
    assert float(trees.threshold[0]) == pytest.approx(0.5, abs=0.01)
    assert answers[:, 0].tolist() == pytest.approx([-1, 2], abs=0.02)


def test_nodes_are_filled_up_with_inputs_of_their_own() -> None:
    """Of 2300 inputs the two leaves on the right hold about 320 and 600: what is missing to 900 is asked."""
    found, asked = world(quadrants, 3)
    extract_tree(found, leaves=3, queries=900)
    assert asked[0] == 300 + 2000
    assert len(asked) >= 3
    assert 400 < max(asked[1:]) < 650


def test_the_answers_of_a_leaf_are_the_mean_of_what_falls_into_it() -> None:
    """Feature 0 at most 0 is the left leaf: classes 0, 0, 1, 0 there, 1 and 2 on the right."""
    stump = Trees(
        torch.zeros(3, dtype=torch.int32),
        torch.zeros(3, dtype=torch.float64),
        torch.tensor([1, 1, 2], dtype=torch.int32),
        torch.tensor([2, 1, 2], dtype=torch.int32),
        torch.zeros(1, dtype=torch.int32),
    )
    x = torch.tensor([[-1.0, 0], [-2, 0], [-3, 0], [0, 0], [1, 0], [2, 0]]).double()
    found, _ = world(quadrants, 3)
    answers = leaf_answers(stump, found, x, np.array([0.0, 0, 1, 0, 1, 2]))
    np.testing.assert_allclose(answers.numpy(), [[0.75, 0.25, 0], [0, 0.5, 0.5]])
    left = leaf_answers(stump, found, x[:4], np.array([0.0, 0, 1, 0]))
    assert not left[1].any()


@pytest.mark.parametrize("k", [1, 3])
def test_a_forest_follows_the_model_and_asks_as_often_as_it_may(k: int) -> None:
    model = quadrants if k == 3 else (lambda x: np.where(x[:, 0] <= 0.2, -1.0, 1.0))
    found, asked = world(model, k)
    trees, answers = extract_forest(found, trees=20, queries=900, smallest_leaf=0.01)
    assert asked == [300 + 300, 300, 300]
    assert len(trees) == 20
    assert answers.shape == (len(trees.leaves), k)
    given = answer(trees, answers, NEW)
    near = given.argmax(1) == quadrants(NEW) if k == 3 else np.abs(given[:, 0] - model(NEW)) < 0.5
    assert near.mean() > 0.95
    if k == 3:
        np.testing.assert_allclose(answers.sum(1).numpy(), 1)


def test_a_leaf_of_a_forest_holds_its_share_of_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = world(quadrants, 3)
    counts: list[int] = []
    plain = extraction.leaf_answers

    def counted(trees: Trees, of: Task, inputs: torch.Tensor, answers: np.ndarray) -> torch.Tensor:
        for column in trees.locate(inputs).T:
            counts.extend(column.unique(return_counts=True)[1].tolist())
        return plain(trees, of, inputs, answers)

    monkeypatch.setattr(extraction, "leaf_answers", counted)
    extract_forest(found, trees=5, queries=300, smallest_leaf=0.05)
    assert min(counts) >= round(0.05 * 600)


def test_later_rounds_ask_where_the_trees_disagree() -> None:
    """The border of the only split is at 0.2: what is asked later lies nearer to it than what is asked first."""
    seen: list[np.ndarray] = []

    def model(x: np.ndarray) -> np.ndarray:
        seen.append(x.copy())
        return (x[:, 0] > 0.2).astype(int)

    owner = records(np.random.default_rng(0).uniform(-1, 1, (300, 2)), np.zeros(300), 2)
    extract_forest(task(model, owner, owner), trees=20, queries=900, smallest_leaf=0.01)
    first, *later = (float(np.abs(x[:, 0] - 0.2).mean()) for x in seen)
    assert max(later) < 0.6 * first


def test_uncertainty_is_the_margin_turned_or_the_variance_of_the_trees() -> None:
    class Constant:
        def __init__(self, value: float) -> None:
            self.value = value

        def predict(self, x: np.ndarray) -> np.ndarray:
            return np.array([self.value, len(x)])

    class Grown:
        def __init__(self) -> None:
            self.estimators_ = [Constant(0), Constant(2)]

        def predict_proba(self, x: np.ndarray) -> np.ndarray:
            return np.array([[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]])[: len(x)]

    x = np.zeros((2, 2))
    np.testing.assert_allclose(extraction._uncertainty(world(quadrants, 3)[0], Grown(), x), [-0.2, -0.8])
    np.testing.assert_allclose(extraction._uncertainty(world(lambda x: x[:, 0], 1)[0], Grown(), x), [1, 0])
