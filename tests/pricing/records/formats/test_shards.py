"""Tar archives: samples as in WebDataset; what does not belong into one is refused by the member's name."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from assay_pricing.errors import DataError
from assay_pricing.records.tables import parse_records, parse_table, read_table
from tests.kit.encoders import picture
from tests.kit.pictures import PICTURES, reads, samples, tar, written
from tests.pricing.records.files import seconds

pytestmark = pytest.mark.unit


def refused(archive: io.BytesIO, message: str, **bounds) -> None:
    with pytest.raises(DataError, match=message):
        parse_table(archive, **bounds)


def test_a_sample_may_have_an_object_of_columns_and_a_text(tmp_path: Path) -> None:
    rows = [{"kind": "cat", "weight": 1.5, "seen": "2026-01-31"}, {"kind": "dog", "weight": 2, "old": True, "seen": ""}]
    files = {}
    for i, row in enumerate(rows):
        files |= {f"{i}.json": json.dumps(row).encode(), f"{i}.png": picture(i), f"{i}.txt": f" text {i}\n".encode()}
    table = parse_table(tar(files))
    assert [*table.columns] == ["kind", "weight", "seen", "old", "txt"]
    assert table.columns["weight"].tolist() == [1.5, 2.0]
    assert table.columns["txt"].values == ("text 0", "text 1")
    assert table.pictures["image"].names == ("0.png", "1.png")
    assert table.label is None
    assert parse_table(tar({"a.txt": b"one", "a.cls": b"0", "b.txt": b"two", "b.cls": b"1"})).label == "label"


def test_an_archive_is_found_by_its_bytes(tmp_path: Path) -> None:
    schema, encoders = reads(tmp_path)
    path = tmp_path / "data.bin"
    path.write_bytes(tar(PICTURES).read())
    assert len(read_table(path, schema=schema)) == len(parse_records(tar(PICTURES), schema, encoders=encoders)) == 3


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**samples(), "004.png": b""}, r"expected '\.cls' in every sample as in others, got none for '004'"),
        ({**samples(), "000.jpg": b""}, r"one picture in each sample, got another in '000\.png'"),
        ({**samples(), "000.npy": b""}, r"samples of \.png, .*, got '000\.npy'"),
        ({"a.json": b"[1]"}, r"a JSON object in 'a\.json', got another value"),
        ({"a.json": b"{"}, r"expected JSON in 'a\.json'"),
        ({"a.json": b'{"y": NaN}'}, r"expected JSON in 'a\.json': NaN is no value"),
        ({"a.json": b'{"y": 1}', "b.json": b'{"y": "x"}'}, "values of one kind in field 'y'"),
        ({"a.json": b"[" * 100_000}, "expected an .* file, got an unreadable one"),
        ({"a.cls": b"\xff"}, r"text in UTF-8 in 'a\.cls'"),
        ({"a.json": b'{"label": 1}', "a.cls": b"1"}, "distinct column names, got 'label' more than once"),
        ([("cat/a.png", b""), ("cat/a.png", b"")], r"files of distinct names, got 'cat/a\.png' more than once"),
        ({"cat/../../a.png": b""}, r"names within the archive, got 'cat/\.\./\.\./a\.png'"),
        ({"/cat/a.png": b""}, "names within the archive, got '/cat/a.png'"),
        ({".hidden": b""}, "expected at least one record, got none"),
    ],
)
def test_what_an_archive_must_not_have_is_named(files: dict, message: str) -> None:
    refused(tar(files), message)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (tarfile.SYMTYPE, "expected regular files, got the link 'cat/a.png'"),
        (tarfile.LNKTYPE, "expected regular files, got the link 'cat/a.png'"),
        (tarfile.FIFOTYPE, "expected regular files, got the special file 'cat/a.png'"),
        (tarfile.CHRTYPE, "expected regular files, got the special file 'cat/a.png'"),
    ],
)
def test_a_member_that_is_no_regular_file_is_refused(kind: bytes, message: str) -> None:
    refused(tar({"cat/a.png": b""}, type=kind, linkname="/etc/passwd"), message)


def test_a_sparse_member_is_refused() -> None:
    sparse = {"GNU.sparse.size": str(2**40), "GNU.sparse.map": "0,0"}
    refused(tar({"cat/a.png": b""}, pax_headers=sparse), "special file")


def test_an_archive_that_is_cut_short_is_refused_wherever_it_ends() -> None:
    whole = tar({"cat/a.png": bytes(600), "dog/b.png": bytes(600)}).read()
    for end in (400, 700, 1536, 1600, 2048, 2500, 3072):
        refused(io.BytesIO(whole[:end]), "expected")


def test_a_member_that_states_a_size_beyond_the_archive_is_refused() -> None:
    head = tarfile.TarInfo("cat/a.png")
    head.size = 2**40
    refused(io.BytesIO(head.tobuf() + bytes(1024)), "one that ends within 'cat/a.png'")
    head.size = -1024
    refused(io.BytesIO(head.tobuf(tarfile.GNU_FORMAT) + bytes(1024)), "expected")


def test_an_archive_is_bounded_by_its_files_and_records() -> None:
    refused(tar(PICTURES), "expected at most 1000 bytes once expanded", max_bytes=1000)
    refused(tar(PICTURES), "expected at most 2 records in one offer, got 3", max_records=2)


def test_a_folder_of_archives_has_nothing_else(tmp_path: Path) -> None:
    shard = tar(samples()).read()
    with pytest.raises(DataError, match=r"a folder of tar archives alone, got 'labels\.csv'"):
        read_table(written(tmp_path / "shards", {"0.tar": shard, "labels.csv": b"a,b\n1,2\n"}))


@pytest.mark.parametrize(
    ("notes", "message"),
    [(b"1" * 10_000, "notes on a member without hundreds of digits"), (b"20000 a=" + b"b" * 20_000, "at most 16384")],
)
def test_notes_on_a_member_are_read_in_linear_time(notes: bytes, message: str) -> None:
    member = tarfile.TarInfo("notes")
    member.type, member.size = tarfile.XHDTYPE, len(notes)
    archive = member.tobuf(tarfile.USTAR_FORMAT) + notes + bytes(-len(notes) % 512) + tar(PICTURES).read()
    assert seconds(lambda: refused(io.BytesIO(archive), message)) < 1


def test_an_object_of_columns_names_each_once() -> None:
    refused(tar({"a.json": b'{"y": 1, "y": 2}'}), r"expected JSON in 'a\.json': 'y' is there twice")
