"""How far a learner's answers are from the model's.

Of probabilities it is the Kullback-Leibler divergence in nats, of a regression's values the squared difference in
standardised units, by input. Labels carry no information on the model's confidence: of them it is the log loss at
the temperature of least risk.
"""

import numpy as np
import torch
from torch import Tensor

from assay_pricing.black_box.port import Predictions
from assay_pricing.records.records import Float64
from assay_pricing.risk import Metric
from assay_pricing.surrogate.encoder import Encoder

_MIXED = 0.005
"""Probability added to every class before two answers are compared: a learner that is sure need not be quite sure."""


def distances(encoder: Encoder, outputs: Tensor, answers: Predictions) -> Float64:
    """Distance of outputs (m, k) from the model's answer to each input, (m,); infinite if one is not a number."""
    if not bool(torch.isfinite(outputs).all()):
        return np.full(len(outputs), np.inf)
    if encoder.schema.task == "regression":
        return np.asarray(((outputs[:, 0] - encoder.y(answers.labels)) ** 2).numpy())
    if answers.probabilities is None:
        logs = Metric("log_loss", answers.labels).calibrated(np.asarray(outputs.log_softmax(-1).numpy()))
        return np.asarray(-logs[np.arange(len(logs)), answers.labels.astype(np.int64)])
    p, q = _mixed(_probabilities(answers)), _mixed(outputs.softmax(-1))
    return np.asarray((p * (p.log() - q.log())).sum(1).numpy())


def spreads(encoder: Encoder, one: Tensor, other: Tensor) -> Float64:
    """Half the distance between two draws' outputs (m, k) to each input, (m,): what one draw adds to any distance.

    The mean squared distance of a random answer from another is their squared difference in the mean, and the variance
    of each. Half the squared difference of two draws estimates the variance of one without bias.
    """
    if encoder.schema.task == "regression":
        return np.asarray(((one[:, 0] - other[:, 0]) ** 2 / 2).numpy())
    p, q = _mixed(one.softmax(-1)), _mixed(other.softmax(-1))
    return np.asarray(((p - q) * (p.log() - q.log())).sum(1).numpy() / 4)


def constant_distance(encoder: Encoder, answers: Predictions) -> float:
    """Mean distance of the best constant answer: the spread of the answers."""
    if encoder.schema.task == "regression":
        return float(encoder.y(answers.labels).var(correction=0))
    if answers.probabilities is None:
        shares = np.bincount(answers.labels.astype(np.int64)) / len(answers.labels)
        return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
    p = _mixed(_probabilities(answers))
    return float((p * (p.log() - p.mean(0).log())).sum(1).mean())


def _probabilities(answers: Predictions) -> Tensor:
    assert answers.probabilities is not None
    return torch.from_numpy(answers.probabilities)


def _mixed(p: Tensor) -> Tensor:
    """Probabilities (m, k), none of them near 0."""
    mixed: Tensor = (p + _MIXED) / (p + _MIXED).sum(1, keepdim=True)
    return mixed
