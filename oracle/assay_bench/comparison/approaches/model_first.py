"""The model's owner gives the model up: the data owner evaluates it, and names a price that is paid blind."""

from assay_bench.comparison.approach import MODEL_FIRST, Approach
from assay_bench.comparison.copying import model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Row, measured
from assay_bench.comparison.meter import Meter, size_of
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.trade import BUDGET, SELLERS, SIZES, Trade

NAME = "model-first"


def run(trade: Trade) -> Row:
    """The seller receives the weights, and asks for a price by the record; the buyer pays before it sees a record."""
    with Meter() as meter:
        weights = trade.model.flat().numpy()
        meter.sent(weights.nbytes)
        trade.labels(trade.useful.x)
        meter.sent(size_of(trade.useful))
    prices = {name: BUDGET * len(trade.sellers[name]) / SIZES[trade.size] for name in SELLERS}
    return Row(
        data_leakage=leakage(trade, "nothing", None, measured(0.5), kept=0.0, third_party=0.0),
        model_leakage=model_leakage(trade, "the weights", trade.model, queries=0, weights=1.0),
        practicality=meter.practicality(trade, ()),
        fairness=fairness_of(trade, prices, cheating_buyer=measured(0.0), in_nats=False, switch=1.0),
    )


APPROACHES = (
    Approach(
        name=NAME,
        title="Model owner gives up model",
        paper=MODEL_FIRST,
        source="The paper's section 1.1: data are priced in advance and paid in full, here by the record, before "
        "anyone evaluates them.",
        run=run,
        remark="The seller can use the model to choose a price, and has no reason to choose a fair one.",
    ),
)
