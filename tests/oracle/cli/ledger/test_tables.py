"""``assay-oracle ledger``: in either database, beside a running daemon."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from scripts.postgres import Server

from assay_oracle.cli.main import main
from assay_oracle.ledger.migrations import HEAD
from tests.kit.ledgers import BOTH_LEDGERS
from tests.kit.market import Market


def run(*words: str) -> dict[str, object]:
    done = CliRunner(mix_stderr=False).invoke(main, [*words, "--json"])
    assert done.exit_code == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@BOTH_LEDGERS
def test_ledger_shows_what_it_holds(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.sell(b"one\ntwo\n")
    market.offer(b"three\n")
    monkeypatch.chdir(market.home)
    Path("oracle.toml").write_text(f'data_dir = "oracle"\nledger = "{market.ledger}"\n')
    found = run("ledger", "show")
    assert found["revision"] == HEAD
    counts = {name: found[name] for name in ("offers", "evaluations", "records", "quotes", "orders")}
    assert counts == {"offers": 2, "evaluations": 2, "records": 3, "quotes": 2, "orders": 1}


@pytest.mark.integration
def test_tables_are_made_by_a_command(postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with postgres.database("template0") as url:
        monkeypatch.setenv("ASSAY_ORACLE_LEDGER", url)
        assert run("ledger", "migrate")["revision"] == HEAD
        assert run("ledger", "show")["offers"] == 0
