"""``assay init``, ``assay settings`` and ``assay names``: after them, no variable and no 32-byte id is typed."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from assay.chain.settlement import SettlementClient
from assay.cli.main import main
from assay.cli.session import Session
from assay.settings import Settings
from tests.kit.actors import CONTRACT, DOMAIN, buyer_account

pytestmark = pytest.mark.unit

MODEL = "0x" + "12" * 32


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.cli.commands.setup._chain_of", lambda _: DOMAIN.chain_id)
    monkeypatch.setattr("assay.cli.commands.setup._info_of", lambda _: None)


def run(home: Path, *arguments: object, typed: str = "", status: int = 0, **variables: str) -> Result:
    runner = CliRunner(mix_stderr=False, env=variables)
    result = runner.invoke(main, ["--home", str(home), *map(str, arguments)], input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == status, result.stdout + result.stderr
    return result


def sources(home: Path, *options: str, **variables: str) -> Any:
    return json.loads(run(home, *options, "settings", "--json", **variables).stdout)


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "31337.json"
    content = {"chain_id": DOMAIN.chain_id, "address": CONTRACT, "block": 7, "code_hash": "0x" + 64 * "2"}
    path.write_text(json.dumps(content))
    return path


# --- init -------------------------------------------------------------------------------------------------------------


def test_answers_are_written_privately_and_used(tmp_path: Path, record: Path) -> None:
    home = tmp_path / "home"
    typed = "http://node.example\nhttps://oracle.example\ndress\n\npassword\n3\n"
    run(home, "init", "--deployment", record, typed=typed)
    assert stat.S_IMODE((home / "config.toml").stat().st_mode) == 0o600
    settings = Settings(home=home)
    assert (settings.node, settings.oracle, settings.model) == (
        "http://node.example",
        "https://oracle.example",
        "dress",
    )
    assert settings.confirmations == 3
    assert settings.keystore_path == home / "keystore.json"
    assert settings.password_file == Path("password").resolve()
    assert json.loads((settings.deployments / "31337.json").read_text())["block"] == 7


def test_options_answer_in_advance(tmp_path: Path, record: Path) -> None:
    said = run(
        *(tmp_path, "--node", "http://n", "--oracle", "https://o.example", "--confirmations", 5),
        *("init", "--deployment", record, "--model", MODEL, "--yes"),
    )
    assert said.stderr == ""
    settings = Settings(home=tmp_path)
    assert (settings.node, settings.model, settings.confirmations) == ("http://n", MODEL, 5)
    assert "next\tassay keys new" in said.stdout


def test_most_that_a_transaction_may_cost_is_written_if_it_is_given(tmp_path: Path, record: Path) -> None:
    run(tmp_path, "--max-fee", "1.5eth", "init", "--deployment", record, "--yes")
    assert sources(tmp_path)["max_fee"] == {"value": str(15 * 10**17), "source": str(tmp_path / "config.toml")}
    assert "1.5 ETH (1500000000000000000 wei)" in run(tmp_path, "settings").stdout
    run(tmp_path, "init", "--deployment", record, "--yes", "--replace")
    assert sources(tmp_path)["max_fee"]["source"] == "default"


def test_most_that_a_transaction_may_cost_reaches_the_chain(
    tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SettlementClient, "check", lambda _: None)
    with Session({"home": tmp_path, "deployments": record.parent, "max_fee": 7}) as session:
        assert session.chain(sending=False)._sender._max_fee == 7


def test_file_that_exists_is_not_replaced_silently(tmp_path: Path, record: Path) -> None:
    (tmp_path / "config.toml").write_text('node = "http://mine"\n')
    refused = run(tmp_path, "init", "--deployment", record, "--yes", status=2)
    assert "--replace" in refused.stderr
    assert Settings(home=tmp_path).node == "http://mine"
    run(tmp_path, "--node", "http://other", "init", "--deployment", record, "--yes", "--replace")
    assert Settings(home=tmp_path).node == "http://other"


def test_without_a_record_the_contract_is_asked_for(tmp_path: Path, record: Path) -> None:
    away = record.rename(tmp_path / "elsewhere.json")
    said = run(tmp_path / "home", "--deployments", tmp_path / "none", "init", typed=f"\n{away}\n\n\n\n\n\n")
    assert "expected a deployment record at" in said.stderr
    assert Settings(home=tmp_path / "home").deployments == tmp_path / "home" / "deployments"


# --- settings ---------------------------------------------------------------------------------------------------------


def test_precedence_and_source_of_each_value(tmp_path: Path) -> None:
    assert sources(tmp_path)["node"] == {"value": "http://127.0.0.1:8545", "source": "default"}
    (tmp_path / "config.toml").write_text('node = "http://file"\n')
    assert sources(tmp_path)["node"] == {"value": "http://file", "source": str(tmp_path / "config.toml")}
    variable = {"ASSAY_NODE": "http://variable"}
    assert sources(tmp_path, **variable)["node"] == {"value": "http://variable", "source": "variable ASSAY_NODE"}
    option = sources(tmp_path, "--node", "http://option", **variable)["node"]
    assert option == {"value": "http://option", "source": "option --node"}


def test_every_setting_has_a_value(tmp_path: Path) -> None:
    shown = run(tmp_path, "settings", ASSAY_PASSWORD="secret words").stdout
    assert set(Settings.model_fields) == {line.split("\t")[0] for line in shown.splitlines()[1:]}
    assert "None" not in shown
    assert "secret words" not in shown


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('noed = "x"', "did you mean node?"),
        ('password = "x"', "got 'password'"),
        ('home = "x"', "got 'home'"),
        ("node = ", "cannot read"),
        ('chain = "x"', "chain: "),
        ("[oracle]\nurl = 1", "oracle: "),
    ],
)
def test_file_that_cannot_be(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(content)
    assert said in run(tmp_path, "settings", status=2).stderr
    run(tmp_path, "help")


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_stand_for_ids_until_they_are_removed(tmp_path: Path) -> None:
    run(tmp_path, "names", "add", "model", "dress", MODEL)
    run(tmp_path, "names", "add", "account", "alice", buyer_account.address.lower())
    rows = json.loads(run(tmp_path, "names", "list", "--json").stdout)
    assert [(row["name"], row["id"]) for row in rows] == [("dress", MODEL), ("alice", buyer_account.address)]
    for arguments in (("orders", "--model", "dress", "--seller", "alice"), ("orders", "--model", "0x1212")):
        refused = run(tmp_path, "--deployments", tmp_path, *arguments, status=2)
        assert "expected a deployment record" in refused.stderr, "the name was understood, and the chain asked"
    run(tmp_path, "names", "remove", "dress")
    wrong = run(tmp_path, "--deployments", tmp_path, "orders", "--model", "dress", status=2)
    assert "expected the name or the id of a model" in wrong.stderr


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("model", "0xabc", MODEL),
        ("model", "two words", MODEL),
        ("model", "", MODEL),
        ("model", "dress", "0x" + "34" * 32),
        ("model", "other", MODEL),
        ("model", "new", "0x12"),
        ("account", "me", "0x12"),
    ],
)
def test_name_that_would_be_ambiguous_is_refused(tmp_path: Path, kind: str, name: str, value: str) -> None:
    run(tmp_path, "names", "add", "model", "dress", MODEL)
    run(tmp_path, "names", "add", kind, name, value, status=2)
    assert len(json.loads(run(tmp_path, "names", "list", "--json").stdout)) == 1


def test_mistyped_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    run(tmp_path, "names", "add", "model", "dress-model", MODEL)
    assert "Did you mean dress-model?" in run(tmp_path, "orders", "--model", "dres-model", status=2).stderr


def test_damaged_names_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text("{")
    assert "move it away" in run(tmp_path, "names", "add", "model", "dress", MODEL, status=1).stderr
    assert (tmp_path / "names.json").read_text() == "{"
