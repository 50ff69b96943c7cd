"""Trees against scikit-learn's own way to a leaf."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.tree import DecisionTreeRegressor

from assay_pricing.surrogate import trees as module
from assay_pricing.surrogate.trees import Trees

pytestmark = pytest.mark.unit
X = np.random.default_rng(1).normal(size=(200, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
FOREST = ExtraTreesClassifier(7, random_state=0, max_depth=6).fit(X, Y)
NEW = np.random.default_rng(2).normal(size=(300, 4)).astype(np.float32)


def stump() -> Trees:
    """Feature 1 at most 0.5 goes to node 1, more to node 2."""
    return Trees(
        torch.tensor([1, 0, 0], dtype=torch.int32),
        torch.tensor([0.5, 0.0, 0.0], dtype=torch.float64),
        torch.tensor([1, 1, 2], dtype=torch.int32),
        torch.tensor([2, 1, 2], dtype=torch.int32),
        torch.zeros(1, dtype=torch.int32),
    )


def test_a_records_leaf_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    trees = Trees.of(FOREST.estimators_)
    found = trees.leaves[trees.locate(torch.from_numpy(NEW).double())] - trees.roots.long()
    np.testing.assert_array_equal(found.numpy(), FOREST.apply(NEW))
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", 1)
    again = trees.leaves[trees.locate(torch.from_numpy(NEW).double())] - trees.roots.long()
    assert torch.equal(again, found)


def test_depth_leaves_and_count_are_scikit_learns() -> None:
    trees = Trees.of(FOREST.estimators_)
    assert len(trees) == 7
    assert trees.depth == max(tree.get_depth() for tree in FOREST.estimators_)
    assert len(trees.leaves) == sum(tree.get_n_leaves() for tree in FOREST.estimators_)


def test_a_tree_of_one_leaf_has_no_depth() -> None:
    trees = Trees.of([DecisionTreeRegressor().fit(X[:3], np.zeros(3))])
    assert trees.depth == 0
    assert trees.locate(torch.from_numpy(NEW).double()).tolist() == [[0]] * len(NEW)


def test_a_feature_that_equals_the_threshold_goes_left() -> None:
    x = torch.tensor([[9, 0.5], [-9, np.nextafter(0.5, 1)], [0, -3], [0, 3]], dtype=torch.float64)
    assert stump().locate(x)[:, 0].tolist() == [0, 1, 0, 1]
    assert stump().leaves.tolist() == [1, 2]
    assert stump().depth == 1


def test_trees_are_restored_from_their_tensors() -> None:
    trees = Trees.of(FOREST.estimators_)
    again = Trees.restore(trees.tensors)
    assert set(trees.tensors) == {f"trees.{name}" for name in ("feature", "threshold", "left", "right", "roots")}
    x = torch.from_numpy(NEW).double()
    assert torch.equal(again.locate(x), trees.locate(x))
