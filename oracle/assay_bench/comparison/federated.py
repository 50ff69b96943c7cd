"""Federated averaging (McMahan et al., AISTATS 2017) between the buyer, who has records of its own, and sellers."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from assay_bench.comparison.attacks.inversion import closed_form, cosine, dlg, trapped
from assay_bench.comparison.attacks.membership import by_gradient
from assay_bench.comparison.attacks.network import Network, network_of, one_hot
from assay_bench.comparison.inference import MemberScore
from assay_bench.comparison.trade import Trade
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Recipe
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets

ROUNDS = 5
EPOCHS, BATCH, RATE = 5, 10, 0.1
DECAY = Recipe.decay
_GUESSED = 8
"""Records that an attack by matching looks for: in a larger batch it finds nothing."""
_SIDE = 8

Update = tuple[Tensor, ...]


def local_update(network: Network, data: Dataset, seed: int) -> Update:
    """What a client's local epochs change: minibatch gradient descent on its records, with weight decay."""
    draw = np.random.default_rng(seed)
    x, y = torch.tensor(data.x), one_hot(torch.tensor(data.y), network.classes)
    live = network
    for _ in range(EPOCHS):
        order = draw.permutation(len(data))
        for start in range(0, len(data), BATCH):
            rows = torch.tensor(order[start : start + BATCH])
            by = live.gradient(x[rows], y[rows])
            live = moved(live, tuple(-RATE * (g + DECAY * p) for g, p in zip(by, live.parameters, strict=True)))
    return tuple(after - before for after, before in zip(live.parameters, network.parameters, strict=True))


def moved(network: Network, update: Sequence[Tensor]) -> Network:
    """The network after an update."""
    changed = tuple(p + u for p, u in zip(network.parameters, update, strict=True))
    return Network(changed, network.forward)


def averaged(updates: Sequence[Update], counts: Sequence[int]) -> Update:
    """The mean of updates, weighted by the clients' records."""
    total = sum(counts)
    weighted = [[part * (count / total) for part in update] for update, count in zip(updates, counts, strict=True)]
    return tuple(torch.stack(parts).sum(0) for parts in zip(*weighted, strict=True))


def trained(trade: Trade, *sellers: Dataset) -> Network:
    """The buyer's model after all rounds with these sellers; with none, of the buyer's records alone."""
    network = network_of(trade.model)
    clients = [trade.owner, *sellers]
    for number in range(ROUNDS):
        updates = [local_update(network, client, trade.seed + number) for client in clients]
        network = moved(network, averaged(updates, [len(client) for client in clients]))
    return network


def validation_loss(trade: Trade, network: Network) -> float:
    """Mean loss on the owner's validation records, in nats."""
    return float(nets.mean_loss(stacked(network), trade.parties.validation)[0])


def stacked(network: Network) -> Nets:
    """The network as the benchmark has it."""
    w1, b1, w2, b2 = (part.float() for part in network.parameters)
    return Nets(w1[None], b1[None, None], w2[None], b2[None, None])


def flat(update: Update) -> Floats:
    """All parameters in one vector."""
    return np.asarray(torch.cat([part.flatten() for part in update]).numpy())


def shaped(vector: Floats, like: Update) -> Update:
    """The inverse of ``flat``."""
    parts = torch.split(torch.tensor(vector), [part.numel() for part in like])
    return tuple(part.view(each.shape) for part, each in zip(parts, like, strict=True))


def guessed(
    honest: tuple[Network, Update], dishonest: Sequence[tuple[Network, Update]], clients: Sequence[int], seed: int
) -> Floats:
    """Guesses of all attacks by gradient inversion, (m, d).

    Args:
        honest: The buyer's model, and the average update at it.
        dishonest: The models of a dishonest buyer, and the average update at each.
        clients: Numbers of records of those who sent the updates.
        seed: Of what the attacks start from.
    """
    network, by = honest[0], gradient_of(*honest, clients)
    caught = [gradient_of(*each, clients) for each in dishonest]
    count = min(sum(clients), _GUESSED)
    matched = dlg(network, by, count, seed), cosine(network, by, count, _SIDE, seed)
    return np.concatenate([*(closed_form(each[0], each[1]) for each in (by, *caught)), *matched])


def gradient_of(network: Network, update: Update, clients: Sequence[int]) -> Update:
    """The mean gradient of the local steps, as far as an average of updates tells.

    The number of steps and what weight decay did in them follow from the clients' numbers of records.
    """
    steps = EPOCHS * np.ceil(np.array(clients) / BATCH)
    taken = float(np.average(steps, weights=clients))
    decayed = float(np.average((1 - RATE * DECAY) ** steps - 1, weights=clients))
    return tuple(
        (decayed * before - change) / (RATE * taken) for before, change in zip(network.parameters, update, strict=True)
    )


def traps(trade: Trade, rounds: int = ROUNDS) -> list[Network]:
    """The models that a dishonest buyer sends in its rounds; it knows from public records how bright records are."""
    network = network_of(trade.model)
    return [trapped(network, trade.public.x, (number + 0.5) / rounds) for number in range(rounds)]


def members_by_update(network: Network, update: Update) -> MemberScore:
    """Membership inference from an update, as a score of records."""
    return lambda data: by_gradient(network, update, data.x, data.y)
