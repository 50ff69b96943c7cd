"""Arrow files and streams: sizes are bounded before buffers are decompressed; only columns that are used are read."""

import io

import pandas as pd
import pyarrow as pa
import pytest

from assay_pricing.records.bounds import Bounds
from assay_pricing.records.formats.arrow_messages import check_messages
from assay_pricing.records.tables import parse_records, parse_table
from tests.pricing.records.files import COLUMNS, SCHEMA, arrow, refused

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_every_compression_gives_the_same_records(stream, compression) -> None:
    table = pa.table(COLUMNS).set_column(1, "c", pa.array(COLUMNS["c"]).dictionary_encode())
    read = parse_records(arrow(table, stream=stream, compression=compression), SCHEMA)
    assert read.hashes() == parse_records(arrow(COLUMNS), SCHEMA).hashes()


def test_batches_of_a_stream_have_dictionaries_of_their_own() -> None:
    parts = [pa.table({"a": [1.0], "c": pa.array([c]).dictionary_encode(), "y": [0]}) for c in ("red", "blue")]
    file = io.BytesIO()
    with pa.ipc.new_stream(file, parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)
    file.seek(0)
    assert parse_records(file, SCHEMA).x[:, 1].tolist() == [0, 2]


@pytest.mark.parametrize("stream", [False, True])
def test_a_bomb_is_refused_for_what_its_buffers_state(stream) -> None:
    bomb = arrow({"a": ["x" * 3_000_000]}, stream=stream, compression="zstd")
    assert len(bomb.getvalue()) < 1000
    before = pa.total_allocated_bytes()
    refused(bomb, "at most 1000000 bytes once expanded, got 3000008", None, max_bytes=1_000_000)
    assert pa.total_allocated_bytes() == before


def test_columns_without_buffers_are_refused_for_their_rows() -> None:
    refused(arrow({"a": pa.nulls(10**9)}), "at most 1000000 bytes once expanded", None, max_bytes=1_000_000)
    refused(arrow({"a": pa.nulls(10)}), "expected at most 9 records in one offer, got 10", None, max_records=9)


def test_views_of_one_text_are_refused_for_what_they_show() -> None:
    validity, views, *data = pa.array(["x" * 100_000], pa.string_view()).buffers()
    repeated = pa.py_buffer(views.to_pybytes()[:16] * 1000)
    bomb = arrow({"a": pa.Array.from_buffers(pa.string_view(), 1000, [validity, repeated, *data])})
    refused(bomb, "at most 1000000 bytes once expanded, got 100000000", None, max_bytes=1_000_000)


@pytest.mark.parametrize("stream", [False, True])
def test_messages_add_up_to_their_buffers(stream) -> None:
    """Three doubles in 24 bytes; three offsets and one more in 16 bytes, and three letters."""
    file = arrow({"a": [1.0, 2.0, 3.0], "c": ["x", "y", "z"]}, stream=stream)
    check_messages(file, Bounds(24 + 16 + 3))
    refused(file, "at most 42 bytes once expanded, got 43", None, max_bytes=42)


def test_a_file_that_is_cut_off_or_points_out_of_itself_is_refused() -> None:
    content = arrow(COLUMNS).getvalue()
    refused(io.BytesIO(content[:-1]), "one that is cut off", None)
    refused(io.BytesIO(content[:-10] + b"\xff\xff\xff\x7fARROW1"), "a footer of an impossible length", None)
    refused(io.BytesIO(b"\xff\xff\xff\xff\xff\xff\xff\x7f"), "a message of an impossible length", None)
    refused(io.BytesIO(arrow(COLUMNS, stream=True).getvalue()[:-300]), "expected", None)


def test_columns_of_other_kinds_are_not_read() -> None:
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([3], pa.int32()), pa.array([1.0]))
    table = parse_table(arrow({**COLUMNS, "tags": [["x"]] * 3, "runs": runs}))
    assert sorted(table.unreadable) == ["runs", "tags"]


def test_the_index_of_a_data_frame_is_known() -> None:
    frame = pd.DataFrame(COLUMNS).set_index(pd.Index([7, 8, 9], name="row"))
    table = pa.Table.from_pandas(frame)
    assert parse_table(arrow(table)).index == {"row"}
    assert parse_records(arrow(table), SCHEMA).hashes() == parse_records(arrow(COLUMNS), SCHEMA).hashes()
