"""Offers that test whether a price can be manipulated: copies, crafted records, outliers."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, jacrev, vmap

from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import FRESH, NEAR_SIGMA, Parties
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets

COPIES = 20
_SETS = 6
_SET = 20
_STEP, _STEPS, _REACH = 0.05, 10, 0.2  # of a feature's range
_FAR = 3.0


@dataclass(frozen=True)
class Attacks:
    """Honest sets, and what an attacker makes of them.

    Attributes:
        honest: Sets of fresh records.
        crafted: The same records after gradient ascent on their influence.
        outliers: The same records, moved away from the owner's mean.
        split: Near copies of one record, each of which is offered alone.
    """

    honest: tuple[Dataset, ...]
    crafted: tuple[Dataset, ...]
    outliers: tuple[Dataset, ...]
    split: tuple[Dataset, ...]


def copies(record: Dataset, parties: Parties, *, near: bool) -> Dataset:
    """Twenty copies of one record; near copies have a little noise on each but the first."""
    whole = record.take(np.zeros(COPIES, dtype=int))
    if near:
        span = parties.base.x.max(0) - parties.base.x.min(0)
        noise = np.random.default_rng(parties.seed).normal(0, NEAR_SIGMA, whole.x.shape) * span
        noise[0] = 0
        whole = Dataset(whole.x + noise, whole.y, whole.classes)
    return whole


def attacks(parties: Parties, model: Nets) -> Attacks:
    """Attacks with sets of fresh records; the attacker knows the true model and the gradient of the validation loss."""
    fresh = np.flatnonzero(parties.kinds == FRESH)
    honest = tuple(parties.offer.take(fresh[i * _SET : (i + 1) * _SET]) for i in range(min(_SETS, len(fresh) // _SET)))
    return Attacks(
        honest=honest,
        crafted=_split(crafted(_joined(honest), parties, model)),
        outliers=tuple(_outliers(offer, parties) for offer in honest),
        split=tuple(copies(offer.take([0]), parties, near=True) for offer in honest),
    )


def _joined(sets: tuple[Dataset, ...]) -> Dataset:
    return Dataset(np.concatenate([t.x for t in sets]), np.concatenate([t.y for t in sets]), sets[0].classes)


def _split(offer: Dataset) -> tuple[Dataset, ...]:
    return tuple(offer.take(np.arange(start, start + _SET)) for start in range(0, len(offer), _SET))


def _outliers(offer: Dataset, parties: Parties) -> Dataset:
    """Moves records away from the owner's mean; labels stay."""
    centre = parties.base.x.mean(0)
    return Dataset(centre + _FAR * (offer.x - centre), offer.y, offer.classes)


def crafted(offer: Dataset, parties: Parties, model: Nets) -> Dataset:
    """Projected gradient ascent on each record's exact influence on the validation loss; labels stay.

    The objective is ``g(z)^T H^-1 g_V`` of the true model (Koh and Liang, ICML 2017), with the generalised
    Gauss-Newton matrix of the base as H.
    """
    net = nets.module(model).double()
    parameters = {name: value.detach() for name, value in net.named_parameters()}

    def output(p: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.as_tensor(functional_call(net, p, (x[None],)))[0]

    def loss(p: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return nets.losses(output(p, x)[None, None], y[None, None], offer.classes).sum()

    def flat(gradients: dict[str, Tensor]) -> Tensor:
        return torch.cat([g.flatten(1) for g in gradients.values()], 1)

    base_x = torch.tensor(parties.base.x)
    jacobians = torch.cat([j.flatten(2) for j in vmap(jacrev(output), (None, 0))(parameters, base_x).values()], 2)
    if offer.classes:
        p = torch.softmax(net(base_x), 1).detach()
        values, vectors = torch.linalg.eigh(torch.diag_embed(p) - p[:, :, None] * p[:, None])
        jacobians = torch.einsum("nkp,nkj->njp", jacobians, vectors * values.clamp(min=0).sqrt()[:, None])
    rows = jacobians.flatten(0, 1)
    curvature = rows.T @ rows / len(base_x) + parties.recipe.decay * torch.eye(rows.shape[1], dtype=torch.float64)
    by_record = vmap(grad(loss), (None, 0, 0))
    wanted = flat(by_record(parameters, torch.tensor(parties.validation.x), torch.tensor(parties.validation.y))).mean(0)
    direction = torch.linalg.solve(curvature, wanted)

    def worth(x: Tensor, y: Tensor) -> Tensor:
        return torch.dot(flat({k: g[None] for k, g in grad(loss)(parameters, x, y).items()})[0], direction)

    start, y = torch.tensor(offer.x), torch.tensor(offer.y)
    lowest, highest = base_x.min(0).values, base_x.max(0).values
    span = highest - lowest
    ascent = vmap(grad(worth), (0, 0))
    x = start
    for _ in range(_STEPS):
        x = x + _STEP * span * ascent(x, y).sign()
        x = torch.minimum(torch.maximum(x, start - _REACH * span), start + _REACH * span)
        x = torch.minimum(torch.maximum(x, torch.minimum(lowest, start)), torch.maximum(highest, start))
    return Dataset(x.numpy(), offer.y, offer.classes)
