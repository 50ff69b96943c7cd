"""Settings of the daemon: from a file, the environment and arguments, checked as a whole."""

import json
from pathlib import Path

import pytest

from assay.chain.settlement import SettlementClient
from assay.errors import SettingsError
from assay_oracle.server.daemon import open_chain
from assay_oracle.settings import Settings
from tests.kit.actors import CONTRACT, DOMAIN

pytestmark = pytest.mark.unit


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "oracle.toml"
    path.write_text(
        'data_dir = "data"\nport = 1\nquote_seconds = 100\npassword_file = "password"\n'
        f'[[models]]\nid = "0x{"11" * 32}"\nartifact = "price"\n'
    )
    return path


def test_arguments_override_the_environment_which_overrides_the_file(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings.read(config).port == 1
    monkeypatch.setenv("ASSAY_ORACLE_PORT", "2")
    monkeypatch.setenv("ASSAY_ORACLE_QUOTE_SECONDS", "200")
    settings = Settings.read(config, port=3, host=None)
    assert (settings.port, settings.quote_seconds, settings.host) == (3, 200, "127.0.0.1")


def test_paths_are_relative_to_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_ORACLE_DEPLOYMENT", "deployments/1.json")
    settings = Settings.read(config)
    folder = config.parent.resolve()
    assert (settings.data_dir, settings.deployment) == (folder / "data", folder / "deployments" / "1.json")
    assert [model.artifact for model in settings.models] == [folder / "price"]


@pytest.mark.parametrize(
    "line",
    ["colour = 1", "port = 70000", "quote_seconds = 59", "poll_seconds = 0", "max_fee = 0", "[[models]]", "port ="],
)
def test_invalid_settings_are_refused_with_a_remedy(tmp_path: Path, line: str) -> None:
    path = tmp_path / "oracle.toml"
    path.write_text(line + "\n")
    with pytest.raises(SettingsError) as refusal:
        Settings.read(path)
    assert refusal.value.hint


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="found none"):
        Settings.read(tmp_path / "none.toml")


def test_password_is_read_and_never_shown(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (config.parent / "password").write_text("from the file\n")
    settings = Settings.read(config)
    assert settings.secret_password() == "from the file"
    monkeypatch.setenv("ASSAY_ORACLE_PASSWORD", "from the environment")
    settings = Settings.read(config)
    assert settings.secret_password() == "from the environment"
    assert "from the environment" not in repr(settings)
    assert not {"password", "password_file"} & set(settings.public())


def test_ledger_is_in_the_data_folder_or_where_the_setting_says(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = config.parent.resolve()
    assert Settings.read(config).ledger_url() == f"sqlite:///{folder}/data/journal.sqlite"
    monkeypatch.setenv("ASSAY_ORACLE_LEDGER", "sqlite:///other.sqlite")
    assert Settings.read(config).ledger_url() == f"sqlite:///{folder}/other.sqlite"
    monkeypatch.setenv("ASSAY_ORACLE_LEDGER", "sqlite:////var/other.sqlite")
    assert Settings.read(config).ledger_url() == "sqlite:////var/other.sqlite"
    monkeypatch.delenv("ASSAY_ORACLE_LEDGER")
    (config.parent / "url").write_text("postgresql+psycopg://assay:secret@host/ledger\n")
    monkeypatch.setenv("ASSAY_ORACLE_LEDGER_FILE", "url")
    assert Settings.read(config).ledger_url() == "postgresql+psycopg://assay:secret@host/ledger"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://assay:se%40c:ret@host:5432/ledger", "postgresql+psycopg://assay:***@host:5432/ledger"),
        ("postgresql+psycopg://assay:se@cret@host/ledger", "postgresql+psycopg://assay:***@host/ledger"),
        (
            "postgresql+psycopg:///ledger?host=/run&password=secret&a=b",
            "postgresql+psycopg:///ledger?host=/run&password=***&a=b",
        ),
        ("sqlite:////var/a:b@c.sqlite", "sqlite:////var/a:b@c.sqlite"),
    ],
)
def test_password_of_the_ledger_is_never_shown(url: str, shown: str) -> None:
    settings = Settings(ledger=url)
    assert settings.public()["ledger"] == shown
    assert "assay:" not in repr(settings)
    assert "password=secret" not in repr(settings)


def test_most_that_a_transaction_may_cost_reaches_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SettlementClient, "check", lambda _: None)
    record = {"chain_id": DOMAIN.chain_id, "address": CONTRACT, "block": 7, "code_hash": "0x" + 64 * "2"}
    (tmp_path / "1.json").write_text(json.dumps(record))
    config = tmp_path / "oracle.toml"
    config.write_text('deployment = "1.json"\nmax_fee = "0.3eth"\n')
    assert open_chain(Settings.read(config))._sender._max_fee == 3 * 10**17
    monkeypatch.setenv("ASSAY_ORACLE_MAX_FEE", "7 gwei")
    assert open_chain(Settings.read(config))._sender._max_fee == 7 * 10**9
