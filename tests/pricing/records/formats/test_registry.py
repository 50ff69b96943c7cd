"""A format is added by one module: detection, reading and messages find it."""

import io
from pathlib import Path

import pytest

from assay_pricing.errors import DataError
from assay_pricing.records import formats
from assay_pricing.records.tables import parse_records, parse_table, read_table
from tests.pricing.records.files import GOOD, SCHEMA

pytestmark = pytest.mark.unit

TOY = '''
"""Toy: a magic number, then one record per line with fields between bars."""

import io

import numpy as np

from assay_pricing.errors import DataError
from assay_pricing.records.columns import RawTable
from assay_pricing.records.formats import FolderFormat, Format


def read(source, bounds, schema):
    head, *rows = [line.split("|") for line in source.read().decode().removeprefix("TOY!").split()]
    bounds.check_records(len(rows))
    if any(len(row) != len(head) for row in rows):
        raise DataError("expected as many fields in each line as names, got others")
    return RawTable({name: np.array([row[j] for row in rows], dtype=object) for j, name in enumerate(head)})


FORMAT = Format(name="Toy", suffixes=(".toy",), magic=b"TOY!", read=read)


def read_folder(path, bounds, schema):
    lines = [line for part in sorted(path.rglob("*.toy")) for line in part.read_text().removeprefix("TOY!").split()[1:]]
    return read(io.BytesIO("\\n".join(["a|c|y", *lines]).encode()), bounds, schema)


FOLDER = FolderFormat(name="Toy files", suffixes=(".toy",), read=read_folder)
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])


@pytest.mark.usefixtures("toy")
def test_a_format_added_in_one_file_is_read_and_listed() -> None:
    records = parse_records(io.BytesIO(b"TOY!a|c|y\n1.5|red|0\n-2|blue|1"), SCHEMA)
    assert records.x.tolist() == [[1.5, 0], [-2, 2]]
    assert records.unseen == {1: ("blue",)}
    assert formats.listing() == "Arrow, Arrow stream, CSV, JSON lines, NPZ, Parquet, Toy or tar"
    with pytest.raises(DataError, match=r"expected an Arrow, .*, Parquet, Toy or tar file, got an empty file"):
        parse_table(io.BytesIO())


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"TOY!a|c|y\n1|red", "expected as many fields in each line as names, got others"),
        (b"TOY!a|c|y", "expected at least one record, got none"),
        (b"TOY!a|c\n1|red", "expected a label column 'y'"),
        (b"TOY!\xff", "expected an Arrow, .*, Parquet, Toy or tar file, got an unreadable one"),
    ],
)
def test_what_is_wrong_with_its_files_is_reported(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_records(io.BytesIO(content), SCHEMA)


@pytest.mark.usefixtures("toy")
def test_a_folder_of_files_is_one_table_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "one.toy").write_text("TOY!a|c|y\n1|red|0")
    (folder / "a.TOY.toy").write_text("TOY!a|c|y\n2|red|0\n3|red|1")
    assert read_table(folder).columns["a"].values == ("2", "3", "1")
    (folder / "b" / "one.toy").write_text("TOY!a|c|y\n1|red")
    with pytest.raises(DataError, match="expected as many fields in each line as names"):
        read_table(folder)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"expected a folder of .*Toy files.*, got .*empty with none of them"):
        read_table(empty)


def test_a_format_is_detected_by_its_first_bytes_and_is_csv_if_no_other_matches() -> None:
    assert {name: formats.detect(content[: formats.magic_length()]).name for name, content in GOOD.items()} == {
        "csv": "CSV",
        "parquet": "Parquet",
        "npz": "NPZ",
        "jsonl": "JSON lines",
        "arrow": "Arrow",
        "stream": "Arrow stream",
    }
    assert formats.detect(b"P").name == "CSV"


def test_one_format_has_no_magic_number_and_no_two_share_a_name_or_a_suffix() -> None:
    known = formats.registered()
    assert [found.name for found in known if not found.magic] == ["CSV"]
    assert len({found.name for found in known}) == len(known)
    suffixes = [suffix for found in known for suffix in found.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix.startswith(".") for suffix in suffixes)
