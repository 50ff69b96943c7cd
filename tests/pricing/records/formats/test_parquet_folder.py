"""Folders of Parquet files: one table in any number of files and partitions, and files that do not fit are named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.columns import Texts
from assay_pricing.records.tables import read_table, to_records

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    task="classification",
    features=(
        Feature(name="size", missing="nan"),
        Feature(name="open", kind="boolean", missing="none"),
        Feature(name="city", kind="categorical", categories=("", "Ulm", "a/b")),
        Feature(name="year"),
    ),
    label="good",
    classes=("no", "yes"),
)
FRAME = pd.DataFrame(
    {
        "size": [1.5, 2, np.nan, 4, 5, 6],
        "open": pd.array([True, False, True, True, None, None], "boolean"),
        "city": ["Ulm", "Ulm", "a/b", "a/b", None, None],
        "year": [2025, 2026, 2025, 2026, 2025, 2026],
        "good": ["no", "yes"] * 3,
    }
)


def table() -> pa.Table:
    return pa.Table.from_pandas(FRAME, preserve_index=False)


def content(path: Path) -> bytes:
    return to_records(read_table(path, schema=SCHEMA), SCHEMA).content_hash()


def write(path: Path, columns: dict | pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)
    return path


@pytest.mark.parametrize("partitions", [[], ["year"], ["city"], ["good"], ["city", "year"], ["year", "good"]])
def test_a_table_has_one_content_hash_in_every_partition(tmp_path: Path, partitions: list[str]) -> None:
    expected = content(write(tmp_path / "one.parquet", table()))
    pq.write_to_dataset(
        table(), tmp_path / "parts", partition_cols=partitions or None, max_rows_per_file=2, row_group_size=2
    )
    (tmp_path / "parts" / "_SUCCESS").touch()
    assert content(tmp_path / "parts") == expected
    found = read_table(tmp_path / "parts")
    assert isinstance(found.columns["city"], Texts)
    assert found.columns["year"].dtype.kind == "i"


def test_files_may_lack_all_values_of_a_column(tmp_path: Path) -> None:
    for start in range(0, 6, 2):
        write(tmp_path / "parts" / f"{start}.parquet", table().slice(start, 2))
    write(
        tmp_path / "parts" / "8.parquet", {**table().slice(0, 2).to_pydict(), "size": pa.nulls(2), "open": pa.nulls(2)}
    )
    found = to_records(read_table(tmp_path / "parts", schema=SCHEMA), SCHEMA)
    assert np.isnan(found.x[6:, :2]).all()
    assert found.n == 8


def test_a_folder_of_other_files_or_columns_is_refused_with_the_file(tmp_path: Path) -> None:
    good = {"a": [1.0], "y": ["no"]}
    cases = {
        "other file": ({"a.parquet": good, "b.txt": None}, "Parquet files alone, got 'b.txt'"),
        "columns": ({"a.parquet": good, "b.parquet": {"a": [1.0]}}, "got others in 'b.parquet': 'y'"),
        "kinds": ({"a.parquet": good, "b.parquet": {"a": ["x"], "y": ["no"]}}, "got 'numbers', 'text' in 'a'"),
        "partitions": ({"k=1/a.parquet": good, "a.parquet": good}, "the same partitions around every file"),
        "twice": ({"a=1/a.parquet": good}, "'a=1/a.parquet': expected distinct column names, got 'a'"),
        "damaged": ({"a.parquet": good, "c.parquet": None}, "'c.parquet': expected a Parquet file, got a damaged one"),
        "exact": (
            {"a.parquet": {"a": [2**53 + 1], "y": ["no"]}, "b.parquet": good},
            "expected numbers that double precision holds exactly, got others in 'a'",
        ),
    }
    for name, (files, message) in cases.items():
        for path, columns in files.items():
            if columns is None:
                (tmp_path / name / path).write_bytes(b"PAR1 no more")
            else:
                write(tmp_path / name / path, columns)
        with pytest.raises(DataError, match="expected") as caught:
            read_table(tmp_path / name)
        assert message in caught.value.message


def test_files_share_the_bounds(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / f"{name}.parquet", {"a": np.zeros(1000), "y": np.zeros(1000)})
    assert len(read_table(tmp_path, max_bytes=2000 * 16, max_records=2000)) == 2000
    with pytest.raises(DataError, match="expected at most 1999 records in one offer, got 2000"):
        read_table(tmp_path, max_records=1999)
    with pytest.raises(DataError, match="bytes once expanded"):
        read_table(tmp_path, max_bytes=31_999)


def test_a_partition_names_a_column_once_in_every_spelling_of_the_name(tmp_path: Path) -> None:
    write(tmp_path / "year=2025" / "%79ear=2026" / "a.parquet", {"size": [1]})
    with pytest.raises(DataError, match="distinct column names, got 'year' more than once"):
        read_table(tmp_path)
