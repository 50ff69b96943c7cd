"""A blind sale: a seller hears a price before anything but ciphertexts leaves her, and sells at that price.

A model owner whose price function is of sums, an oracle, a chain and a seller: processes of their own.
"""

from collections.abc import Iterator

import pytest
from scripts.localnet import anvil

from tests.kit.data import csv
from tests.kit.town import Party, Town

pytestmark = [pytest.mark.integration, pytest.mark.slow]


class BlindTown(Town):
    """The model owner fits the method ``ridge``."""

    further = 1

    def _fit(self, *options: str) -> str:
        return super()._fit("--method", "ridge", *options)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlindTown]:
    folder = tmp_path_factory.mktemp("town")
    with anvil(folder / "anvil.log") as node, BlindTown(folder, node) as town:
        yield town


def test_blind_sale(town: BlindTown) -> None:
    ada = Party(town, "ada")
    data = town.file("unseen.csv", csv(10, 60, (2,)))
    quoted = ada.assay("quote", data, "--model", town.model, "--blind")
    assert int(quoted["price"]) > 0
    assert quoted["records"] == 60
    assert not list((town.folder / "oracle").rglob("uploads/*")), "nothing was uploaded"
    assert ada.assay("quote", data, "--model", town.model, "--blind") == quoted
    sold = ada.assay("sell", data, "--model", town.model, "--quote-only", status=4)
    assert sold["price"] == quoted["price"]
    assert sold["data_root"] == quoted["data_root"]


def test_the_same_data_in_the_clear_have_the_same_price(town: BlindTown) -> None:
    """To another model of the same price function, by another seller, in another order."""
    lines = csv(10, 60, (2,)).splitlines(keepends=True)
    data = town.file("clear.csv", b"".join([lines[0], *reversed(lines[1:])]))
    blind, clear = Party(town, "bea"), Party(town, "cleo")
    model = town.fresh.pop(0)
    quoted = blind.assay("quote", data, "--model", model, "--blind")
    sold = clear.assay("sell", data, "--model", model, "--quote-only", status=4)
    assert sold["price"] == quoted["price"]
