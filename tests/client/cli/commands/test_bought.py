"""``assay bought``: provenance, a second check against the root, and exports that replace nothing."""

import json
from pathlib import Path

import pytest

from assay.protocol.structs import Status
from tests.kit.actors import buyer_account
from tests.kit.desk import Desk
from tests.kit.market import Market

pytestmark = pytest.mark.unit


@pytest.fixture
def owner(market: Market, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(market, buyer_account, monkeypatch)


@pytest.fixture
def folder(market: Market) -> Path:
    """Folder of the one purchase, of a CSV file."""
    folder = market.home / "purchases"
    seller, record = market.locked(b"x,y\n1.5,007\nNA,no\n")
    buyer = market.buyer()
    while not buyer.poll(market.model_id)[0].file:
        market.work()
    assert seller.release(record, patience=0) is Status.PAID
    return folder


def test_nothing_bought_yet(owner: Desk) -> None:
    assert owner.run("bought", "list").stdout == "nothing is bought and opened yet\n"


def test_purchase_is_listed_exported_and_checked(owner: Desk, folder: Path, tmp_path: Path) -> None:
    (entry,) = owner.json("bought", "list", "--into", folder)
    order, file = entry["order_id"], Path(entry["file"])
    assert (entry["status"], entry["price"], entry["schema"]["label"]) == ("paid", str(3 * 10**15), "y")
    assert entry["data_root"][2:42] in file.name
    assert owner.json("bought", "check", order[:12], "--into", folder)["is_as_bought"]

    copy, lines = tmp_path / "copy.csv", tmp_path / "data.jsonl"
    for target in (copy, lines):
        owner.run("bought", "export", order, target, "--into", folder)
    assert copy.read_bytes() == file.read_bytes()
    read = [json.loads(line) for line in lines.read_text().splitlines()]
    assert read == [{"x": 1.5, "y": "007"}, {"x": None, "y": "no"}], "a text of digits stays a text"

    for name, expected in (("copy.csv", "copy.csv exists"), ("data.parquet", "ends with .csv or .jsonl")):
        refused = owner.run("bought", "export", order, tmp_path / name, "--into", folder, status=2)
        assert expected in refused.stderr

    file.write_bytes(file.read_bytes().replace(b"007", b"008"))
    altered = owner.run("bought", "check", order, "--into", folder, status=1)
    assert "differs from the data that order" in altered.stderr
    next(folder.glob("*.sealed")).unlink()
    assert "nothing can be checked" in owner.run("bought", "check", order, "--into", folder, status=2).stderr
    assert "expected one order" in owner.run("bought", "check", "0x" + "01" * 32, "--into", folder, status=2).stderr
