"""Inputs to query a black box for: near the owner's records and between them."""

import numpy as np
from torch import Tensor

from assay_pricing.records.records import Float32, Float64, Records
from assay_pricing.surrogate.task import Task

JITTER = 0.1
"""Standard deviation of the noise, in scales of the encoder."""


def mixtures(
    task: Task, rng: np.random.Generator, count: int, *, max_share: float = 0.5, among: Float32 | None = None
) -> Float32:
    """Convex combinations of pairs of inputs, with Gaussian noise (after mixup, Zhang et al. 2018), (count, d).

    A categorical feature is copied from the first of the pair. A feature that is an integer in all of the owner's
    records is rounded. Features are clipped to the owner's range.

    Args:
        task: Holds the owner's records.
        rng: Source of the draws.
        count: Number of inputs.
        max_share: Largest share of the second of a pair.
        among: Inputs (m, d) to combine; the owner's by default.
    """
    owned: Float64 = task.owner.x.astype(np.float64)
    x = owned if among is None else among.astype(np.float64)
    first, second = rng.integers(len(x), size=(2, count))
    share = rng.uniform(0, max_share, (count, 1))
    noise = rng.normal(0, JITTER, (count, x.shape[1])) * task.context.encoder.scale
    mixed = x[first] * (1 - share) + x[second] * share + noise
    integer = np.array([bool((column == np.round(column)).all()) for column in owned.T])
    mixed[:, integer] = np.round(mixed[:, integer])
    categorical = np.array([feature.kind == "categorical" for feature in task.owner.schema.features])
    mixed[:, categorical] = x[first][:, categorical]
    return np.asarray(np.clip(mixed, owned.min(0), owned.max(0)), dtype=np.float32)


def encoded(task: Task, x: Float32) -> Tensor:
    """Raw inputs (n, d) after the encoder, (n, width)."""
    return task.context.encoder.x(Records(task.owner.schema, x.copy(), np.zeros(len(x)), task.owner.unseen))
