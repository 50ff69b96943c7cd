"""Escrow: a third party holds data and model, trains and reports; also as a contract whose arbiter it is."""

import hashlib
from functools import partial

import numpy as np

from assay_bench.comparison import from_price
from assay_bench.comparison.approach import ESCROW, Approach
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of
from assay_bench.comparison.figures import Row, measured
from assay_bench.comparison.market.chain import ETHER, account, local_chain
from assay_bench.comparison.market.contracts import interfaces
from assay_bench.comparison.meter import NO_CHAIN, Meter, size_of
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.trade import BUDGET, SELLERS, USEFUL, Trade, true_gains
from assay_bench.pricing.truth import nets

_DEADLINE = 86_400


def run(trade: Trade, *, on_chain: bool) -> Row:
    """The third party prices by retraining on the owner's records, whose gain it measures on those for validation."""
    with Meter() as meter:
        meter.sent(size_of(trade.owner) + size_of(trade.parties.validation) + trade.model.flat().numpy().nbytes)
        meter.sent(size_of(trade.useful))
        true_gains(trade.parties, {USEFUL: trade.useful}, initialisations=1)
        meter.sent(32)
        meter.sent(size_of(trade.useful))
    prices = {name: min(max(trade.gains.validation[name], 0.0), BUDGET) for name in SELLERS}
    usual = true_gains(
        trade.parties, {"public": trade.public.take(np.arange(len(trade.useful)) % len(trade.public))}
    ).validation["public"]
    losses = [nets.record_losses(trade.model, part)[0] for part in (trade.useful, trade.outsiders, trade.public)]
    values = losses[2] * usual / max(losses[2].sum(), 1e-9)
    return Row(
        data_leakage=leakage(
            trade,
            "the price",
            from_price.reconstruction(trade, prices[USEFUL], values),
            from_price.membership(trade, prices[USEFUL], (losses[0], losses[1]), usual),
            kept=0.0,
            third_party=1.0,
        ),
        model_leakage=model_leakage(trade, "the price", copy_alone(trade), queries=1, weights=0.0, third_party=1.0),
        practicality=meter.practicality(
            trade,
            ("third party",),
            measured(gas_of(prices[USEFUL])) if on_chain else NO_CHAIN,
        ),
        fairness=fairness_of(trade, prices, cheating_buyer=measured(0.0)),
    )


def gas_of(price: float) -> int:
    """Gas of one deal: the buyer locks its budget, the arbiter decides on the price; on a chain of its own."""
    buyer, seller, arbiter = account("buyer"), account("seller"), account("arbiter")
    deal = hashlib.sha256(b"deal").digest()
    with local_chain() as chain:
        chain.fund(buyer, seller, arbiter)
        escrow = chain.contract(interfaces()["ArbiterEscrow"])
        deadline = chain.node.latest().time + _DEADLINE
        terms = (seller.address, arbiter.address, deadline, hashlib.sha256(b"data").digest())
        locked = escrow.send("lock", deal, *terms, sender=buyer, value=int(BUDGET * ETHER))
        decided = escrow.send("decide", deal, int(price * ETHER), sender=arbiter)
    return locked.gas + decided.gas


_REMARK = (
    "All leaks to the third party, and none to the counterparty: the paper's Medium is the mean of the two. "
    "It costs one training, which is little for a model of this size and the whole training for a large one."
)

APPROACHES = (
    Approach(
        name="escrow",
        title="Escrow, third party",
        paper=ESCROW,
        source="The paper's introduction: a third party holds both, trains, and reports. It is honest in this row.",
        run=partial(run, on_chain=False),
        remark=_REMARK,
    ),
    Approach(
        name="escrow-contract",
        title="Escrow, contract with an arbiter",
        paper=ESCROW,
        source="The same with the payment in a contract (ArbiterEscrow.sol), deployed on Anvil: the money is safe from "
        "the buyer, the data and the model are not safe from the arbiter.",
        run=partial(run, on_chain=True),
    ),
)
