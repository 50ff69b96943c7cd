"""Baselines: random scores, loss, gradient norm, Shapley values, out-of-bag accuracy, transport, retraining.

Every function scores the offered records (n,); higher is better. A set's score is the sum over its records, as is
usual. The sum overpays copies, which is one of the benchmark's findings.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Parties
from assay_bench.pricing.truth import gains, nets
from assay_bench.pricing.truth.nets import Nets

NEIGHBOURS = 5
_TREES = 200
_TRANSPORT_ROUNDS = 200


def random(parties: Parties, model: Nets, offer: Dataset) -> Floats:  # noqa: ARG001
    """Uniform noise: the chance level."""
    return np.random.default_rng(parties.seed).random(len(offer))


def loss(parties: Parties, model: Nets, offer: Dataset) -> Floats:  # noqa: ARG001
    """The true model's loss on the record. It rewards noise and wrong labels."""
    return np.asarray(nets.record_losses(model, offer)[0])


def gradient_norm(parties: Parties, model: Nets, offer: Dataset) -> Floats:  # noqa: ARG001
    """Norm of the true model's gradient: to first order, the change of the parameters that the record causes."""
    x, y = nets.tensors(offer)

    def record_loss(parameters: list[Tensor], one_x: Tensor, one_y: Tensor) -> Tensor:
        return nets.losses(Nets(*parameters)(one_x[None, None]), one_y[None, None], offer.classes).sum()

    gradients = torch.func.vmap(torch.func.grad(record_loss), (None, 0, 0))(model.tensors, x, y)
    return np.asarray(torch.cat([g.flatten(1) for g in gradients], 1).norm(dim=1).double().numpy())


def true_retraining(parties: Parties, model: Nets, offer: Dataset) -> Floats:  # noqa: ARG001
    """Retraining from scratch with the record added, one initialisation: the definition of a record's value."""
    singles = tuple(offer.take([i]) for i in range(len(offer)))
    return gains.set_gains(parties, singles, initialisations=1).gain_v


def _distances(a: Floats, b: Floats) -> Floats:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.clip(squares, 0, None)))


def knn_shapley(parties: Parties, model: Nets, offer: Dataset) -> Floats:  # noqa: ARG001
    """Exact Shapley values of a k-nearest-neighbour classifier on base + offer (Jia et al., VLDB 2019, theorem 1)."""
    train, validation = parties.base.plus(offer), parties.validation
    order = np.argsort(_distances(validation.x, train.x), axis=1, kind="stable")
    agree = (train.y[order] == validation.y[:, None]).astype(np.float64)
    n = len(train)
    values = np.empty_like(agree)
    values[:, -1] = agree[:, -1] / n
    for i in range(n - 2, -1, -1):
        step = (agree[:, i] - agree[:, i + 1]) / NEIGHBOURS * min(NEIGHBOURS, i + 1) / (i + 1)
        values[:, i] = values[:, i + 1] + step
    by_record = np.zeros((len(validation), n))
    np.put_along_axis(by_record, order, values, axis=1)
    return np.asarray(by_record.mean(0)[len(parties.base) :])


def data_oob(parties: Parties, model: Nets, offer: Dataset) -> Floats:  # noqa: ARG001
    """Out-of-bag accuracy of bagged trees on base + offer, by record (Kwon and Zou, ICML 2023)."""
    from sklearn.tree import DecisionTreeClassifier

    train = parties.base.plus(offer)
    rng = np.random.default_rng(parties.seed)
    right, seen = np.zeros(len(train)), np.zeros(len(train))
    for _ in range(_TREES):
        bag = rng.integers(0, len(train), len(train))
        out = np.setdiff1d(np.arange(len(train)), bag)
        tree = DecisionTreeClassifier(random_state=0).fit(train.x[bag], train.y[bag])
        right[out] += tree.predict(train.x[out]) == train.y[out]
        seen[out] += 1
    return np.asarray((right / np.maximum(seen, 1))[len(parties.base) :])


def transport(parties: Parties, model: Nets, offer: Dataset) -> Floats:  # noqa: ARG001
    """Calibrated gradient of the transport cost between base + offer and validation (Just et al., LAVA, ICLR 2023).

    Entropic transport, with a label cost as large as the mean feature distance. A record's value is the negative of the
    difference between its dual potential and the mean of the others.
    """
    train, validation = parties.base.plus(offer), parties.validation
    cost = _distances(train.x, validation.x)
    scale = cost.mean()
    cost = cost / scale + (train.y[:, None] != validation.y[None])
    blur = 0.05
    log_a, log_b = -np.log(len(train)), -np.log(len(validation))
    f, g = np.zeros(len(train)), np.zeros(len(validation))
    for _ in range(_TRANSPORT_ROUNDS):
        f = -blur * _logsumexp((g[None] - cost) / blur + log_b, axis=1)
        g = -blur * _logsumexp((f[:, None] - cost) / blur + log_a, axis=0)
    n = len(train)
    calibrated = f - (f.sum() - f) / (n - 1)
    return np.asarray(-calibrated[len(parties.base) :])


def _logsumexp(values: Floats, axis: int) -> Floats:
    top = values.max(axis=axis, keepdims=True)
    return np.asarray((top + np.log(np.exp(values - top).sum(axis=axis, keepdims=True))).squeeze(axis))


OF_SETS = ("random", "loss", "gradient_norm", "knn_shapley", "transport")
"""Baselines that are fast enough to score every set; a set's score by retraining would be its true gain."""
CLASSIFICATION_ONLY = ("knn_shapley", "data_oob", "transport")

BASELINES: dict[str, Callable[[Parties, Nets, Dataset], Floats]] = {
    "random": random,
    "loss": loss,
    "gradient_norm": gradient_norm,
    "true_retraining": true_retraining,
    "knn_shapley": knn_shapley,
    "data_oob": data_oob,
    "transport": transport,
}
