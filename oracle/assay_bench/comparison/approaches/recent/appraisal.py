"""Data Appraisal Without Data Sharing: forward influence between two parties on additive shares."""

from assay_bench.comparison import linear
from assay_bench.comparison.approach import Approach
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Row, measured
from assay_bench.comparison.meter import Meter, size_of
from assay_bench.comparison.secure.sharing import Pair
from assay_bench.comparison.trade import Trade
from assay_bench.figures import Floats

NAME = "data-appraisal"


def run(trade: Trade) -> Row:
    """Both share their inputs; the sum of influences is opened, and is the price."""
    model = linear.fitted(trade)
    prices = {name: float(model.influences(data).sum()) for name, data in trade.sellers.items()}
    useful = trade.useful
    with Meter() as meter:
        pair = Pair(trade.seed)
        value = appraised(pair, linear.with_one(useful.x), linear.one_hot(useful), model)
    meter.bytes_sent, meter.messages = pair.bytes_sent + pair.dealt_bytes, pair.rounds
    meter.sent(size_of(useful))
    received = "shares, and the sum of influences"
    return Row(
        data_leakage=linear.leakage_of_sum(trade, received, value, model.influences),
        model_leakage=model_leakage(trade, received, copy_alone(trade), queries=0, weights=0.0),
        practicality=meter.practicality(trade, ("the buyer", "the seller", "a dealer of triples")),
        fairness=fairness_of(trade, prices, cheating_buyer=measured(0.0), in_nats=False, switch=1.0),
    )


def appraised(pair: Pair, x: Floats, y: Floats, model: linear.Linear) -> float:
    """The sum of influences of the seller's records (n, d) with labels (n, k), opened to both."""
    shared, labels = pair.share(x), pair.share(y)
    weights, direction = pair.share(model.weights), pair.share(model.direction * SCALE)
    errors = pair.matmul(shared, weights) - labels
    found = pair.opened(pair.total(pair.product(errors, pair.matmul(shared, direction))))
    return float(found[0]) / SCALE


SCALE = 2.0**10
"""Lifts the direction, whose entries are small, above the resolution of the shares."""

APPROACHES = (
    Approach(
        name=NAME,
        title="Data Appraisal Without Data Sharing",
        paper=None,
        source="Theirs (Xu, van der Maaten and Hannun, AISTATS 2022): forward influence on secret shares. Ours: the "
        "ridge model, a dealer that both trust in place of CrypTen, and that the value is the price.",
        run=run,
        remark="Both must follow the protocol. Nothing ties the records that were shared to those that are delivered: "
        "a seller may share useful ones, which it has from elsewhere, and deliver noise.",
    ),
)
