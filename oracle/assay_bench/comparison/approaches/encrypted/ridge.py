"""Encrypting the data: ridge regression on the encrypted sums of buyer and seller."""

import numpy as np
import torch

from assay_bench.comparison.approach import ENCRYPTED_DATA, Approach
from assay_bench.comparison.attacks.network import Network
from assay_bench.comparison.attacks.reconstruction import from_model, from_sums
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Row, measured
from assay_bench.comparison.inference import by_guesses, useful_membership
from assay_bench.comparison.linear import one_hot, with_one
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.secure.paillier import SecretKey
from assay_bench.comparison.secure.ridge import Integers, solved
from assay_bench.comparison.trade import Trade
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset

NAME = "encrypted-ridge"
_BITS, _DAMPING = 1024, 256
_LEVELS = 16
_SIDE, _POOL = 8, 2
_SWAMP = 2.0**27
"""Leaves the model's fractions room under the key: 17 numbers of 27 bits, twice."""


def run(trade: Trade) -> Row:
    """The buyer learns the model of both parties' records, and pays for what it gains over that of its own."""
    meter, owner, useful = Meter(), (_integers(trade.owner), _labels(trade.owner)), trade.useful
    with meter:
        key = SecretKey(_BITS)
        found = solved(key, [owner, (_integers(useful), _labels(useful))], _DAMPING)
    for size in found.sizes:
        meter.sent(size)
    alone = _clear(trade.owner)
    prices = {}
    for name, data in trade.sellers.items():
        weights = _clear(trade.owner.plus(data))
        prices[name] = _error(alone, trade.parties.validation) - _error(weights, trade.parties.validation)

    def learned(data: Dataset) -> Floats:
        """How much better the model knows a record than the buyer's own did."""
        return _errors(alone, data) - _errors(found.weights, data)

    guesses = np.concatenate([_inverted(found.weights), swamped(useful)])
    online = ("the buyer", "the seller", "a holder of the key")
    return Row(
        data_leakage=leakage(
            trade,
            "the trained ridge model; a dishonest buyer's is of sums that it made up for that",
            guesses,
            useful_membership(trade, learned, by_guesses(guesses)),
            kept=0.0,
            third_party=0.0,
        ),
        model_leakage=model_leakage(trade, "nothing", copy_alone(trade), queries=0, weights=0.0),
        practicality=meter.practicality(trade, online),
        fairness=fairness_of(trade, prices, cheating_buyer=measured(1.0), in_nats=False),
    )


def swamped(data: Dataset) -> Floats:
    """Mean images (m, 64) of the seller's classes, read off the model by a buyer that makes up its own sums.

    It enters M times the identity for its A, and nothing for its B. The model is then the seller's ``B / M``, but for
    parts of the order of its ``A / M``; the protocol computes it exactly.
    """
    x = _integers(data)
    model = np.linalg.solve(x.T @ x + _SWAMP * np.eye(x.shape[1]), x.T @ _labels(data))
    sums = model.T * _SWAMP / _LEVELS
    return _upsampled(from_sums(sums[:, :-1], np.rint(sums[:, -1])))


def _integers(data: Dataset) -> Integers:
    """Means of two by two pixels in 0..16, beside a column of sixteens."""
    images = data.x.reshape(-1, _SIDE // _POOL, _POOL, _SIDE // _POOL, _POOL)
    pooled = np.rint(images.mean((2, 4)) * _LEVELS).reshape(len(data), -1)
    return (with_one(pooled / _LEVELS) * _LEVELS).astype(np.int64)


def _labels(data: Dataset) -> Integers:
    return one_hot(data).astype(np.int64)


def _clear(data: Dataset) -> Floats:
    """The model (17, 10) in the clear, as the protocol finds it."""
    x = _integers(data)
    return np.asarray(np.linalg.solve(x.T @ x + _DAMPING * np.eye(x.shape[1]), x.T @ _labels(data)))


def _errors(weights: Floats, data: Dataset) -> Floats:
    return np.asarray(((_integers(data) @ weights - _labels(data)) ** 2).sum(1))


def _error(weights: Floats, data: Dataset) -> float:
    return float(_errors(weights, data).mean())


def _inverted(weights: Floats) -> Floats:
    """Images (10, 64) that the model is surest of."""
    first, last = torch.tensor(weights[:-1] * _LEVELS), torch.tensor(weights[-1] * _LEVELS)
    network = Network((first, last), lambda parameters, x: _SHARPNESS * (x @ parameters[0] + parameters[1]))
    return _upsampled(from_model(network))


def _upsampled(pooled: Floats) -> Floats:
    """Images (m, 64) of images of four by four pixels (m, 16)."""
    small = pooled.reshape(-1, _SIDE // _POOL, _SIDE // _POOL)
    return np.asarray(np.kron(small, np.ones((1, _POOL, _POOL))).reshape(len(small), -1))


_SHARPNESS = 10.0
"""Turns outputs in 0..1 into logits."""

APPROACHES = (
    Approach(
        name=NAME,
        title="Encrypting the data, ridge regression",
        paper=ENCRYPTED_DATA,
        source="Giacomelli et al. (ACNS 2018): encrypted sums of both owners, masked and solved by a holder of the "
        "key, under Paillier with 1,024 bits. Ours: digits of 4 by 4 pixels, because the fractions grow with the "
        "features; the price by validation error.",
        run=run,
        remark="The seller learns nothing, as in the paper. The buyer learns the trained model before it pays, and "
        "that is what the data were for: one that does not pay keeps all of it. The "
        "owner's network gains nothing. A buyer that enters made-up sums reads the mean record of every class of the "
        "seller's.",
    ),
)
