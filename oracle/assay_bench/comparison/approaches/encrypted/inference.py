"""Encrypting the data: the buyer's model is evaluated on encrypted records, and the seller decrypts the outputs."""

import numpy as np

from assay_bench.comparison.approach import ENCRYPTED_DATA, Approach
from assay_bench.comparison.attacks.extraction import copied, questions
from assay_bench.comparison.attacks.moments import Weights
from assay_bench.comparison.copying import model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Row, measured
from assay_bench.comparison.linear import leakage_of_sum, one_hot
from assay_bench.comparison.meter import Meter, size_of
from assay_bench.comparison.secure import squares
from assay_bench.comparison.secure.ckks import Ckks
from assay_bench.comparison.trade import QUERIES, USEFUL, Trade
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset

NAME = "encrypted-inference"
_HIDDEN, _LEVELS = 32, 3
_SCORE_BYTES = 8


def run(trade: Trade) -> Row:
    """The seller reports the error of the model on its records, and is paid for that."""
    owner, useful = trade.owner, trade.useful
    weights = squares.trained(squares.initial(64, _HIDDEN, owner.classes, trade.seed), owner.x, one_hot(owner))
    with Meter() as meter:
        outputs, sizes = evaluated(weights, useful.x)
    for size in (*sizes, _SCORE_BYTES, size_of(useful)):
        meter.sent(size)

    def errors(data: Dataset) -> Floats:
        return np.asarray(((squares.outputs(weights, data.x) - one_hot(data)) ** 2).sum(1))

    prices = {name: float(errors(data).sum()) for name, data in trade.sellers.items()}
    reported = ((outputs - one_hot(useful)) ** 2).sum(1)
    prices[USEFUL] = float(reported.sum())
    asked = questions(useful.plus(trade.public).x, QUERIES, trade.seed)
    answers = np.clip(squares.outputs(weights, asked), 1e-3, None)
    copy = copied(asked, answers / answers.sum(1, keepdims=True), trade.seed)
    return Row(
        data_leakage=leakage_of_sum(trade, "ciphertexts, and the sum that the seller reports", prices[USEFUL], errors),
        model_leakage=model_leakage(trade, "the model's outputs", copy, queries=QUERIES, weights=0.0),
        practicality=meter.practicality(trade, ("the buyer", "the seller")),
        fairness=fairness_of(
            trade,
            prices,
            cheating_buyer=measured(0.0),
            in_nats=False,
            switch=len(useful) * float(reported.max()) / prices[USEFUL],
        ),
    )


def evaluated(weights: Weights, x: Floats) -> tuple[Floats, list[int]]:
    """Outputs (n, k) of a network of squares on encrypted records (n, d), and the bytes up and down.

    A ciphertext has one feature of all records.
    """
    ckks, (w1, b1, w2, b2) = Ckks(squares.DEGREE, _LEVELS), weights
    columns = [ckks.encrypt(column) for column in x.T]
    up = ckks.key_bytes + sum(ckks.size(column, fresh=True) for column in columns)
    hidden = []
    for factors, offset in zip(w1.T, b1, strict=True):
        parts = [ckks.unscaled_times(column, float(f)) for column, f in zip(columns, factors, strict=True)]
        z = ckks.plus_clear(ckks.rescaled(ckks.total(parts)), float(offset))
        hidden.append(ckks.product(z, z))
    found = []
    for factors, offset in zip(w2.T, b2, strict=True):
        parts = [ckks.unscaled_times(unit, float(f)) for unit, f in zip(hidden, factors, strict=True)]
        found.append(ckks.plus_clear(ckks.rescaled(ckks.total(parts)), float(offset)))
    down = sum(ckks.size(text) for text in found)
    return np.stack([ckks.decrypt(text)[: len(x)] for text in found], 1), [up, down]


APPROACHES = (
    Approach(
        name=NAME,
        title="Encrypting the data, inference",
        paper=ENCRYPTED_DATA,
        source="CryptoNets (Gilad-Bachrach et al., ICML 2016) by TenSEAL, with a network of squares. The price, the "
        "model's summed error on the records, is our rendering.",
        run=run,
        remark="The data stay secret, but the model does not, where the paper says low: whoever decrypts outputs can "
        "train a copy on them. The seller may report any error, and noise has the largest: no gain is measured.",
    ),
)
