"""Calibration: numbers and weight decay with which a small network learns from the owner's records what the model did.

A price asks what the model would learn from more data. A surrogate answers that only if it learns alike, so it is given
the inputs (the owner's units, or standardised) and the decay with which training on the owner's labels ends closest to
the model's answers on records held out. Nothing is looked up in the model but its answers.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from assay_oracle.pricing.blackbox import BlackBox, Predictions
from assay_oracle.pricing.context import DECAY
from assay_oracle.pricing.encoder import Encoder
from assay_oracle.pricing.network import Network, losses, train
from assay_oracle.pricing.records import Records

_DECAYS = (2e-4, 6e-4, 6e-3, 2e-2, 6e-2)
_WIDTH = 16
_STEPS = 200
_RATE = 1e-2
_MOST = 1000  # records that are looked at


def calibrate(
    black_box: BlackBox, owner: Records, held: Records, decay: float | None, seed: int
) -> tuple[Encoder, float]:
    """The encoder, and the decay where the owner states none.

    Args:
        black_box: The model.
        owner: Records that it was trained on.
        held: Records that it was not trained on.
        decay: Its weight decay, where it is known.
        seed: Of the small network.
    """
    fitted = Encoder.fit(owner)
    owner, held = (_some(records, seed) for records in (owner, held))
    answers = black_box.predict(held.x)
    known = owner.join(held)
    encoders = [replace(fitted, standardised=standardised).reduced(known) for standardised in (False, True)]

    def distance(encoder: Encoder, decay: float) -> float:
        return _distance(encoder, decay, owner, held, answers, seed)

    start = DECAY if decay is None else decay
    found = {(i, start): distance(encoder, start) for i, encoder in enumerate(encoders)}
    best, _ = min(found, key=lambda key: found[key])
    if decay is None:
        found |= {(best, other): distance(encoders[best], other) for other in _DECAYS}
    best, chosen = min(found, key=lambda key: found[key])
    return encoders[best], chosen


def _distance(encoder: Encoder, decay: float, owner: Records, held: Records, answers: Predictions, seed: int) -> float:
    """How far a network that learned the owner's labels is from the model's answers on held records."""
    x = encoder.x(owner).float()
    network = train(
        Network.initialise((encoder.width, _WIDTH, encoder.outputs), seed).to(torch.float32),
        x,
        encoder.y(owner.y).float(),
        torch.full((1, len(x)), 1 / len(x)),
        decay=decay,
        steps=_STEPS,
        rate=_RATE,
        anneal=True,
    )
    outputs = network.to(torch.float64)(encoder.x(held))
    said: Tensor = encoder.y(answers.labels)
    if answers.probabilities is not None:
        said = torch.from_numpy(answers.probabilities)
    value = float(losses(outputs, said).mean())
    return value if np.isfinite(value) else float("inf")


def _some(records: Records, seed: int) -> Records:
    if records.n <= _MOST:
        return records
    return records.take(np.sort(np.random.default_rng(seed).permutation(records.n)[:_MOST]))
