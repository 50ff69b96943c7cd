"""Small tables with numbers, a missing value in ten, and a category, as learners take them."""

from typing import Any

import numpy as np
import torch
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assay.protocol.schema import Feature, Schema
from assay_pricing.records.records import Float64, Records
from assay_pricing.surrogate.encoder import Encoder
from assay_pricing.surrogate.task import Sample

_FEATURES = (Feature(name="a", missing="nan"), Feature(name="b"), Feature(name="c"))
_COLOURS = Feature(name="colour", kind="categorical", categories=("blue", "green", "red"))

_NUMBERS = [0, 2, 3]
"""Encoded columns that are numbers."""


def table(seed: int, n: int, k: int) -> Records:
    """Records of k classes, or of a regression for k = 1; the values are curved in two numbers and the category."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=(n, 3)), rng.integers(0, 3, n)])
    score = np.sin(2 * x[:, 0]) + x[:, 1] ** 2 - 1 + (x[:, 3] == 1) + 0.3 * rng.normal(size=n)
    x[rng.random(n) < 0.1, 0] = np.nan
    y = score if k == 1 else np.digitize(score, np.linspace(-1, 2, k + 1)[1:-1]).astype(np.float64)
    names = tuple(str(i) for i in range(k)) if k > 1 else ()
    task = "classification" if k > 1 else "regression"
    return Records(Schema(task=task, features=(*_FEATURES, _COLOURS), label="y", classes=names), x, y)


def sample(encoder: Encoder, records: Records, weight: Float64 | None = None) -> Sample:
    weights = torch.ones(records.n, dtype=torch.float64) if weight is None else torch.from_numpy(weight)
    return Sample(encoder.x(records), encoder.y(records.y), weights, encoder.raw(records))


def standardised(model: Any) -> Any:
    """A pipeline that standardises numbers, and leaves columns of categories and gaps as they are."""
    return make_pipeline(make_column_transformer((StandardScaler(), _NUMBERS), remainder="passthrough"), model)
