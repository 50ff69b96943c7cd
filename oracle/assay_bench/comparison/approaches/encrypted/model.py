"""Encrypting the model: a seller trains the buyer's model without seeing its weights, under CKKS."""

import numpy as np

from assay_bench.comparison.approach import ENCRYPTED_MODEL, Approach
from assay_bench.comparison.attacks.moments import Weights, probed, separated, steps_to_probe
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Figure, Row, extrapolated, measured, undefined
from assay_bench.comparison.inference import by_guesses, useful_membership
from assay_bench.comparison.linear import one_hot
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.secure import squares
from assay_bench.comparison.trade import USEFUL, Trade
from assay_bench.pricing.data.dataset import Dataset

NAME = "encrypted-model"
_HIDDEN = 32
_RATE = 3e-3
_STEPS = max(50, steps_to_probe(64, _HIDDEN, 10))
"""Of the training; a dishonest buyer needs no more."""


def run(trade: Trade) -> Row:
    """One step of training under encryption; the others are the same in the clear, and their cost is extrapolated."""
    useful, owner = trade.useful, trade.owner
    start = squares.trained(squares.initial(64, _HIDDEN, owner.classes, trade.seed), owner.x, one_hot(owner))
    keys, step = Meter(), Meter()
    with keys:
        encrypted = squares.EncryptedStep(_HIDDEN)
    with step:
        answer = encrypted(start, useful.x, one_hot(useful))
    clear = squares.gradient(start, useful.x, one_hot(useful))
    error = float(np.sqrt(np.mean([((a - b) ** 2).mean() for a, b in zip(answer.by, clear, strict=True)])))
    draw = np.random.default_rng(trade.seed)

    def answered(weights: Weights) -> Weights:
        """What a dishonest buyer decrypts: the gradient of weights that it chose, with the error of encryption."""
        w1, b1, w2, b2 = (
            part + draw.normal(0, error, part.shape) for part in squares.gradient(weights, useful.x, one_hot(useful))
        )
        return w1, b1, w2, b2

    shape = (64, _HIDDEN, owner.classes)
    found = probed(answered, len(useful), shape)
    whole = separated(answered, len(useful), shape, found, error)
    guesses = np.concatenate([*(moments.records() for moments in found), whole])
    after = {name: _trained(trade, start, data) for name, data in trade.sellers.items()}
    alone = _trained(trade, start)
    validation = trade.parties.validation
    prices = {name: _loss(alone, validation) - _loss(weights, validation) for name, weights in after.items()}
    return Row(
        data_leakage=leakage(
            trade,
            "gradients, which it decrypts; a dishonest buyer's are of weights that it made for that",
            guesses,
            useful_membership(trade, by_guesses(guesses)),
            kept=0.0,
            third_party=0.0,
        ),
        model_leakage=model_leakage(trade, "encrypted weights", copy_alone(trade), queries=0, weights=0.0),
        practicality=step.practicality(trade, ("the buyer", "the seller")).model_copy(
            update={
                "seconds": _over(keys.seconds, step.seconds),
                "trainings": _over(keys.seconds / trade.training_seconds, step.seconds / trade.training_seconds),
                "bytes_sent": _over(encrypted.ckks.key_bytes, answer.bytes_up + answer.bytes_down),
                "memory_mb": measured(keys.memory_mb + step.memory_mb),
                "rounds": _over(1, 2),
            }
        ),
        fairness=fairness_of(trade, prices, cheating_buyer=_kept(trade, alone, after[USEFUL]), in_nats=False),
    )


def _trained(trade: Trade, start: Weights, *sellers: Dataset) -> Weights:
    """After all steps on the owner's gradient, which is its own, and on the decrypted ones of sellers."""
    descent = squares.Descent(start, _RATE)
    parts = [trade.owner, *sellers]
    shares = np.array([len(part) for part in parts]) / sum(map(len, parts))
    for _ in range(_STEPS):
        by = [squares.gradient(descent.weights, part.x, one_hot(part)) for part in parts]
        descent.step([sum(s * g for s, g in zip(shares, each, strict=True)) for each in zip(*by, strict=True)])
    return descent.weights


def _loss(weights: Weights, data: Dataset) -> float:
    return squares.loss(weights, data.x, one_hot(data))


def _kept(trade: Trade, alone: Weights, after: Weights) -> Figure:
    """Drop of the network's own error on the test records by these steps, in that of a training with the data."""
    whole, test = trade.owner.plus(trade.useful), trade.parties.test
    start = squares.initial(64, _HIDDEN, whole.classes, trade.seed)
    best = _loss(alone, test) - _loss(squares.trained(start, whole.x, one_hot(whole)), test)
    if best <= 0:
        return undefined("the useful data bring nothing to the network of squares in this draw")
    return measured(max(_loss(alone, test) - _loss(after, test), 0.0) / best)


def _over(once: float, each: float) -> Figure:
    return extrapolated(once + _STEPS * each, f"keys once, and {_STEPS} times the step that was run")


APPROACHES = (
    Approach(
        name=NAME,
        title="Encrypting the model, CKKS",
        paper=ENCRYPTED_MODEL,
        source="A network of squares (CryptoNets) with as many weights as the model, trained by the seller under CKKS "
        "by TenSEAL; the buyer decrypts every gradient. The price by validation error is our rendering: the paper has "
        "none.",
        run=run,
        remark="The weights stay secret, as the paper says. That is what opens the data: nobody sees that a buyer "
        "chose weights whose gradients are moments of the records. From second moments, plain and weighted by a "
        "projection, 46 gradients tell 80 records of 64 pixels; of 200 they have fewer equations than unknowns, and "
        "tell the means of the classes. A price exists, where the paper has N/A; it is in units of squared error, with "
        "which a network that can be encrypted is trained.",
    ),
)
