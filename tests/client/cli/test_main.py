"""``assay`` as a whole: settings that cannot be, options that cannot be, and that nothing ends in a traceback."""

import json
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from assay.cli.main import main
from assay.errors import UsageError
from tests.kit.commands import leaves

pytestmark = pytest.mark.unit

ID = "0x" + 64 * "1"


@pytest.mark.parametrize(("name", "value"), [("CHAIN", "abc"), ("CONFIRMATIONS", "-1")])
def test_impossible_setting(name: str, value: str) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["keys", "show"], env={f"ASSAY_{name}": value})
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {name.lower()}: ")


REGISTER = ["model", "register", "--function-hash", ID, "--oracle-address", "0x" + 40 * "1", "--max-price"]


@pytest.mark.parametrize(
    "arguments",
    [
        [*REGISTER, "-1"],
        [*REGISTER, "1", "--token", "ETH"],
        [*REGISTER, "1", "--reveal-window", "-1"],
        [*REGISTER, "1", "--salt", "1"],
        [*REGISTER, "99999999999999ether"],
        ["model", "register", "--function-hash", ID, "--oracle-address", "me", "--max-price", "1"],
        ["model", "fund", "--model", "7", "--amount", "1"],
        ["model", "fund", "--model", ID],
        ["model", "withdraw", "--model", ID, "--amount", "1", "--to", "me"],
        ["credit", "deposit", "--amount", "1.5"],
        ["orders", "--seller", "me"],
        ["sell", "/nowhere", "--model", ID],
        ["--confirmations", "-1", "orders"],
        ["nonsense"],
    ],
    ids=lambda arguments: " ".join(arguments)[-40:],
)
def test_option_that_cannot_be_is_refused_before_anything_is_done(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["--home", str(tmp_path), *arguments])
    assert (result.exit_code, "Error: " in result.stderr) == (2, True)


def test_a_price_function_that_was_refused_is_not_registered(tmp_path: Path) -> None:
    """No oracle prices by it: its budget would wait for nobody."""
    (tmp_path / "manifest.json").write_text(json.dumps({"hash": ID}))
    (tmp_path / "refused.txt").write_text("expected prices that agree, got a rank agreement of 0.1\n")
    options = ["--function", str(tmp_path), *REGISTER[4:], "1ether"]
    result = CliRunner(mix_stderr=False).invoke(main, ["--home", str(tmp_path / "home"), "model", "register", *options])
    assert result.exit_code == 2
    assert "one that was refused: expected prices that agree, got a rank agreement of 0.1" in result.stderr
    assert "hint: fit it again" in result.stderr


NEED_NOTHING = {("help",), ("settings",), ("names", "list"), ("names", "add"), ("completion",)}
COMMANDS = {
    ("completion",): ["zsh"],
    ("names", "add"): ["model", "dress", ID],
    ("names", "remove"): ["dress"],
    ("keys", "new"): [],
    ("model", "register"): [*REGISTER[2:], "1"],
    **{("model", name): ["--model", ID] for name in ("set-oracle", "status")},
    **{("model", name): ["--model", ID, "--amount", "1"] for name in ("fund", "withdraw")},
    ("model", "bond"): ["--model", ID, "--amount", "1", "--oracle-address", "0x" + 40 * "1"],
    **{("credit", name): ["--amount", "1"] for name in ("deposit", "withdraw")},
    ("model", "terms"): ["--model", ID],
    ("sell",): [__file__, "--model", ID],
    ("buy",): ["--model", ID, "--once"],
    ("seal",): ["/nowhere"],
    ("open",): ["/nowhere", "--key", "/nowhere", "--out", "/nowhere"],
}


def test_a_record_of_another_chain_is_not_used(tmp_path: Path) -> None:
    record = {"chain_id": 31337, "address": "0x" + 40 * "1", "block": 0, "code_hash": "0x" + 64 * "2"}
    (tmp_path / "1.json").write_text(json.dumps(record))
    result = CliRunner(mix_stderr=False).invoke(main, ["--deployments", str(tmp_path), "--chain", "1", "orders"])
    assert result.exit_code == 2
    assert "expected a deployment on chain 1" in result.stderr


@pytest.mark.parametrize("path", [path for path, _ in leaves(main, ()) if path != ("init",)], ids=" ".join)
def test_without_keys_or_deployment_every_command_says_what_is_missing(path: tuple[str, ...], tmp_path: Path) -> None:
    result = CliRunner(mix_stderr=False).invoke(
        main,
        ["--home", str(tmp_path), "--deployments", str(tmp_path), *path, *COMMANDS.get(path, [])],
        env={"ASSAY_PASSWORD_FILE": str(tmp_path / "none")},
    )
    if path in NEED_NOTHING:
        assert (result.exit_code, result.stderr) == (0, "")
        return
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code in (1, 2)
    assert result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["sell", "check"])
def test_command_takes_the_only_model_of_the_oracle(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = [b"\x07" * 32]
    info = SimpleNamespace(models=offered)
    monkeypatch.setattr("assay.oracle.api.OracleClient.info", lambda _: info)
    monkeypatch.setattr("assay.oracle.api.OracleClient.model", Mock(side_effect=UsageError("not asked further")))
    arguments = ["--home", str(tmp_path), "--deployments", str(tmp_path), command, __file__]
    result = CliRunner(mix_stderr=False).invoke(main, arguments)
    assert f"model 0x{32 * '07'}" in result.stderr
    assert "the only one of the oracle" in result.stderr
    offered.append(b"\x08" * 32)
    result = CliRunner(mix_stderr=False).invoke(main, arguments)
    assert (result.exit_code, "Missing option '--model'" in result.stderr) == (2, True)
    assert f"prices for 2 models, such as 0x{32 * '07'}, 0x{32 * '08'}" in result.stderr
