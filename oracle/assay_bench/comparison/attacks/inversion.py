"""Gradient inversion: the records of which a gradient is the gradient.

In closed form from a dense first layer; by matching gradients, DLG (Zhu, Liu and Han, NeurIPS 2019) with the label of
iDLG (Zhao, Mopuri and Bilen, 2020); and by their cosine with a total-variation prior (Geiping et al., NeurIPS 2020).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from assay_bench.comparison.attacks.network import Network, one_hot
from assay_bench.figures import Floats

_DEAD = 1e-12
_DLG_ROUNDS, _DLG_STEPS = 12, 20
_COSINE_STEPS = 600
_COSINE_RATE = 0.05
_VARIATION = 1e-3
_STEEPNESS = 2000.0


def closed_form(weights: Tensor, bias: Tensor) -> Floats:
    """One guess (h, d) for each unit of a dense first layer ``x W + b``: the gradient of its weights over its bias's.

    The guess is the mean of the batch's records, weighted by their gradients at the unit; of one record it is that
    record (Phong et al., 2018). A unit whose bias has no gradient gives no guess.

    Args:
        weights: Gradient of W, (d, h).
        bias: Gradient of b, (h,).
    """
    alive = bias.abs() > _DEAD
    return (weights[:, alive] / bias[alive]).T.double().numpy()


def trapped(network: Network, records: Floats, place: float = 0.5) -> Network:
    """A model that a dishonest buyer sends instead of its own: each hidden unit reacts to a narrow range of brightness.

    Where one record lies in a unit's range, the closed form gives that record, whatever the batch: also after several
    local steps, and from a sum over sellers. The idea of Fowl et al. (ICLR 2022), whose units are rectified; a steep
    hyperbolic tangent has no gradient outside of its range at all.

    Args:
        network: With one hidden layer, as ``hidden_layer`` computes it.
        records: Records (n, d) from which the buyer knows how brightness is distributed.
        place: In 0..1, of a unit's range among the records that are its share; another place finds other records.
    """
    w1, b1, *others = network.parameters
    share = (torch.arange(len(b1), dtype=torch.float64) + place) / len(b1)
    ranges = torch.quantile(torch.tensor(records.mean(1)), share)
    first = torch.full_like(w1, _STEEPNESS / len(w1))
    return Network((first, -_STEEPNESS * ranges, *others), network.forward)


def label(bias: Tensor) -> int:
    """The class of the one record whose gradient has this part at the bias of the outputs (k,): its only negative."""
    return int(bias.argmin())


def dlg(network: Network, gradient: Sequence[Tensor], count: int, seed: int) -> Floats:
    """Records (count, d) whose gradient is nearest to ``gradient``, by L-BFGS from random ones.

    Of one record the label is read from the gradient, of several it is found together with them.
    """
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand((count, network.features), generator=draw, dtype=torch.float64).requires_grad_()
    hidden = torch.randn((count, network.classes), generator=draw, dtype=torch.float64).requires_grad_()
    known = one_hot(torch.tensor([label(gradient[-1])]), network.classes) if count == 1 else None
    optimiser = torch.optim.LBFGS(
        [x] if known is not None else [x, hidden], max_iter=_DLG_STEPS, line_search_fn="strong_wolfe"
    )

    def distance() -> Tensor:
        optimiser.zero_grad()
        found = network.gradient(x, functional.softmax(hidden, 1) if known is None else known)
        apart = torch.stack([((a - b) ** 2).sum() for a, b in zip(found, gradient, strict=True)]).sum()
        apart.backward()  # type: ignore[no-untyped-call]
        return apart

    for _ in range(_DLG_ROUNDS):
        optimiser.step(distance)  # type: ignore[no-untyped-call]
    return _in_range(x)


def cosine(network: Network, gradient: Sequence[Tensor], count: int, side: int, seed: int) -> Floats:
    """Smooth images (count, side * side) whose gradient has the direction of ``gradient``, by Adam on signs.

    Args:
        network: The model at which the gradient was taken.
        gradient: By parameter; its length does not matter, so that a model's update over several steps serves too.
        count: Records in the batch.
        side: Of a square image.
        seed: Of the images to start from.
    """
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand((count, network.features), generator=draw, dtype=torch.float64).requires_grad_()
    hidden = torch.randn((count, network.classes), generator=draw, dtype=torch.float64).requires_grad_()
    wanted = torch.cat([g.flatten() for g in gradient])
    known = one_hot(torch.tensor([label(gradient[-1])]), network.classes) if count == 1 else None
    optimiser = torch.optim.Adam([x, hidden], lr=_COSINE_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _COSINE_STEPS)
    for _ in range(_COSINE_STEPS):
        optimiser.zero_grad()
        found = network.gradient(x, functional.softmax(hidden, 1) if known is None else known)
        apart = 1 - functional.cosine_similarity(torch.cat([g.flatten() for g in found]), wanted, dim=0)
        apart = apart + _VARIATION * _variation(x.view(count, side, side))
        apart.backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        x.grad.sign_()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            x.clamp_(0, 1)
    return _in_range(x)


def _variation(images: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels."""
    return images.diff(dim=1).abs().mean() + images.diff(dim=2).abs().mean()


def _in_range(x: Tensor) -> Floats:
    return np.clip(np.nan_to_num(x.detach().numpy()), 0, 1)
