"""``assay keys``: made once, from a password that is nowhere shown; half-made sets are completed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assay.cli.main import main

pytestmark = pytest.mark.unit


def run(home: Path, *arguments: str, password: str = "secret words") -> Result:
    runner = CliRunner(mix_stderr=False, env={"ASSAY_PASSWORD": password})
    result = runner.invoke(main, ["--home", str(home), *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "new"
    result = run(folder, "keys", "new", "--json")
    assert set(json.loads(result.stdout)) == {"address", "keystore", "recipient", "identity"}
    assert "secret words" not in result.stdout + result.stderr
    return folder


def test_show_needs_no_password(home: Path) -> None:
    shown = json.loads(run(home, "keys", "show", "--json").stdout)
    assert shown["address"].startswith("0x")
    assert shown["recipient"].startswith("age1")


def test_second_time_overwrites_nothing(home: Path) -> None:
    before = (home / "keystore.json").read_bytes()
    result = run(home, "keys", "new")
    assert (result.exit_code, "never overwritten" in result.stderr) == (1, True)
    assert (home / "keystore.json").read_bytes() == before


def test_half_made_keys_are_completed_under_the_same_password(home: Path) -> None:
    identity = home / "identity.json"
    kept = identity.read_bytes()
    identity.unlink()
    wrong = run(home, "keys", "new", password="another")
    assert (wrong.exit_code, identity.exists()) == (1, False)
    assert run(home, "keys", "new").exit_code == 0
    assert identity.exists()
    identity.write_bytes(kept)


def test_keystore_without_an_address_is_opened_for_it(home: Path, tmp_path: Path) -> None:
    shown = json.loads(run(home, "keys", "show", "--json").stdout)
    keystore = {k: v for k, v in json.loads((home / "keystore.json").read_text()).items() if k != "address"}
    (tmp_path / "keystore.json").write_text(json.dumps(keystore))
    (tmp_path / "keystore.json").chmod(0o644)
    found = run(tmp_path, "keys", "show", "--json")
    assert json.loads(found.stdout)["address"] == shown["address"]
    assert "warning: others on this machine can read" in found.stderr


def test_no_keys_yet(tmp_path: Path) -> None:
    result = run(tmp_path, "keys", "show")
    assert (result.exit_code, "hint: make one: assay keys new" in result.stderr) == (1, True)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xff"], ids=["missing", "binary"])
def test_password_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "password"
    if content:
        path.write_bytes(content)
    result = CliRunner(mix_stderr=False).invoke(
        main, ["--home", str(tmp_path / "home"), "keys", "new"], env={"ASSAY_PASSWORD_FILE": str(path)}
    )
    assert result.exit_code == 2
    assert "cannot read the password file" in result.stderr
