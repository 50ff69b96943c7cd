"""``assay pack``: a folder becomes one file, which replaces none."""

from pathlib import Path

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
