"""What a file report warns of, by the kind of a column: the spellings that the oracle reads are no faults."""

from pathlib import Path

import pytest

from assay.protocol.messages import ModelInfo, OracleInfo
from assay.protocol.schema import Feature, Schema
from assay.sale.offered.file_report import report_on
from tests.kit.market import Market

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
)


@pytest.fixture
def infos(market: Market) -> tuple[OracleInfo, ModelInfo]:
    api = market.http
    return api.info(), api.model(market.model_id).model_copy(update={"schema_": SCHEMA})


@pytest.mark.parametrize(
    ("row", "warning"),
    [
        ("1.5,Bern,true,2025-01-05,TRUE", ""),
        (",,0,08:30:00,false", ""),
        ("NaN,NA,yes,2025-01-05 08:30,maybe", "column 'good': no class of the model"),
        ("1,Basel,true,2025-01-05,True", "column 'city': a value that the model does not know"),
        ("one,Bern,true,2025-01-05,True", "column 'size': no number"),
        ("1,Bern,,2025-01-05,True", "column 'open': no value"),
        ("1,Bern,true,2025-01-05,", "column 'good': no value"),
    ],
)
def test_spellings_that_the_oracle_reads_are_no_faults(
    infos: tuple[OracleInfo, ModelInfo], tmp_path: Path, row: str, warning: str
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(f"size,city,open,when,good\n{row}\n")
    found = report_on(path, *infos)
    assert found.faults == []
    assert [warning in text for text in found.warnings] == ([True] if warning else [])


@pytest.mark.parametrize("label", ["1", "1.0", "01"])
def test_a_label_is_a_class_in_every_spelling_of_its_number(
    infos: tuple[OracleInfo, ModelInfo], tmp_path: Path, label: str
) -> None:
    oracle, model = infos
    schema = SCHEMA.model_copy(update={"classes": ("0", "1")})
    path = tmp_path / "data.csv"
    path.write_text(f"size,city,open,when,good\n1,Bern,true,2025-01-05,{label}\n")
    assert report_on(path, oracle, model.model_copy(update={"schema_": schema})).warnings == []
