"""``assay-oracle bond`` on a real chain: a bond is shown, asked back, waited for and paid out."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from scripts.localnet import Node, account

from assay.chain.queries import registered_terms
from assay.chain.settlement import SettlementClient
from assay.protocol.structs import ModelTerms
from assay.protocol.types import NATIVE_TOKEN
from assay_oracle.cli.main import main
from tests.kit.actors import PASSWORD
from tests.kit.light_keys import write_vault

pytestmark = pytest.mark.integration

owner, oracle = account(1), account(2)
PAYEE = "0x000000000000000000000000000000000000bEEF"
WEEK = 7 * 24 * 3600


class Place:
    """A registered model, and an oracle with 5 wei at stake for it."""

    def __init__(self, node: Node, folder: Path) -> None:
        self.node = node
        self.deployment = node.deploy(folder / "deployment.json")
        self.chain = SettlementClient.of(node.url, self.deployment, account=owner)
        terms = ModelTerms(
            owner=owner.address,
            function_hash=bytes(32),
            delivery_key=bytes(32),
            max_price=1,
            oracle_bond=5,
            reveal_window=3600,
            dispute_window=3600,
        )
        self.chain.register_model(terms, oracle.address)
        self.model_id = self.chain.model_id(terms)
        self.chain.bond_oracle(terms, oracle.address, 5)
        write_vault(folder / "data", bytes(oracle.key), PASSWORD)
        self.config = folder / "oracle.toml"
        self.config.write_text(f'data_dir = "data"\nnode = "{node.url}"\ndeployment = "deployment.json"\n')

    def run(self, *arguments: str, password: str | None = PASSWORD) -> Result:
        given = [*arguments, "--config", str(self.config), "--model", "0x" + self.model_id.hex(), "--json"]
        return CliRunner(mix_stderr=False).invoke(main, ["bond", *given], env={"ASSAY_ORACLE_PASSWORD": password})

    def answer(self, *arguments: str, password: str | None = PASSWORD) -> Any:
        result = self.run(*arguments, password=password)
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)


@pytest.fixture
def place(node: Node, tmp_path: Path) -> Place:
    return Place(node, tmp_path)


def test_a_bond_is_asked_back_and_paid_out_after_a_week(place: Place) -> None:
    assert place.answer("show", password=None) == {"bond": "5", "unlocks_at": 0}

    unlocks_at = place.answer("exit")["unlocks_at"]
    assert unlocks_at == place.chain.block_time() + WEEK
    early = place.run("withdraw")
    assert early.exit_code != 0
    assert "wait until the bond unlocks" in early.stderr

    place.node.pass_time(WEEK + 1)
    assert place.answer("withdraw", "--to", PAYEE) == {"paid": "5", "to": PAYEE}
    assert place.chain.balance(PAYEE) == 5
    assert place.answer("show", password=None) == {"bond": "0", "unlocks_at": 0}


def test_what_was_credited_before_a_crash_is_paid_out_by_the_same_command(place: Place) -> None:
    place.answer("exit")
    place.node.pass_time(WEEK + 1)
    alone = SettlementClient.of(place.node.url, place.deployment, account=oracle)
    alone.withdraw_oracle_bond(registered_terms(alone, place.model_id))
    assert alone.credit(NATIVE_TOKEN, oracle.address) == 5

    assert place.answer("withdraw", "--to", PAYEE) == {"paid": "5", "to": PAYEE}
    assert place.chain.balance(PAYEE) == 5

    again = place.run("withdraw", "--to", PAYEE)
    assert again.exit_code != 0
    assert "OracleBondTooSmall" in again.stderr
