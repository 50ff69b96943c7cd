"""Secure aggregation: the buyer learns the sum of the sellers' updates, and pays for that."""

from assay_bench.comparison import federated
from assay_bench.comparison.approach import FEDERATED, Approach
from assay_bench.comparison.attacks.network import Network, network_of
from assay_bench.comparison.copying import model_leakage
from assay_bench.comparison.fairness import fairness_of, kept_by_model
from assay_bench.comparison.federated import Update
from assay_bench.comparison.figures import DataLeakage, Row
from assay_bench.comparison.inference import by_guesses, owners_membership, useful_membership
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.secure.aggregation import aggregate
from assay_bench.comparison.trade import USEFUL, Trade

CROWD, SYBILS = "secure-aggregation", "secure-aggregation-of-sybils"


def run_crowd(trade: Trade) -> Row:
    """All sellers of the trade are one crowd; each is paid by the record, since no one's share can be seen."""
    after, meter = _trained(trade)
    gain = federated.validation_loss(trade, federated.trained(trade)) - federated.validation_loss(trade, after)
    everyone = list(trade.sellers.values())
    records = sum(map(len, everyone))
    prices = {name: gain * len(data) / records for name, data in trade.sellers.items()}
    models = [network_of(trade.model), *federated.traps(trade)]
    answered = [(each, federated.averaged(*_updates(trade, each))) for each in models]
    leaked = _leakage(trade, "the sum of updates", answered, list(map(len, everyone)))
    return _row(trade, meter, after, prices, leaked)


def run_sybils(trade: Trade) -> Row:
    """The buyer is every seller but one: it takes its own updates off the sum, and has that seller's."""
    _, meter = _trained(trade)
    alone = federated.validation_loss(trade, federated.trained(trade))
    after = {name: federated.trained(trade, data) for name, data in trade.sellers.items()}
    prices = {name: alone - federated.validation_loss(trade, network) for name, network in after.items()}
    models = [network_of(trade.model), *federated.traps(trade)]
    answered = [(each, federated.local_update(each, trade.useful, trade.seed)) for each in models]
    received = "one update, of a sum in which all others are its own"
    leaked = _leakage(trade, received, answered, [len(trade.useful)])
    return _row(trade, meter, after[USEFUL], prices, leaked)


def _trained(trade: Trade) -> tuple[Network, Meter]:
    """The buyer's model after all rounds with the crowd, by the protocol."""
    network, meter, owner = network_of(trade.model), Meter(), trade.owner
    for number in range(federated.ROUNDS):
        with meter:
            updates, counts = _updates(trade, network, number)
            weighted = [federated.flat(u) * c for u, c in zip(updates, counts, strict=True)]
            total, traffic = aggregate(weighted, threshold=len(weighted) * 2 // 3 + 1)
            crowd = federated.shaped(total / sum(counts), updates[0])
            own = federated.local_update(network, owner, trade.seed + number)
            network = federated.moved(network, federated.averaged([own, crowd], [len(owner), sum(counts)]))
        for size in (trade.weights * 4 * len(counts), *traffic.sizes):
            meter.bytes_sent += size
        meter.messages += 1 + traffic.rounds
    return network, meter


def _updates(trade: Trade, network: Network, number: int = 0) -> tuple[list[Update], list[int]]:
    everyone = list(trade.sellers.values())
    return [federated.local_update(network, data, trade.seed + number) for data in everyone], list(map(len, everyone))


def _leakage(trade: Trade, received: str, answered: list[tuple[Network, Update]], clients: list[int]) -> DataLeakage:
    """From the models that the buyer sent, the honest one first, and the updates that it received."""
    honest, *dishonest = answered
    guesses = federated.guessed(honest, dishonest, clients, trade.seed)
    return leakage(
        trade,
        received,
        guesses,
        useful_membership(trade, federated.members_by_update(*honest), by_guesses(guesses)),
        kept=0.0,
        third_party=0.0,
    )


def _row(trade: Trade, meter: Meter, after: Network, prices: dict[str, float], leaked: DataLeakage) -> Row:
    return Row(
        data_leakage=leaked,
        model_leakage=model_leakage(
            trade, "the weights", trade.model, queries=0, weights=1.0, membership=owners_membership(trade)
        ),
        practicality=meter.practicality(trade, ("the buyer", "two thirds of the sellers")),
        fairness=fairness_of(trade, prices, cheating_buyer=kept_by_model(trade, federated.stacked(after))),
    )


_SOURCE = (
    "Bonawitz et al. (CCS 2017), with X25519, ChaCha20 and Shamir's shares, among the eight sellers of the trade. "
    "Who shares the payment, and how, is our rendering."
)
APPROACHES = (
    Approach(
        name=CROWD,
        title="Federated averaging, secure aggregation",
        paper=FEDERATED,
        source=_SOURCE,
        run=run_crowd,
        remark="The sum hides what a seller is worth: useful and useless records are paid alike. It does not hide the "
        "records from a dishonest buyer, whose traps show a record through any sum, if no other record of the crowd "
        "lies in its range. Costs are those of all eight sellers together.",
    ),
    Approach(
        name=SYBILS,
        title="Secure aggregation, the others being the buyer's",
        paper=FEDERATED,
        source=_SOURCE,
        run=run_sybils,
        remark="The paper's section 4.2 calls it impractical to assume anything of the other sellers. A buyer that "
        "enters as all of them sees one update bare.",
    ),
)
