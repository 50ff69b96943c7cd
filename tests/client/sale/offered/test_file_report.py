"""What a file report says, in every format: what the oracle refuses is a fault, with column and row."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.protocol.encoder import Encoder, ImageInput, TextInput
from assay.protocol.messages import DataLimits, ModelInfo, OracleInfo
from assay.protocol.schema import Excluded, Feature, Schema
from assay.sale.offered.file_report import report_on
from assay.sale.purchase import suffix_of
from assay_pricing.errors import DataError
from assay_pricing.records.tables import parse_records
from tests.kit.encoders import picture
from tests.kit.market import Market
from tests.kit.pictures import tar

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    task="classification",
    features=(
        Feature(name="size", missing="nan"),
        Feature(name="city", kind="categorical", categories=("", "Bern", "NA")),
        Feature(name="open", kind="boolean"),
        Feature(name="when", kind="time"),
    ),
    label="good",
    classes=("False", "True"),
    excluded=(Excluded(name="id", role="id"),),
)


@pytest.fixture
def infos(market: Market) -> tuple[OracleInfo, ModelInfo]:
    api = market.http
    return api.info(), api.model(market.model_id).model_copy(update={"schema_": SCHEMA})


def in_csv(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["size,city,open,when,good", *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("row", "fault", "warning"),
    [
        ("1.5,Bern,true,2025-01-05,TRUE", "", ""),
        (",,0,08:30:00,false", "", ""),
        ("-,NA,yes,31.12.2025 08:30,f", "", ""),
        ("NaN,NA,yes,2025-01-05 08:30,maybe", "got 'maybe' in column 'good', row 0", ""),
        ("1,Basel,true,2025-01-05,True", "", "column 'city': 'Basel' in 1 records, first in row 0"),
        ("one,Bern,true,2025-01-05,True", "expected numbers, got 'one' in column 'size', row 0", ""),
        ("1,Bern,,2025-01-05,True", "expected a value in every row, got none in column 'open', row 0", ""),
        ("1,Bern,true,2025-01-05,", "expected a value in every row, got none in column 'good', row 0", ""),
        ("1,Bern,true,01/02/2025,True", "expected times, got '01/02/2025' in column 'when', row 0", ""),
        ("1,Bern,true", "Expected 5 columns, got 3", ""),
    ],
)
def test_what_the_oracle_refuses_is_a_fault_and_nothing_else_is(
    infos: tuple[OracleInfo, ModelInfo], tmp_path: Path, row: str, fault: str, warning: str
) -> None:
    path = in_csv(tmp_path / "data.csv", row)
    found = report_on(path, *infos)
    assert [fault in text for text in found.faults] == [True] * bool(fault)
    assert [warning in text for text in found.warnings] == [True] * bool(warning)
    with path.open("rb") as source:
        if not fault:
            assert len(parse_records(source, SCHEMA)) == found.records == 1
            return
        with pytest.raises(DataError) as refusal:
            parse_records(source, SCHEMA)
    assert refusal.value.message == found.faults[0]


def test_every_fault_of_a_file_is_listed_and_repeated_records_are_counted(
    infos: tuple[OracleInfo, ModelInfo], tmp_path: Path
) -> None:
    faulty = report_on(
        in_csv(tmp_path / "a.csv", "one,Bern,maybe,never,perhaps", "1,Bern,true,2025-01-05,True"), *infos
    )
    assert [text.split(" in column ")[1] for text in faulty.faults] == [f"'{n}', row 0" for n in SCHEMA_ORDER]
    assert any("ISO 8601" in hint for hint in faulty.hints)
    row = "1,Bern,true,2025-01-05,True"
    found = report_on(in_csv(tmp_path / "b.csv", row, "2,Ulm,true,2025-01-05,True", row), *infos)
    assert (found.records, found.repeated, found.faults) == (3, 1, [])
    assert "1 of 3 records repeat another, and are not paid for" in found.warnings
    assert {each.column: each.missing for each in found.columns if each.role == "feature"} == dict.fromkeys(
        ["size", "city", "open", "when"], 0
    )


SCHEMA_ORDER = ("size", "open", "when", "good")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl", ".npz"])
def test_files_of_every_format_are_looked_at(infos: tuple[OracleInfo, ModelInfo], tmp_path: Path, suffix: str) -> None:
    columns = {
        "id": [7, 8],
        "size": [1.5, 2.5],
        "city": ["Bern", "Ulm"],
        "open": ["true", "maybe"],
        "when": ["2025-01-05"] * 2,
        "good": ["True", "False"],
    }
    path = tmp_path / f"data{suffix}"
    if suffix == ".npz":
        np.savez(path, **{name: np.array(values) for name, values in columns.items()})
    elif suffix == ".jsonl":
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        with pa.ipc.new_file(path, pa.table(columns).schema) as writer:
            writer.write_table(pa.table(columns))
    found = report_on(path, *infos)
    assert found.records == 2
    assert found.faults == ["expected true or false, got 'maybe' in column 'open', row 1"]
    assert found.warnings == [
        "the model does not use 'id': the buyer gets these columns, too",
        "column 'city': 'Ulm' in 1 records, first in row 1: the model does not know these values",
    ]


def test_limits_of_the_model_are_those_of_the_report(infos: tuple[OracleInfo, ModelInfo], tmp_path: Path) -> None:
    oracle, model = infos
    limited = model.model_copy(update={"limits": DataLimits(records=1, expanded_bytes=2**20)})
    found = report_on(in_csv(tmp_path / "a.csv", *["1,Bern,true,2025-01-05,True"] * 2), oracle, limited)
    assert found.faults == ["expected at most 1 records in one offer, got 2: split them into offers"]


@pytest.mark.parametrize("label", ["1", "1.0", "01"])
def test_a_label_is_a_class_in_every_spelling_of_its_number(
    infos: tuple[OracleInfo, ModelInfo], tmp_path: Path, label: str
) -> None:
    oracle, model = infos
    schema = SCHEMA.model_copy(update={"classes": ("0", "1")})
    path = in_csv(tmp_path / "data.csv", f"1,Bern,true,2025-01-05,{label}")
    found = report_on(path, oracle, model.model_copy(update={"schema_": schema}))
    assert (found.faults, found.warnings) == ([], [])


def test_without_the_libraries_the_values_are_not_looked_at_and_the_remedy_is_named(
    infos: tuple[OracleInfo, ModelInfo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    found = report_on(in_csv(tmp_path / "data.csv", "one,Bern,true,2025-01-05,True"), *infos)
    assert (found.records, found.faults) == (None, [])
    assert "pip install 'assay[formats]'" in found.warnings[0]
    headless = tmp_path / "other.csv"
    headless.write_text("city,good\nBern,True\n")
    assert "missing: 'size'" in report_on(headless, *infos).faults[0]


def test_pictures_of_an_archive_are_decoded_and_named(market: Market, tmp_path: Path) -> None:
    encoder = Encoder(sha256=bytes(32), width=3, image=ImageInput(height=4, width=4))
    image = Feature(name="image", kind="image", encoder=encoder)
    schema = Schema(task="classification", features=(image,), label="y", classes=("bee", "cat", "dog"))
    model = market.http.model(market.model_id).model_copy(update={"schema_": schema})
    files = {"cat/a.png": picture(3), "dog/b.jpg": picture(9, kind="JPEG")}
    path = tmp_path / "data.tar"
    for more, faults in (
        ({}, []),
        ({"cat/c.png": b"GIF89a"}, ["a damaged file in 'cat/c.png'"]),
        ({"bird/a.png": picture(3)}, ["'bee', 'cat', 'dog', got 'bird' in column 'label', row 0"]),
        ({"../a.png": picture(3)}, ["expected names within the archive, got '../a.png'"]),
    ):
        path.write_bytes(tar(files | more).read())
        found = report_on(path, market.http.info(), model)
        assert len(found.faults) == len(faults)
        assert all(part in fault for part, fault in zip(faults, found.faults, strict=True))
        if not faults:
            seen = [(each.column, each.kind, each.values, each.missing) for each in found.columns]
            assert seen == [
                ("image", "image, encoded to 3 features", "2 pictures", 0),
                ("y", "categorical", "cat, dog", 0),
            ]
    assert suffix_of(path) == ".tar"


def test_a_column_of_texts_is_shown_with_what_lacks(infos: tuple[OracleInfo, ModelInfo], tmp_path: Path) -> None:
    encoder = Encoder(sha256=bytes(32), width=2, text=TextInput())
    text = Feature(name="review", kind="text", encoder=encoder, missing="none")
    schema = Schema(task="regression", features=(Feature(name="size"), text), label="stars")
    path = tmp_path / "data.csv"
    path.write_text('review,stars,size\ngood,5,1\n,3,2\n"good, bad",3,3\ngood,4,4\n')
    found = report_on(path, infos[0], infos[1].model_copy(update={"schema_": schema}))
    seen = [(each.column, each.kind, each.values, each.missing) for each in found.columns]
    assert seen[0] == ("size", "numeric", "1 to 4", 0)
    assert seen[1] == ("review", "text, may be missing, encoded to 2 features", "2 distinct texts", 1)
    assert seen[2] == ("stars", "numeric", "3 to 5", 0)


def test_a_folder_is_looked_at_as_one_table(infos: tuple[OracleInfo, ModelInfo], tmp_path: Path) -> None:
    for open_, name in ((True, "a"), (None, "b")):
        path = tmp_path / "parts" / "city=Bern" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"size": [1.5], "open": [open_], "when": ["2025-01-05"], "good": ["True"]}), path)
    found = report_on(tmp_path / "parts", *infos)
    assert found.records == 2
    assert found.faults == ["expected a value in every row, got none in column 'open', row 1"]


def test_a_folder_that_no_sale_takes_is_a_fault(infos: tuple[OracleInfo, ModelInfo], tmp_path: Path) -> None:
    oracle, model = infos
    shards, pictures = tmp_path / "shards", tmp_path / "pictures" / "cat"
    for folder, name, content in ((shards, "0.tar", tar({"cat/a.png": picture(3)}).read()), (pictures, "a.png", b"12")):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(content)
    assert "offer each archive by itself" in report_on(shards, oracle, model).hints[0]
    small = oracle.model_copy(update={"max_upload_bytes": 100})
    found = report_on(pictures.parent, small, model)
    assert "expected an upload of at most 100 bytes, pictures becomes" in found.faults[0]
