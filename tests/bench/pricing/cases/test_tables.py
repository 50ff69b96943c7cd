"""Tables with text and missing values as records, and who has which rows."""

import numpy as np
import pandas as pd
import pytest

from assay.protocol.schema import Feature
from assay_bench.pricing.cases.tables import Sizes, table_records, two_populations
from assay_pricing.records.inputs import to_frame

pytestmark = pytest.mark.unit


def columns() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size": [1, 2, 3],
            "weight": [0.5, np.nan, 1.5],
            "place": np.array(["sea", None, "land"], dtype=object),
            "kind": pd.Categorical(["x", "y", "x"]),
        }
    )


def test_columns_become_features_of_their_kind() -> None:
    records = table_records(columns(), pd.Series(["yes", "no", "yes"], name="answer"))
    assert records.schema.features == (
        Feature(name="size"),
        Feature(name="weight", missing="nan"),
        Feature(name="place", kind="categorical", categories=("", "land", "sea"), missing="nan"),
        Feature(name="kind", kind="categorical", categories=("x", "y")),
    )
    assert (records.schema.task, records.schema.label, records.schema.classes) == (
        "classification",
        "answer",
        ("no", "yes"),
    )
    assert records.y.tolist() == [1, 0, 1]


def test_a_model_gets_the_table_back() -> None:
    records = table_records(columns(), pd.Series([0.5, 1.5, 2.5], name="price"))
    assert records.schema.task == "regression"
    frame = to_frame(records.schema, records.x)
    assert frame["size"].tolist() == [1, 2, 3]
    assert frame["weight"].isna().tolist() == [False, True, False]
    assert frame["place"].isna().tolist() == [False, True, False]
    assert frame["place"].tolist()[::2] == ["sea", "land"]
    assert frame["kind"].tolist() == ["x", "y", "x"]


def test_two_populations_share_no_row() -> None:
    inside = np.arange(100) < 60
    rows = two_populations(inside, Sizes(owner=20, offer=10, validation=10, test=20), np.random.default_rng(0))
    parts = (rows.owner, rows.same, rows.new, rows.validation, rows.test)
    assert [len(part) for part in parts] == [20, 10, 10, 10, 20]
    assert len(set(np.concatenate(parts))) == 70
    assert [float(inside[part].mean()) for part in parts] == [1, 1, 0, 0.5, 0.5]
    assert inside[rows.test[::2]].mean() == 0.5, "both halves of the test rows are of both populations"
