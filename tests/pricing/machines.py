"""Machines that wear and fail: a small table with numbers of different units and a text column, and models of it."""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.protocol.schema import Feature, Schema
from assay_pricing.records.records import Records

NUMBERS = ("temperature", "vibration", "current", "load")
STATES = ("fault", "normal", "wear")
SITES = ("north", "south")
SCHEMA = Schema(
    task="classification",
    features=(*(Feature(name=name) for name in NUMBERS), Feature(name="site", kind="categorical", categories=SITES)),
    label="state",
    classes=STATES,
)
HOURS = Schema(task="regression", features=SCHEMA.features, label="hours")
_UNITS = np.array([8.0, 0.05, 2.0, 300.0])
_MEANS = np.array([[3.0, 3.0, -2.0, 0.0], [0.0, 0.0, 0.0, 0.0], [-2.5, 2.5, 2.5, 0.0]])


def machines(seed: int, *, normal: int = 0, wear: int = 0, fault: int = 0) -> Records:
    """So many records of each state, in no order."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1, 2], [fault, normal, wear]))
    numbers = (_MEANS[y] + rng.normal(0, 0.8, (len(y), 4))) * _UNITS + 20
    x = np.column_stack([numbers, rng.integers(0, 2, len(y))])
    return Records(SCHEMA, x.astype(np.float32), y.astype(np.float64))


def hours(seed: int, n: int) -> Records:
    """Hours until repair: a line in the numbers, with noise."""
    found = machines(seed, normal=n // 2, wear=n - n // 2)
    rng = np.random.default_rng(seed + 1)
    scaled = (found.x[:, :4] - 20) / _UNITS
    y = 100 + 20 * scaled @ np.array([1.0, -2.0, 0.5, 0.0]) + rng.normal(0, 5, n)
    return Records(HOURS, found.x, y.astype(np.float32).astype(np.float64))


def frame(records: Records) -> pd.DataFrame:
    """The features as an owner has them."""
    columns = {name: records.x[:, j] for j, name in enumerate(NUMBERS)}
    return pd.DataFrame({**columns, "site": np.array([*SITES, None], dtype=object)[records.x[:, 4].astype(int)]})


def regression_of(records: Records):
    """A logistic regression that was trained on records, text column and all; it knows only the states it saw."""
    encode = ColumnTransformer(
        [("numbers", StandardScaler(), list(NUMBERS)), ("site", OneHotEncoder(handle_unknown="ignore"), ["site"])]
    )
    model = make_pipeline(encode, LogisticRegression(C=1.0))
    return model.fit(frame(records), np.array(STATES)[records.y.astype(int)])
