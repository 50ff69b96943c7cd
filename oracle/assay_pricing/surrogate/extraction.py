"""Model extraction: trees that answer as the black box does, grown from its labels alone.

The box is asked about the owner's inputs and mixtures of them, then, round by round, where the trees that were grown
from the answers so far are least sure: in the spirit of Bastani, Kim and Bastani, "Interpreting blackbox models via
model extraction", 2017, who ask for more wherever a split is to be decided.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from assay_pricing.records.records import Float32, Float64
from assay_pricing.surrogate.queries import encoded, mixtures
from assay_pricing.surrogate.task import Task
from assay_pricing.surrogate.trees import Trees

_ROUNDS = 3
_CANDIDATES = 4
"""Inputs that are looked at for one that the box is asked about."""
_MAX_OWNED = 4096
_ROOT_QUESTIONS = 2000
_LEAST = 5
_FEATURES = 8
"""Features that a random split chooses among at least: few columns are looked at all."""


def extract_forest(task: Task, *, trees: int, questions: int, smallest_leaf: float) -> tuple[Trees, Tensor]:
    """Extremely randomised trees (Geurts, Ernst, Wehenkel 2006) and their answer at each leaf.

    Args:
        task: The box and the owner's inputs.
        trees: How many.
        questions: What the box is asked, beside the owner's own inputs.
        smallest_leaf: Share of all inputs that every leaf holds.

    Returns:
        The trees; and (l, k) shares of the classes, or (l, 1) mean standardised values, that the box said in each leaf.
    """
    rng = np.random.default_rng(task.seed)
    each = questions // _ROUNDS
    owned = task.owner.x[np.sort(rng.permutation(task.owner.n)[:_MAX_OWNED])]
    x = np.concatenate([owned, mixtures(task, rng, each)])
    inputs, answers = encoded(task, x), task.black_box.predict(x).labels
    for done in range(1, _ROUNDS + 1):
        task.progress("extracting a forest", done - 1, _ROUNDS)
        grown = _grow(task, inputs, answers, trees, smallest_leaf)
        if done == _ROUNDS:
            break
        candidates = mixtures(task, rng, _CANDIDATES * each)
        seen = encoded(task, candidates)
        unsure = np.argsort(-_doubt(task, grown, seen.numpy()), kind="stable")[:each]
        inputs = torch.cat([inputs, seen[unsure]])
        answers = np.concatenate([answers, task.black_box.predict(candidates[unsure]).labels])
    task.progress("extracting a forest", _ROUNDS, _ROUNDS)
    forest = Trees.of(grown.estimators_)
    return forest, leaf_answers(forest, task, inputs, answers)


def leaf_answers(trees: Trees, task: Task, inputs: Tensor, answers: Float64) -> Tensor:
    """What the box said on average of the inputs (m, width) in each leaf, (l, k)."""
    encoder = task.context.encoder
    said = encoder.y(answers)[:, None]
    if task.context.schema.task == "classification":
        said = torch.nn.functional.one_hot(said[:, 0].long(), encoder.outputs).double()
    found = trees.locate(inputs)
    totals = torch.zeros((len(trees.leaves), said.shape[1]), dtype=torch.float64)
    counts = torch.zeros((len(trees.leaves), 1), dtype=torch.float64)
    for tree in range(len(trees)):
        totals.index_add_(0, found[:, tree], said)
        counts.index_add_(0, found[:, tree], torch.ones_like(said[:, :1]))
    return totals / counts.clamp(min=1)


def _grow(task: Task, inputs: Tensor, answers: Float64, trees: int, smallest_leaf: float) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesClassifier if task.context.schema.task == "classification" else ExtraTreesRegressor
    target = task.context.encoder.y(answers).numpy()
    least = max(2, round(smallest_leaf * len(inputs)))
    looked_at = min(inputs.shape[1], max(_FEATURES, math.isqrt(inputs.shape[1])))
    grown = kind(trees, min_samples_leaf=least, max_features=looked_at, random_state=task.seed, n_jobs=1)
    return grown.fit(inputs.numpy(), target)


def _doubt(task: Task, grown: Any, inputs: Float64) -> Float64:
    """How unsure the trees are of each input (m,): what the first class leads by, turned; or the trees' variance."""
    if task.context.schema.task == "regression":
        return np.asarray(np.var([tree.predict(inputs) for tree in grown.estimators_], axis=0))
    shares = np.sort(grown.predict_proba(inputs), axis=1)
    return np.asarray(-shares[:, -1] + (shares[:, -2] if shares.shape[1] > 1 else 0.0))


@dataclass(eq=False)
class _Node:
    """A leaf so far, and the best split that it offers.

    Attributes:
        x: Inputs that fall into it (m, d), as the owner's records have them.
        inputs: The same, encoded (m, width).
        answers: What the box said of them (m,).
        natural: Which of them were drawn for the whole tree rather than for this node (m,).
        lower: Encoded inputs of the node are above this (width,).
        upper: And at most this (width,).
        number: Its place in the tree.
    """

    x: Float32
    inputs: Float64
    answers: Float64
    natural: npt.NDArray[np.bool_]
    lower: Float64
    upper: Float64
    number: int
    feature: int = 0
    threshold: float = 0.0
    worth: float = 0.0

    def split(self, number: int) -> "tuple[_Node, _Node]":
        """Its two children, the left one of the given number."""
        low = self.inputs[:, self.feature] <= self.threshold
        upper, lower = self.upper.copy(), self.lower.copy()
        upper[self.feature] = lower[self.feature] = self.threshold
        return self._part(low, self.lower, upper, number), self._part(~low, lower, self.upper, number + 1)

    def _part(self, rows: npt.NDArray[np.bool_], lower: Float64, upper: Float64, number: int) -> "_Node":
        return _Node(self.x[rows], self.inputs[rows], self.answers[rows], self.natural[rows], lower, upper, number)


def extract_tree(task: Task, *, leaves: int, questions: int) -> tuple[Trees, Tensor]:
    """One tree grown best split first, each split decided on fresh inputs drawn inside its node (Bastani et al. 2017).

    Args:
        task: The box and the owner's inputs.
        leaves: How many the tree gets at most.
        questions: Inputs that a split is decided on at least.

    Returns:
        The tree; and (l, k) shares of the classes, or (l, 1) mean standardised values, that the box said in each leaf.
    """
    rng = np.random.default_rng(task.seed)
    owned = task.owner.x[np.sort(rng.permutation(task.owner.n)[:_MAX_OWNED])]
    x = np.concatenate([owned, mixtures(task, rng, _ROOT_QUESTIONS)])
    inputs, answers = encoded(task, x).numpy(), task.black_box.predict(x).labels
    bound = np.full(inputs.shape[1], np.inf)
    root = _Node(x, inputs, answers, np.ones(len(x), dtype=np.bool_), -bound, bound, 0)
    nodes = [[0, 0.0, 0, 0]]  # feature, threshold, left, right: a leaf's children are itself
    _look(task, root, len(x))
    open_: list[_Node] = [root]
    done: list[_Node] = []
    while open_ and len(open_) + len(done) < leaves:
        task.progress("extracting a tree", len(open_) + len(done), leaves)
        node = max(open_, key=lambda each: (each.worth, -each.number))
        open_.remove(node)
        if node.worth <= 0:
            done.append(node)
            continue
        nodes[node.number] = [node.feature, node.threshold, len(nodes), len(nodes) + 1]
        for child in node.split(len(nodes)):
            nodes.append([0, 0.0, child.number, child.number])
            _ask_inside(task, rng, child, questions)
            _look(task, child, len(x))
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


def _ask_inside(task: Task, rng: np.random.Generator, node: _Node, questions: int) -> None:
    """Fills a node up to ``questions`` inputs with mixtures of those in it: boxes are convex, so most stay inside."""
    missing = questions - len(node.x)
    if missing <= 0 or len(node.x) < 2:
        return
    drawn = mixtures(task, rng, missing, most=1.0, among=node.x)
    inputs = encoded(task, drawn).numpy()
    inside = ((inputs > node.lower) & (inputs <= node.upper)).all(1)
    if not inside.any():
        return
    node.x = np.concatenate([node.x, drawn[inside]])
    node.inputs = np.concatenate([node.inputs, inputs[inside]])
    node.answers = np.concatenate([node.answers, task.black_box.predict(drawn[inside]).labels])
    node.natural = np.concatenate([node.natural, np.zeros(int(inside.sum()), dtype=np.bool_)])


def _look(task: Task, node: _Node, whole: int) -> None:
    """Finds the best split of a node; its worth is the fall of impurity times the share of inputs that come here."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if len(node.x) < 2 * _LEAST or not node.natural.any():
        return
    kind = DecisionTreeClassifier if task.context.schema.task == "classification" else DecisionTreeRegressor
    stump = kind(max_depth=1, min_samples_leaf=_LEAST, random_state=task.seed)
    tree = stump.fit(node.inputs, task.context.encoder.y(node.answers).numpy()).tree_
    if tree.node_count < 3:
        return
    share = tree.weighted_n_node_samples[1:3] / tree.weighted_n_node_samples[0]
    node.worth = float(tree.impurity[0] - share @ tree.impurity[1:3]) * float(node.natural.sum()) / whole
    node.feature, node.threshold = int(tree.feature[0]), float(tree.threshold[0])
