"""Copies of the owner's model that a seller makes, and the column that follows from the best of them."""

import numpy as np

from assay_bench.comparison.attacks.membership import by_loss, separation
from assay_bench.comparison.figures import Figure, ModelLeakage, measured
from assay_bench.comparison.trade import Trade, labels
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets


def copy_alone(trade: Trade) -> Nets:
    """The model of the useful seller's own and public records, trained as the owner does, without any answer."""
    return nets.fit(trade.useful.plus(trade.public), trade.parties.recipe, trade.seed + 1)


def copy_from_labels(trade: Trade, x: Floats, y: Floats) -> Nets:
    """The model that the useful seller trains from labels that it was given.

    Args:
        trade: The trade.
        x: Features asked about (q, d).
        y: Labels received (q,).
    """
    return nets.fit(Dataset(x, y, trade.owner.classes), trade.parties.recipe, trade.seed + 1)


def owners_membership(trade: Trade, model: Nets) -> Figure:
    """ROC AUC of telling the owner's records from others of the same class by the loss of a seller's model.

    The threshold on the loss is that of Yeom et al. (CSF 2018).
    """
    both = trade.owner.plus(trade.strangers)
    scores = by_loss(nets.record_losses(model, both)[0])
    return measured(separation(scores, np.arange(len(both)) < len(trade.owner), both.y))


def model_leakage(
    trade: Trade,
    received: str,
    copy: Nets,
    *,
    queries: int,
    weights: float,
    membership: Figure | None = None,
    third_party: float = 0.0,
) -> ModelLeakage:
    """The column from the seller's best copy.

    Args:
        trade: The trade.
        received: What reaches the seller before payment, in words.
        copy: The copy; ``copy_alone`` where nothing reaches the seller that helps.
        queries: Answers that the copy took.
        weights: Share of the model's weights disclosed to the seller.
        membership: ROC AUC of telling the owner's records from others; None for that of the copy's losses.
        third_party: Fidelity of the best copy that somebody else than buyer and seller holds; 0 if nobody does.
    """
    test = trade.parties.test
    answers = labels(copy, test.x)
    return ModelLeakage(
        received=received,
        fidelity=measured(trade.fidelity(answers)),
        accuracy=measured((answers == test.y).mean()),
        alone=measured(trade.fidelity(labels(copy_alone(trade), test.x))),
        weights=measured(weights),
        membership=membership or owners_membership(trade, copy),
        queries=measured(queries),
        third_party=measured(third_party),
    )
