"""Membership inference: was a record among those that a model was trained on?"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from assay_bench.comparison.attacks.network import Network
from assay_bench.figures import Floats, Mask, auc

_LEAST_SPREAD = 1e-3
_TINY = 1e-30


def separation(scores: Floats, members: Mask, classes: Floats) -> float:
    """ROC AUC of a score that shall be larger for members, between members and others of the same class.

    Members may have another mixture of classes than others; a class alone must tell nothing.

    Args:
        scores: (n,).
        members: (n,).
        classes: Class of each record (n,); one without members, or without others, counts nothing.

    Returns:
        Mean over the classes, weighted by their pairs of a member and another record; 0.5 without a pair.
    """
    areas, pairs = [0.5], [0]
    for value in np.unique(classes):
        inside, outside = members & (classes == value), ~members & (classes == value)
        if inside.any() and outside.any():
            areas.append(auc(scores, inside, outside))
            pairs.append(int(inside.sum() * outside.sum()))
    return float(np.average(areas, weights=pairs)) if sum(pairs) else 0.5


def by_loss(losses: Floats) -> Floats:
    """Score of the attack by the loss alone (n,): a member's loss is smaller (Yeom et al., CSF 2018)."""
    return -losses


def by_gradient(network: Network, update: Sequence[Tensor], x: Floats, y: Floats) -> Floats:
    """Score (n,) by the cosine of a record's own step and an update that was computed on the members.

    Args:
        network: The model before the update.
        update: Change of each parameter.
        x: Records (n, d).
        y: Class of each (n,).
    """
    wanted = torch.cat([u.flatten() for u in update])
    scores = []
    for record, value in zip(x, y, strict=True):
        own = torch.cat([g.flatten() for g in network.gradient_of(record[None], value[None])])
        scores.append(-float(torch.dot(own, wanted) / (own.norm() * wanted.norm() + _TINY)))
    return np.array(scores)


def halves(records: int, shadows: int, seed: int) -> Mask:
    """Which records (shadows, records) each shadow model learns: each record is in one half of the shadows.

    ``shadows`` is even.
    """
    draw = np.random.default_rng(seed)
    ranks = draw.random((shadows, records)).argsort(0).argsort(0)
    return ranks < shadows // 2


def likelihood_ratio(observed: Floats, shadows: Floats, inside: Mask) -> Floats:
    """Score of each record (n,): the logarithm of how much likelier its confidence is with it than without.

    LiRA (Carlini et al., S&P 2022), with one spread for all records, as it is for few shadow models.

    Args:
        observed: Confidence of the attacked model in each record's label, ``log p/(1-p)``, (n,).
        shadows: The same of shadow models (s, n).
        inside: Which shadow learned which record (s, n); both kinds occur for each record.
    """
    means, spreads = zip(*(_normal(shadows, mask) for mask in (inside, ~inside)), strict=True)
    return np.asarray(
        (observed - means[1]) ** 2 / (2 * spreads[1] ** 2)
        - (observed - means[0]) ** 2 / (2 * spreads[0] ** 2)
        + np.log(spreads[1] / spreads[0])
    )


def by_shadows(confidences: Callable[[Mask], Floats], observed: Floats, shadows: int, seed: int) -> Floats:
    """Score (n,) by the likelihood ratio, with shadow models that each learn one half of the records.

    Args:
        confidences: In all records, of models that are each trained on the records of one row of a mask; (s, n) both.
        observed: Of the attacked model, (n,).
        shadows: Number s of shadow models, even.
        seed: Of what each learns.
    """
    inside = halves(len(observed), shadows, seed)
    return likelihood_ratio(observed, confidences(inside), inside)


def confidence(probabilities: Floats) -> Floats:
    """``log p/(1-p)`` of the probability of the label (n,)."""
    p = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p) - np.log1p(-p))


def _normal(values: Floats, mask: Mask) -> tuple[Floats, float]:
    """Mean by record (n,), and one standard deviation around them."""
    counts = mask.sum(0)
    mean = np.where(mask, values, 0).sum(0) / counts
    spread = np.sqrt((np.where(mask, values - mean, 0) ** 2).sum() / max(1, counts.sum() - len(mean)))
    return mean, max(float(spread), _LEAST_SPREAD)
