"""Tables in text as programs export them: dates, marks in numbers, booleans and words for missing values."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.protocol.schema import Feature, Schema
from assay_pricing.records.inference import infer
from assay_pricing.records.inputs import to_frame
from assay_pricing.records.roles import Choices
from assay_pricing.records.tables import parse_records, parse_table
from tests.pricing.records.files import csv, parquet, refused

pytestmark = pytest.mark.unit

N = 40
PLAIN = pd.DataFrame({"len": np.arange(N) / 8, "kind": ["early", "late"] * (N // 2)})


def in_csv(frame, **options):
    return csv(frame.to_csv(index=False, **options))


def fitted(file, **choices):
    return infer([parse_table(file)], "kind", choices=Choices(**choices))


def kinds(found) -> dict[str, str]:
    return {feature.name: feature.kind for feature in found.schema.features}


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%y", "%d-%m-%Y %H:%M"])
def test_dates_whose_order_of_day_and_month_nothing_proves_are_text_and_warned_of(form) -> None:
    words = pd.date_range("2026-01-01", periods=N, freq="6h").strftime(form)
    found = fitted(in_csv(PLAIN.assign(when=words)))
    assert f"column 'when' has dates such as {min(words)!r}, which are read as text: write times as in ISO" in str(
        found
    )
    assert kinds(found).get("when") != "time"
    assert "dates such as" not in str(fitted(in_csv(PLAIN.assign(when=words)), dropped=("when",)).warnings)


@pytest.mark.parametrize(
    "form",
    [
        "%d/%m/%Y",
        "%m/%d/%y",
        "%d.%m.%Y %H:%M",
        "%Y/%m/%d",
        "%d-%b-%Y",
        "%d %B %Y",
        "%B %d, %Y",
        "%m/%d/%Y %I:%M:%S %p",
        "%Y-%m-%d %H:%M:%S UTC",
    ],
)
def test_dates_in_their_usual_spellings_are_times_and_reach_the_model_as_they_were(form) -> None:
    when = pd.date_range("2026-01-01", periods=N, freq="20D")
    words = when.strftime(form)
    found = fitted(in_csv(PLAIN.assign(when=words)))
    assert kinds(found)["when"] == "time"
    assert found.schema.features[1].stored == form
    read = parse_records(in_csv(PLAIN.assign(when=words)), found.schema)
    assert to_frame(found.schema, read.x)["when"].tolist() == words.tolist()
    typed = parquet(pa.Table.from_pandas(PLAIN.assign(when=when)))
    assert parse_records(typed, found.schema).hashes() == read.hashes()
    one = PLAIN.assign(when=words).iloc[:1]
    assert parse_records(in_csv(one), found.schema).hashes() == read.hashes()[:1], "as the schema declares it"


def test_codes_and_dates_without_marks_are_named_where_they_are_read_as_numbers() -> None:
    frame = PLAIN.assign(zip=["01234", "20500"] * (N // 2), day=[20260131, 20251224] * (N // 2))
    found = fitted(in_csv(frame))
    assert "column 'zip' has numbers with zeros in front, such as '01234'" in found.warnings[0]
    assert "column 'day' has dates without marks, such as 20260131" in found.warnings[1]
    assert [feature.stored for feature in found.schema.features] == ["float64", "int64", "int64"]
    kept = fitted(in_csv(frame), categories=("zip",)).schema
    assert kept.features[1].categories == ("01234", "20500")
    typed = parquet(pa.Table.from_pandas(frame))
    assert parse_records(typed, kept).hashes() == parse_records(in_csv(frame), kept).hashes()


def test_null_of_a_database_is_missing_in_columns_of_text_too() -> None:
    file, typed = (
        csv("len,c,kind\n1,\\N,a\n\\N,x,b\n"),
        parquet({"len": [1, None], "c": [None, "x"], "kind": ["a", "b"]}),
    )
    schema = fitted(file).schema
    file.seek(0)
    assert parse_records(file, schema).hashes() == parse_records(typed, schema).hashes()


NUMBERS = np.array([1234567.25, -0.5, 12000, 3, 999] * (N // 5))


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize(("group", "decimal"), [(",", "."), (".", ","), (" ", ","), ("\u202f", ","), ("'", ".")])
def test_thousands_and_decimal_marks_that_a_column_proves_change_nothing(mark, group, decimal) -> None:
    swap = str.maketrans({",": group, ".": decimal})
    words = [f"{value:,.2f}".translate(swap) for value in NUMBERS]
    plain, marked = PLAIN.assign(sum=NUMBERS), PLAIN.assign(sum=words)
    schema = fitted(in_csv(plain)).schema
    assert fitted(in_csv(marked, sep=mark)).schema.features[1] == schema.features[1].model_copy(update={"stored": ""})
    assert parse_records(in_csv(marked, sep=mark), schema).hashes() == parse_records(in_csv(plain), schema).hashes()


def test_points_that_may_be_thousands_are_named() -> None:
    table = parse_table(csv("a;b;c;y\n0,5;1.234;1.5;x\n1,5;2.500;2.250;y\n"))
    assert [note.split(" in a file")[0] for note in table.notes] == ["column 'b' has numbers such as 1.234"]
    refused(csv("a;y\n0,5;x\n1.234;y\n"), "expected numbers, got '1.234' in column 'a', row 1", A_BY_Y)


A_BY_Y = Schema(task="classification", features=(Feature(name="a"),), label="y", classes=("x", "y"))


@pytest.mark.parametrize(("yes", "no"), [("yes", "no"), ("Y", "N"), ("t", "f"), ("on", "off"), ("TRUE", "FALSE")])
def test_booleans_of_other_programs_are_booleans_where_the_schema_has_two(yes, no) -> None:
    plain = csv("on,kind\ntrue,yes\nfalse,no\n")
    features = (Feature(name="on", kind="boolean"),)
    schema = Schema(task="classification", features=features, label="kind", classes=("no", "yes"))
    other = csv(f"on,kind\n{yes},{yes}\n{no},{no}\n")
    assert parse_records(other, schema).hashes() == parse_records(plain, schema).hashes()
    refused(csv(f"on,kind\n{yes},maybe\n"), "expected labels among 'no', 'yes', got 'maybe'", schema)
