"""Calibration: what a small learner must be like to learn from the owner's records what the model did.

A price asks what the model would learn from more data. A surrogate answers that only if it learns alike, so it is given
the inputs (the owner's units, one scale for all columns, or one for each) and the decay with which training on the
owner's labels ends closest to the model's answers on records held out; and no hidden layer where the model is linear.
Nothing is looked up in the model but its answers.

Of learners that are as close as the closest but for one standard error (Breiman, Friedman, Olshen, Stone,
"Classification and Regression Trees", 1984) the most usual is taken: in the owner's units where columns share one, as
pixels do, and with a scale for each column where they do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from assay_pricing.records.records import Float64, Records
from assay_pricing.risk import Metric
from assay_pricing.surrogate.black_box import BlackBox, Predictions
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import Network, losses, train
from assay_pricing.surrogate.task import DECAY

_STEP, _LEAST_DECAY, _MOST_DECAY = 3.0, 2e-4, 2.0
_WIDTH = 16
_STEPS = 200
_RATE = 1e-2
_MOST = 1000  # records that are looked at
_STRAIGHT = 1e-3
"""Share of the variance of a linear model's log-odds that rounding and bounds may leave unexplained."""
_LEAST_PROBABILITY = 1e-9
_WIDEST_LINEAR = 2048
"""Columns of which a linear learner needs no projection: it has few parameters for each."""


@dataclass(frozen=True, eq=False)
class Learner:
    """What learns as the model does.

    Attributes:
        encoder: Records to numbers.
        decay: Weight decay.
        linear: It has no hidden layer, as the model is linear.
    """

    encoder: Encoder
    decay: float
    linear: bool = False


Tried = tuple[Learner, Float64]
"""A learner, and how far it is from the model on each held record (m,)."""


def calibrate(black_box: BlackBox, owner: Records, held: Records, decay: float | None, seed: int) -> Learner:
    """The learner closest to the model.

    Args:
        black_box: The model.
        owner: Records that it was trained on.
        held: Records that it was not trained on.
        decay: Its weight decay, where it is known.
        seed: Of the small networks.
    """
    fitted = Encoder.fit(owner)
    by_column = fitted.by_column(owner)
    owner, held = (_some(records, seed) for records in (owner, held))
    answers = black_box.predict(held.x)
    known = owner.join(held)
    own = replace(fitted, standardised=False)
    units = [fitted, own] if by_column is fitted else [own, fitted, by_column]

    def tried(learner: Learner) -> Tried:
        return learner, _distances(learner, owner, held, answers, seed)

    linear = _bend(black_box, known, seed) <= _STRAIGHT
    candidates = []
    for encoder in units:
        whole = linear and encoder.columns <= _WIDEST_LINEAR
        learner = Learner(encoder if whole else encoder.reduced(known), DECAY if decay is None else decay, linear)
        candidates.append(tried(learner) if decay is not None else _tuned(tried, learner))
    return _usual(candidates)[0]


def _bend(black_box: BlackBox, known: Records, seed: int) -> float:
    """How far the model is from linear: midway between records a linear one's log-odds are the mean of theirs.

    Returns:
        Mean square of the difference over the variance of what the model says there; infinity where labels are all.
    """
    pairs = np.random.default_rng(seed).permutation(known.n)[: 2 * (known.n // 2)].reshape(2, -1)
    numeric = np.array([feature.kind == "numeric" for feature in known.schema.features])
    first, second = known.x[pairs[0]], np.where(numeric, known.x[pairs[1]], known.x[pairs[0]])
    said = [_scores(black_box.predict(x), known) for x in (first, second, (first + second) / 2)]
    if any(scores is None for scores in said):
        return float("inf")
    one, other, between = (np.asarray(scores) for scores in said)
    spread = float(((between - between.mean(0)) ** 2).mean())
    return float(((between - (one + other) / 2) ** 2).mean()) / spread if spread > 0 else float("inf")


def _scores(answers: Predictions, records: Records) -> Float64 | None:
    """Centred log-probabilities (m, k), or a regression's values (m, 1)."""
    if records.schema.task == "regression":
        return answers.labels[:, None]
    if answers.probabilities is None:
        return None
    logs = np.log(np.maximum(answers.probabilities, _LEAST_PROBABILITY))
    return np.asarray(logs - logs.mean(1, keepdims=True))


def _tuned(tried: Callable[[Learner], Tried], learner: Learner) -> Tried:
    """The learner at the decay, uphill or else downhill from its own, beyond which it gets no closer."""
    best = tried(learner)
    for step in (_STEP, 1 / _STEP):
        while _LEAST_DECAY <= step * best[0].decay <= _MOST_DECAY:
            other = tried(replace(best[0], decay=step * best[0].decay))
            if not _mean(other) < _mean(best):
                break
            best = other
        if best[0].decay != learner.decay:
            break
    return best


def _usual(candidates: Sequence[Tried]) -> Tried:
    """The first that is as close as the closest, but for one standard error of the difference."""
    closest = min(candidates, key=_mean)
    for candidate in candidates:
        further = candidate[1] - closest[1]
        if np.isfinite(further).all() and further.mean() <= further.std(ddof=1) / np.sqrt(len(further)):
            return candidate
    return closest


def _mean(candidate: Tried) -> float:
    value = float(candidate[1].mean())
    return value if np.isfinite(value) else float("inf")


def _distances(learner: Learner, owner: Records, held: Records, answers: Predictions, seed: int) -> Float64:
    """How far it is, after it has learned the owner's labels, from the model's answer on each held record (m,)."""
    encoder = learner.encoder
    x = encoder.x(owner).float()
    hidden = () if learner.linear else (_WIDTH,)
    network = train(
        Network.initialise((encoder.width, *hidden, encoder.outputs), seed).to(torch.float32),
        x,
        encoder.y(owner.y).float(),
        torch.full((1, len(x)), 1 / len(x)),
        decay=learner.decay,
        steps=_STEPS,
        rate=_RATE,
        anneal=True,
    )
    outputs = network.to(torch.float64)(encoder.x(held))
    said: Tensor = encoder.y(answers.labels)
    if answers.probabilities is not None:
        said = torch.from_numpy(answers.probabilities)
    elif encoder.schema.task == "classification":
        # Labels say nothing of the model's confidence: learners are compared at the confidence of least risk.
        logs = encoder.outputs_in_units(outputs[0])
        if np.isfinite(logs).all():
            outputs = torch.from_numpy(Metric("log_loss", answers.labels).tempered(logs))[None]
    return np.asarray(losses(outputs, said)[0].numpy())


def _some(records: Records, seed: int) -> Records:
    if records.n <= _MOST:
        return records
    return records.take(np.sort(np.random.default_rng(seed).permutation(records.n)[:_MOST]))
