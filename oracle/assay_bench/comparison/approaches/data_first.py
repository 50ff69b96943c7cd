"""The data owner gives the data up, and the model's owner pays what it finds them worth."""

from assay_bench.comparison.approach import DATA_FIRST, Approach
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of, kept_by_data
from assay_bench.comparison.figures import Row, measured
from assay_bench.comparison.meter import Meter, size_of
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.trade import BUDGET, SELLERS, Trade, true_gains

NAME = "data-first"


def run(trade: Trade) -> Row:
    """The buyer receives everything, and trains with it; an honest one pays the gain on its validation records."""
    with Meter() as meter:
        meter.sent(size_of(trade.useful))
        true_gains(trade.parties, {"useful": trade.useful}, initialisations=1)
    prices = {name: min(trade.gains.validation[name], BUDGET) for name in SELLERS}
    return Row(
        data_leakage=leakage(
            trade,
            "the records",
            trade.useful.x,
            measured(1.0),
            kept=1.0,
            third_party=0.0,
        ),
        model_leakage=model_leakage(trade, "nothing", copy_alone(trade), queries=0, weights=0.0),
        practicality=meter.practicality(trade, ()),
        fairness=fairness_of(
            trade,
            prices,
            cheating_buyer=kept_by_data(trade, trade.useful),
        ),
    )


APPROACHES = (
    Approach(
        name=NAME,
        title="Data owner gives up data",
        paper=DATA_FIRST,
        source="The paper's section 1.1. The price is what an honest buyer pays: its gain by retraining.",
        run=run,
        remark="Nothing binds the buyer: the prices are fair where it is honest, and are nothing where it is not.",
    ),
)
