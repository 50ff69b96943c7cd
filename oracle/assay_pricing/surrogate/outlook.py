"""What may be gained, before anything is fitted: what the last fifth of the owner's records brought a small network.

It is rough. After a fit the price function itself says what it would pay for a fifth (``backtest.typical``).
"""

import numpy as np
import torch

from assay_pricing.black_box.port import BlackBox, Predictions
from assay_pricing.price import PARTS, Outlook
from assay_pricing.records.records import Float64, Records
from assay_pricing.risk import REGRESSION, Metric
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.task import DECAY, MAX_BASE

_DRAWS = 3
_WIDTH, _STEPS, _RATE = 16, 200, 1e-2
_MIN_PROBABILITY = 1e-6


def outlook(black_box: BlackBox, owner: Records, validation: Records, metric: Metric, seed: int) -> Outlook:
    """Measures what may be gained.

    The gain of a typical offer is the mean over three draws of the difference of two risks: that of a network trained
    on four fifths of the owner's records, and on all of them. Of many records 4096 are taken.

    Args:
        black_box: The model.
        owner: Records that the model was trained on.
        validation: Records that define the goal.
        metric: The risk on them.
        seed: Of the draws.
    """
    rows = np.random.default_rng(seed).permutation(owner.n)[:MAX_BASE]
    part = max(1, len(rows) // PARTS)
    weights = torch.ones((_DRAWS + 1, len(rows)))
    for draw in range(_DRAWS):
        weights[draw + 1, draw * part : (draw + 1) * part] = 0
    learned, *without = _outputs(owner.take(rows), validation, weights, seed)
    gain = float(np.mean([metric.drop(outputs, learned) for outputs in without]))
    answers = black_box.predict(validation.x)
    risk = model_risk(answers, metric)
    return Outlook(
        risk=metric.risk(learned) if risk is None else risk,
        records=part,
        gain=max(0.0, gain),
        recalibration=recalibration(answers, metric),
    )


def model_risk(answers: Predictions, metric: Metric) -> float | None:
    """Risk of the model's own answers; None where it gives labels alone and the risk needs probabilities."""
    outputs = model_outputs(answers, metric)
    return None if outputs is None else max(0.0, metric.risk(outputs))


def recalibration(answers: Predictions, metric: Metric) -> float:
    """Drop of the risk of the model's own answers by another temperature; 0 where they have none."""
    outputs = model_outputs(answers, metric)
    return 0.0 if outputs is None else max(0.0, metric.risk(outputs) - metric.risk(metric.calibrated(outputs)))


def _outputs(owner: Records, validation: Records, weights: torch.Tensor, seed: int) -> Float64:
    """Outputs on the validation records of networks trained with the weights (e, n): (e, v, k) or (e, v, 1)."""
    encoder = Encoder.fit(owner).reduced(owner)
    network = train(
        Network.initialise((encoder.width, _WIDTH, encoder.outputs), seed).to(torch.float32).repeat(len(weights)),
        encoder.x(owner).float(),
        encoder.y(owner.y).float(),
        weights / weights.sum(1, keepdim=True),
        decay=DECAY,
        steps=_STEPS,
        rate=_RATE,
        anneal=True,
    )
    return encoder.outputs_in_units(network.to(torch.float64)(encoder.x(validation)))


def model_outputs(answers: Predictions, metric: Metric) -> Float64 | None:
    """A model's answers as outputs (v, k) or (v, 1); None where it gives labels alone and the risk needs probabilities.

    Args:
        answers: To the validation records (v).
        metric: The risk.
    """
    if metric.name in REGRESSION:
        return answers.labels[:, None]
    if answers.probabilities is not None:
        return np.asarray(np.log(np.maximum(answers.probabilities, _MIN_PROBABILITY)))
    if metric.name.endswith("accuracy"):
        return np.asarray(np.eye(int(max(answers.labels.max(), metric.y.max())) + 1)[answers.labels.astype(np.int64)])
    return None
