"""``assay bought``: provenance, a second check against the root, and exports that replace nothing."""

import json
import stat
import sys
from pathlib import Path

import pytest

from assay.protocol.structs import Status
from assay_pricing.records.tables import read_table
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


@pytest.mark.parametrize("form", ["arrow", "csv", "jsonl", "npz", "parquet"])
def test_purchase_is_exported_in_a_format_by_its_name(
    owner: Desk, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    (entry,) = owner.json("bought", "list", "--into", folder)
    monkeypatch.chdir(tmp_path)
    written = owner.json("bought", "export", entry["order_id"], "--format", form, "--into", folder)["file"]
    assert written == f"{entry['order_id'][2:18]}.{form}"
    table = read_table(tmp_path / written)
    assert (table.columns["x"][0], str(table.columns["x"][1])) == (1.5, "nan")
    assert table.columns["y"].values == ("007", "no")
    again = owner.run("bought", "export", entry["order_id"], "--format", form, "--into", folder, status=2)
    assert f"{written} exists" in again.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_an_export_without_a_format_or_without_what_reads_tables_names_the_remedy(
    owner: Desk, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = owner.json("bought", "list", "--into", folder)
    order = ("bought", "export", entry["order_id"], "--into", folder)
    assert "--format parquet" in owner.run(*order, status=2).stderr
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'assay[formats]'" in owner.run(*order, tmp_path / "a.parquet", status=2).stderr
    assert not [path for path in tmp_path.iterdir() if "a.parquet" in path.name]
    owner.run(*order, tmp_path / "a.csv")


def test_nothing_bought_yet(owner: Desk) -> None:
    assert "elsewhere yet; --into names another folder\n" in owner.run("bought", "list", "--into", "elsewhere").stdout


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

    assert {stat.S_IMODE(path.stat().st_mode) for path in (copy, lines)} == {0o600}, "as the opened file"

    for name, expected in (
        ("copy.csv", "copy.csv exists"),
        ("data.xlsx", "expected a file name that ends with .arrow"),
    ):
        refused = owner.run("bought", "export", order, tmp_path / name, "--into", folder, status=2)
        assert expected in refused.stderr

    file.write_bytes(file.read_bytes().replace(b"007", b"008"))
    altered = owner.run("bought", "check", order, "--into", folder, status=1)
    assert "differs from the data that order" in altered.stderr
    next(folder.glob("*.sealed")).unlink()
    assert "nothing can be checked" in owner.run("bought", "check", order, "--into", folder, status=2).stderr
    assert "expected one order" in owner.run("bought", "check", "0x" + "01" * 32, "--into", folder, status=2).stderr
