"""CSV files: headers, quotes, line ends, and what is refused."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay_pricing.errors import DataError
from assay_pricing.records.columns import RawTable, Texts
from assay_pricing.records.formats import csv as reader
from assay_pricing.records.tables import parse_records, parse_table
from tests.pricing.records.files import SCHEMA, csv, refused, seconds

pytestmark = pytest.mark.unit


def test_a_csv_with_tens_of_thousands_of_columns_is_refused_at_once() -> None:
    head = ",".join(f"c{i}" for i in range(50_000))
    file = csv(head + "\n" + "1," * 49_999 + "1\n")
    assert seconds(lambda: refused(file, "expected a label column 'y'")) < 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty file"),
        ("a,c,y\n", "at least one record"),
        ("\n", "expected a label column 'y'"),
        ("a,c,y\n1,red\n", "Expected 3 columns, got 2: 1,red, in row 0"),
        ('a,c,y\n1,"r\ned",0\n1,red,0\n1,red\n', "Expected 3 columns, got 2: 1,red, in row 2"),
        ('"a\nb",c,y\n1,red,0\n', "expected a label column 'y'"),
        ("a,c,y\n1,,0\n", "expected a value in every row, got none in column 'c', row 0"),
    ],
)
def test_csv_that_is_no_table_is_refused(text, message) -> None:
    refused(csv(text), message)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('"a","c","y"\n"1",1,"red",0\n', "row.names = FALSE"),
        ("a,c,y\n1,red,0,\n", "end no line with a separator"),
        ("a;c;y\n1;red\n", "a cell for each column"),
        ("a,c,y\n1,red, really red, and more,0\n", "between quotes"),
        ("sep=;\na;c;y\n1;red;0\n", "delete that line"),
        ('\ufeff"sep=\t"\r\na\tc\ty\r\n1\tred\t0\r\n', "delete that line"),
    ],
)
def test_a_line_that_does_not_fit_the_header_is_refused_with_the_remedy(text, hint) -> None:
    with pytest.raises(DataError) as caught:
        parse_records(csv(text), SCHEMA)
    assert hint in (caught.value.hint or "")


def test_csv_has_byte_order_marks_line_ends_quotes_and_empty_lines() -> None:
    read = parse_records(csv(b'\xef\xbb\xbfa,c,y\r\n1,"red",0\r\n\r\n2,"b ""l"",\ne",1\r\n'), SCHEMA)
    assert read.x.tolist() == [[1, 0], [2, 2]]
    assert read.unseen == {1: ('b "l",\ne',)}


@pytest.mark.parametrize("text", ["a;c, or so;y\n1;red;0\n", "c, or so|a|y\nred|1|0\n", 'a,"c;;;;",y\n1,red,0\n'])
def test_the_most_frequent_mark_outside_quotes_separates(text) -> None:
    assert len(parse_table(csv(text)).columns) == 3


def test_an_encoding_that_is_taken_for_another_is_noted() -> None:
    assert "read as Windows-1252" in parse_table(csv("a,y\ncaf\xe9,\x801\n".encode("latin-1"))).notes[0]
    assert parse_table(csv("a,y\ncafé,€1\n")).notes == ()


def contents(table: RawTable) -> dict[str, object]:
    """What a table holds, in a form that can be compared: the texts of a column, or its numbers with their type."""
    found: dict[str, object] = {"words": table.words, "notes": table.notes}
    for name, column in table.columns.items():
        if isinstance(column, Texts):
            found[name] = [column.values[code] if code >= 0 else None for code in column.codes]
        else:
            found[name] = (column.dtype, np.where(np.isnan(column), None, column).tolist())
    return found


CELLS = st.sampled_from(["", "1", "-2", "2.5", "1,5", "1.234", "1e3", "007", "0x1F", "?", "NA", "red", str(2**53 + 1)])


@given(st.lists(CELLS, min_size=40, max_size=40), st.lists(CELLS, min_size=1, max_size=3))
@settings(deadline=None, max_examples=60)
def test_a_column_is_read_in_the_same_way_however_the_file_is_divided(few: list[str], ends: list[str]) -> None:
    one_kind = ["1", "2", "3"] * 12 + ends
    text = "a;b;y\n" + "".join(f"{a};{b};0\n" for a, b in zip(few, one_kind + ["4"] * 40, strict=False))
    whole = contents(parse_table(csv(text)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_BLOCK", 64)
        assert contents(parse_table(csv(text))) == whole


def test_a_column_whose_last_cell_is_no_number_keeps_the_text_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BLOCK", 64)
    table = parse_table(csv("a,y\n" + "1.50,0\n" * 50 + "x,1\n"))
    assert contents(table)["a"] == ["1.50"] * 50 + ["x"]


def test_a_row_beyond_a_block_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BLOCK", 64)
    refused(csv("a,c,y" + ",name" * 20 + "\n"), "rows of at most 64 bytes")
    with pytest.raises(DataError, match="rows of at most 64 bytes") as caught:
        parse_table(csv("a,y\n" + f"1,{'x' * 200}\n" * 3))
    assert "Parquet" in (caught.value.hint or "")


def test_a_file_is_bounded_by_its_values_and_not_by_its_length() -> None:
    text = "a,y\n" + "0.12345678901234567890123456789,1\n" * 1000
    assert len(parse_table(csv(text), max_bytes=16_000)) == 1000
    with pytest.raises(DataError, match="at most 15999 bytes once expanded, got 16000"):
        parse_table(csv(text), max_bytes=15_999)


@pytest.mark.parametrize("block", range(1, 12))
def test_a_quoted_gap_is_found_wherever_the_file_is_divided(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BLOCK", block)
    for end in ("", "\n", ",x"):
        assert reader._has_quoted_gap(csv(f'c,y\nx,y\n1,"NA"{end}'))
        assert not reader._has_quoted_gap(csv(f'c,y\nx,y\n1,"a ""NA"" b"{end}'))


SCRIPT = """
import io, sys, threading, time
from assay_pricing.errors import DataError
from assay_pricing.records.formats import csv
from assay_pricing.records.tables import parse_table

class SlowInAThread(io.BytesIO):
    def read(self, size=-1):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.1)
        return super().read(size)

csv._BLOCK = 64
try:
    parse_table(SlowInAThread(b"a,b\\n" + b"1,2\\n" * int(sys.argv[1]) + b"1\\n" * 500))
except DataError as error:
    print(error.message)
    sys.exit(2)
"""


@pytest.mark.parametrize("row", [0, 40])
def test_a_script_whose_file_is_refused_while_arrow_reads_ahead_ends_with_its_status(row: int) -> None:
    call = [sys.executable, "-c", SCRIPT, str(row)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(call, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert (ended.returncode, ended.stderr) == (2, "")
    assert f"Expected 2 columns, got 1: 1, in row {row}" in ended.stdout
