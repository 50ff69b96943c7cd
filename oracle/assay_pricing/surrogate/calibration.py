"""Calibration: choose the surrogate's input scaling, weight decay and family so that it learns as the model does.

A surrogate predicts the value of new data only if it learns from data the way the model does. Learners are therefore
trained on the owner's labels, and the learner is chosen whose outputs come closest to the model's answers on the
validation records: its inputs (the owner's units, one scale for all columns, or one for each), its weight decay, and no
hidden layer if the model is linear. Only the model's answers are read.

Among learners within one standard error of the closest (Breiman, Friedman, Olshen, Stone, "Classification and
Regression Trees", 1984) the most common in practice is taken: the owner's units where columns share one, as pixels do,
and otherwise a scale for each column.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from assay_pricing.black_box.port import BlackBox, Predictions
from assay_pricing.records.inputs import is_continuous
from assay_pricing.records.records import Float64, Records
from assay_pricing.risk import Metric
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import Network, losses, train
from assay_pricing.surrogate.task import DECAY, Progress, no_progress

_FACTOR, _MIN_DECAY, _MAX_DECAY = 3.0, 2e-4, 2.0
_WIDTH = 16
_STEPS = 200
_RATE = 1e-2
_MAX_RECORDS = 1000
"""Records that learners are trained on, and compared on, at most."""
_MAX_NONLINEARITY = 1e-3
"""Share of the variance of a linear model's log-odds that rounding and bounds may leave unexplained."""
_MIN_PROBABILITY = 1e-9
_MAX_LINEAR_COLUMNS = 2048
"""A linear learner of up to so many columns is not projected: it has few parameters for each."""


@dataclass(frozen=True, eq=False)
class Learner:
    """A surrogate before training.

    Attributes:
        encoder: Records to numbers.
        decay: Weight decay.
        linear: No hidden layer, as the model is linear.
    """

    encoder: Encoder
    decay: float
    linear: bool = False


Candidate = tuple[Learner, Float64]
"""A learner, and its loss against the model's answer on each validation record (v,)."""


def calibrate(
    black_box: BlackBox,
    owner: Records,
    validation: Records,
    decay: float | None,
    seed: int,
    progress: Progress = no_progress,
    device: str = "cpu",
) -> Learner:
    """Chooses the learner closest to the model.

    Args:
        black_box: The model.
        owner: Records that the model was trained on.
        validation: Records that it was not trained on.
        decay: The model's weight decay, where it is known.
        seed: Of the subsamples and of the networks.
        progress: Called for every encoder that was tried.
        device: Where learners are trained, see ``network.train``.
    """
    fitted = Encoder.fit(owner)
    by_column = fitted.by_column(owner)
    owner, validation = (_subsample(records, seed) for records in (owner, validation))
    answers = black_box.predict(validation.x)
    known = owner.join(validation)
    unscaled = replace(fitted, standardised=False)
    encoders = [fitted, unscaled] if by_column is fitted else [unscaled, fitted, by_column]  # the most common first

    def evaluate(learner: Learner) -> Candidate:
        return learner, _losses_to_model(learner, owner, validation, answers, seed, device)

    linear = nonlinearity(black_box, known, seed) <= _MAX_NONLINEARITY
    candidates = []
    for done, encoder in enumerate(encoders):
        progress("choosing a learner", done, len(encoders))
        whole = linear and encoder.columns <= _MAX_LINEAR_COLUMNS
        learner = Learner(encoder if whole else encoder.reduced(known), DECAY if decay is None else decay, linear)
        candidates.append(evaluate(learner) if decay is not None else search_decay(evaluate, learner))
    progress("choosing a learner", len(encoders), len(encoders))
    return select_candidate(candidates)[0]


def nonlinearity(black_box: BlackBox, known: Records, seed: int) -> float:
    """Deviation of the model from a linear one, whose log-odds midway between two inputs are the mean of theirs.

    Returns:
        Mean squared deviation over the variance of the log-odds midway; infinity if the model gives labels alone.
    """
    pairs = np.random.default_rng(seed).permutation(known.n)[: 2 * (known.n // 2)].reshape(2, -1)
    continuous = np.array([is_continuous(feature) for feature in known.schema.features])
    first, second = known.x[pairs[0]], known.x[pairs[1]]
    second = np.where(continuous & ~np.isnan(first) & ~np.isnan(second), second, first)
    scores = [_scores(black_box.predict(x), known) for x in (first, second, (first + second) / 2)]
    if any(score is None for score in scores):
        return float("inf")
    one, other, between = (np.asarray(score) for score in scores)
    variance = float(((between - between.mean(0)) ** 2).mean())
    return float(((between - (one + other) / 2) ** 2).mean()) / variance if variance > 0 else float("inf")


def search_decay(evaluate: Callable[[Learner], Candidate], learner: Learner) -> Candidate:
    """Line search in powers of 3, upwards from the learner's decay or else downwards, while the mean loss falls."""
    best = evaluate(learner)
    for factor in (_FACTOR, 1 / _FACTOR):
        while _MIN_DECAY <= factor * best[0].decay <= _MAX_DECAY:
            other = evaluate(replace(best[0], decay=factor * best[0].decay))
            if not _mean_loss(other) < _mean_loss(best):
                break
            best = other
        if best[0].decay != learner.decay:
            break
    return best


def select_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """The first candidate within one standard error of the closest, by the paired differences of their losses."""
    closest = min(candidates, key=_mean_loss)
    for candidate in candidates:
        excess = candidate[1] - closest[1]
        if np.isfinite(excess).all() and excess.mean() <= excess.std(ddof=1) / np.sqrt(len(excess)):
            return candidate
    return closest


def _mean_loss(candidate: Candidate) -> float:
    value = float(candidate[1].mean())
    return value if np.isfinite(value) else float("inf")


def _scores(answers: Predictions, records: Records) -> Float64 | None:
    """Centred log-probabilities (m, k), or a regression's values (m, 1); None if the model gives labels alone."""
    if records.schema.task == "regression":
        return answers.labels[:, None]
    if answers.probabilities is None:
        return None
    logs = np.log(np.maximum(answers.probabilities, _MIN_PROBABILITY))
    return np.asarray(logs - logs.mean(1, keepdims=True))


def _losses_to_model(
    learner: Learner, owner: Records, validation: Records, answers: Predictions, seed: int, device: str = "cpu"
) -> Float64:
    """Loss against the model's answer on each validation record, after training on the owner's labels, (v,)."""
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
        device=device,
    )
    outputs = network.to(torch.float64)(encoder.x(validation))  # (1, v, k)
    target: Tensor = encoder.y(answers.labels)
    if answers.probabilities is not None:
        target = torch.from_numpy(answers.probabilities)
    elif encoder.schema.task == "classification":
        # Labels carry no information on the model's confidence: learners are compared at the temperature of least risk.
        logs = encoder.outputs_in_units(outputs[0])
        if np.isfinite(logs).all():
            outputs = torch.from_numpy(Metric("log_loss", answers.labels).calibrated(logs))[None]
    return np.asarray(losses(outputs, target)[0].numpy())


def _subsample(records: Records, seed: int) -> Records:
    """At most ``_MAX_RECORDS`` of the records, in their order."""
    if records.n <= _MAX_RECORDS:
        return records
    return records.take(np.sort(np.random.default_rng(seed).permutation(records.n)[:_MAX_RECORDS]))
