"""Encrypting the model: sparse updates of all sellers are summed under doubly permuted Paillier."""

from collections.abc import Callable
from functools import partial

from assay_bench.comparison import federated
from assay_bench.comparison.approach import ENCRYPTED_MODEL, Approach
from assay_bench.comparison.attacks.network import network_of
from assay_bench.comparison.copying import model_leakage
from assay_bench.comparison.fairness import fairness_of, kept_by_model
from assay_bench.comparison.figures import DataLeakage, Fairness, ModelLeakage, Row, extrapolated, undefined
from assay_bench.comparison.inference import by_guesses, owners_membership, useful_membership
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import leakage
from assay_bench.comparison.secure.paillier import SecretKey
from assay_bench.comparison.secure.permuted import permuted_sum, sparse
from assay_bench.comparison.trade import Trade

_SHARE = 0.1
"""Of the weights that a seller encrypts."""
_TRIED = 20
_BITS = 1024
_WEIGHTS = 101 * 2048
_RECEIVED = "the sum of sparse updates"
_COSTS_ALONE = "costs alone; the other figures are those of doubly-permuted"
ONLINE = ("the buyer", "the sellers", "an aggregator", "a holder of the key")


def run(trade: Trade) -> Row:
    """One round of all sellers; each is paid by the record, since no one's share can be seen."""
    everyone = list(trade.sellers.values())
    counts = list(map(len, everyone))
    network, (trap,), meter = network_of(trade.model), federated.traps(trade, rounds=1), Meter()
    with meter:
        key = SecretKey(_BITS)
        updates = [federated.local_update(network, data, trade.seed) for data in everyone]
        kept = [sparse(federated.flat(u), _SHARE) * c / sum(counts) for u, c in zip(updates, counts, strict=True)]
        found = permuted_sum(kept, key)
    meter.sent(trade.weights * 4)
    for size in found.sizes:
        meter.sent(size)
    crowd = federated.shaped(found.total, updates[0])
    own = federated.local_update(network, trade.owner, trade.seed)
    after = federated.moved(network, federated.averaged([own, crowd], [len(trade.owner), sum(counts)]))
    gain = federated.validation_loss(trade, federated.moved(network, own)) - federated.validation_loss(trade, after)
    prices = {name: gain * len(data) / sum(counts) for name, data in trade.sellers.items()}
    trapped = [federated.local_update(trap, data, trade.seed) for data in everyone]
    few = federated.averaged([federated.shaped(sparse(federated.flat(u), _SHARE), u) for u in trapped], counts)
    guesses = federated.guessed((network, crowd), [(trap, few)], counts, trade.seed)
    return Row(
        data_leakage=leakage(
            trade,
            _RECEIVED,
            guesses,
            useful_membership(trade, federated.members_by_update(network, crowd), by_guesses(guesses)),
            kept=0.0,
            third_party=0.0,
        ),
        model_leakage=model_leakage(
            trade, "the weights", trade.model, queries=0, weights=1.0, membership=owners_membership(trade)
        ),
        practicality=meter.practicality(trade, ONLINE),
        fairness=fairness_of(trade, prices, cheating_buyer=kept_by_model(trade, federated.stacked(after))),
    )


def run_at(trade: Trade, bits: int) -> Row:
    """What it costs to encrypt each weight of the classifiers of 101 classes, under a key of so many bits."""
    public, timing = SecretKey(bits).public, Meter()
    with timing:
        for _ in range(_TRIED):
            public.encrypt(1)
    seconds = _WEIGHTS * timing.seconds / _TRIED
    formula = f"{_WEIGHTS:,} weights, each as one of {_TRIED} under a key of {bits:,} bits"
    none = undefined(_COSTS_ALONE)
    practicality = timing.practicality(trade, ONLINE).model_copy(
        update={
            "seconds": extrapolated(seconds, formula),
            "trainings": extrapolated(seconds / trade.training_seconds, formula),
            "bytes_sent": extrapolated(_WEIGHTS * public.text_bytes, formula),
            "rounds": none,
        }
    )
    data = dict.fromkeys(("recovered", "psnr", "membership", "kept", "third_party"), none)
    model = dict.fromkeys(("fidelity", "accuracy", "alone", "weights", "membership", "queries", "third_party"), none)
    return Row(
        data_leakage=DataLeakage(received=_RECEIVED, **data),
        model_leakage=ModelLeakage(received="the weights", **model),
        practicality=practicality,
        fairness=Fairness(**dict.fromkeys(("rank", "slope", "to_useless", "cheating_buyer", "cheating_seller"), none)),
    )


def _approach(name: str, title: str, how: Callable[[Trade], Row], remark: str) -> Approach:
    source = (
        "Yonetani et al. (ICCV 2017), with Paillier: a tenth of each update is encrypted, under two permutations. Whom "
        "the buyer pays, and how much, is our rendering."
    )
    return Approach(name=name, title=title, paper=ENCRYPTED_MODEL, source=source, run=how, remark=remark)


APPROACHES = (
    _approach(
        "doubly-permuted",
        "Doubly permuted encryption",
        run,
        "The updates are secret, the model is not: every seller holds its weights. The sum hides what each is worth.",
    ),
    _approach(
        "doubly-permuted-101-classes",
        "Encrypting 101 x 2,048 weights, 1,024 bits",
        partial(run_at, bits=_BITS),
        "The paper quotes 3 ms for a weight, and 16 hours for all classifiers. 206,848 weights at 3 ms are 10.3 "
        "minutes; 16 hours are 93 such sets. The seconds are of one set, on one core.",
    ),
    _approach(
        "doubly-permuted-128-bit",
        "Encrypting 101 x 2,048 weights, 3,072 bits",
        partial(run_at, bits=3072),
        "Today's keys: 3,072 bits for 128 bits of security.",
    ),
)
