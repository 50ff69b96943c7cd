"""TIP: the influence of every record, computed under CKKS."""

import numpy as np

from assay_bench.blind.ckks import influences
from assay_bench.comparison import linear
from assay_bench.comparison.approach import Approach
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Row, measured
from assay_bench.comparison.meter import Meter, size_of
from assay_bench.comparison.trade import USEFUL, Trade
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset

NAME = "tip"
_PROBE_BYTES = 8


def run(trade: Trade) -> Row:
    """The seller encrypts, the buyer computes, the seller decrypts, and is paid for every positive influence."""
    model = linear.fitted(trade)
    values, useful = {name: model.influences(data) for name, data in trade.sellers.items()}, trade.useful
    with Meter() as meter:
        found = influences(linear.with_one(useful.x), linear.one_hot(useful), model.weights, model.direction)
    values[USEFUL] = found.values
    prices = {name: float(np.clip(each, 0, None).sum()) for name, each in values.items()}
    meter.sent(round(found.bytes_up * len(useful)) + found.key_bytes)
    meter.sent(found.bytes_down)
    meter.sent(_PROBE_BYTES)
    meter.sent(size_of(useful))
    received = "ciphertexts, and the sum that the seller reports"

    def paid(data: Dataset) -> Floats:
        return np.clip(model.influences(data), 0, None)

    return Row(
        data_leakage=linear.leakage_of_sum(trade, received, prices[USEFUL], paid),
        model_leakage=model_leakage(trade, "an influence by record", copy_alone(trade), queries=0, weights=0.0),
        practicality=meter.practicality(trade, ("the buyer", "the seller")),
        fairness=fairness_of(
            trade,
            prices,
            cheating_buyer=measured(0.0),
            in_nats=False,
            switch=len(useful) * float(values[USEFUL].max()) / prices[USEFUL] if prices[USEFUL] > 0 else None,
        ),
    )


APPROACHES = (
    Approach(
        name=NAME,
        title="TIP",
        paper=None,
        source="Theirs (arXiv 2512.06033): influence by record on ciphertexts. Ours: the ridge model, the packing of "
        "4,096 records in a ciphertext, who decrypts, and payment of the positive influences.",
        run=run,
        remark="The seller decrypts, and may report any sum: here its best record's influence for every record. "
        "Influences of single records do not see that copies repeat each other.",
    ),
)
