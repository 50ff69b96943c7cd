"""Model extraction: trees that answer as the black box does, grown from its labels alone.

The box is asked about the owner's inputs and mixtures of them, then, round by round, where the trees that were grown
from the answers so far are least sure: in the spirit of Bastani, Kim and Bastani, "Interpreting blackbox models via
model extraction", 2017, who ask for more wherever a split is to be decided.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay_oracle.pricing.context import Task
from assay_oracle.pricing.records import Float64
from assay_oracle.pricing.sampling import encoded, mixtures
from assay_oracle.pricing.trees import Trees

_ROUNDS = 3
_CANDIDATES = 4
"""Inputs that are looked at for one that the box is asked about."""
_MAX_OWNED = 4096


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
    grown = kind(trees, min_samples_leaf=least, max_features="sqrt", random_state=task.seed, n_jobs=1)
    return grown.fit(inputs.numpy(), target)


def _doubt(task: Task, grown: Any, inputs: Float64) -> Float64:
    """How unsure the trees are of each input (m,): what the first class leads by, turned; or the trees' variance."""
    if task.context.schema.task == "regression":
        return np.asarray(np.var([tree.predict(inputs) for tree in grown.estimators_], axis=0))
    shares = np.sort(grown.predict_proba(inputs), axis=1)
    return np.asarray(-shares[:, -1] + (shares[:, -2] if shares.shape[1] > 1 else 0.0))
