"""Membership inference against a trade: of the seller's records by the buyer, of the owner's by a seller."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.spatial.distance import cdist

from assay_bench.comparison.attacks.membership import by_shadows, confidence, separation
from assay_bench.comparison.figures import Figure, measured
from assay_bench.comparison.trade import Trade
from assay_bench.figures import Floats, Mask
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets

MemberScore = Callable[[Dataset], Floats]
"""Score by record (n,), larger for members."""

_SHADOWS = 16
_SIDE = 150
"""Members and others that the attack with shadow models is run on, each."""


def useful_membership(trade: Trade, *scores: MemberScore) -> Figure:
    """ROC AUC of the best of these scores between the useful seller's records and outsiders of the same class."""
    both = trade.useful.plus(trade.outsiders)
    inside = np.arange(len(both)) < len(trade.useful)
    return measured(max(separation(score(both), inside, both.y) for score in scores))


def by_guesses(guesses: Floats) -> MemberScore:
    """A record is likelier a member, the nearer a reconstruction (m, d) comes to it."""
    return lambda data: np.asarray(-cdist(data.x, guesses).min(1))


def owners_membership(trade: Trade) -> Figure:
    """ROC AUC of telling the owner's records from strangers of the same class, for who holds the owner's weights.

    The likelihood-ratio attack, with shadow models that are trained as the owner trains.
    """
    pool = trade.owner.take(np.arange(_SIDE)).plus(trade.strangers.take(np.arange(_SIDE)))
    x, y = nets.tensors(pool)
    start = nets.initialised(x.shape[1], trade.parties.recipe.hidden, pool.classes, list(range(_SHADOWS)))

    def confidences(model: Nets) -> Floats:
        return confidence(np.exp(-nets.record_losses(model, pool)))

    def shadows(inside: Mask) -> Floats:
        weights = torch.tensor(inside / inside.sum(1, keepdims=True), dtype=torch.float32)
        return confidences(nets.train(start, x, y, weights, pool.classes, trade.parties.recipe))

    scores = by_shadows(shadows, confidences(trade.model)[0], _SHADOWS, trade.seed)
    return measured(separation(scores, np.arange(len(pool)) < _SIDE, pool.y))
