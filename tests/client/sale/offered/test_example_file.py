"""The example file of a model: it passes the check of every model's columns, and the oracle's own reader takes it."""

from io import BytesIO
from pathlib import Path

import pytest

from assay.protocol.schema import Excluded, Feature, Schema
from assay.sale.offered.example_file import example_csv, type_text
from assay.sale.offered.file_report import report_on
from assay_pricing.records.tables import parse_records
from tests.kit.market import Market

pytestmark = pytest.mark.unit

FEATURES = (
    Feature(name="size", missing="nan"),
    Feature(name="rooms, all", stored="int64"),
    Feature(name="city", kind="categorical", categories=("", 'Sankt "Gallen"', "Bern; Ost"), missing="empty"),
    Feature(name="open", kind="boolean"),
    Feature(name="day", kind="time", stored="date"),
    Feature(name="at", kind="time", stored="%H:%M"),
    Feature(name="seen", kind="time", stored="%Y-%m-%dT%H:%M:%SZ"),
    Feature(name="since", kind="time", stored="datetime64[ns]", missing="nan"),
)
CLASSES = Schema(
    task="classification",
    features=FEATURES,
    label="good",
    classes=("0", "1", "a,b", "c"),
    excluded=(Excluded(name="id", role="id"),),
)
NUMBER = Schema(task="regression", features=FEATURES, label="price")


@pytest.mark.parametrize("schema", [CLASSES, NUMBER], ids=["classes", "number"])
def test_an_example_passes_the_check_and_the_oracle_reads_it(market: Market, tmp_path: Path, schema: Schema) -> None:
    path = tmp_path / "example.csv"
    path.write_text(example_csv(schema), newline="")
    model = market.http.model(market.model_id).model_copy(update={"schema_": schema})
    found = report_on(path, market.http.info(), model)
    assert (found.faults, found.warnings) == ([], [])
    records = parse_records(BytesIO(path.read_bytes()), schema)
    assert len(records) == found.records == max(3, len(schema.classes))
    assert not records.unseen


def test_types_are_named_for_the_person_who_writes_the_file() -> None:
    assert [type_text(feature) for feature in FEATURES] == [
        *("number", "whole number", "one of the values", "true or false"),
        *("date", "time of day", "date and time", "date and time"),
    ]
    assert type_text(Feature(name="x", stored="int64", unit="cm")) == "whole number in cm"
