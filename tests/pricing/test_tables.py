"""Files from strangers: read right, or refused at once with a reason."""

import io
import time
import zipfile
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.tables import canonical_text, infer_schema, parse_records, parse_table, to_records

pytestmark = pytest.mark.unit

SCHEMA = Schema(
    task="classification",
    features=(Feature(name="a"), Feature(name="c", kind="categorical", categories=("red", "é"))),
    label="y",
    classes=("0", "1"),
)
NUMERIC = SCHEMA.model_copy(update={"features": (Feature(name="a"), Feature(name="b"))})


def csv(text: str | bytes) -> io.BytesIO:
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def parquet(columns, **options) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), file, **options)
    file.seek(0)
    return file


def npz(**arrays) -> io.BytesIO:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    file.seek(0)
    return file


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    file.seek(0)
    return file


def seconds(call) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def refused(file: io.BytesIO, said: str, schema: Schema | None = SCHEMA, **bounds) -> None:
    with pytest.raises(DataError, match=said) as caught:
        parse_table(file, **bounds) if schema is None else parse_records(file, schema, **bounds)
    assert len(str(caught.value)) < 1000


GOOD = {
    "csv": csv("a,c,y\n1.5,red,0\n-2,é,1\n0,blue,1\n").getvalue(),
    "parquet": parquet({"a": [1.5, -2, 0], "c": ["red", "e\u0301", "blue"], "y": [0, 1, 1]}).getvalue(),
    "npz": npz(a=np.array([1.5, -2, 0]), c=np.array(["red", "é", "blue"]), y=np.array([0, 1, 1])).getvalue(),
}


def test_one_record_has_one_hash_in_every_format() -> None:
    read = [parse_records(io.BytesIO(content), SCHEMA) for content in GOOD.values()]
    assert read[0].x.tolist() == [[1.5, 0], [-2, 1], [0, 2]]
    assert read[0].unseen == {1: ("blue",)}
    assert read[0].hashes() == read[1].hashes() == read[2].hashes()


# --- what a small file expands to


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_parquet_dictionary_is_refused_for_what_its_rows_expand_to(version) -> None:
    text = pa.array(["x" * 10_000] * 10_000).dictionary_encode().cast(pa.string())
    file = parquet({"a": text}, compression="zstd", data_page_version=version)
    assert len(file.getvalue()) < 1000
    refused(file, "at most 1000000 bytes once expanded", None, max_bytes=1_000_000)
    kept = parquet({"a": text.dictionary_encode()}, compression="zstd")
    refused(kept, "at most 1000000 bytes once expanded", None, max_bytes=1_000_000)


def test_a_parquet_footer_that_lies_about_its_pages_is_found_out_before_they_are_unpacked() -> None:
    honest = parquet({"a": ["x" * 3_000_000]}, compression="zstd", use_dictionary=False, write_statistics=False)
    content, size = honest.getvalue(), pq.ParquetFile(honest).metadata.row_group(0).total_byte_size
    told = _zigzag(size)
    assert content.count(told) == 2  # the column's and the row group's; the page's own is without its header
    lying = io.BytesIO(content.replace(told, _zigzag(size % 2**7 + 2**21)))  # as many bytes, a smaller number
    assert pq.ParquetFile(lying).metadata.row_group(0).total_byte_size < size
    lying.seek(0)
    before = pa.default_memory_pool().max_memory()
    refused(lying, "at most 2500000 bytes once expanded, got 3000010", None, max_bytes=2_500_000)
    assert pa.default_memory_pool().max_memory() <= before + 1_000_000


def _zigzag(value: int) -> bytes:
    value, out = value << 1, []
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def test_prefixed_text_is_refused_because_its_size_is_unknown_before_it_is_decoded() -> None:
    options = {"use_dictionary": False, "column_encoding": {"a": "DELTA_BYTE_ARRAY"}}
    refused(parquet({"a": ["x" * 1000] * 1000}, **options), "DELTA_BYTE_ARRAY in column 0", None)


def test_an_npz_is_bounded_by_its_numbers_in_double_precision() -> None:
    file = npz(x=np.zeros((1000, 900), np.uint8), y=np.zeros(1000, np.int8))
    refused(file, "at most 1000000 bytes once expanded, got 7200000", None, max_bytes=1_000_000)


def test_a_member_of_a_zip_file_that_may_unpack_without_bound_is_refused() -> None:
    refused(zipped({"x.npy": npy(np.zeros((3, 2)))}, zipfile.ZIP_BZIP2), "another packing of 'x'", None)


def test_a_wide_array_is_refused_before_it_becomes_columns() -> None:
    file = npz(x=np.zeros((1, 10**7), np.uint8), y=np.zeros(1, np.int8))
    assert seconds(lambda: refused(file, "expected 2 features in each record, got 10000000", NUMERIC)) < 2


@pytest.mark.parametrize("form", ["csv", "parquet", "npz"])
def test_the_number_of_records_in_an_offer_is_limited(form) -> None:
    refused(io.BytesIO(GOOD[form]), "expected at most 2 records in one offer, got 3", max_records=2)
    assert len(parse_records(io.BytesIO(GOOD[form]), SCHEMA, max_records=3)) == 3


# --- time


def test_a_csv_with_tens_of_thousands_of_columns_is_refused_at_once() -> None:
    head = ",".join(f"c{i}" for i in range(50_000))
    file = csv(head + "\n" + "1," * 49_999 + "1\n")
    assert seconds(lambda: refused(file, "expected a label column 'y'")) < 2


def test_tens_of_thousands_of_unseen_categories_are_read_in_a_moment() -> None:
    file = csv("a,c,y\n" + "".join(f"1,v{i},0\n" for i in range(40_000)))
    assert seconds(lambda: parse_records(file, SCHEMA)) < 3


def test_stacked_combining_marks_are_refused_because_ordering_them_is_quadratic() -> None:
    file = csv("a,c,y\n1,o" + "\u0301\u0327" * 100_000 + ",0\n")
    assert seconds(lambda: refused(file, "at most 30 combining marks in a row")) < 3
    assert canonical_text("o" + "\u0301" * 29) == "ó" + "\u0301" * 28


# --- two readings of one file


def test_two_members_of_one_name_are_refused() -> None:
    labels = npy(np.zeros(3, int))
    file = zipped({"x": npy(np.zeros((3, 2))), "x.npy": npy(np.ones((3, 2))), "y.npy": labels})
    refused(file, "expected distinct column names, got 'x' more than once", NUMERIC)


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.table([[1.0], [2.0], [0]], names=["a", "a", "y"])
    refused(parquet(table), "expected distinct column names, got 'a' more than once", NUMERIC)
    refused(csv("a,a,y\n1,2,0\n"), "expected distinct column names, got 'a' more than once", NUMERIC)


def test_names_that_differ_by_normalisation_are_two_names() -> None:
    schema = NUMERIC.model_copy(update={"features": (Feature(name="é"),)})
    refused(csv("e\u0301,y\n1,0\n"), "missing 'é'; extra", schema)


# --- what a refusal quotes


def test_a_refusal_quotes_no_more_than_a_part_of_a_line() -> None:
    long = "Q" * 500_000
    refused(csv(f"a,c,y\n1,red,{long}\n"), r"got 'Q{80}'\.\.\. \(500000 characters\)")
    refused(csv(f"a,c,y\n{long},red,0\n"), "expected CSV with numbers")
    refused(csv(f"a,c,y\n1,red,0,{long}\n"), "expected CSV with numbers")
    refused(parquet({"a": [long], "c": ["red"], "y": [0]}), "expected numbers in column 'a'")
    refused(parquet({long: [1], "c": ["red"], "y": [0]}), "missing 'a'; extra 'Q")


def test_text_that_is_no_unicode_is_refused() -> None:
    file = npz(a=np.zeros(1), c=np.array(["\ud800"]), y=np.zeros(1))
    refused(file, "lone surrogate")
    refused(npz(a=np.zeros(1), c=np.array(["red"]), y=np.array(["\ud800"])), "lone surrogate")
    refused(csv(b"a,c,y\n1,\xff,0\n"), "invalid UTF8")


# --- numbers


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
    assert infer_schema([table], "y").features[0].categories == ("False", "True")


def test_a_label_has_a_name_of_its_own() -> None:
    table = parse_table(npz(x=np.zeros((2, 2)), y=np.array([0, 1])))
    with pytest.raises(DataError, match="expected a name for the label that no feature has, got"):
        infer_schema([table], "x1")


@pytest.mark.parametrize("value", ["1e400", "nan", "-inf", "1e39"])
def test_numbers_beyond_single_precision_are_refused(value) -> None:
    refused(csv(f"a,b,y\n{value},1,0\n"), "expected finite numbers, got .* in column 'a', row 0", NUMERIC)


def test_the_smallest_numbers_and_negative_zero_are_zero_or_themselves() -> None:
    read = parse_records(csv("a,b,y\n1e-320,1e-40,0\n-0.0,1e-40,0\n"), NUMERIC)
    assert read.x[0, 0] == 0
    assert read.x[0, 1] > 0
    assert len(set(read.hashes())) == 1


def test_whole_numbers_that_double_precision_confounds_are_no_categories() -> None:
    columns = {"a": [1.0, 2.0], "c": [2**53, 2**53 + 1], "y": [0, 1]}
    refused(parquet(columns), r"expected labels and categories below 2\^53")
    read = parse_records(parquet({**columns, "c": [str(2**53), str(2**53 + 1)]}), SCHEMA)
    assert read.unseen == {1: (str(2**53), str(2**53 + 1))}


# --- what is not a table


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([[1.0]], "expected numbers or text, got list"),
        ([{"p": 1}], "expected numbers or text, got struct"),
        (pa.array([0], pa.timestamp("s")), "expected numbers or text, got timestamp"),
        ([b"1"], "expected numbers or text, got binary"),
        ([None], "expected a value in every row, got none in column 'a'"),
        (pa.array([None], pa.float32()), "got none in column 'a', row 0"),
        (pa.array(["red", None]).dictionary_encode().take([1]), "got none in column 'a', row 0"),
    ],
)
def test_parquet_columns_of_other_kinds_are_refused(values, said) -> None:
    refused(parquet({"a": values, "c": ["red"], "y": [0]}), said)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "at least one record"),
        ({"x": np.zeros((2, 0)), "y": np.zeros(2)}, "one value in each"),
        ({"x": np.zeros((2, 2)), "y": np.zeros(3)}, r"expected labels \(2,\)"),
        ({"x": np.zeros((2, 2))}, "expected one array of labels beside 'x', got none"),
        ({"x": np.zeros((2, 2), complex), "y": np.zeros(2)}, "expected arrays of numbers or text"),
        ({"x": np.zeros(2, [("a", "f4"), ("b", "f4")]), "y": np.zeros(2)}, "expected arrays of numbers or text"),
        ({"a": np.float64(1), "b": np.zeros(1), "y": np.zeros(1)}, r"expected a column \(n,\), got \(\) in 'a'"),
        ({"a": np.zeros(2), "b": np.zeros(1), "y": np.zeros(2)}, "expected columns of one length"),
    ],
)
def test_npz_arrays_of_other_kinds_are_refused(arrays, said) -> None:
    refused(npz(**arrays), said, NUMERIC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got an empty file"),
        ("a,c,y\n", "at least one record"),
        ("\n", "expected a label column 'y'"),
        ("a,c,y\n1,red\n", "Expected 3 columns, got 2"),
        ('"a\nb",c,y\n1,red,0\n', "expected a label column 'y'"),
        ("a,c,y\n1,,0\n", "expected a value in every row, got none in column 'c', row 0"),
    ],
)
def test_csv_that_is_no_table_is_refused(text, said) -> None:
    refused(csv(text), said)


def test_csv_has_byte_order_marks_line_ends_quotes_and_empty_lines() -> None:
    read = parse_records(csv(b'\xef\xbb\xbfa,c,y\r\n1,"red",0\r\n\r\n2,"b ""l"",\ne",1\r\n'), SCHEMA)
    assert read.x.tolist() == [[1, 0], [2, 2]]
    assert read.unseen == {1: ('b "l",\ne',)}


@pytest.mark.parametrize("form", sorted(GOOD))
@given(st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
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
