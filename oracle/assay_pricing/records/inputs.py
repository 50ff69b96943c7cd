"""Features of records as the model gets them: in the types in which the owner's file holds them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from assay.protocol.schema import Feature, Schema
from assay_pricing.records.records import Float64

MICROSECONDS = 1_000_000
_SINGLE = {"float16", "float32", "int8", "int16", "uint8", "uint16"}
"""Types whose numbers single precision holds."""
_GAPS: dict[str | None, Any] = {"nan": float("nan"), "none": None, "empty": "", None: None}


def needs_frame(schema: Schema) -> bool:
    """Whether some feature is no number, so that an array of numbers cannot hold it as the owner's file does."""
    return any(feature.kind != "numeric" for feature in schema.features)


def is_continuous(feature: Feature) -> bool:
    """Whether the model gets numbers or points in time, so that a value between two values is a value, too."""
    return feature.kind == "numeric" or (feature.kind == "time" and "%" not in feature.stored)


def to_array(schema: Schema, x: Float64) -> npt.NDArray[Any]:
    """Features (n, d) as an array: single precision if the owner's file has no number of more, else double."""
    single = all(feature.kind == "boolean" or feature.stored in _SINGLE for feature in schema.features)
    single &= not all(feature.kind == "boolean" for feature in schema.features)
    return np.array(x, dtype=np.float32 if single else np.float64)


def to_frame(schema: Schema, x: Float64) -> Any:
    """Features (n, d) as a pandas data frame with the owner's column names and types."""
    import pandas as pd

    return pd.DataFrame({feature.name: _series(feature, x[:, j]) for j, feature in enumerate(schema.features)})


def _series(feature: Feature, values: Float64) -> Any:
    if feature.kind == "categorical":
        return _texts(feature, values)
    if feature.kind == "time":
        return _times(feature, values)
    missing = np.isnan(values)
    if feature.kind == "boolean":
        truth = np.where(missing, 0, values) >= 0.5
        return _with_gaps(feature, truth, missing) if missing.any() else truth
    if feature.stored.startswith(("int", "uint")):
        whole = not missing.any() and bool((values == np.round(values)).all())
        return values.astype(feature.stored) if whole else values
    return values.astype(feature.stored or "float64")


def _texts(feature: Feature, values: Float64) -> Any:
    import pandas as pd

    texts = [text or _GAPS[feature.missing] for text in feature.categories]
    known = np.array([*texts, None], dtype=object)  # the last one stands for a value that the schema does not know
    chosen = known[np.minimum(values.astype(np.int64), len(texts))]
    if feature.stored == "category":
        return pd.Categorical(chosen, categories=[text for text in feature.categories if text])
    return chosen


def _times(feature: Feature, values: Float64) -> Any:
    import pandas as pd

    missing = np.isnan(values)
    micros = np.rint(np.where(missing, 0, values) * MICROSECONDS).astype(np.int64)
    times = pd.Series(micros.astype("datetime64[us]")).mask(missing)
    if feature.stored == "date":
        return _with_gaps(feature, times.dt.date.to_numpy(dtype=object), missing)
    if "%" in feature.stored:
        return _with_gaps(feature, times.dt.strftime(feature.stored).to_numpy(dtype=object), missing)
    form, _, zone = (feature.stored or "datetime64[ns]").removesuffix("]").partition(", ")
    typed = times.astype(f"{form}]")
    return typed.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else typed


def _with_gaps(feature: Feature, values: npt.NDArray[Any], missing: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Values as objects, with what the owner's file has in place of a missing one."""
    filled = values.astype(object)
    filled[missing] = _GAPS[feature.missing]
    return filled
