"""Inputs to ask a black box about: near the owner's, between them, and where one wants to know more."""

import numpy as np
from torch import Tensor

from assay_pricing.records.records import Float32, Float64, Records
from assay_pricing.surrogate.task import Task

_JITTER = 0.1


def mixtures(
    task: Task, rng: np.random.Generator, count: int, *, most: float = 0.5, among: Float32 | None = None
) -> Float32:
    """Inputs between pairs of the owner's, with noise, (count, d).

    A categorical feature comes from one of the two; a feature that is whole in all of the owner's records stays whole;
    none leaves the owner's range.

    Args:
        task: The owner's records.
        rng: Where draws come from.
        count: How many.
        most: Largest share of the second of a pair.
        among: Inputs (m, d) to mix; the owner's where none are given.
    """
    owned: Float64 = task.owner.x.astype(np.float64)
    x = owned if among is None else among.astype(np.float64)
    first, second = rng.integers(len(x), size=(2, count))
    share = rng.uniform(0, most, (count, 1))
    noise = rng.normal(0, _JITTER, (count, x.shape[1])) * task.context.encoder.scale
    mixed = x[first] * (1 - share) + x[second] * share + noise
    whole = np.array([bool((column == np.round(column)).all()) for column in owned.T])
    mixed[:, whole] = np.round(mixed[:, whole])
    text = np.array([feature.kind == "categorical" for feature in task.owner.schema.features])
    mixed[:, text] = x[first][:, text]
    return np.asarray(np.clip(mixed, owned.min(0), owned.max(0)), dtype=np.float32)


def encoded(task: Task, x: Float32) -> Tensor:
    """Raw inputs (n, d) as the encoder has them (n, width)."""
    return task.context.encoder.x(Records(task.owner.schema, x.copy(), np.zeros(len(x)), task.owner.unseen))
