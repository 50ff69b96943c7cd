"""One table is one content hash: in every format, compression, encoding, spelling, and order of columns and records."""

import io
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.protocol.schema import Feature, Schema
from assay_pricing.records.tables import parse_records
from tests.pricing.records.files import arrow, csv, npz, parquet

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    task="classification",
    features=(
        Feature(name="size", missing="nan"),
        Feature(name="count"),
        Feature(name="city", kind="categorical", categories=("", "Ulm", "Zürich")),
        Feature(name="open", kind="boolean", missing="none"),
        Feature(name="when", kind="time", missing="nan"),
    ),
    label="good",
    classes=("no", "yes"),
)
TEXT = st.text(st.characters(codec="latin-1", categories=("L", "N", "P")), min_size=1, max_size=8).filter(
    lambda text: text.strip('"') == text
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "size": st.none() | st.integers(-(10**9), 10**9).map(lambda cents: cents / 100),
            "count": st.integers(0, 10**6),
            "city": st.none() | st.sampled_from(["Ulm", "Zürich"]) | TEXT,
            "open": st.none() | st.booleans(),
            "when": st.none() | st.datetimes(pd.Timestamp(1970, 1, 2), pd.Timestamp(2068, 1, 1)),
            "good": st.sampled_from(["no", "yes"]),
        }
    ),
    min_size=2,
    max_size=12,
)


def typed(frame: pd.DataFrame) -> pa.Table:
    whole = {"size": "float64", "count": "int64", "open": "boolean", "when": "datetime64[us]"}
    return pa.Table.from_pandas(frame.astype(whole), preserve_index=False)


def words(
    frame: pd.DataFrame, *, truth: tuple[str, str] = ("false", "true"), gap: str = "", mark: str = "."
) -> pd.DataFrame:
    """All columns as text, with ``gap`` in place of what is missing but in the column of text."""

    def of(name: str, value: object) -> str:
        if value is None or value is pd.NaT:
            return "" if name == "city" else gap
        if name == "open":
            return truth[bool(value)]
        if name == "when":
            return value.isoformat(sep=" ")
        return f"{value:.2f}".replace(".", mark) if name == "size" else str(value)

    return pd.DataFrame({name: [of(name, value) for value in frame[name]] for name in frame})


def in_lines(frame: pd.DataFrame) -> io.BytesIO:
    plain = words(frame[["when"]]).assign(when=lambda found: found["when"].replace("", None))
    records = frame.assign(when=plain["when"]).to_dict("records")
    return csv("".join(json.dumps(record) + "\n" for record in records))


def in_arrays(frame: pd.DataFrame) -> io.BytesIO:
    """Numbers and times as they are; text and booleans as text, empty where one is missing."""
    numbers = {"size": frame["size"].astype(float), "count": frame["count"].astype(int)}
    times = {"when": frame["when"].astype("datetime64[us]")}
    texts = {name: words(frame)[name].to_numpy().astype(str) for name in ("city", "open", "good")}
    found = {name: np.asarray(column) for name, column in (numbers | times | texts).items()}
    return npz(**{name: found[name] for name in frame})


FORMS: dict[str, Callable[[pd.DataFrame], io.BytesIO]] = {
    "parquet": lambda frame: parquet(typed(frame)),
    "parquet zstd": lambda frame: parquet(typed(frame), compression="zstd", use_dictionary=False, row_group_size=3),
    "arrow": lambda frame: arrow(typed(frame)),
    "feather": lambda frame: arrow(typed(frame), compression="lz4"),
    "stream": lambda frame: arrow(typed(frame), stream=True, compression="zstd"),
    "json lines": in_lines,
    "npz": in_arrays,
    "csv": lambda frame: csv(words(frame).to_csv(index=False)),
    "csv of Excel": lambda frame: csv(
        words(frame, truth=("FALSE", "TRUE"), mark=",").to_csv(index=False, sep=";").encode("cp1252")
    ),
    "csv in UTF-16": lambda frame: csv(words(frame, truth=("0", "1")).to_csv(index=False, sep="\t").encode("utf-16")),
    "csv of a database": lambda frame: csv(words(frame, truth=("f", "t"), gap="\\N").to_csv(index=False)),
}


@given(RECORDS, st.randoms(use_true_random=False))
@settings(max_examples=8)
def test_one_table_has_one_content_hash(records, random) -> None:
    frame = pd.DataFrame(records, dtype=object)
    expected = parse_records(FORMS["parquet"](frame), SCHEMA).content_hash()
    for name, write in FORMS.items():
        columns, rows = random.sample(list(frame), frame.shape[1]), random.sample(range(len(frame)), len(frame))
        mixed = frame.iloc[[*rows, rows[0]]][columns].reset_index(drop=True)
        assert parse_records(write(mixed), SCHEMA).content_hash() == expected, name


def test_another_value_is_another_content_hash() -> None:
    frame = pd.DataFrame([{"size": 1.0, "count": 1, "city": "Ulm", "open": True, "when": None, "good": "no"}] * 2)
    changed = {"size": None, "count": 2, "city": "Bern", "open": None, "when": pd.Timestamp(2026, 1, 1), "good": "yes"}
    frames = [frame.astype(object), *(frame.astype(object).assign(**{name: value}) for name, value in changed.items())]
    for write in FORMS.values():
        hashes = {parse_records(write(each.where(each.notna(), None)), SCHEMA).content_hash() for each in frames}
        assert len(hashes) == len(frames)
