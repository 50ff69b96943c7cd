"""Encrypting the model: a seller evaluates the buyer's whole model without seeing its weights, under CKKS."""

import numpy as np
from scipy.special import log_softmax

from assay_bench.comparison.approach import ENCRYPTED_MODEL, Approach
from assay_bench.comparison.attacks import digits
from assay_bench.comparison.attacks.moments import Weights
from assay_bench.comparison.attacks.network import network_of
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of, kept_by_data
from assay_bench.comparison.figures import Row
from assay_bench.comparison.inference import by_guesses, useful_membership
from assay_bench.comparison.meter import Meter, size_of
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.secure.evaluation import FIRST, THIRD, evaluated, outputs
from assay_bench.comparison.trade import USEFUL, Trade
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset


def run(trade: Trade) -> Row:
    """The buyer decrypts the outputs, and pays for the loss of its model on the records."""
    useful = trade.useful
    w1, b1, w2, b2 = (part.numpy() for part in network_of(trade.model).parameters)
    weights: Weights = (w1, b1, w2, b2)
    with Meter() as meter:
        found, sizes = evaluated(weights, useful.x)
    keys, up, down = sizes
    for size in (keys, up, down + len(useful), size_of(useful)):
        meter.sent(size)
    prices = {name: _losses(outputs(weights, data.x), data) for name, data in trade.sellers.items()}
    prices[USEFUL] = _losses(found, useful)
    guesses = _read(trade)
    return Row(
        data_leakage=leakage(
            trade,
            "labels, and outputs, which it decrypts; a dishonest buyer's are of weights that it made for that",
            guesses,
            useful_membership(trade, by_guesses(guesses)),
            kept=0.0,
            third_party=0.0,
        ),
        model_leakage=model_leakage(trade, "encrypted weights", copy_alone(trade), queries=0, weights=0.0),
        practicality=meter.practicality(trade, ("the buyer", "the seller")),
        fairness=fairness_of(
            trade,
            prices,
            cheating_buyer=kept_by_data(trade, Dataset(guesses, useful.y, useful.classes)),
            in_nats=False,
        ),
    )


def _losses(found: Floats, data: Dataset) -> float:
    """Summed log loss of outputs (n, k)."""
    return float(-log_softmax(found, 1)[np.arange(len(data)), data.y.astype(int)].sum())


def _read(trade: Trade) -> Floats:
    """What a dishonest buyer reads off one evaluation, really encrypted."""
    pixels = digits.chosen(trade.public.x, trade.owner.classes)
    features, hidden = network_of(trade.model).parameters[0].shape
    found, _ = evaluated(digits.asking(pixels, (features, hidden, trade.owner.classes)), trade.useful.x)
    return digits.read(inverse(found), pixels, trade.public.x)


def inverse(values: Floats) -> Floats:
    """The z in -1..1 of which ``FIRST z + THIRD z^3`` are these values, by Newton's method."""
    z = values / FIRST
    for _ in range(20):
        z = np.clip(z - (FIRST * z + THIRD * z**3 - values) / (FIRST + 3 * THIRD * z**2), -1, 1)
    return np.asarray(z)


APPROACHES = (
    Approach(
        name="encrypted-model-evaluation",
        title="Encrypting the model, evaluation",
        paper=ENCRYPTED_MODEL,
        source="The whole model of the trade, with all its weights encrypted, evaluated by the seller under CKKS by "
        "TenSEAL; a cubic stands for tanh, and gives 98 to 99 % of the model's labels. That the buyer "
        "decrypts the outputs by record, and pays for the loss, is our rendering.",
        run=run,
        remark="The weights stay secret. Outputs by record are what opens the data: of weights that the buyer chose, "
        "each of ten numbers holds four pixels of a record. The loss is largest for noise and wrong labels: it is no "
        "gain.",
    ),
)
