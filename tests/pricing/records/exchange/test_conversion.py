"""Conversions: from any format to any, what is read is unchanged; what a format cannot hold is refused."""

import datetime as dt
import io
import json
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.protocol.schema import Excluded, Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.exchange import conversion
from assay_pricing.records.exchange.conversion import FORMS, convert, to_batches
from assay_pricing.records.tables import read_table, to_records
from tests.pricing.records.files import csv, npz

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    task="classification",
    features=(
        Feature(name="size", missing="nan"),
        Feature(name="count", stored="int64"),
        Feature(name="city", kind="categorical", categories=("", "Ulm")),
        Feature(name="open", kind="boolean", missing="none"),
        Feature(name="when", kind="time", missing="nan"),
        Feature(name="day", kind="time", stored="date"),
        Feature(name="clock", kind="time", stored="%H:%M:%S"),
    ),
    label="good",
    classes=("no", "007"),
    excluded=(Excluded(name="id", role="id"),),
)
TABLE = pa.table(
    {
        "id": ["007", "NA", None, "1e3"],
        "size": [1.5, None, 1e300, -0.1],
        "count": [1, 2, 3, 2**52],
        "city": pa.array(["Ulm", 'a "b",\nc;\td', None, "Zürich"]).dictionary_encode(),
        "open": [True, None, False, True],
        "when": np.array(["2026-01-02T03:04:05.000678", "NaT", "1969-01-01", "2026-01-01"], "datetime64[us]"),
        "day": [dt.date(2026, 1, day) for day in (1, 2, 3, 4)],
        "clock": pa.array([dt.time(8, 30), dt.time(0), dt.time(23, 59, 59), dt.time(1)], pa.time64("us")),
        "good": ["no", "007", "no", "007"],
    }
)


def converted(source: Path, form: str, name: str, schema: Schema = SCHEMA) -> Path:
    target = source.with_name(f"{name}.{form}")
    with target.open("w+b") as file:
        convert(source, file, form, lambda: schema)
    return target


def seen(path: Path) -> tuple:
    table = read_table(path, schema=SCHEMA)
    return to_records(table, SCHEMA).hashes()


def written(path: Path) -> pa.Table:
    schema, batches = to_batches(read_table(path), 2**20)
    return pa.Table.from_batches(batches, schema)


def ids(path: Path) -> list[str | None]:
    return written(path).column("id").to_pylist()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The table in every format, written record by record."""
    folder = tmp_path_factory.mktemp("files")
    pq.write_table(TABLE, folder / "table.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "_GROUP_BYTES", 1)
        patch.setattr(conversion, "_TEXT_BYTES", 1)
        return {form: converted(folder / "table.parquet", form, "first") for form in FORMS}


@pytest.mark.parametrize(("one", "other"), product(FORMS, FORMS))
def test_from_any_format_to_any_the_records_and_the_other_columns_are_unchanged(files, one: str, other: str) -> None:
    target = converted(files[one], other, f"from_{one}")
    assert seen(target) == seen(files["parquet"])
    assert ids(target) == TABLE["id"].to_pylist()


def test_types_are_kept_where_the_format_has_them(files) -> None:
    for form in ("parquet", "arrow"):
        found = written(files[form])
        assert str(found.schema.field("city").type).startswith("dictionary")
        assert [str(found.schema.field(name).type) for name in ("open", "day", "clock")] == [
            "bool",
            "date32[day]",
            "time64[us]",
        ]
    assert json.loads(files["jsonl"].read_text().splitlines()[1]) == {
        "id": "NA",
        "size": None,
        "count": 2,
        "city": 'a "b",\nc;\td',
        "open": None,
        "when": None,
        "day": "2026-01-02",
        "clock": "00:00:00",
        "good": "007",
    }
    again = converted(files["csv"], "parquet", "typed")
    assert [str(pq.read_schema(again).field(name).type) for name in ("count", "day", "good")] == [
        "int64",
        "date32[day]",
        "large_string",
    ]


def test_a_time_zone_is_kept(tmp_path: Path) -> None:
    times = pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)], pa.timestamp("ms", "Europe/Berlin"))
    pq.write_table(pa.table({"when": times}), tmp_path / "a.parquet")
    found = pa.ipc.open_file(converted(tmp_path / "a.parquet", "arrow", "b")).read_all()
    assert found["when"].to_pylist() == times.to_pylist()
    assert found.schema.field("when").type == pa.timestamp("us", "Europe/Berlin")


def test_a_matrix_gets_the_names_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(npz(x=np.array([[1, 2], [3, 4]]), y=np.array([0, 1])).getvalue())
    schema = Schema(task="regression", features=(Feature(name="b"), Feature(name="c")), label="sum")
    found = pq.read_table(converted(tmp_path / "a.npz", "parquet", "b", schema))
    assert found.to_pydict() == {"b": [1, 3], "c": [2, 4], "sum": [0, 1]}


@pytest.mark.parametrize("form", FORMS)
def test_columns_may_have_the_names_of_arguments(tmp_path: Path, form: str) -> None:
    pq.write_table(pa.table({"file": ["a"], "allow_pickle": [1.5], "target/é": [2]}), tmp_path / "a.parquet")
    features = (Feature(name="allow_pickle"), Feature(name="target/é", stored="int64"))
    schema = SCHEMA.model_copy(update={"label": "file", "features": features, "excluded": ()})
    found = pq.read_table(converted(converted(tmp_path / "a.parquet", form, "b"), "parquet", "c", schema))
    assert found.to_pydict() == {"file": ["a"], "allow_pickle": [1.5], "target/é": [2]}


@pytest.mark.parametrize(
    ("columns", "form", "message"),
    [
        ({"a": [1.0, float("inf")]}, "jsonl", "expected finite numbers, .* got inf in column 'a', row 1"),
        ({"a": ["x\0"]}, "npz", "expected text without zeros at its end.* in 'a'"),
        ({"a": [["x"]], "b": [1]}, "csv", "got other values in 'a'"),
        (
            {"a": np.array(["10000-01-01"], "datetime64[us]")},
            "csv",
            "years from 1 to 9999, .* got 10000-01-01T.*, row 0",
        ),
        (
            {"a": np.array(["0000-12-31"], "datetime64[us]")},
            "jsonl",
            "years from 1 to 9999, .* got 0000-12-31T.*, row 0",
        ),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path: Path, columns, form: str, message: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=message):
        converted(tmp_path / "a.parquet", form, "b")


def test_words_and_marks_of_a_csv_file_become_values(tmp_path: Path) -> None:
    text = "size;open;zip;good\n1.234,50;ja;01234;no\n-;t;NA;007\n"
    (tmp_path / "a.csv").write_bytes(csv(text.replace("ja", "yes")).getvalue())
    features = (Feature(name="size", missing="nan"), Feature(name="open", kind="boolean"))
    found = pq.read_table(
        converted(tmp_path / "a.csv", "parquet", "b", SCHEMA.model_copy(update={"features": features}))
    )
    assert found.to_pydict() == {
        "size": [1234.5, None],
        "open": [True, True],
        "zip": ["01234", "NA"],
        "good": ["no", "007"],
    }
    assert io.BytesIO(converted(tmp_path / "b.parquet", "csv", "c").read_bytes()).readline() == (
        b'"size","open","zip","good"\n'
    )


def test_a_time_keeps_its_microseconds_where_seconds_in_double_precision_have_none(tmp_path: Path) -> None:
    moments = ["9999-12-31T23:59:59.999999", "1600-01-01T00:00:00.123457", "0001-01-01T00:00:00.000000"]
    (tmp_path / "a.csv").write_text("when,good\n" + "".join(f"{moment},no\n" for moment in [*moments, ""]))
    schema = SCHEMA.model_copy(update={"features": SCHEMA.features[4:5]})
    found = pq.read_table(converted(tmp_path / "a.csv", "parquet", "b", schema))["when"]
    assert found.to_pylist() == [*map(dt.datetime.fromisoformat, moments), None]


@pytest.mark.parametrize("form", FORMS)
def test_numbers_in_single_precision_are_the_same_records_in_every_format(tmp_path: Path, form: str) -> None:
    numbers = pa.array(np.array([0.1, 123456789, 1e20, 1e-40, -2.5], np.float32))
    pq.write_table(pa.table({"size": numbers, "good": ["no"] * 5}), tmp_path / "a.parquet")
    schema = SCHEMA.model_copy(update={"features": SCHEMA.features[:1], "excluded": ()})
    files = tmp_path / "a.parquet", converted(tmp_path / "a.parquet", form, "b")
    assert len({to_records(read_table(file, schema=schema), schema).hashes() for file in files}) == 1
