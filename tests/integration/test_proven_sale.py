"""A proven price: the operator proves a quote by command, and the seller checks it against her own file.

A model owner whose price function is of sums, an oracle, a chain and a seller: processes of their own.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.localnet import anvil

from assay.sale.offers import OfferStore
from tests.kit.data import csv
from tests.kit.town import Party, Town, run

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


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProvenTown]:
    folder = tmp_path_factory.mktemp("town")
    with anvil(folder / "anvil.log") as node, ProvenTown(folder, node) as town:
        yield town


def test_a_seller_checks_the_proof_of_her_quote(town: ProvenTown) -> None:
    ada = Party(town, "ada")
    data = town.file("unseen.csv", csv(10, 60, (2,)))
    quoted = ada.assay("sell", data, "--model", town.model, "--quote-only", status=4)
    (record,) = OfferStore(ada.home).all()
    assert record.quote is not None
    quote = town.file("quote.json", record.quote.model_dump_json().encode())
    proof = town.folder / "proof.json"
    contract = town.chain().domain.contract
    made = ("assay-oracle", "proof", "make", town.folder / "price", "--proofs", town.proofs, "--data", data)
    run(*map(str, made), "--quote", quote, "--chain-id", 31337, "--contract", contract, "--out", proof)

    terms = town.folder / "public"
    terms.mkdir()
    for name in ("verification.key", "terms.json", "opening"):
        (terms / name).write_bytes((town.proofs / name).read_bytes())
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
