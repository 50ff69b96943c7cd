"""Price forms and records of a few columns, drawn by hypothesis."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from assay.protocol.schema import Feature, Schema
from assay_pricing.records.records import Records
from assay_pricing.sums.features import Features
from assay_pricing.sums.form import PriceForm
from assay_pricing.sums.inputs import Column, Inputs
from assay_pricing.sums.statistics import Terms

NUMBERS = st.floats(-1e6, 1e6, width=32)


@st.composite
def forms(draw: Any) -> tuple[PriceForm, Records]:
    """Any form of up to three columns, numbers that may be missing and categories seen and unseen; any records."""
    classes = draw(st.sampled_from([(), ("no", "yes"), ("a", "b", "c")]))
    features, columns = [], []
    for j, kind in enumerate(draw(st.lists(st.sampled_from("ntm"), min_size=1, max_size=3))):
        name, may_lack = f"f{j}", kind == "m"
        if kind == "t":
            features.append(Feature(name=name, kind="categorical", categories=("p", "q")))
            columns.append(Column(name=name, values=2))
        else:
            features.append(Feature(name=name, missing="nan" if may_lack else None))
            step = draw(st.floats(1e-3, 1e3))
            columns.append(Column(name=name, centre=draw(NUMBERS), step=step, may_lack=may_lack))
    target = None if classes else Column(name="y", centre=draw(NUMBERS), step=draw(st.floats(1e-3, 1e3)))
    public = Features(
        inputs=Inputs(columns=tuple(columns), classes=classes, label=target),
        linear=draw(st.booleans()),
        waves=draw(st.integers(1, 3)),
        amplitude=draw(st.integers(1, 127)),
        frequency=draw(st.integers(1, 2**26 - 1)),
        seed=draw(st.binary(min_size=32, max_size=32)),
    )
    axis = st.lists(st.integers(-4096, 4096), min_size=public.width, max_size=public.width)
    axes = draw(st.lists(axis, max_size=2))
    public = Features.model_validate({**public.model_dump(), "axes": axes})
    terms = Terms(
        features=public,
        damping=draw(st.integers(1, 10**6)),
        shrinkage_bits=14,
        weight_bits=12,
        solution_bits=20,
        sum_bits=38,
        price_bits=150,
    )
    d, k = public.width, public.inputs.outputs

    def matrix(rows: int, most: int) -> list[list[int]]:
        return [draw(st.lists(st.integers(-most, most), min_size=k, max_size=k)) for _ in range(rows)]

    half = np.array([draw(st.lists(st.integers(-99, 99), min_size=d, max_size=d)) for _ in range(d)])
    form = PriceForm(
        terms=terms,
        weights=matrix(d, 4095),
        linear=matrix(d, 10**6),
        quadratic=(half + half.T).tolist(),
        scale=draw(st.integers(0, 99)),
    )
    schema = Schema(
        task="classification" if classes else "regression", features=tuple(features), label="y", classes=classes
    )
    n = draw(st.integers(1, 5))
    rows = [[_value(draw, feature) for feature in features] for _ in range(n)]
    labels = [draw(st.integers(0, len(classes) - 1)) if classes else draw(NUMBERS) for _ in range(n)]
    return form, Records(schema, np.array(rows, dtype=np.float64), np.array(labels, dtype=np.float64))


def _value(draw: Any, feature: Feature) -> float:
    if feature.kind == "categorical":
        return float(draw(st.integers(0, 3)))
    return float(draw(st.one_of(NUMBERS, st.just(np.nan)) if feature.missing else NUMBERS))
