"""What all cases share: an owner, sellers, and the true gain of a purchase."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.protocol.schema import Feature, Schema
from assay_bench.figures import Floats
from assay_pricing.records.records import Records

NEW, SAME, FEW, FEW_COPIED = "new_clean", "same_distribution", "few", "few_copied"
OWN_COPY, MISLABELLED, OFF_TOPIC = "own_copy", "mislabelled", "off_topic"
_CLIP = 1e-6


@dataclass(frozen=True)
class Case:
    """One draw of a case.

    Attributes:
        model: The owner's deployed model, as the oracle's black box takes it.
        owner: Records that the model was trained on.
        validation: The owner's private records, which define the price.
        sellers: What each seller offers, by kind.
        gain: True gain of an offer: the drop of the log loss on held-out records when the full model is trained on
            the owner's records and the offer, against training on the owner's records alone.
    """

    model: Any
    owner: Records
    validation: Records
    sellers: dict[str, Records]
    gain: Callable[[Records], float]


def numeric_schema(features: int, classes: Sequence[str]) -> Schema:
    """A classification over numeric columns ``x0`` to ``x{d-1}``."""
    return Schema(
        task="classification",
        features=tuple(Feature(name=f"x{j}") for j in range(features)),
        label="y",
        classes=tuple(classes),
    )


def records(schema: Schema, x: Any, y: Any) -> Records:
    """Records from arrays (n, d) and (n,)."""
    return Records(schema, np.array(x, dtype=np.float32), np.array(y, dtype=np.float64))


def log_loss(probabilities: Floats, y: Floats) -> float:
    """Mean log loss in nats of (n, k) probabilities, clipped at one in a million."""
    p = np.clip(probabilities[np.arange(len(y)), y.astype(np.int64)], _CLIP, 1)
    return float(-np.log(p).mean())


def mislabelled(honest: Records, share: float, rng: np.random.Generator) -> Records:
    """The same records, with a share of the labels replaced by another class."""
    y = honest.y.copy()
    wrong = rng.random(len(y)) < share
    k = len(honest.schema.classes)
    y[wrong] = (y[wrong] + rng.integers(1, k, int(wrong.sum()))) % k
    return Records(honest.schema, honest.x.copy(), y, honest.unseen)


def copied(few: Records, times: int) -> Records:
    """The same records, repeated ``times`` times."""
    return few.take(np.tile(np.arange(len(few)), times))
