"""A form of eight numbers and three classes, and records for it."""

import numpy as np

from assay.protocol.schema import Feature, Schema
from assay_pricing.records.records import Float64, Records
from assay_pricing.sums.features import Features
from assay_pricing.sums.form import PriceForm
from assay_pricing.sums.inputs import Column, Inputs
from assay_pricing.sums.statistics import Terms


def plain_features(waves: int) -> Features:
    columns = tuple(Column(name=f"x{j}", step=0.01) for j in range(8))
    return Features(
        inputs=Inputs(columns=columns, classes=("a", "b", "c")), waves=waves, amplitude=127, frequency=20_000
    )


def plain_form() -> PriceForm:
    features = plain_features(4)
    terms = Terms(
        features=features,
        damping=5000,
        shrinkage_bits=14,
        weight_bits=9,
        solution_bits=20,
        sum_bits=22,
        price_bits=120,
    )
    draw = np.random.default_rng(0)
    half = draw.integers(-50, 50, (features.width, features.width))
    return PriceForm(
        terms=terms,
        weights=draw.integers(-500, 500, (features.width, 3)).tolist(),
        linear=draw.integers(-(10**6), 10**6, (features.width, 3)).tolist(),
        quadratic=(half + half.T).tolist(),
        scale=60,
    )


def records_of(features: Features, x: Float64, y: Float64, name: str = "") -> Records:
    """Records of the columns of features; of another first column by its name."""
    names = [column.name for column in features.inputs.columns]
    schema = Schema(
        task="classification",
        features=tuple(Feature(name=n) for n in [name or names[0], *names[1:]]),
        label="y",
        classes=features.inputs.classes,
    )
    return Records(schema, x, y)
