"""Extraction (Tramèr et al., USENIX 2016): a copy of a model, trained on its answers to so many questions."""

import numpy as np
import torch
from torch.nn import functional

from assay_bench.figures import Floats
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets

_HIDDEN, _STEPS, _RATE, _DECAY = 64, 400, 1e-2, 1e-4
_JITTER = 0.1


def questions(own: Floats, budget: int, seed: int) -> Floats:
    """``budget`` records (b, d) in 0..1 to ask about: the attacker's own (n, d) first, then noisy mixtures of two."""
    draw = np.random.default_rng(seed)
    if budget <= len(own):
        return np.asarray(own[draw.permutation(len(own))[:budget]])
    more = budget - len(own)
    share = draw.random((more, 1))
    pairs = draw.integers(len(own), size=(2, more))
    mixed = share * own[pairs[0]] + (1 - share) * own[pairs[1]] + draw.normal(0, _JITTER, (more, own.shape[1]))
    return np.vstack([own, np.clip(mixed, 0, 1)])


def copied(asked: Floats, answers: Floats, seed: int) -> Nets:
    """A network with one hidden layer, trained on answers (n, k) to questions (n, d).

    Args:
        asked: Records (n, d).
        answers: Probabilities of the classes (n, k), or one-hot labels.
        seed: Of the weights to start from.
    """
    start = nets.initialised(asked.shape[1], _HIDDEN, answers.shape[1], [seed])
    live = [part.requires_grad_() for part in start.tensors]
    x, y = (torch.tensor(part, dtype=torch.float32) for part in (asked, answers))
    optimiser = torch.optim.Adam(live, lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
    for _ in range(_STEPS):
        optimiser.zero_grad()
        functional.cross_entropy(Nets(*live)(x)[0], y).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return Nets(*(part.detach() for part in live))
