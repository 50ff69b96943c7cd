"""Stakes on predictions, after Numerai: the seller trains with its data and sells what its model predicts."""

import hashlib

import numpy as np
import torch

from assay_bench.comparison.approach import Approach
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of, kept_by_data
from assay_bench.comparison.figures import Row, measured
from assay_bench.comparison.inference import useful_membership
from assay_bench.comparison.market.chain import ETHER, account, local_chain
from assay_bench.comparison.market.contracts import interfaces
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.trade import BUDGET, USEFUL, Trade, labels
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets

_STAKE = ETHER // 10


def run(trade: Trade) -> Row:
    """The buyer sends features whose labels it hides, and pays for what the predictions add to its own model's."""
    validation = trade.parties.validation
    with Meter() as meter:
        meter.sent(int(validation.x.astype(np.float32).nbytes))
        model = _trained(trade, trade.useful)
        predicted = _probabilities(model, validation.x)
        meter.sent(int(predicted.astype(np.float32).nbytes))
        _score(trade, predicted)
    prices = {
        name: _score(trade, _probabilities(_trained(trade, data), validation.x)) for name, data in trade.sellers.items()
    }
    kept = Dataset(validation.x, labels(model, validation.x), validation.classes)
    return Row(
        data_leakage=leakage(
            trade,
            "predictions for features of its choice",
            None,
            useful_membership(trade, lambda data: -nets.record_losses(model, data)[0]),
            kept=0.0,
            third_party=0.0,
        ),
        model_leakage=model_leakage(
            trade, "features of the owner's validation records", copy_alone(trade), queries=0, weights=0.0
        ),
        practicality=meter.practicality(trade, ("the buyer",), measured(gas_of(prices[USEFUL]))),
        fairness=fairness_of(trade, prices, cheating_buyer=kept_by_data(trade, kept)),
    )


def _trained(trade: Trade, data: Dataset) -> Nets:
    return nets.fit(data, trade.parties.recipe, trade.seed + 1)


def _probabilities(model: Nets, x: Floats) -> Floats:
    with torch.no_grad():
        return np.asarray(model(torch.tensor(x, dtype=torch.float32))[0].softmax(1).double().numpy())


def _score(trade: Trade, predicted: Floats) -> float:
    """Drop of the log loss on the hidden labels when the predictions are averaged with the buyer's own, in nats."""
    hidden = trade.parties.validation
    own = _probabilities(trade.model, hidden.x)
    rows = np.arange(len(hidden)), hidden.y.astype(np.int64)
    before, after = (float(-np.log(np.clip(p[rows], 1e-12, 1)).mean()) for p in (own, (own + predicted) / 2))
    return min(before - after, BUDGET)


def gas_of(price: float) -> int:
    """Gas of one stake and of its settlement, with a reward or by burning, on a chain of its own."""
    owner, modeller = account("owner"), account("modeller")
    with local_chain() as chain:
        chain.fund(owner, modeller)
        market = chain.contract(interfaces()["StakeMarket"], sender=owner, value=int(BUDGET * ETHER))
        staked = market.send("stake", hashlib.sha256(b"predictions").digest(), sender=modeller, value=_STAKE)
        settled = market.send("settle", modeller.address, int(max(price, 0.0) * ETHER), sender=owner)
    return staked.gas + settled.gas


APPROACHES = (
    Approach(
        name="stakes",
        title="Stakes on predictions (Numerai)",
        paper=None,
        source="Numeraire (Craib et al. 2017), which the paper's section 4.2 names: stake, score on hidden data, burn. "
        "Our rendering as a trade of data: the modeller's data are the seller's, the score is what its predictions add "
        "to the buyer's model in an ensemble. The contract, StakeMarket.sol, is ours.",
        run=run,
        remark="It trades predictions and not data: what is paid for serves these records alone, and the buyer cannot "
        "train with it. The buyer's features are given away, and its word is the score.",
    ),
)
