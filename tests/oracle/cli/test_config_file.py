"""Models are added to the operator's file and removed from it; whatever else she wrote stays as it is."""

import tomllib
from pathlib import Path

import pytest

from assay.errors import SettingsError
from assay.protocol.types import ModelId
from assay_oracle.cli.config_file import add_model, remove_model
from assay_oracle.settings import ModelEntry, Settings

pytestmark = pytest.mark.unit

FIRST, SECOND = ModelId(b"\x01" * 32), ModelId(b"\x02" * 32)
WRITTEN = """\
# mine, all mine
port = 8551   # not the usual one

[[models]]
id = "0x0101010101010101010101010101010101010101010101010101010101010101"
# the old one
artifact = "prices/first"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "oracle.toml"
    path.write_text(WRITTEN)
    path.chmod(0o640)
    return path


def test_model_is_appended_and_the_rest_stays_as_it_was_written(config: Path, tmp_path: Path) -> None:
    add_model(config, ModelEntry(id=SECOND, artifact=tmp_path / "prices" / "second"))
    assert config.read_text().startswith(WRITTEN)
    assert [entry.id for entry in Settings.read(config).models] == [FIRST, SECOND]
    assert tomllib.loads(config.read_text())["models"][1]["artifact"] == "prices/second"
    assert config.stat().st_mode & 0o777 == 0o640


def test_artifact_outside_the_folder_is_named_in_full(config: Path, tmp_path: Path) -> None:
    add_model(config, ModelEntry(id=SECOND, artifact=Path("/elsewhere/second"), proofs=tmp_path / "proofs"))
    assert str(Settings.read(config).models[1].artifact) == "/elsewhere/second"
    assert tomllib.loads(config.read_text())["models"][1]["proofs"] == "proofs"


def test_first_model_of_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "oracle.toml"
    path.write_text("")
    add_model(path, ModelEntry(id=FIRST, artifact=tmp_path / "price"))
    assert [entry.id for entry in Settings.read(path).models] == [FIRST]


def test_model_is_removed_with_its_block_alone(config: Path, tmp_path: Path) -> None:
    add_model(config, ModelEntry(id=SECOND, artifact=tmp_path / "second"))
    remove_model(config, FIRST)
    assert [entry.id for entry in Settings.read(config).models] == [SECOND]
    assert config.read_text().startswith("# mine, all mine\nport = 8551   # not the usual one\n")
    remove_model(config, SECOND)
    assert Settings.read(config).models == ()
    assert Settings.read(config).port == 8551


def test_model_that_is_not_there_is_not_removed(config: Path) -> None:
    with pytest.raises(SettingsError, match="found none"):
        remove_model(config, SECOND)
    assert config.read_text() == WRITTEN


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ('models = [{id = "0x' + 64 * "1" + '", artifact = "price"}]\n', "add"),
        ('models = [{id = "0x' + 64 * "01" + '", artifact = "price"}]\n', "remove"),
        ("port = = 1\n", "add"),
    ],
    ids=["inline", "inline_removed", "no_toml"],
)
def test_file_that_is_written_otherwise_is_left_to_its_author(tmp_path: Path, text: str, act: str) -> None:
    path = tmp_path / "oracle.toml"
    path.write_text(text.replace(64 * "01", 32 * "01"))
    before = path.read_text()
    with pytest.raises(SettingsError):
        add_model(path, ModelEntry(id=SECOND, artifact=tmp_path)) if act == "add" else remove_model(path, FIRST)
    assert path.read_text() == before
