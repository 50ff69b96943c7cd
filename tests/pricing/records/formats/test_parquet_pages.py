"""Page headers in Thrift's compact protocol, byte by byte as its specification writes them."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay_pricing.errors import DataError
from assay_pricing.records.bounds import Bounds
from assay_pricing.records.formats.parquet_pages import check_pages, read_header

pytestmark = pytest.mark.unit

# type = 0, uncompressed size = 300, compressed size = 40, data page header {values = 7, encoding = 0}
HEADER = bytes([0x15, 0x00, 0x15, 0xD8, 0x04, 0x15, 0x50, 0x2C, 0x15, 0x0E, 0x15, 0x00, 0x00, 0x00])


def test_a_page_header_is_read_as_thrift_writes_it() -> None:
    assert read_header(HEADER + b"page") == ({1: 0, 2: 300, 3: 40, 5: {1: 7, 2: 0}}, len(HEADER))


def test_fields_of_every_type_are_skipped_by_their_length() -> None:
    fields = [
        b"\x11",  # field 1: true
        b"\x12",  # field 2: false
        b"\x13\x7f",  # field 3: a byte
        b"\x17" + bytes(8),  # field 4: a double
        b"\x18\x02ab",  # field 5: a binary of two bytes
        b"\x19\x25\x02\x04",  # field 6: a list of two integers, 1 and 2
        b"\x05\x28\x05",  # field 20, in the long form: the integer -3
    ]
    header, length = read_header(b"".join(fields) + b"\x00")
    assert header == {1: True, 2: False, 3: 127, 4: bytes(8), 5: b"ab", 6: [1, 2], 20: -3}
    assert length == sum(map(len, fields)) + 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER[:-1], "a page header is incomplete"),
        (b"\x15" + b"\xff" * 10, "longer than 64 bits"),
        (b"\x1e\x00", "unknown Thrift type 14"),
    ],
)
def test_a_header_that_breaks_the_protocol_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_header(content)


def test_pages_are_added_up_to_what_arrow_says_they_expand_to() -> None:
    file = io.BytesIO()
    table = pa.table({"a": [float(i) for i in range(1000)], "b": ["text"] * 1000})
    pq.write_table(table, file, compression="zstd", data_page_size=1000, write_page_index=False)
    metadata = pq.ParquetFile(file).metadata
    stated = sum(metadata.row_group(0).column(j).total_uncompressed_size for j in range(2))
    check_pages(file, metadata, Bounds(stated))  # the sizes that the footer states include the headers
    with pytest.raises(DataError, match="expected at most 8000 bytes once expanded"):
        check_pages(file, metadata, Bounds(8000))
