"""Parquet files: page sizes are bounded before decompression, and columns of other types are refused."""

import datetime as dt
import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.protocol.schema import Feature
from assay_pricing.records.tables import parse_records, parse_table
from tests.pricing.records.files import SCHEMA, parquet, refused

pytestmark = pytest.mark.unit


@contextmanager
def counted_memory() -> Iterator[pa.MemoryPool]:
    """Arrow's memory counted from zero: the peak of the default pool includes what wrote the test's file."""
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    try:
        yield pool
    finally:
        pa.set_memory_pool(before)


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
    stated = _zigzag(size)
    assert content.count(stated) == 2  # the column's and the row group's; the page's own is without its header
    lying = io.BytesIO(content.replace(stated, _zigzag(size % 2**7 + 2**21)))  # as many bytes, a smaller number
    assert pq.ParquetFile(lying).metadata.row_group(0).total_byte_size < size
    lying.seek(0)
    with counted_memory() as pool:
        refused(lying, "at most 2500000 bytes once expanded, got 3000010", None, max_bytes=2_500_000)
    assert pool.max_memory() <= 1_000_000


def _zigzag(value: int) -> bytes:
    value, out = value << 1, []
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def test_prefixed_text_is_read_in_steps_and_refused_for_what_it_expands_to() -> None:
    options = {"use_dictionary": False, "column_encoding": {"a": "DELTA_BYTE_ARRAY"}, "compression": "zstd"}
    small = parquet({"a": ["xy", None, "xyz"]}, **options)
    assert parse_table(small).columns["a"].values == ("xy", "xyz")
    bomb = parquet({"a": ["x" * 1_000_000] * 200}, **options)
    assert len(bomb.getvalue()) < 1000
    with counted_memory() as pool:
        refused(bomb, "at most 10000000 bytes once expanded", None, max_bytes=10_000_000)
    assert 0 < pool.max_memory() <= 150_000_000


def test_whole_numbers_that_double_precision_confounds_are_no_categories() -> None:
    columns = {"a": [1.0, 2.0], "c": [2**53, 2**53 + 1], "y": [0, 1]}
    refused(parquet(columns), r"expected labels and categories below 2\^53")
    read = parse_records(parquet({**columns, "c": [str(2**53), str(2**53 + 1)]}), SCHEMA)
    assert read.unseen == {1: (str(2**53), str(2**53 + 1))}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0]], "expected numbers, text or times, got list"),
        ([{"p": 1}], "expected numbers, text or times, got struct"),
        (pa.array([0], pa.duration("s")), r"expected numbers, text or times, got duration\[s\] in column 'a'"),
        ([b"1"], "expected numbers, text or times, got binary"),
        ([None], "expected a value in every row, got none in column 'a'"),
        (pa.array([None], pa.float32()), "got none in column 'a', row 0"),
        (pa.array(["red", None]).dictionary_encode().take([1]), "got none in column 'a', row 0"),
    ],
)
def test_parquet_columns_of_other_kinds_are_refused(values, message) -> None:
    refused(parquet({"a": values, "c": ["red"], "y": [0]}), message)


def test_time_in_96_bits_that_would_wrap_to_another_is_refused() -> None:
    """125 times 2^64 nanoseconds are whole microseconds: what wraps so looks like a time that was written."""
    schema = SCHEMA.model_copy(update={"features": (Feature(name="a", kind="time"),)})
    near = dt.datetime(2026, 1, 2, 3, 4, 5, 678, dt.UTC)

    def written(days: int) -> io.BytesIO:
        content = parquet(
            {"a": pa.array([near]), "y": [0]},
            use_deprecated_int96_timestamps=True,
            compression="none",
            use_dictionary=False,
        ).getvalue()
        day = struct.pack("<I", 2_440_588 + (near.date() - dt.date(1970, 1, 1)).days)
        assert content.count(day) == 1
        return io.BytesIO(content.replace(day, struct.pack("<I", 2_440_588 + days)))

    assert parse_records(written(0), schema).x[0, 0] == 3 * 3600 + 4 * 60 + 5.000678
    for days in (125 * 2**64 // (86_400 * 10**9), 2**31, -1_000_000):
        refused(written(days), "times from 1678 to 2261 in INT96, got .* in column 'a', row 0", schema)
