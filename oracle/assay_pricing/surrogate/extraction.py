"""Model extraction: trees that answer as the black box does, grown from its labels alone.

A forest is grown by active learning: the black box is queried for the owner's inputs and mixtures of them, then, round
by round, for the mixtures on which the forest grown so far is least certain. A single tree is grown best split first,
with fresh queries inside each node (Bastani, Kim and Bastani, "Interpreting blackbox models via model extraction",
2017).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from assay_pricing.records.records import Float64
from assay_pricing.surrogate.queries import encoded, mixtures
from assay_pricing.surrogate.task import Task
from assay_pricing.surrogate.trees import Trees

_ROUNDS = 3
_CANDIDATES = 4
"""Candidate inputs for each query of a round."""
_MAX_OWNED = 4096
"""Records of the owner that the black box is queried for at most."""
_ROOT_QUERIES = 2000
_MIN_LEAF = 5
"""Inputs in each child of a split of a single tree."""
_MIN_FEATURES = 8
"""Features that a random split of the forest considers at least: all of them where there are fewer."""


def extract_forest(task: Task, *, trees: int, queries: int, smallest_leaf: float) -> tuple[Trees, Tensor]:
    """Grows extremely randomised trees (Geurts, Ernst, Wehenkel 2006) on the black box's labels.

    Args:
        task: The black box and the owner's inputs.
        trees: Number of trees.
        queries: Inputs that the black box is queried for, in addition to the owner's.
        smallest_leaf: Least share of all inputs in a leaf.

    Returns:
        The trees; and the black box's answers in each leaf: shares of the classes (l, k), or the mean standardised
        value (l, 1).
    """
    rng = np.random.default_rng(task.seed)
    each = queries // _ROUNDS
    owned = task.owner.x[np.sort(rng.permutation(task.owner.n)[:_MAX_OWNED])]
    x = np.concatenate([owned, mixtures(task, rng, each)])
    inputs, answers = encoded(task, x), task.black_box.predict(x).labels
    for done in range(1, _ROUNDS + 1):
        task.progress("extracting a forest", done - 1, _ROUNDS)
        grown = _grow(task, inputs, answers, trees, smallest_leaf)
        if done == _ROUNDS:
            break
        candidates = mixtures(task, rng, _CANDIDATES * each)
        pool = encoded(task, candidates)
        chosen = np.argsort(-_uncertainty(task, grown, pool.numpy()), kind="stable")[:each]
        inputs = torch.cat([inputs, pool[chosen]])
        answers = np.concatenate([answers, task.black_box.predict(candidates[chosen]).labels])
    task.progress("extracting a forest", _ROUNDS, _ROUNDS)
    forest = Trees.of(grown.estimators_)
    return forest, leaf_answers(forest, task, inputs, answers)


def leaf_answers(trees: Trees, task: Task, inputs: Tensor, answers: Float64) -> Tensor:
    """Mean of the black box's answers to the inputs (m, width) in each leaf, (l, k); 0 in a leaf without inputs.

    Args:
        trees: The trees.
        task: Says how labels are encoded.
        inputs: Encoded inputs (m, width).
        answers: The black box's labels for them (m,).
    """
    encoder = task.context.encoder
    targets = encoder.y(answers)[:, None]  # (m, 1)
    if task.context.schema.task == "classification":
        targets = torch.nn.functional.one_hot(targets[:, 0].long(), encoder.outputs).double()  # (m, k)
    found = trees.locate(inputs)  # (m, t)
    totals = torch.zeros((len(trees.leaves), targets.shape[1]), dtype=torch.float64)
    counts = torch.zeros((len(trees.leaves), 1), dtype=torch.float64)
    for tree in range(len(trees)):
        totals.index_add_(0, found[:, tree], targets)
        counts.index_add_(0, found[:, tree], torch.ones_like(targets[:, :1]))
    return totals / counts.clamp(min=1)


def _grow(task: Task, inputs: Tensor, answers: Float64, trees: int, smallest_leaf: float) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesClassifier if task.context.schema.task == "classification" else ExtraTreesRegressor
    target = task.context.encoder.y(answers).numpy()
    min_leaf = max(2, round(smallest_leaf * len(inputs)))
    features = min(inputs.shape[1], max(_MIN_FEATURES, math.isqrt(inputs.shape[1])))
    grown = kind(trees, min_samples_leaf=min_leaf, max_features=features, random_state=task.seed, n_jobs=1)
    return grown.fit(inputs.numpy(), target)


def _uncertainty(task: Task, grown: Any, inputs: Float64) -> Float64:
    """Uncertainty of the forest at each input (m,): minus the margin of the first class, or the trees' variance."""
    if task.context.schema.task == "regression":
        return np.asarray(np.var([tree.predict(inputs) for tree in grown.estimators_], axis=0))
    shares = np.sort(grown.predict_proba(inputs), axis=1)
    return np.asarray(-shares[:, -1] + (shares[:, -2] if shares.shape[1] > 1 else 0.0))


@dataclass(eq=False)
class _Node:
    """A leaf of the tree so far, and its best split.

    Attributes:
        x: Inputs in the node before encoding (m, d).
        inputs: The same, encoded (m, width).
        answers: The black box's labels for them (m,).
        natural: Which of them were drawn for the whole tree rather than for a node (m,).
        lower: Encoded inputs of the node are above this (width,).
        upper: Encoded inputs of the node are at most this (width,).
        number: Index in the tree's array of nodes.
        feature: Encoded feature of the best split.
        threshold: Its threshold.
        gain: Its fall of impurity, times the share of natural inputs in the node; 0 if the node cannot be split.
    """

    x: Float64
    inputs: Float64
    answers: Float64
    natural: npt.NDArray[np.bool_]
    lower: Float64
    upper: Float64
    number: int
    feature: int = 0
    threshold: float = 0.0
    gain: float = 0.0

    def split(self, number: int) -> "tuple[_Node, _Node]":
        """The two children, the left one of the given number and the right one of the next."""
        low = self.inputs[:, self.feature] <= self.threshold
        upper, lower = self.upper.copy(), self.lower.copy()
        upper[self.feature] = lower[self.feature] = self.threshold
        return self._part(low, self.lower, upper, number), self._part(~low, lower, self.upper, number + 1)

    def _part(self, rows: npt.NDArray[np.bool_], lower: Float64, upper: Float64, number: int) -> "_Node":
        return _Node(self.x[rows], self.inputs[rows], self.answers[rows], self.natural[rows], lower, upper, number)


def extract_tree(task: Task, *, leaves: int, queries: int) -> tuple[Trees, Tensor]:
    """Grows one tree best split first; each split is chosen on fresh queries inside its node (Bastani et al. 2017).

    Args:
        task: The black box and the owner's inputs.
        leaves: Largest number of leaves.
        queries: Inputs that a node is filled up to before its split is chosen.

    Returns:
        The tree; and the black box's answers in each leaf: shares of the classes (l, k), or the mean standardised
        value (l, 1).
    """
    rng = np.random.default_rng(task.seed)
    owned = task.owner.x[np.sort(rng.permutation(task.owner.n)[:_MAX_OWNED])]
    x = np.concatenate([owned, mixtures(task, rng, _ROOT_QUERIES)])
    inputs, answers = encoded(task, x).numpy(), task.black_box.predict(x).labels
    bound = np.full(inputs.shape[1], np.inf)
    root = _Node(x, inputs, answers, np.ones(len(x), dtype=np.bool_), -bound, bound, 0)
    nodes = [[0, 0.0, 0, 0]]  # feature, threshold, left, right: a leaf's children are itself
    _find_split(task, root, len(x))
    open_: list[_Node] = [root]
    done: list[_Node] = []
    while open_ and len(open_) + len(done) < leaves:
        task.progress("extracting a tree", len(open_) + len(done), leaves)
        node = max(open_, key=lambda each: (each.gain, -each.number))
        open_.remove(node)
        if node.gain <= 0:
            done.append(node)
            continue
        nodes[node.number] = [node.feature, node.threshold, len(nodes), len(nodes) + 1]
        for child in node.split(len(nodes)):
            nodes.append([0, 0.0, child.number, child.number])
            _query_inside(task, rng, child, queries)
            _find_split(task, child, len(x))
            open_.append(child)
    task.progress("extracting a tree", leaves, leaves)
    grown = open_ + done
    feature, threshold, left, right = (np.array([node[i] for node in nodes]) for i in range(4))
    tree = Trees(
        torch.from_numpy(feature).int(),
        torch.from_numpy(threshold).double(),
        torch.from_numpy(left).int(),
        torch.from_numpy(right).int(),
        torch.zeros(1, dtype=torch.int32),
    )
    asked = torch.from_numpy(np.concatenate([node.inputs for node in grown]))
    return tree, leaf_answers(tree, task, asked, np.concatenate([node.answers for node in grown]))


def _query_inside(task: Task, rng: np.random.Generator, node: _Node, queries: int) -> None:
    """Fills a node up to ``queries`` inputs with mixtures of its own: a node is a convex box, so most stay inside."""
    missing = queries - len(node.x)
    if missing <= 0 or len(node.x) < 2:
        return
    drawn = mixtures(task, rng, missing, max_share=1.0, among=node.x)
    inputs = encoded(task, drawn).numpy()
    inside = ((inputs > node.lower) & (inputs <= node.upper)).all(1)
    if not inside.any():
        return
    node.x = np.concatenate([node.x, drawn[inside]])
    node.inputs = np.concatenate([node.inputs, inputs[inside]])
    node.answers = np.concatenate([node.answers, task.black_box.predict(drawn[inside]).labels])
    node.natural = np.concatenate([node.natural, np.zeros(int(inside.sum()), dtype=np.bool_)])


def _find_split(task: Task, node: _Node, total: int) -> None:
    """Finds the best split of a node, as a decision stump; ``total`` counts the natural inputs of the whole tree."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if len(node.x) < 2 * _MIN_LEAF or not node.natural.any():
        return
    kind = DecisionTreeClassifier if task.context.schema.task == "classification" else DecisionTreeRegressor
    stump = kind(max_depth=1, min_samples_leaf=_MIN_LEAF, random_state=task.seed)
    tree = stump.fit(node.inputs, task.context.encoder.y(node.answers).numpy()).tree_
    if tree.node_count < 3:
        return
    share = tree.weighted_n_node_samples[1:3] / tree.weighted_n_node_samples[0]
    node.gain = float(tree.impurity[0] - share @ tree.impurity[1:3]) * float(node.natural.sum()) / total
    node.feature, node.threshold = int(tree.feature[0]), float(tree.threshold[0])
