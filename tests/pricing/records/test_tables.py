"""Files in every format give the same records, or are refused with the reason."""

import io
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.protocol.schema import Feature
from assay_pricing.errors import DataError
from assay_pricing.records.inference import infer
from assay_pricing.records.tables import parse_records, parse_table, to_records
from tests.pricing.records.files import GOOD, NUMERIC, SCHEMA, csv, npz, parquet, refused, seconds

pytestmark = pytest.mark.unit


def test_one_record_has_one_hash_in_every_format() -> None:
    read = [parse_records(io.BytesIO(content), SCHEMA) for content in GOOD.values()]
    assert read[0].x.tolist() == [[1.5, 0], [-2, 1], [0, 2]]
    assert read[0].unseen == {1: ("blue",)}
    assert len({records.hashes() for records in read}) == 1


@pytest.mark.parametrize("form", sorted(GOOD))
def test_the_number_of_records_in_an_offer_is_limited(form) -> None:
    refused(io.BytesIO(GOOD[form]), "expected at most 2 records in one offer, got 3", max_records=2)
    assert len(parse_records(io.BytesIO(GOOD[form]), SCHEMA, max_records=3)) == 3


def test_tens_of_thousands_of_unseen_categories_are_read_in_a_moment() -> None:
    file = csv("a,c,y\n" + "".join(f"1,v{i},0\n" for i in range(40_000)))
    assert seconds(lambda: parse_records(file, SCHEMA)) < 3


def test_a_column_is_given_up_once_it_is_read() -> None:
    table, kept = (parse_table(io.BytesIO(GOOD["parquet"])) for _ in range(2))
    taken = to_records(table, SCHEMA, take=True)
    assert list(table.columns) == ["y"]
    assert taken.x.flags.f_contiguous, "no column needs the memory of all before it is read"
    assert taken.take([2, 0]).x.flags.c_contiguous
    assert taken.hashes() == to_records(kept, SCHEMA).hashes()
    assert set(kept.columns) == {"a", "c", "y"}


def test_a_fraction_where_the_terms_say_whole_number_is_refused_by_column_and_row() -> None:
    schema = NUMERIC.model_copy(update={"features": (Feature(name="a", stored="int64", missing="nan"),)})
    assert parse_records(csv("a,y\n1,0\n2.0,1\n,0\n-3e2,1\n"), schema).x[[0, 1, 3], 0].tolist() == [1, 2, -300]
    frame = pa.table({"a": [1.0, None, 12.5, 0.1], "y": ["0", "1", "0", "1"]})
    for file in (csv("a,y\n1,0\n,1\n12.5,0\n0.1,1\n"), parquet(frame)):
        refused(file, "expected whole numbers, got 12.5 in column 'a', row 2 and in 1 more of 4 rows", schema)


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.table([[1.0], [2.0], [0]], names=["a", "a", "y"])
    refused(parquet(table), "expected distinct column names, got 'a' more than once", NUMERIC)
    refused(csv("a,a,y\n1,2,0\n"), "expected distinct column names, got 'a' more than once", NUMERIC)


def test_names_that_differ_by_normalisation_are_two_names() -> None:
    schema = NUMERIC.model_copy(update={"features": (Feature(name="é"),)})
    refused(csv("e\u0301,y\n1,0\n"), "missing 'é'; extra", schema)


def test_a_refusal_quotes_no_more_than_a_part_of_a_line() -> None:
    long = "Q" * 500_000
    refused(csv(f"a,c,y\n1,red,{long}\n"), r"got 'Q{80}'\.\.\. \(500000 characters\)")
    refused(csv(f"a,c,y\n{long},red,0\n"), "expected numbers, got .* in column 'a', row 0")
    refused(csv(f"a,c,y\n1,red,0,{long}\n"), "expected CSV in UTF-8 with as many cells in each line")
    refused(parquet({"a": [long], "c": ["red"], "y": [0]}), "expected numbers, got .* in column 'a', row 0")
    refused(parquet({long: [1], "c": ["red"], "y": [0]}), "missing 'a'; extra 'Q")


def test_numbers_of_every_width_and_order_are_read_as_they_are() -> None:
    columns = {
        "a": pa.array(np.array([1.5, -0.0, 2], np.float16)),
        "b": pa.array([Decimal("1.25"), Decimal("-3"), Decimal("0")], pa.decimal128(9, 2)),
        "y": pa.array([0, 1, 1], pa.uint8()),
    }
    assert parse_records(parquet(columns), NUMERIC).x.tolist() == [[1.5, 1.25], [0, -3], [2, 0]]
    x = np.asfortranarray(np.array([[1, 2], [3, 4]], dtype=">i2"))
    assert parse_records(npz(x=x, y=np.array([0, 1], ">i4")), NUMERIC).x.tolist() == [[1, 2], [3, 4]]


def test_booleans_are_numbers_or_categories_as_the_schema_says() -> None:
    table = parse_table(parquet({"a": [True, False], "b": [1, 2], "y": [False, True]}))
    assert to_records(table, NUMERIC.model_copy(update={"classes": ("False", "True")})).x[:, 0].tolist() == [1, 0]
    found = infer([table], "y").schema
    assert [feature.kind for feature in found.features] == ["boolean", "numeric"]
    assert found.classes == ("false", "true")


def test_a_label_has_a_name_of_its_own() -> None:
    table = parse_table(npz(x=np.zeros((2, 2)), y=np.array([0, 1])))
    with pytest.raises(DataError, match="expected a name for the label that no feature has, got"):
        infer([table], "x1")


@pytest.mark.parametrize("value", ["1e400", "inf", "-inf"])
def test_numbers_beyond_double_precision_are_refused(value) -> None:
    refused(csv(f"a,b,y\n{value},1,0\n"), "expected finite numbers, got .* in column 'a', row 0", NUMERIC)


def test_the_smallest_numbers_and_negative_zero_are_zero_or_themselves() -> None:
    read = parse_records(csv("a,b,y\n1e-400,1e-320,0\n-0.0,1e-320,0\n"), NUMERIC)
    assert read.x[0, 0] == 0
    assert read.x[0, 1] > 0
    assert len(set(read.hashes())) == 1


@pytest.mark.parametrize("form", sorted(GOOD))
@given(st.data())
@settings(max_examples=150)
def test_whatever_is_changed_in_a_file_it_is_read_or_refused(form, data) -> None:
    content = bytearray(GOOD[form])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    try:
        outcome = parse_records(io.BytesIO(bytes(content)), SCHEMA, max_bytes=10_000_000, max_records=1000).hashes()
    except DataError as error:
        outcome = str(error)
    assert 0 < len(outcome) <= 1000


@pytest.mark.parametrize("number", [123456789, 65504.0, 9.8765432e15, 1e20, 1.5e30, 1e-40, 1.2345678e-20, 2.0**-6])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_a_number_in_less_than_double_precision_is_its_shortest_decimal_at_every_size(number, kind) -> None:
    with np.errstate(over="ignore"):
        stored = kind(number)
    if np.isfinite(stored):
        files = npz(a=np.array([stored]), b=np.array([0]), y=np.array([0])), csv(f"a,b,y\n{stored!s},0,0\n")
        assert len({parse_records(file, NUMERIC).hashes() for file in files}) == 1


def test_an_unseen_category_is_one_value_in_every_spelling() -> None:
    def unseen(file) -> tuple[str, ...]:
        return parse_records(file, SCHEMA).unseen[1]

    assert (
        unseen(csv("a,c,y\n1,7.0,0\n1,7,0\n1,7e0,0\n")) == unseen(parquet({"a": [1], "c": [7.0], "y": [0]})) == ("7",)
    )
    assert unseen(csv("a,c,y\n1,True,0\n1,TRUE,0\n")) == unseen(parquet({"a": [1], "c": [True], "y": [0]})) == ("true",)


@pytest.mark.parametrize(
    "moment", ["1600-01-01T00:00:00.123457", "2026-01-31T08:30:00.123456", "9674-04-24T20:37:02.639942"]
)
def test_a_time_far_from_1970_is_the_same_as_text_and_as_stored(moment) -> None:
    schema = NUMERIC.model_copy(update={"features": (Feature(name="a", kind="time"),)})
    files = parquet({"a": pa.array([np.datetime64(moment)]), "y": [0]}), csv(f"a,y\n{moment},0\n")
    assert len({parse_records(file, schema).hashes() for file in files}) == 1


@pytest.mark.parametrize("other", ["2026-02-01", "1769900000"])
def test_a_date_without_marks_is_no_number_of_seconds(other: str) -> None:
    schema = NUMERIC.model_copy(update={"features": (Feature(name="a", kind="time"),)})
    message = "expected times, got '?20260131'? in column 'a', row 1"
    refused(csv(f"a,y\n{other},0\n20260131,1\n"), message, schema)
    refused(parquet({"a": [3, 20260131], "y": [0, 1]}), message, schema)
    assert len(parse_records(csv("a,y\n20261331,0\n20260131.5,1\n"), schema)) == 2
