"""``assay pack``: a folder becomes one file, which replaces none."""

import errno
import os
import tarfile
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from assay.cli.main import main
from assay_pricing.records.tables import read_table, to_records
from tests.kit.pictures import FILES, reads, written

pytestmark = pytest.mark.unit


def run(*arguments: object, status: int = 0) -> str:
    result = CliRunner(mix_stderr=False).invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.stderr
    return result.stdout + result.stderr


def test_a_folder_in_partitions_becomes_one_file(tmp_path: Path) -> None:
    for year in (2025, 2026):
        path = tmp_path / "parts" / f"year={year}" / "a.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"a": [0.5, None], "y": ["no", "yes"]}), path)
    target = tmp_path / "data.parquet"
    run("pack", tmp_path / "parts", target)
    assert pq.read_table(target).to_pydict() == {
        "a": [0.5, None] * 2,
        "y": ["no", "yes"] * 2,
        "year": [2025, 2025, 2026, 2026],
    }
    assert f"{target} exists" in run("pack", tmp_path / "parts", target, status=2)
    assert "ends with .arrow" in run("pack", tmp_path / "parts", tmp_path / "data.zip", status=2)
    (tmp_path / "parts" / "notes.txt").touch()
    assert "Parquet files alone, got 'notes.txt'" in run("pack", tmp_path / "parts", tmp_path / "b.parquet", status=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.parquet", "parts"]


def test_a_folder_of_pictures_becomes_an_archive_of_the_same_content(tmp_path: Path) -> None:
    schema, encoders = reads(tmp_path)
    folder, target = written(tmp_path / "pictures", FILES), tmp_path / "pictures.tar"
    run("pack", folder, target)
    of_folder, of_archive = (to_records(read_table(path, schema=schema), schema, encoders) for path in (folder, target))
    assert of_archive.hashes() == of_folder.hashes()
    (folder / "link.png").symlink_to(folder / "cat" / "b.png")
    assert "the symbolic link" in run("pack", folder, tmp_path / "b.tar", status=2)
    assert not (tmp_path / "b.tar").exists()


def test_a_folder_of_archives_is_not_packed(tmp_path: Path) -> None:
    written(tmp_path / "shards", {"a.tar": b""})
    assert "offer each archive by itself" in run("pack", tmp_path / "shards", tmp_path / "b.tar", status=2)


def test_a_folder_without_files_is_not_packed(tmp_path: Path) -> None:
    folder = written(tmp_path / "pictures", {".DS_Store": b"of macOS"})
    for name in ("a.tar", "a.parquet"):
        assert f"expected files in {folder}, found none" in run("pack", folder, tmp_path / name, status=2)
        assert not (tmp_path / name).exists()


def test_pictures_as_a_table_name_the_ending_of_an_archive(tmp_path: Path) -> None:
    assert "with .tar" in run("pack", written(tmp_path / "pictures", FILES), tmp_path / "a.parquet", status=1)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_file_that_changes_while_it_is_packed_is_refused(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path / "texts", {"a.txt": b"first", "b.txt": b"second"})
    add = tarfile.TarFile.addfile

    def change(archive: tarfile.TarFile, member: tarfile.TarInfo, source: BinaryIO) -> None:
        os.truncate(folder / member.name, size)
        add(archive, member, source)

    monkeypatch.setattr(tarfile.TarFile, "addfile", change)
    refused = run("pack", folder, tmp_path / "a.tar", status=1)
    assert f"{folder / 'a.txt'} changed while it was packed" in refused
    assert list(tmp_path.iterdir()) == [folder]


def test_full_disk_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_archive: tarfile.TarFile, _member: tarfile.TarInfo, _source: BinaryIO) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    target = tmp_path / "a.tar"
    refused = run("pack", written(tmp_path / "texts", {"a.txt": b"first"}), target, status=1)
    assert f"cannot use {target}: No space left on device" in refused
    assert "make room" in refused
    assert not target.exists()
