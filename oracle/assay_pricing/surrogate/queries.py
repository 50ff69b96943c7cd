"""Inputs to query a black box for: near the owner's records and between them."""

import numpy as np
import numpy.typing as npt
from torch import Tensor

from assay_pricing.records.inputs import is_continuous
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.task import Task

JITTER = 0.1
"""Standard deviation of the noise, in scales of the encoder."""


def mixtures(
    task: Task, rng: np.random.Generator, count: int, *, max_share: float = 0.5, among: Float64 | None = None
) -> Float64:
    """Convex combinations of pairs of inputs, with Gaussian noise (after mixup, Zhang et al. 2018), (count, d).

    A categorical feature, or a time as text, is copied from the first of the pair, and so is a missing value, and a
    number where the second of the pair has none. A feature that is an integer in all of the owner's records is rounded.
    Features are clipped to the owner's range.

    Args:
        task: Holds the owner's records.
        rng: Source of the draws.
        count: Number of inputs.
        max_share: Largest share of the second of a pair.
        among: Inputs (m, d) to combine; the owner's by default.
    """
    owned = task.owner.x
    x = owned if among is None else among
    first, second = rng.integers(len(x), size=(2, count))
    share = rng.uniform(0, max_share, (count, 1))
    noise = rng.normal(0, JITTER, (count, x.shape[1])) * task.context.encoder.scale
    mixed = x[first] * (1 - share) + np.where(np.isnan(x[second]), x[first], x[second]) * share + noise
    whole = is_whole(owned)
    mixed[:, whole] = np.round(mixed[:, whole])
    copied = ~np.array([is_continuous(f) or f.kind == "boolean" for f in task.owner.schema.features])
    mixed[:, copied] = x[first][:, copied]
    low = np.where(np.isnan(owned), np.inf, owned).min(0)
    high = np.where(np.isnan(owned), -np.inf, owned).max(0)
    return np.asarray(np.clip(mixed, low, np.maximum(low, high)))


def uniform(owned: Float64, rng: np.random.Generator, count: int) -> Float64:
    """Inputs (count, d), uniform between the least and the largest number of each of the owner's features (n, d)."""
    low, high = np.nanmin(owned, axis=0), np.nanmax(owned, axis=0)
    drawn = low + rng.random((count, owned.shape[1])) * (high - low)
    whole = is_whole(owned)
    drawn[:, whole] = np.round(drawn[:, whole])
    return np.asarray(drawn)


def is_whole(x: Float64) -> npt.NDArray[np.bool_]:
    """Which features (n, d) are integers in every record that has them, (d,)."""
    return np.asarray(((x == np.round(x)) | np.isnan(x)).all(0))


def encoded(task: Task, x: Float64) -> Tensor:
    """Raw inputs (n, d) after the encoder, (n, width)."""
    return task.context.encoder.x(Records(task.owner.schema, x.copy(), np.zeros(len(x)), task.owner.unseen))
