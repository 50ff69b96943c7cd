"""Records whose label a learner doubts that has learned the other records: most wrong labels are among them.

By cross-validation, as in confident learning (Northcutt, Jiang, Chuang 2021). The learner learns the owner's records
with one half of the offer and answers for the other half, so that no record vouches for itself, and a kind of record
that the owner lacks is vouched for by others of its kind.
"""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from assay_pricing.learners.port import Learner
from assay_pricing.learners.threads import Run, in_parallel
from assay_pricing.surrogate.network import deterministic
from assay_pricing.surrogate.task import Sample

_MAX_RATIO = 0.2
"""A class is doubted whose probability is less than this share of the likeliest class's."""
_MAX_DEVIATION = 2.0
"""A target is doubted that lies more than this many standard deviations from the answer."""
_NORMAL_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""
_LEAST = 4
"""Records of an offer that can be halved."""


def doubted(learner: Learner, owner: Sample, offer: Sample, left_out: Tensor, run: Run = in_parallel) -> Tensor:
    """Which labels of an offer are doubted, (n,).

    Args:
        learner: Of the model's family.
        owner: The owner's records.
        offer: Weighted records (n).
        left_out: Which of them not to learn (n,): those that an earlier round doubted.
        run: Where the two trainings take place.
    """
    if len(offer) < _LEAST:
        return torch.zeros(len(offer), dtype=torch.bool)
    halves = [np.sort(half) for half in np.array_split(np.random.default_rng(0).permutation(len(offer)), 2)]
    outputs = torch.zeros((len(offer), learner.encoder.outputs), dtype=torch.float64)
    trusted = [half[~left_out.numpy()[half]] for half in halves]
    pairs = [(offer.take(others), offer.take(rows)) for rows, others in zip(halves, trusted[::-1], strict=True)]
    answers = run(partial(_vouched, learner.roughly(), owner), pairs, len(owner) + len(halves[0]))
    for rows, found in zip(halves, answers, strict=True):
        outputs[torch.from_numpy(rows)] = found
    return _improbable(outputs, offer.y) if learner.is_classifier else _distant(outputs, offer.y, ~left_out)


def _vouched(learner: Learner, owner: Sample, pair: tuple[Sample, Sample]) -> Tensor:
    """Outputs for the second part of an offer, after the owner's records and the first part."""
    with deterministic():
        return learner.outputs(owner.join(pair[0]), pair[1])


def _improbable(outputs: Tensor, y: Tensor) -> Tensor:
    """Whether another class is far likelier than the label (n,), by log-probabilities (n, k)."""
    own = outputs.gather(1, y.long()[:, None])[:, 0]
    found: Tensor = own < outputs.max(1).values + np.log(_MAX_RATIO)
    return found


def _distant(outputs: Tensor, y: Tensor, trusted: Tensor) -> Tensor:
    """Whether a target (n,) is far from the answer (n, 1), by the deviation of those records that are trusted (n,)."""
    deviation = (y - outputs[:, 0]).abs()
    found: Tensor = deviation > _MAX_DEVIATION * _NORMAL_MAD * deviation[trusted].median()
    return found
