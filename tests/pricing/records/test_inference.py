"""The schema that is inferred from tables as programs write them, and the same records in every spelling."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assay.errors import UsageError
from assay.protocol.schema import Schema
from assay_pricing.errors import DataError
from assay_pricing.records.inference import infer
from assay_pricing.records.inputs import to_array, to_frame
from assay_pricing.records.profile import profile
from assay_pricing.records.records import Records
from assay_pricing.records.roles import Choices
from assay_pricing.records.tables import parse_records, parse_table, to_records
from tests.pricing.records.files import csv, npz, parquet, refused

pytestmark = pytest.mark.unit

N = 40
RNG = np.random.default_rng(0)
PLAIN = pd.DataFrame({"len": RNG.normal(size=N).round(2), "kind": RNG.choice(["early", "late"], N)})
WHEN = pd.date_range("2026-01-01", periods=N, freq="h")


def in_csv(frame: pd.DataFrame, **options: object) -> io.BytesIO:
    return csv(frame.to_csv(index=False, **options))


def fitted(*files: io.BytesIO, label: str = "kind", **choices: Any):
    return infer([parse_table(file) for file in files], label, choices=Choices(**choices))


def kinds(found) -> dict[str, str]:
    return {feature.name: feature.kind for feature in found.schema.features}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Unnamed: 0", range(N)),
        ("", range(500, 500 + N)),
        ("__index_level_0__", RNG.permutation(N)),
        ("delay_id", RNG.permutation(10**4)[:N]),
        ("customerId", [*range(N - 1), 0]),
        ("number", RNG.integers(0, 10**9, N)),
        ("long", 2**60 + np.arange(N)),
        ("rank", RNG.permutation(N) + 7000.0),
        ("uuid", [f"{i:032x}" for i in RNG.integers(0, 2**62, N).tolist()]),
    ],
)
@pytest.mark.parametrize("write", [in_csv, lambda frame: parquet(pa.Table.from_pandas(frame, preserve_index=False))])
def test_a_column_that_identifies_rows_is_no_feature_and_no_part_of_a_record(name, values, write) -> None:
    mine = PLAIN.assign(**{name: list(values)})
    found = fitted(write(mine))
    assert kinds(found) == {"len": "numeric"}
    assert [(column.name, column.role) for column in found.schema.excluded] == [(name, "id")]
    assert any(repr(name) in warning and "--feature" in warning for warning in found.warnings)
    renumbered = mine.assign(**{name: list(range(7000, 7000 + N))})
    hashes = {parse_records(write(each), found.schema).hashes() for each in (mine, renumbered, PLAIN)}
    assert len(hashes) == 1
    if name != "long":
        assert name in kinds(fitted(write(mine), features=(name,)))


def test_an_index_that_pandas_names_in_a_parquet_file_is_no_feature() -> None:
    framed = PLAIN.assign(plot=RNG.choice([1, 2], N)).set_index("plot")
    found = fitted(parquet(pa.Table.from_pandas(framed)))
    assert [column.name for column in found.schema.excluded] == ["plot"]
    plain = fitted(in_csv(PLAIN))
    assert parse_records(parquet(pa.Table.from_pandas(framed)), plain.schema).n == N


@pytest.mark.parametrize(
    "values",
    [RNG.normal(size=N), 1_764_144_000 + 5 * np.arange(N), [1, 2] * (N // 2), ["a", "b"] * (N // 2), WHEN.astype(str)],
    ids=["measurements", "Unix seconds", "counts", "categories", "times"],
)
def test_a_column_that_says_something_is_a_feature(values) -> None:
    found = fitted(in_csv(PLAIN.assign(x=values)))
    assert "x" in kinds(found)
    assert not found.schema.excluded


def test_the_owner_decides_about_columns() -> None:
    file = in_csv(PLAIN.assign(zip=["0123", "0456"] * (N // 2), room=7))
    found = fitted(file, ids=("room",), categories=("zip",))
    assert kinds(found) == {"len": "numeric", "zip": "categorical"}
    with pytest.raises(UsageError, match="expected names of columns, got 'nothing'; the columns are 'len'"):
        fitted(in_csv(PLAIN), dropped=("nothing",))
    with pytest.raises(DataError, match="got no feature: 'len' are left out"):
        fitted(in_csv(PLAIN), dropped=("len",))


def test_numbers_have_the_units_that_the_owner_names() -> None:
    file = in_csv(PLAIN.assign(weight=np.arange(N) / 3))
    found = fitted(file, label="weight", units={"len": "cm", "weight": "kg"}).schema
    assert (found.features[0].unit, found.label_unit) == ("cm", "kg")
    assert Schema.model_validate_json(found.model_dump_json()) == found
    assert "unit" not in fitted(in_csv(PLAIN)).schema.model_dump_json()
    for units in ({"kind": "cm"}, {"nothing": "cm"}):
        with pytest.raises(UsageError, match=r"expected units of columns of numbers, got units of .*numbers are 'len'"):
            fitted(in_csv(PLAIN), units=units)


def test_text_that_does_not_repeat_is_left_out_and_named() -> None:
    texts = [f"the pump of line {i} is loud, and somebody should look at it soon" for i in range(N)]
    found = fitted(in_csv(PLAIN.assign(note=texts)))
    assert [(column.name, column.role) for column in found.schema.excluded] == [("note", "dropped")]
    assert "text that does not repeat (40 values), no category" in found.warnings[0]


TRUTHS = {
    "python": ["True", "False"],
    "lower": ["true", "false"],
    "upper": ["TRUE", "FALSE"],
    "numbers": ["1", "0"],
    "floats": ["1.0", "0.0"],
}


@pytest.mark.parametrize("spelling", TRUTHS)
def test_booleans_are_the_same_in_every_spelling_as_feature_and_as_label(spelling) -> None:
    truth = RNG.random(N) < 0.5
    typed = pd.DataFrame({"len": PLAIN["len"], "on": truth, "kind": ~truth})
    found = fitted(parquet(pa.Table.from_pandas(typed)))
    assert kinds(found)["on"] == "boolean"
    assert found.schema.classes == ("false", "true")
    yes, no = TRUTHS[spelling]
    words = typed.assign(on=np.where(truth, yes, no), kind=np.where(truth, no, yes))
    read = parse_records(in_csv(words), found.schema)
    assert read.hashes() == parse_records(parquet(pa.Table.from_pandas(typed)), found.schema).hashes()
    assert to_frame(found.schema, read.x)["on"].dtype == bool


def test_numbers_of_classes_are_the_same_with_and_without_a_fraction() -> None:
    labels = RNG.integers(1, 4, N)
    found = fitted(in_csv(PLAIN.assign(kind=labels)))
    assert found.schema.classes == ("1", "2", "3")
    assert fitted(parquet({"len": PLAIN["len"], "kind": [f"{y}.0" for y in labels]})).schema.classes == ("1", "2", "3")
    files = [in_csv(PLAIN.assign(kind=form)) for form in (labels, labels.astype(float), labels.astype(str))]
    assert len({parse_records(file, found.schema).content_hash() for file in files}) == 1


@pytest.mark.parametrize("words", [["0x1f", "0x2E"], ["0X10", " 0x10"], ["0x1f", "17"]])
def test_text_in_hexadecimal_is_text_in_every_format_as_feature_and_as_label(words) -> None:
    mine = PLAIN.assign(port=words * (N // 2))
    for frame, label in ((mine, "kind"), (mine[["len", "port"]], "port")):
        found = fitted(in_csv(frame), label=label)
        assert kinds(found).get("port") == (None if label == "port" else "categorical")
        files = in_csv(frame), parquet(pa.Table.from_pandas(frame))
        assert len({parse_records(file, found.schema).hashes() for file in files}) == 1


def test_quotes_tell_a_country_code_from_a_gap() -> None:
    """As R writes it, as pandas writes it, and as Parquet holds it."""
    r = csv('"c","y"\n"NA","a"\nNA,"b"\n"DE","a"\n')
    pandas = csv("c,y\nNA,a\n,b\nDE,a\n")
    typed = parquet({"c": ["NA", None, "DE"], "y": ["a", "b", "a"]})
    found = infer([parse_table(r)], "y")
    assert found.schema.features[0].categories == ("", "DE", "NA")
    assert any("'NA': read as text, not as a missing value" in warning for warning in found.warnings)
    r.seek(0)
    assert len({parse_records(file, found.schema).hashes() for file in (r, pandas, typed)}) == 1


@pytest.mark.parametrize("name", ["c", "c, in cm"])
@pytest.mark.parametrize("text", ['"NA"', 'say "NA" twice: "NA"', ',"NA",', 'NA"', "x"])
def test_quotes_that_a_text_or_a_name_needs_make_no_gap_of_another(name: str, text: str) -> None:
    """pandas quotes what it must, and writes the text NA without quotes."""
    frame = pd.DataFrame({name: ["NA", "null", None, text], "y": ["a", "b", "a", "b"]})
    found = infer([parse_table(in_csv(frame))], "y").schema
    assert set(found.features[0].categories) == {"", "NA", "null", text}
    files = in_csv(frame), parquet(pa.Table.from_pandas(frame))
    assert len({parse_records(file, found).hashes() for file in files}) == 1


@pytest.mark.parametrize("word", ["?", "NA", "nan", "None", "", "null", "N/A", "-", "#N/A", "NULL", ".", "none"])
def test_a_gap_in_a_column_of_numbers_is_a_missing_value(word) -> None:
    numbers = [*PLAIN["len"].astype(str)[:-2], word, word]
    found = fitted(in_csv(PLAIN.assign(x=numbers)))
    assert [(f.kind, f.missing) for f in found.schema.features if f.name == "x"] == [("numeric", "nan")]
    assert any(f"{word!r} in 2 rows is read as a missing value" in warning for warning in found.warnings) is bool(word)
    gaps = PLAIN.assign(x=[*PLAIN["len"][:-2], None, None])
    records = [parse_records(file, found.schema) for file in (in_csv(gaps), parquet(pa.Table.from_pandas(gaps)))]
    assert records[0].hashes() == records[1].hashes()
    assert np.isnan(to_frame(found.schema, records[0].x)["x"].to_numpy()[-2:]).all()
    assert profile(found.schema, records[0])[1].missing == 2


@pytest.mark.parametrize("word", ["1,5", "1,500", "12 kg", "n.a."])
def test_a_word_in_a_column_of_numbers_is_named_with_row_and_count(word) -> None:
    with pytest.raises(DataError) as caught:
        fitted(in_csv(PLAIN.assign(x=[*PLAIN["len"].astype(str)[:-2], word, word])))
    assert f"got {word!r} in column 'x', row 38 and in 1 more of 40 rows" in caught.value.message
    assert "--categorical" in (caught.value.hint or "")


@pytest.mark.parametrize("word", ["unknown", "0000-00-00", "31/12/2026", "2026-02-30"])
@pytest.mark.parametrize("write", [in_csv, lambda frame: parquet(pa.Table.from_pandas(frame))])
def test_a_word_in_a_column_of_times_is_named_with_row_and_count(word, write) -> None:
    mine = PLAIN.assign(when=[*WHEN[:-2].strftime("%Y-%m-%d %H:%M"), word, word])
    with pytest.raises(DataError) as caught:
        fitted(write(mine))
    assert f"expected times as in the other rows, got {word!r} in column 'when', row 38 and in 1 more" in str(
        caught.value
    )
    assert "ISO 8601" in (caught.value.hint or "")
    assert "--categorical" in (caught.value.hint or "")
    assert kinds(fitted(write(mine), categories=("when",)))["when"] == "categorical"


def test_all_faults_of_a_file_come_in_one_message() -> None:
    schema = fitted(in_csv(PLAIN.assign(on=[True, False] * (N // 2)))).schema
    with pytest.raises(DataError) as caught:
        parse_records(csv("len,on,kind\n,maybe,early\nx,true,tired\n1,,late\n2,true,\n"), schema)
    assert caught.value.message.split("; ") == [
        "expected numbers, got 'x' in column 'len', row 1",
        "expected a value in every row, got none in column 'len', row 0",
        "expected true or false, got 'maybe' in column 'on', row 0",
        "expected a value in every row, got none in column 'on', row 2",
        "expected labels among 'early', 'late', got 'tired' in column 'kind', row 1",
        "and 1 more faults",
    ]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%H:%M:%S"])
def test_times_in_text_are_numbers_of_seconds_and_reach_the_model_as_they_were(form) -> None:
    words = WHEN.strftime(form)
    found = fitted(in_csv(PLAIN.assign(when=words)))
    assert kinds(found)["when"] == "time"
    read = parse_records(in_csv(PLAIN.assign(when=words)), found.schema)
    assert to_frame(found.schema, read.x)["when"].tolist() == words.tolist()


@pytest.mark.parametrize(
    "kind", ["datetime64[ns]", "datetime64[ms]", "datetime64[us, UTC]", "datetime64[ns, Europe/Rome]"]
)
def test_times_in_parquet_are_the_same_records_as_in_text_and_unix_seconds(kind) -> None:
    zoned = WHEN.tz_localize("UTC")
    typed = zoned.tz_localize(None).astype(kind) if "," not in kind else zoned.astype(kind)
    frame = PLAIN.assign(when=typed)
    found = fitted(parquet(pa.Table.from_pandas(frame)))
    read = parse_records(parquet(pa.Table.from_pandas(frame)), found.schema)
    pd.testing.assert_series_equal(to_frame(found.schema, read.x)["when"], frame["when"])
    of_database = (WHEN + pd.Timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S+02")
    for other in (zoned.strftime("%Y-%m-%dT%H:%M:%SZ"), of_database, WHEN.astype("int64") // 10**9):
        assert parse_records(in_csv(PLAIN.assign(when=other)), found.schema).hashes() == read.hashes()


def test_unix_seconds_beside_small_numbers_stay_apart() -> None:
    frame = pd.DataFrame({"ts": 1_764_144_000 + 5 * np.arange(N), "level": 1.5, "kind": PLAIN["kind"]})
    schema = fitted(in_csv(frame)).schema
    read = parse_records(in_csv(frame), schema)
    assert len(set(read.hashes())) == N
    assert to_array(schema, read.x)[:, 0].tolist() == frame["ts"].tolist()
    assert to_frame(schema, read.x)["ts"].dtype == np.int64


def test_a_column_of_zeros_in_text_does_not_say_that_other_records_have_whole_numbers() -> None:
    """An owner's pixels at the edge are 0, and those of others are not."""
    frame = pd.DataFrame({"edge": 0, "len": np.arange(N) % 7, "kind": PLAIN["kind"]})
    schema = fitted(in_csv(frame)).schema
    assert [feature.is_whole for feature in schema.features] == [False, True]
    other = frame.assign(edge=0.0625)
    assert set(parse_records(in_csv(other), schema).x[:, 0].tolist()) == {0.0625}


def test_a_whole_number_that_double_precision_lacks_is_refused_with_its_row() -> None:
    schema = fitted(in_csv(PLAIN)).schema
    message = r"expected whole numbers below 2\^53, got 9007199254740993 in column 'len', row 1"
    with pytest.raises(DataError, match=message):
        parse_records(parquet({"len": [1, 2**53 + 1], "kind": ["early", "late"]}), schema)


def test_single_precision_is_the_same_as_its_shortest_decimals() -> None:
    values = RNG.normal(size=N).astype(np.float32)
    labels = PLAIN["kind"].to_numpy().astype(str)
    single, text = npz(len=values, kind=labels), in_csv(pd.DataFrame({"len": values, "kind": labels}))
    for owner in (single, text):
        owner.seek(0)
        schema = fitted(owner).schema
        hashes = set()
        for file in (single, text):
            file.seek(0)
            hashes.add(parse_records(file, schema).hashes())
        assert len(hashes) == 1


def test_distinct_whole_amounts_in_floats_are_a_feature() -> None:
    found = fitted(in_csv(PLAIN.assign(rent=RNG.permutation(10**4)[:N] * 100.0)))
    assert kinds(found) == {"len": "numeric", "rent": "numeric"}


def test_a_column_that_cannot_be_read_is_refused_until_the_owner_leaves_it_out() -> None:
    kind = PLAIN["kind"].to_numpy().astype(str)
    table = {"len": PLAIN["len"], "tags": [["a"]] * N, "raw": [b"1"] * N, "kind": kind}
    with pytest.raises(DataError, match=r"got list.* in column 'tags'; .*got binary in column 'raw'") as caught:
        fitted(parquet(table))
    assert "--drop" in (caught.value.hint or "")
    with pytest.raises(DataError, match="in column 'raw'"):
        fitted(parquet(table), dropped=("tags",), features=("raw",))
    found = fitted(parquet(table), parquet({**table, "raw": [1] * N}), dropped=("tags",), ids=("raw",))
    assert {(column.name, column.role) for column in found.schema.excluded} == {("tags", "dropped"), ("raw", "id")}
    plain = parse_records(in_csv(PLAIN), found.schema).hashes()
    assert parse_records(parquet(table), found.schema).hashes() == plain
    with pytest.raises(DataError, match="in column 'kind'"):
        fitted(parquet({"len": PLAIN["len"], "kind": [["a"]] * N}))


def test_uuids_of_a_database_are_the_same_text_as_in_csv() -> None:
    keys = [f"{i:08x}-0000-4000-8000-{i:012x}" for i in range(N)]
    stored = pa.array([bytes.fromhex(key.replace("-", "")) for key in keys], pa.uuid())
    kind = PLAIN["kind"].to_numpy().astype(str)
    found = fitted(parquet({"row": stored, "len": PLAIN["len"], "kind": kind}))
    assert [(column.name, column.role) for column in found.schema.excluded] == [("row", "id")]
    customers = stored.take(pa.array([i // 4 for i in range(N)]))
    of_database = parquet({"customer": customers, "len": PLAIN["len"], "kind": kind})
    in_text = in_csv(PLAIN.assign(customer=[keys[i // 4] for i in range(N)]))
    schema = fitted(in_text).schema
    in_text.seek(0)
    assert parse_records(of_database, schema).hashes() == parse_records(in_text, schema).hashes()


@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(("mark", "comma"), [(",", "."), (";", ","), ("\t", "."), (";", "."), ("|", ".")])
def test_separators_and_encodings_change_nothing(encode, mark, comma) -> None:
    frame = PLAIN.rename(columns={"len": "größe"}).replace({"kind": {"late": "spät"}})
    schema = fitted(in_csv(frame)).schema
    file = csv(frame.to_csv(index=False, sep=mark, decimal=comma).encode(encode))
    assert parse_records(file, schema).hashes() == parse_records(in_csv(frame), schema).hashes()


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b"\x1f\x8b\x08\x00rest", "looks like a file compressed by gzip", "gunzip"),
        (b"FEA1\0\0", "looks like a Feather file of version 1", "read_feather"),
        (b"\x80\x04\x95", "looks like a pickle", "read_pickle"),
        (b"\x93NUMPY\x01\x00", "looks like a single NumPy array", "numpy.savez"),
        (b'[{"len": 1, "kind": "late"}]', "looks like JSON", "read_json"),
    ],
)
def test_an_odd_file_is_named_with_its_remedy(content, message, hint) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parse_table(io.BytesIO(content))
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": False, "column_encoding": {"city": "DELTA_LENGTH_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"city": "DELTA_BYTE_ARRAY"}},
        {"use_dictionary": False, "column_encoding": {"len": "BYTE_STREAM_SPLIT"}},
        {"data_page_version": "2.0", "compression": "zstd"},
        {"store_schema": False, "use_dictionary": False},
    ],
)
@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_a_parquet_file_is_the_same_records_in_every_encoding(options, kind) -> None:
    cities = np.array(["Bonn", "Rome"] * (N // 2))
    schema = fitted(in_csv(PLAIN.assign(city=cities))).schema
    city = pa.array(cities.tolist()).cast(kind) if not pa.types.is_dictionary(kind) else pa.array(cities).cast(kind)
    file = parquet(pa.table({"len": PLAIN["len"], "city": city, "kind": PLAIN["kind"]}), **options)
    if pa.types.is_dictionary(kind) and "city" in options.get("column_encoding", {}):
        refused(file, "expected categories in the dictionary encoding, got a delta encoding in column 'city'", schema)
        return
    assert parse_records(file, schema).hashes() == parse_records(in_csv(PLAIN.assign(city=cities)), schema).hashes()


def test_a_record_reaches_the_model_in_the_owners_types() -> None:
    frame = pd.DataFrame(
        {
            "count": np.arange(N, dtype=np.int32) // 2,
            "city": pd.Categorical(["Bonn", None] * (N // 2)),
            "on": [True, False] * (N // 2),
            "kind": PLAIN["kind"],
        }
    )
    table = parse_table(parquet(pa.Table.from_pandas(frame)))
    schema = infer([table], "kind").schema
    records: Records = to_records(table, schema)
    pd.testing.assert_frame_equal(to_frame(schema, records.x), frame.drop(columns="kind"))


def test_a_column_of_another_name_is_refused_with_a_hint() -> None:
    schema = fitted(in_csv(PLAIN)).schema
    with pytest.raises(DataError, match="got extra 'age'") as caught:
        parse_records(in_csv(PLAIN.assign(age=1)), schema)
    assert "leave the extra columns out" in (caught.value.hint or "")
