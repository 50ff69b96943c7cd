"""The one trade that every approach is run on: an owner, a model, eight sellers, and each seller's true gain.

The records are scikit-learn's digits. The owner's training records lack 90 % of the classes 3, 8 and 9. The model is
the benchmark's true model, a network of 2,410 weights.
"""

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset, load
from assay_bench.pricing.data.parties import DUPLICATE, MISLABELLED, NOISE, Parties, Recipe, make
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.gains import INITIALISATIONS, set_gains
from assay_bench.pricing.truth.nets import Nets

SIZES = {"small": 20, "medium": 80, "large": 200}
"""Records of a seller, by the name of the size."""
SEEDS = (701, 702, 703, 704, 705)
BUDGET = 1.0
"""The most that the buyer pays for an offer, in nats: what a price that is not bounded by a gain is bounded by."""
QUERIES = 100
"""How many answers a seller may ask for who copies the model."""

USEFUL, FEW, SAME, MIXED = "useful", "few", "same", "mixed"
WRONG, RANDOM, COPIES, OWNERS = "mislabelled", "noise", "copies", "owners"
SELLERS = (USEFUL, FEW, SAME, MIXED, WRONG, RANDOM, COPIES, OWNERS)
USELESS = (WRONG, RANDOM, OWNERS)
"""Sellers whose data are worth nothing, by how they are made."""

_OWNER, _VALIDATION, _TEST, _PUBLIC, _OUTSIDERS = 300, 300, 300, 150, 200
_RARE = (3, 8, 9)
_RARE_SHARE = 0.1
_FEW_SHARE = 10


class Gains(BaseModel):
    """True gains by seller: drops of the mean loss in nats when the model is trained with the seller's data as well.

    Attributes:
        validation: On the owner's validation records.
        test: On records that no price has seen.
    """

    model_config = ConfigDict(frozen=True)

    validation: dict[str, float]
    test: dict[str, float]


@dataclass(frozen=True)
class Trade:
    """One draw of the trade.

    Attributes:
        size: Name of the size.
        seed: Seed of everything random.
        parties: The owner's records (``base``), its validation records and the test records.
        model: The owner's model.
        training_seconds: Processor time of one training of the model, in this process.
        sellers: What each seller offers, by the names in ``SELLERS``:
            ``useful`` new records, of all classes; ``few`` the first tenth of them; ``same`` new records of the owner's
            distribution; ``mixed`` half useful, half with wrong labels; ``mislabelled`` the useful records with wrong
            labels; ``noise`` random pixels and labels; ``copies`` the few, ten times; ``owners`` records of the owner.
        public: Records of the same source as the useful ones that everyone has, attackers too (150).
        outsiders: Records of the same source that nobody offers and no attacker has: no members of any offer (200).
        strangers: Records of the owner's distribution that the owner does not have, at least 200.
        gains: True gains of the sellers.
    """

    size: str
    seed: int
    parties: Parties
    model: Nets
    training_seconds: float
    sellers: dict[str, Dataset]
    public: Dataset
    outsiders: Dataset
    strangers: Dataset
    gains: Gains

    @property
    def owner(self) -> Dataset:
        """The owner's training records."""
        return self.parties.base

    @property
    def useful(self) -> Dataset:
        """What the useful seller offers: the data that attacks on data are run against."""
        return self.sellers[USEFUL]

    @property
    def weights(self) -> int:
        """Number of the model's weights."""
        return int(self.model.flat().shape[1])

    @cached_property
    def module(self) -> nn.Sequential:
        """The model as a torch module, from features (n, 64) to logits (n, 10)."""
        return nets.module(self.model)

    def train(self, *data: Dataset) -> Nets:
        """The owner's training from scratch on its records and others."""
        whole = self.owner
        for part in data:
            whole = whole.plus(part)
        return nets.fit(whole, self.parties.recipe, self.seed)

    def gain_of(self, model: Nets) -> float:
        """Drop of the mean loss on the test records from the owner's model to another, in nats."""
        before, after = (float(nets.mean_loss(each, self.parties.test)[0]) for each in (self.model, model))
        return before - after

    def fidelity(self, labels: Floats) -> float:
        """Share of the test records of which a copy gives the model's own labels.

        Args:
            labels: The copy's labels of the test records (n,).
        """
        return float((labels == self.labels(self.parties.test.x)).mean())

    def labels(self, x: Floats) -> Floats:
        """The model's labels of features (n, 64), (n,)."""
        return labels(self.model, x)


def labels(model: Nets, x: Floats) -> Floats:
    """A network's labels of features (n, d), (n,)."""
    with torch.no_grad():
        return np.asarray(model(torch.tensor(x, dtype=torch.float32))[0].argmax(1).double().numpy())


def draw(size: str, seed: int, gains: Gains | None = None) -> Trade:
    """Draws the trade.

    Args:
        size: A name in ``SIZES``.
        seed: Seed of everything random.
        gains: True gains of this draw, if they are known; measured otherwise, which takes longest.
    """
    n = SIZES[size]
    rng = np.random.default_rng(seed)
    data = load("digits")
    test, validation, rest = np.split(rng.permutation(len(data)), [_TEST, _TEST + _VALIDATION])
    rare = np.isin(data.y, _RARE) & (rng.random(len(data)) >= _RARE_SHARE)
    common = rest[~rare[rest]]
    base = common[:_OWNER]
    pool = rng.permutation(np.setdiff1d(rest, base))
    useful, public, outsiders, left = np.split(pool, np.cumsum([n, _PUBLIC, _OUTSIDERS]))
    strangers = left[~rare[left]]
    parties = Parties(
        base=data.take(base),
        validation=data.take(validation),
        test=data.take(test),
        offer=data.take(useful),
        kinds=np.full(n, USEFUL),
        batches=(),
        recipe=Recipe(),
        seed=seed,
    )
    sellers = _sellers(parties, data.take(strangers[:n]), rng)
    nets.fit(parties.base, parties.recipe, seed)  # the first training also loads libraries
    start = time.process_time()
    model = nets.fit(parties.base, parties.recipe, seed)
    seconds = time.process_time() - start
    return Trade(
        size=size,
        seed=seed,
        parties=parties,
        model=model,
        training_seconds=seconds,
        sellers=sellers,
        public=data.take(public),
        outsiders=data.take(outsiders),
        strangers=data.take(strangers),
        gains=gains or true_gains(parties, sellers),
    )


def _sellers(parties: Parties, same: Dataset, rng: np.random.Generator) -> dict[str, Dataset]:
    useful, owner = parties.offer, parties.base
    n = len(useful)
    few = useful.take(np.arange(max(2, n // _FEW_SHARE)))
    wrong, noise, own = (make(kind, n, owner, useful, rng)[0] for kind in (MISLABELLED, NOISE, DUPLICATE))
    return {
        USEFUL: useful,
        FEW: few,
        SAME: same,
        MIXED: useful.take(np.arange(n // 2)).plus(wrong.take(np.arange(n // 2, n))),
        WRONG: wrong,
        RANDOM: noise,
        COPIES: few.take(np.arange(n) % len(few)),
        OWNERS: own,
    }


def true_gains(parties: Parties, sellers: dict[str, Dataset], initialisations: int = INITIALISATIONS) -> Gains:
    """Measures the true gain of every seller, as the mean over paired initialisations."""
    found = set_gains(parties, tuple(sellers.values()), initialisations)
    return Gains(
        validation=dict(zip(sellers, map(float, found.gain_v), strict=True)),
        test=dict(zip(sellers, map(float, found.gain_t), strict=True)),
    )
