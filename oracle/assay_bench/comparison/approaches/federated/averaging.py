"""Federated averaging: the seller trains the buyer's model on its records, and is paid for what its updates gain."""

from assay_bench.comparison import federated
from assay_bench.comparison.approach import FEDERATED, Approach
from assay_bench.comparison.attacks.network import network_of
from assay_bench.comparison.copying import model_leakage
from assay_bench.comparison.fairness import fairness_of, kept_by_model
from assay_bench.comparison.figures import Row
from assay_bench.comparison.inference import by_guesses, owners_membership, useful_membership
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.trade import Trade

NAME = "federated-averaging"


def run(trade: Trade) -> Row:
    """Five rounds between the buyer and one seller; the price is the gain over rounds of the buyer alone."""
    meter, network = Meter(), network_of(trade.model)
    with meter:
        with_useful = federated.trained(trade, trade.useful)
    for _ in range(federated.ROUNDS):
        meter.sent(trade.weights * 4)
        meter.sent(trade.weights * 4)
    alone = federated.validation_loss(trade, federated.trained(trade))
    prices = {
        name: alone - federated.validation_loss(trade, federated.trained(trade, data))
        for name, data in trade.sellers.items()
    }
    update = federated.local_update(network, trade.useful, trade.seed)
    trapped = [(trap, federated.local_update(trap, trade.useful, trade.seed)) for trap in federated.traps(trade)]
    guesses = federated.guessed((network, update), trapped, [len(trade.useful)], trade.seed)
    return Row(
        data_leakage=leakage(
            trade,
            "updates; a dishonest buyer's are of a model that it made for that",
            guesses,
            useful_membership(trade, federated.members_by_update(network, update), by_guesses(guesses)),
            kept=0.0,
            third_party=0.0,
        ),
        model_leakage=model_leakage(
            trade, "the weights", trade.model, queries=0, weights=1.0, membership=owners_membership(trade)
        ),
        practicality=meter.practicality(trade, ("the buyer", "the seller")),
        fairness=fairness_of(trade, prices, cheating_buyer=kept_by_model(trade, federated.stacked(with_useful))),
    )


APPROACHES = (
    Approach(
        name=NAME,
        title="Federated averaging",
        paper=FEDERATED,
        source="McMahan et al. (AISTATS 2017): five rounds of five local epochs. The price is our rendering of the "
        "paper's section 4.2.1. Attacks: closed form, DLG, cosine with total variation, and a model of traps.",
        run=run,
        remark="The paper calls both leakages low, for a model that is trained encrypted and updates that a crowd "
        "hides. As it is used, the seller holds all weights, and a dishonest buyer sends a model from whose update it "
        "reads records. The updates are the goods: a buyer that does not pay keeps their gain.",
    ),
)
