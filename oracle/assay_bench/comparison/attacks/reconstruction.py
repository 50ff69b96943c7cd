"""Reconstruction of records from what is not a gradient: sums, and a trained model."""

import numpy as np
import torch
from torch.nn import functional

from assay_bench.comparison.attacks.network import Network
from assay_bench.figures import Floats

_STEPS, _RATE, _PENALTY = 200, 0.05, 0.02


def from_sums(sums: Floats, counts: Floats) -> Floats:
    """The mean record of each group that has records: of a group of one, that record.

    Args:
        sums: Sum of the records of each group (g, d).
        counts: Records in each group (g,).
    """
    held = counts > 0
    return np.asarray(sums[held] / counts[held, None])


def from_model(network: Network) -> Floats:
    """For each class the record (k, d) in 0..1 that the model is surest of, by gradient ascent.

    Model inversion of Fredrikson, Jha and Ristenpart (CCS 2015), with a penalty on the record's norm.
    """
    x = torch.full((network.classes, network.features), 0.5, dtype=torch.float64).requires_grad_()
    wanted = torch.arange(network.classes)
    optimiser = torch.optim.Adam([x], lr=_RATE)
    for _ in range(_STEPS):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network.forward(network.parameters, x), wanted, reduction="sum")
        (loss + _PENALTY * (x**2).sum()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        with torch.no_grad():
            x.clamp_(0, 1)
    return np.asarray(x.detach().numpy())
