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
from tests.kit.town import HOUR, Party, Town, run

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
        (sender, *_) = self.node.rpc("eth_accounts")
        transaction = {"from": sender, "data": code.read_text().strip(), "gas": hex(5_000_000)}
        sent = self.node.rpc("eth_sendTransaction", transaction)
        receipt = eventually(lambda: self.node.rpc("eth_getTransactionReceipt", sent))
        self.contract = to_checksum_address(receipt["contractAddress"])
        self.owner.assay("model", "set-oracle", "--model", model, "--oracle-address", self.contract)
        self.owner.assay("model", "fund", "--model", model, "--amount", "20ether")
        return str(model)

    def _serve(self) -> None:
        config = self.folder / "oracle.toml"
        proven = f'proofs = "proofs"\noracle = "{self.contract}"\n'
        entries = [(self.plain, ""), (self.model, proven)]
        texts = (f'\n[[models]]\nid = "{model}"\nartifact = "price"\n{more}' for model, more in entries)
        config.write_text(config.read_text() + "".join(texts))
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
    selling = ben.start("sell", data, "--model", town.model, "--yes", "--patience", int(CEILING))

    def locked() -> bytes | None:
        assert selling.poll() is None, selling.communicate()
        orders = [posted.order.order_id() for posted in chain.posted(seller=ben.account.address)]
        return next((order for order in orders if chain.order_state(order).status is Status.LOCKED), None)

    order = eventually(locked)
    other = town.folder / "other terms"
    shutil.copytree(town.public(), other)
    money = json.loads((other / "terms.json").read_text())
    money["money"]["rate"] = str(int(money["money"]["rate"]) * 2)
    (other / "terms.json").write_text(json.dumps(money))
    (refused,) = town.owner.assay(*look, other, status=1)
    assert "expected a proof for the price of its bounds" in refused["note"]
    assert chain.order_state(order).status is Status.LOCKED, "nothing was paid"

    def bought() -> dict[str, str] | None:
        (row,) = town.owner.assay(*look, town.public(), status=(0, 5))
        return row if row["file"] else None

    row = eventually(bought)
    sold = ben.end(selling)
    assert Path(row["file"]).read_bytes() == data.read_bytes()
    assert (sold["status"], chain.model_state(bytes.fromhex(town.model[2:])).oracle) == ("paid", town.contract)
    (proven,) = into.glob("*.proven.json")

    document = json.loads(proven.read_text())
    document["opening"] = document["opening"][:-2] + ("00" if document["opening"][-2:] != "00" else "01")
    kept = proven.with_name(proven.name.replace(".proven.", ".proof."))
    kept.write_text(json.dumps(document))
    proven.unlink()
    (row,) = town.owner.assay(*look, town.public(), status=6)
    (evidence,) = into.glob("*.disproven.json")
    assert evidence.name in row["hint"]
