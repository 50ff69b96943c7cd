"""What a rate costs: the figures by which an owner chooses how much to pay for a gain, before anything is fitted.

A rate is money per unit of the goal. The unit of a regression's goal is that of the squared labels, so that no rate is
right for two models. Two gains are known beforehand: that of a perfect model, which has no risk left, and that of a
typical offer, *more of the owner's own kind*: what the last fifth of her own records brought a small network.
"""

from dataclasses import dataclass

import numpy as np
import torch

from assay_pricing.black_box.port import BlackBox, Predictions
from assay_pricing.price import MICRO, PricingRule, to_micros
from assay_pricing.records.records import Float64, Records
from assay_pricing.risk import REGRESSION, Metric
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.network import Network, train
from assay_pricing.surrogate.task import DECAY, MAX_BASE

OFFERS = 10
"""Typical offers that a budget pays for."""
_PARTS = 5
"""An offer is one part in so many of the owner's records."""
_DRAWS = 3
_LEAST_SHARE = 0.01
"""Of the risk, which a typical offer is taken to remove at least: held-out parts may show less by chance."""
_WIDTH, _STEPS, _RATE = 16, 200, 1e-2
_MIN_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Outlook:
    """What may be gained.

    Attributes:
        risk: That of the model on the validation records: the gain of a perfect model.
        records: Of a typical offer.
        gain: Of a typical offer, in the unit of the goal.
    """

    risk: float
    records: int
    gain: float

    def suggested_rate(self, budget: int, kind: str) -> int:
        """The rate at which ``budget`` pays for ten typical offers, in base units per unit of gain or per record.

        A typical offer counts as a gain of at least 1 % of the risk, so that a perfect model costs at most ten times
        the budget.
        """
        share = budget // OFFERS
        if kind == "binary":
            return max(1, share // self.records)
        gain = max(self.gain, _LEAST_SHARE * self.risk)
        return max(1, share * MICRO // max(1, to_micros(gain)))

    def perfect(self, rule: PricingRule) -> int:
        """Price of an offer that leaves no risk, in base units, without the rule's cap."""
        return self._price(rule, self.risk)

    def typical(self, rule: PricingRule) -> int:
        """Price of a typical offer in base units, without the rule's cap."""
        return self._price(rule, self.gain)

    def _price(self, rule: PricingRule, gain: float) -> int:
        return rule.model_copy(update={"cap": 2**255}).price(to_micros(max(gain, 0.0)), self.records)


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
    part = max(1, len(rows) // _PARTS)
    weights = torch.ones((_DRAWS + 1, len(rows)))
    for draw in range(_DRAWS):
        weights[draw + 1, draw * part : (draw + 1) * part] = 0
    learned, *without = (metric.risk(outputs) for outputs in _outputs(owner.take(rows), validation, weights, seed))
    model = _model_outputs(black_box.predict(validation.x), metric)
    risk = learned if model is None else metric.risk(model)
    return Outlook(risk=max(risk, 0.0), records=part, gain=max(0.0, float(np.mean(without)) - learned))


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


def _model_outputs(answers: Predictions, metric: Metric) -> Float64 | None:
    """The model's own outputs (v, k) or (v, 1); None where it gives labels alone and the risk needs probabilities."""
    if metric.name in REGRESSION:
        return answers.labels[:, None]
    if answers.probabilities is not None:
        return np.asarray(np.log(np.maximum(answers.probabilities, _MIN_PROBABILITY)))
    if metric.name.endswith("accuracy"):
        return np.asarray(np.eye(int(max(answers.labels.max(), metric.y.max())) + 1)[answers.labels.astype(np.int64)])
    return None
