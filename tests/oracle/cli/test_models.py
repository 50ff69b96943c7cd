"""``assay-oracle models``: what is priced for, seen and changed by command, over a chain in memory."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assay_oracle.cli import models
from assay_oracle.cli.main import main
from assay_oracle.keys import vault
from assay_oracle.server import daemon
from assay_oracle.services.appraiser import Appraiser
from assay_oracle.settings import ModelEntry, Settings
from assay_pricing.errors import ArtifactError
from tests.kit.actors import oracle_account, rival_account
from tests.kit.market import Market

pytestmark = pytest.mark.unit

Run = Callable[..., Result]


@pytest.fixture
def run(market: Market, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in the market's folder."""

    def load(entry: ModelEntry) -> Appraiser:
        if not entry.artifact.is_dir():
            raise ArtifactError(f"expected a price function in {entry.artifact}, found none")
        return market.appraiser()

    monkeypatch.chdir(market.home)
    monkeypatch.setattr(daemon, "open_chain", lambda *_: market.chain)
    monkeypatch.setattr(models, "load_appraisers", lambda _: load)
    monkeypatch.setattr(vault, "address_of", lambda _: oracle_account.address)
    (market.home / "price").mkdir()
    (market.home / "oracle.toml").write_text('data_dir = "oracle"\n')
    return lambda *words: CliRunner(mix_stderr=False).invoke(main, ["models", *map(str, words)])


def configured() -> list[bytes]:
    return [entry.id for entry in Settings.read(Path("oracle.toml")).models]


def test_model_is_added_listed_and_removed(market: Market, run: Run) -> None:
    name = f"0x{market.model_id.hex()}"
    added = run("add", "price", "--model", name)
    assert added.exit_code == 0, added.stderr
    assert configured() == [market.model_id]
    listed = run("list").stdout
    assert f"price  {name}" in listed
    assert "ETH (" in listed
    assert oracle_account.address in listed
    assert json.loads(run("list", "--json").stdout)[0]["model_id"] == name
    again = run("add", "price", "--model", name)
    assert (again.exit_code, "configured before" in again.stderr) == (0, True)
    assert run("remove", "--model", name).exit_code == 0
    assert configured() == []


def test_model_is_found_by_its_price_function(market: Market, run: Run) -> None:
    assert run("add", "price").exit_code == 0
    assert configured() == [market.model_id]
    terms = market.terms.model_copy(update={"salt": b"\x01" * 32})
    owner = market.chain.seen_by(terms.owner)
    owner.register_model(terms, oracle_account.address)
    ambiguous = run("add", "price")
    assert ambiguous.exit_code == 1
    assert owner.model_id(terms).hex() in ambiguous.stderr
    assert "hint: name one: --model" in ambiguous.stderr
    for model_id in (market.model_id, owner.model_id(terms)):
        market.contract.change_model(model_id, oracle=rival_account.address)
    assert "found none" in run("add", "price").stderr


def test_sick_model_is_listed_with_its_reason_beside_the_sound_one(market: Market, run: Run) -> None:
    run("add", "price", "--model", f"0x{market.model_id.hex()}")
    with Path("oracle.toml").open("a") as file:
        file.write(f'\n[[models]]\nid = "0x{64 * "7"}"\nartifact = "nowhere"\n')
    listed = run("list")
    assert listed.exit_code == 0
    assert "UNAVAILABLE  expected a price function in" in listed.stdout
    assert "at most" in listed.stdout


def test_model_of_another_oracle_is_not_added(market: Market, run: Run) -> None:
    market.contract.change_model(market.model_id, oracle=rival_account.address)
    refused = run("add", "price", "--model", f"0x{market.model_id.hex()}")
    assert refused.exit_code == 1
    assert rival_account.address in refused.stderr
    assert "set-oracle" in refused.stderr
    assert configured() == []


def test_model_that_is_not_registered_is_not_added(market: Market, run: Run) -> None:
    refused = run("add", "price", "--model", "0x" + 64 * "7")
    assert (refused.exit_code, configured()) == (1, [])
    assert "hint: register it" in refused.stderr
