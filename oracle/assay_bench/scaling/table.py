"""Generated tables of 64 numeric columns and ten classes, and a price function for them."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from assay.protocol.schema import Feature, Schema
from assay_bench.pricing.data.dataset import Dataset
from assay_pricing.fitting import fit
from assay_pricing.records.records import Records

COLUMNS, CLASSES = 64, 10
OWNER, VALIDATION = 3000, 1000
SCHEMA = Schema(
    task="classification",
    features=tuple(Feature(name=f"x{j}", stored="float32") for j in range(COLUMNS)),
    label="y",
    classes=tuple(str(k) for k in range(CLASSES)),
)
_SIGNAL = 0.5


def generated(n: int, seed: int) -> Dataset:
    """Records (n, 64) of ten classes, whose log-odds are linear in the columns; every seed has the same classes."""
    weights = np.random.default_rng(0).normal(size=(COLUMNS, CLASSES)) * _SIGNAL
    draw = np.random.default_rng(seed + 1)
    x = draw.normal(size=(n, COLUMNS)).astype(np.float32).astype(np.float64)
    return Dataset(x, (x @ weights + draw.gumbel(size=(n, CLASSES))).argmax(1).astype(np.float64), CLASSES)


def write_offer(path: Path, n: int, seed: int) -> None:
    """Writes an offer as a Parquet file."""
    data = generated(n, seed)
    table = pd.DataFrame(data.x.astype(np.float32), columns=[f.name for f in SCHEMA.features])
    table.assign(**{SCHEMA.label: data.y.astype(np.int64).astype(str)}).to_parquet(path)


def fit_function(folder: Path) -> None:
    """Fits the default method to a logistic regression of 3,000 records, and saves the price function."""
    owner, held = (generated(n, seed) for n, seed in ((OWNER, 0), (VALIDATION, 1)))
    model = LogisticRegression(max_iter=300).fit(owner.x, owner.y)
    records = [Records(SCHEMA, data.x, data.y) for data in (owner, held)]
    fit(lambda x: model.predict_proba(np.asarray(x)), records[0], validation=records[1]).save(folder)
