"""What cannot be done, told at the command line: nodes and contracts that are none, hands that may not."""

import json
from pathlib import Path

import pytest
from scripts.localnet import ETHER, free_port

from tests.kit.data import csv
from tests.kit.town import Party, Town

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("command", ["orders", "model", "sell"])
def test_node_that_does_not_answer(town: Town, ada: Party, command: str) -> None:
    arguments = {
        "orders": ["orders"],
        "model": ["model", "status", "--model", town.model],
        "sell": ["sell", town.file("any.csv", csv(24, 20, (2,))), "--model", town.model],
    }[command]
    told = ada.refused(*arguments, ASSAY_NODE=f"http://127.0.0.1:{free_port()}")
    assert told["code"] == "node_unreachable"


@pytest.mark.parametrize(
    ("url", "code"),
    [("oracle", ("node_unreachable", "chain_error")), ("no url", "settings_error"), ("ftp://x", "settings_error")],
)
def test_node_that_is_none(town: Town, ada: Party, url: str, code: str | tuple[str, ...]) -> None:
    told = ada.refused("orders", ASSAY_NODE=town.url if url == "oracle" else url)
    assert told["code"] in code


def test_oracle_that_is_none(town: Town, ada: Party) -> None:
    data = town.file("nowhere.csv", csv(20, 20, (2,)))
    told = ada.refused("sell", data, "--model", town.model, "--yes", ASSAY_ORACLE=town.node.url)
    assert told["code"] == "oracle_misbehaved"
    assert (
        ada.refused("sell", data, "--model", town.model, ASSAY_ORACLE="http://far.example")["code"] == "settings_error"
    )


@pytest.mark.parametrize(
    ("chain", "changes", "code"),
    [
        (5, {"chain_id": 5}, "wrong_chain"),
        (31337, {"address": "0x" + 40 * "1"}, "contract_missing"),
        (7, None, "settings_error"),
    ],
    ids=["other_chain", "no_contract", "no_record"],
)
def test_contract_is_not_where_it_should_be(
    town: Town, ada: Party, tmp_path: Path, chain: int, changes: dict[str, object] | None, code: str
) -> None:
    if changes:
        record = json.loads((town.deployments / "31337.json").read_text()) | changes
        (tmp_path / f"{chain}.json").write_text(json.dumps(record))
    told = ada.refused("orders", ASSAY_CHAIN=str(chain), ASSAY_DEPLOYMENTS=str(tmp_path))
    assert told["code"] == code


def test_model_owner_does_what_only_he_may(town: Town, ada: Party) -> None:
    arguments = ("model", "withdraw", "--model", town.model, "--amount", "1ether")
    told = ada.refused(*arguments)
    assert (told["code"], "CallerNotOwner" in told["message"]) == ("contract_reverted", True)
    before = int(town.owner.assay("model", "status", "--model", town.model)["budget"])
    assert int(town.owner.assay(*arguments)["budget"]) == before - ETHER
    told = town.owner.refused("model", "withdraw", "--model", town.model, "--amount", "1000ether")
    assert "BudgetTooSmall" in told["message"]


def test_account_without_coin_is_told(town: Town) -> None:
    poor = Party(town, "poor", key=b"\x0c" * 32, funded=False)
    told = poor.assay("credit", "deposit", "--amount", "1ether", status=1)["error"]
    assert told["code"] == "chain_error"
    assert "insufficient funds" in told["message"].lower()


def test_credit_in_and_out(town: Town, ada: Party) -> None:
    assert ada.assay("credit", "deposit", "--amount", "0.1ether")["credit"] == str(ETHER // 10)
    assert ada.assay("credit", "show")["credit"] == str(ETHER // 10)
    assert ada.assay("credit", "withdraw", "--amount", "0.1ether")["credit"] == "0"
