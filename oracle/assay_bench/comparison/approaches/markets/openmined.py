"""The layout of OpenMined in 2017: an encrypted model goes to the data, and a contract pays for its gradient."""

import time
from collections.abc import Callable

import numpy as np
import torch

from assay_bench.comparison import federated
from assay_bench.comparison.approach import Approach
from assay_bench.comparison.approaches.escrow import gas_of
from assay_bench.comparison.attacks.inversion import closed_form
from assay_bench.comparison.attacks.network import Network, network_of, one_hot
from assay_bench.comparison.copying import copy_alone, model_leakage
from assay_bench.comparison.fairness import fairness_of, kept_by_model
from assay_bench.comparison.figures import Practicality, Row, extrapolated, measured
from assay_bench.comparison.inference import by_guesses, useful_membership
from assay_bench.comparison.meter import Meter
from assay_bench.comparison.reconstruction import NEAR_DB, leakage, psnr
from assay_bench.comparison.secure.paillier import SecretKey
from assay_bench.comparison.trade import BUDGET, Trade
from assay_bench.pricing.data.dataset import Dataset

_BITS = 2048
_TIMED = 40
_SCALE = 2**24
_RATES = 2.0 ** np.arange(-6, 5)


def run(trade: Trade) -> Row:
    """One gradient at the buyer's model, which the key server decrypts; the price is the drop of the buyer's loss."""
    network, (trap,) = network_of(trade.model), federated.traps(trade, rounds=1)
    with Meter() as meter:
        gradient = _gradient(network, trade.useful)
        _, price = _stepped(trade, network, gradient)
    prices = {name: _stepped(trade, network, _gradient(network, data))[1] for name, data in trade.sellers.items()}
    caught = _gradient(trap, trade.useful)
    guesses = np.concatenate([closed_form(by[0], by[1]) for by in (gradient, caught)])
    update = tuple(-part for part in gradient)
    after = federated.stacked(_stepped(trade, network, gradient)[0])
    return Row(
        data_leakage=leakage(
            trade,
            "the decrypted gradient; a dishonest buyer's is at a model that it made for that",
            guesses,
            useful_membership(trade, federated.members_by_update(network, update), by_guesses(guesses)),
            kept=0.0,
            third_party=float((psnr(trade.useful.x, guesses) >= NEAR_DB).mean()),
        ),
        model_leakage=model_leakage(
            trade, "the weights, encrypted", copy_alone(trade), queries=0, weights=0.0, third_party=1.0
        ),
        practicality=_cost(trade, meter, price),
        fairness=fairness_of(trade, prices, cheating_buyer=kept_by_model(trade, after)),
    )


def _gradient(network: Network, data: Dataset) -> federated.Update:
    return network.gradient(torch.tensor(data.x), one_hot(torch.tensor(data.y), network.classes))


def _stepped(trade: Trade, network: Network, gradient: federated.Update) -> tuple[Network, float]:
    """The model after the best step along the gradient, and the drop of the loss on the buyer's validation records."""
    before = federated.validation_loss(trade, network)
    steps = [federated.moved(network, tuple(-rate * part for part in gradient)) for rate in _RATES]
    losses = [federated.validation_loss(trade, step) for step in steps]
    best = int(np.argmin(losses))
    return steps[best], min(before - losses[best], BUDGET)


def _cost(trade: Trade, meter: Meter, price: float) -> Practicality:
    """Weights are encrypted, multiplied with features, and summed, under Paillier; some are timed, the rest follow."""
    key = SecretKey(_BITS)
    values = [int(value * _SCALE) for value in trade.model.flat()[0, :_TIMED]]
    texts = [key.public.encrypt(value) for value in values]
    encryption = _seconds_each(lambda row: key.public.encrypt(values[row]))
    product = _seconds_each(lambda row: key.public.times(texts[row], _SCALE - row))
    addition = _seconds_each(lambda row: key.public.plus(texts[row], texts[row - 1]))
    decryption = _seconds_each(lambda row: key.decrypt(texts[row]))
    linear = 2 * len(trade.useful) * trade.weights
    total = trade.weights * (encryption + decryption) + linear * (product + addition) + meter.seconds
    formula = (
        "weights (encryption + decryption) + 2 records weights (product + sum), each timed 40 times under Paillier of "
        "2,048 bits, and the gradient in the clear: the linear operations alone, tanh and softmax have none"
    )
    for _ in range(2):
        meter.sent(trade.weights * key.public.text_bytes)
    found = meter.practicality(trade, ("the seller", "the key server"), measured(gas_of(max(price, 0.0))))
    return found.model_copy(
        update={
            "seconds": extrapolated(total, formula),
            "trainings": extrapolated(total / trade.training_seconds, f"seconds: {formula}; over one training"),
            "bytes_sent": extrapolated(meter.bytes_sent, "2 weights ciphertexts of 512 bytes: none was sent"),
        }
    )


def _seconds_each(work: Callable[[int], object]) -> float:
    start = time.process_time()
    for row in range(_TIMED):
        work(row)
    return (time.process_time() - start) / _TIMED


APPROACHES = (
    Approach(
        name="openmined",
        title="OpenMined's layout of 2017",
        paper=None,
        source="OpenMined's documents of 2017, which the paper's section 4.2 names: a server of models on chain "
        "(Sonar), a server of keys (Capsule), data at home (Mine), networks trained encrypted (Syft). None of its code "
        "was run. Our rendering is one gradient; Paillier for Syft, as far as it goes; for Sonar the escrow row's "
        "contract, which the buyer decides.",
        run=run,
        remark="The key server can decrypt the model, and who has its help reads records off the gradient: the trust "
        "of an escrow has moved to the server of keys.",
    ),
)
