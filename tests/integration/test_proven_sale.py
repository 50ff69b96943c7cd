"""Proven prices: the daemon proves its quotes to a contract, and whoever has the data compares.

A model owner whose price function is of sums, an oracle, a chain and a seller: processes of their own.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address
from scripts.localnet import CEILING, anvil, eventually

from assay.protocol.structs import Status
from assay.sale.offers import OfferStore
from tests.kit.data import csv
from tests.kit.town import HOUR, PASSWORD, Party, Town, run

pytestmark = [pytest.mark.integration, pytest.mark.slow]


class ProvenTown(Town):
    """The model owner fits a small price function of the method ``ridge``, and commits to it."""

    further = 0

    def _fit(self, *options: str) -> str:
        fitted = super()._fit("--method", "ridge", "--setting", "features=32", *options)
        setup = ("assay-oracle", "proof", "setup", self.folder / "price", "--out", self.proofs)
        run(*map(str, setup), "--max-price", "1ether", "--development")
        return fitted

    @property
    def proofs(self) -> Path:
        return self.folder / "proofs"

    def _register(self) -> str:
        """Registers the model twice: the second one has a contract as its oracle, which asks for proofs."""
        self.plain = super()._register()
        terms = ("--max-price", "1ether", "--reveal-window", HOUR, "--dispute-window", HOUR, "--salt", "0x" + "07" * 32)
        registered = self.owner.assay(
            *("model", "register", "--function-hash", self.function_hash, "--oracle-address", self.oracle), *terms
        )
        model, code = registered["model_id"], self.folder / "oracle.hex"
        settlement = self.chain().domain.contract
        made = ("assay-oracle", "proof", "contract", self.proofs, "--operator", self.oracle, "--settlement", settlement)
        run(*map(str, made), "--model", model, "--out", code)
        self.name_contract(model)
        self.owner.assay("model", "fund", "--model", model, "--amount", "20ether")
        return str(model)

    def name_contract(self, model: str) -> str:
        """Creates a contract that asks for proofs, and names it as the oracle of a model; its address."""
        (sender, *_) = self.node.rpc("eth_accounts")
        code = (self.folder / "oracle.hex").read_text().strip()
        transaction = {"from": sender, "data": code, "gas": hex(5_000_000)}
        sent = self.node.rpc("eth_sendTransaction", transaction)
        receipt = eventually(lambda: self.node.rpc("eth_getTransactionReceipt", sent))
        contract = to_checksum_address(receipt["contractAddress"])
        self.owner.assay("model", "set-oracle", "--model", model, "--oracle-address", contract)
        return contract

    def _serve(self) -> None:
        at = ("--config", self.folder / "oracle.toml")
        for model, more in ((self.plain, ()), (self.model, ("--proofs", self.proofs))):
            run("assay-oracle", "models", "add", self.folder / "price", "--model", model, *more, *at)
        self.daemon.start()

    def public(self) -> Path:
        """What the owner hands to whoever verifies."""
        terms = self.folder / "public"
        terms.mkdir(exist_ok=True)
        for name in ("verification.key", "terms.json", "opening"):
            (terms / name).write_bytes((self.proofs / name).read_bytes())
        return terms


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProvenTown]:
    folder = tmp_path_factory.mktemp("town")
    with anvil(folder / "anvil.log") as node, ProvenTown(folder, node) as town:
        yield town


def test_a_seller_checks_the_proof_of_her_quote(town: ProvenTown) -> None:
    ada = Party(town, "ada")
    data = town.file("unseen.csv", csv(10, 60, (2,)))
    quoted = ada.assay("sell", data, "--model", town.plain, "--quote-only", status=4)
    (record,) = OfferStore(ada.home).all()
    assert record.quote is not None
    quote = town.file("quote.json", record.quote.model_dump_json().encode())
    proof = town.folder / "proof.json"
    contract = town.chain().domain.contract
    made = ("assay-oracle", "proof", "make", town.folder / "price", "--proofs", town.proofs, "--data", data)
    run(*map(str, made), "--quote", quote, "--chain-id", 31337, "--contract", contract, "--out", proof)

    terms = town.public()
    checked = ada.assay("proof", "check", proof, "--terms", terms, "--data", data)
    assert checked == {"price": quoted["price"], "records": 60, "data": True}
    assert not ada.assay("proof", "check", proof, "--terms", terms)["data"]

    other = town.file("other.csv", csv(11, 60, (2,)))
    error = ada.refused("proof", "check", proof, "--terms", terms, "--data", other)
    assert "expected a proof for the statistics of these data" in error["message"]
    document = json.loads(proof.read_text())
    document["statement"]["price"] = str(int(quoted["price"]) * 2)
    false = town.file("false.json", json.dumps(document).encode())
    assert "price of its bounds" in ada.refused("proof", "check", false, "--terms", terms)["message"]


def test_a_sale_of_a_model_whose_contract_asks_for_proofs(town: ProvenTown) -> None:
    """The daemon proves, signs and posts; the buyer pays for a proof that holds, and compares it with the data."""
    ben, chain = Party(town, "ben"), town.chain()
    data = town.file("more.csv", csv(12, 60, (2,)))
    into = town.folder / "bought"
    look = ("buy", "--model", town.model, "--into", into, "--once", "--proofs")
    sell = ("sell", data, "--model", town.model, "--yes", "--patience", int(CEILING), "--proofs")
    other = town.folder / "other terms"
    shutil.copytree(town.public(), other)
    money = json.loads((other / "terms.json").read_text())
    money["money"]["rate"] = str(int(money["money"]["rate"]) * 2)
    (other / "terms.json").write_text(json.dumps(money))
    assert "the rule from gains to money of these proofs" in ben.refused(*sell, other)["message"]
    selling = ben.start(*sell, town.public())

    def locked() -> bytes | None:
        assert selling.poll() is None, selling.communicate()
        orders = [posted.order.order_id() for posted in chain.posted(seller=ben.account.address)]
        return next((order for order in orders if chain.order_state(order).status is Status.LOCKED), None)

    order = eventually(locked)
    (refused,) = town.owner.assay(*look, other, status=1)
    assert "expected a proof for the price of its bounds" in refused["note"]
    assert chain.order_state(order).status is Status.LOCKED, "nothing was paid"

    def bought() -> dict[str, str] | None:
        (row,) = town.owner.assay(*look, town.public(), status=(0, 5))
        return row if row["file"] else None

    row = eventually(bought)
    sold = ben.end(selling)
    assert Path(row["file"]).read_bytes() == data.read_bytes()
    assert sold["status"] == "paid"
    assert chain.is_contract(str(chain.model_state(bytes.fromhex(town.model[2:])).oracle))
    (proven,) = into.glob("*.proven.json")

    document = json.loads(proven.read_text())
    document["opening"] = document["opening"][:-2] + ("00" if document["opening"][-2:] != "00" else "01")
    kept = proven.with_name(proven.name.replace(".proven.", ".proof."))
    kept.write_text(json.dumps(document))
    proven.unlink()
    (row,) = town.owner.assay(*look, town.public(), status=6)
    (evidence,) = into.glob("*.disproven.json")
    assert evidence.name in row["hint"]


def test_an_operator_sees_whether_proofs_are_taken_and_a_new_contract_is_taken_up(town: ProvenTown) -> None:
    config, eve = ("--config", town.folder / "oracle.toml"), Party(town, "eve")
    said = json.loads(run("assay-oracle", "check", "--json", *config, ASSAY_ORACLE_PASSWORD=PASSWORD))
    named = f"model {town.model[:10]}"
    found = {finding["name"]: finding["message"] for finding in said["findings"]}
    assert found[f"{named} proofs"] == "a proof was made, and holds by the verification key"
    assert "takes such proofs" in found[f"{named} contract"]
    town.name_contract(town.model)
    data = town.file("later.csv", csv(13, 60, (2,)))

    def quoted() -> bool:
        look = ("sell", data, "--model", town.model, "--quote-only", "--proofs", town.public())
        return eve.assay(*look, status=(1, 2, 4)).get("status") == "quoted"

    eventually(quoted)
    (record,) = OfferStore(eve.home).all()
    assert OfferStore(eve.home).proof(record).exists()
