"""``assay keys``: made once, from a password that is nowhere shown; half-made sets are completed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from eth_account import Account

from assay.cli.main import main
from tests.kit.light_keys import write_keystore

pytestmark = pytest.mark.unit

KEY = bytes(31) + b"\x07"


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


def test_half_made_keys_are_completed_under_the_same_password(tmp_path: Path) -> None:
    write_keystore(tmp_path / "keystore.json", KEY, "secret words")
    identity = tmp_path / "identity.json"
    wrong = run(tmp_path, "keys", "new", password="another")
    assert (wrong.exit_code, identity.exists()) == (1, False)
    assert run(tmp_path, "keys", "new").exit_code == 0
    assert identity.exists()


def test_keystore_without_an_address_is_opened_for_it(tmp_path: Path) -> None:
    path = tmp_path / "keystore.json"
    write_keystore(path, KEY, "secret words")
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "address"}))
    path.chmod(0o644)
    found = run(tmp_path, "keys", "show", "--json")
    assert json.loads(found.stdout)["address"] == Account.from_key(KEY).address
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
