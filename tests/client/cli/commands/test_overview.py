"""``assay status``, ``orders``, ``history``, ``clean`` and ``buy``: what is mine, what is due, what it cost."""

import csv
import io
from pathlib import Path

import pytest

from assay.protocol.structs import Status
from tests.kit.actors import buyer_account, rival_account, seller_account
from tests.kit.desk import Desk
from tests.kit.market import Market
from tests.kit.memory_chain import GAS

pytestmark = pytest.mark.unit


@pytest.fixture
def desk(market: Market, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(market, seller_account, monkeypatch)


@pytest.fixture
def owner(market: Market, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(market, buyer_account, monkeypatch)


def rows(text: str) -> list[dict[str, str]]:
    heads, *lines = [line.split("\t") for line in text.splitlines()]
    return [dict(zip(heads, line, strict=True)) for line in lines]


def test_nothing_yet(desk: Desk) -> None:
    assert "nothing is due" in desk.run("status").stdout
    assert desk.run("orders").stdout == "no orders\n"
    assert desk.run("history").stdout == "no sales and no purchases yet\n"
    assert desk.run("clean").stdout == "nothing to delete\n"


def test_status_tells_money_in_units_and_what_is_due_with_its_command(desk: Desk, market: Market) -> None:
    market.node.balances["0x" + 40 * "0", seller_account.address] = 25 * 10**17
    market.quoted()
    said = desk.run("status").stdout
    assert "balance\t2.5 ETH (2500000000000000000 wei)" in said
    (due,) = desk.json("status")["due"]
    assert due["command"] == f"assay sell {market.home / 'data.lines'} --model 0x{market.model_id.hex()}"
    assert (due["what"], due["amount"]) == ("accept or decline the quote", str(3 * 10**15))
    assert due["until"] > market.now()


def test_due_of_a_locked_order_for_both_sides(desk: Desk, owner: Desk, market: Market) -> None:
    market.locked()
    (selling,), (buying,) = desk.json("status")["due"], owner.json("status")["due"]
    assert (selling["what"], buying["what"]) == ("see it paid, or reveal the key", "download, check and acknowledge")
    assert selling["until"] < buying["until"], "a key is not revealed in the last minutes"
    assert buying["command"] == f"assay buy --model 0x{market.model_id.hex()}"
    market.pass_time(4000)
    assert desk.json("status")["due"] == []
    assert "refund" in owner.json("status")["due"][0]["what"]


def test_orders_are_mine_by_default_with_heads_and_files(desk: Desk, owner: Desk, market: Market) -> None:
    market.locked(b"a\n")
    stranger = market.seller(rival_account)
    stranger.accept(market.quoted(b"z\n", stranger)[1])
    (mine,) = rows(desk.run("orders").stdout)
    assert (mine["STATE"], mine["PRICE"], mine["ROLE"], mine["FILE"]) == ("locked", "0.001 ETH", "seller", "data.lines")
    assert "(in " in mine["UNTIL"]
    assert [row["ROLE"] for row in rows(owner.run("orders").stdout)] == ["buyer", "buyer"]
    assert {row["ROLE"] for row in rows(desk.run("orders", "--all").stdout)} == {"seller", "other"}
    assert len(desk.json("orders", "--seller", rival_account.address)) == 1


def sold(market: Market) -> None:
    seller, record = market.locked()
    while not market.buyer().poll(market.model_id)[0].file:
        market.work()
    assert seller.release(record, patience=0) is Status.PAID


def test_history_for_an_accountant(desk: Desk, owner: Desk, market: Market) -> None:
    sold(market)
    (entry,) = csv.DictReader(io.StringIO(desk.run("history", "--csv").stdout))
    assert (entry["price"], entry["token"], entry["price_base_units"]) == ("0.003", "ETH", "3000000000000000")
    assert (entry["role"], entry["file"], entry["state"]) == ("seller", "data.lines", "paid")
    assert entry["date"].startswith("20")
    own = [call for call in market.node.calls if call.sender == seller_account.address]
    assert int(entry["gas"]) == GAS * len(own)
    (row,) = rows(owner.run("history").stdout)
    assert (row["ROLE"], row["ORDER"]) == ("buyer", entry["order"])


def test_text_that_a_spreadsheet_would_compute_is_inert(desk: Desk, market: Market) -> None:
    seller = market.seller()
    record, _ = seller.offer(seller.prepare(market.file(b"a\n", "=1+1.lines"), market.model_id, chunk_size=1024))
    seller.accept(record)
    assert "'=1+1.lines" in desk.run("history", "--csv").stdout


def test_clean_deletes_copies_of_what_ended_and_nothing_else(desk: Desk, owner: Desk, market: Market) -> None:
    sold(market)
    seller, open_offer = market.quoted(b"d\ne\n")
    folders = sorted((desk.home / "offers").iterdir(), key=lambda folder: folder.name == open_offer.data_root.hex())
    ended, kept = folders
    market.node.confirmations = 10**6
    assert desk.run("clean").stdout == "nothing to delete\n", "a reorganisation could still undo the payment"
    market.node.confirmations = 0
    assert desk.json("clean", "--dry-run")["bytes"] == desk.json("status")["disposable_bytes"] > 0
    assert {path.name for path in ended.iterdir()} == {"record.json", "key", "data.sealed", "upload.age"}
    desk.run("clean")
    assert {path.name for path in ended.iterdir()} == {"record.json", "key"}
    assert {path.name for path in kept.iterdir()} == {"record.json", "key", "data.sealed", "upload.age"}
    assert seller.decline(open_offer).outcome == "declined"
    desk.run("clean")
    assert {path.name for path in kept.iterdir()} == {"record.json", "key"}
    purchases = market.home / "purchases"
    owner.run("clean", "--into", purchases)
    left = {path.suffix for path in purchases.iterdir() if not path.name.startswith(".")}
    assert ".csv" in left
    assert not left & {".sealed", ".age"}


def test_buy_prints_a_table_and_says_by_its_exit_code_whether_something_is_open(owner: Desk, market: Market) -> None:
    folder = market.home / "bought"
    once = ("buy", "--model", f"0x{market.model_id.hex()}", "--once", "--into", folder)
    assert owner.run(*once).stdout == "no orders yet\n"
    market.locked()
    market.transport.down = True
    (row,) = rows(owner.run(*once, status=1).stdout)
    assert (row["STATE"], row["PRICE"], row["FILE"]) == ("locked", "0.003 ETH", "-")
    market.transport.down = False
    codes = []
    while not codes or codes[-1] == 5:
        codes.append(owner.run(*once, status=None).exit_code)
    assert (set(codes), codes[-1]) == ({0, 5}, 0)
    (bought,) = owner.json(*once)
    assert (bought["status"], Path(bought["file"]).read_bytes()) == ("paid", b"a\nb\nc\n")


def test_fault_of_the_program_does_not_end_the_watch_over_other_orders(
    owner: Desk, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls = iter([ZeroDivisionError("odd"), KeyboardInterrupt()])

    def poll(*_: object) -> None:
        raise next(polls)

    monkeypatch.setattr("assay.sale.buyer.Buyer.poll", poll)
    monkeypatch.setattr("assay.cli.commands.purchases.pause", lambda _: None)
    said = owner.run("buy", "--model", f"0x{market.model_id.hex()}", status=130)
    assert "ZeroDivisionError: odd; trying again" in said.stderr


def test_pause_between_two_polls_is_shorter_than_a_window_to_dispute(owner: Desk, market: Market) -> None:
    said = owner.run("buy", "--model", f"0x{market.model_id.hex()}", "--every", 901, status=2)
    assert "901" in said.stderr


def test_watching_prints_changes_alone(owner: Desk, market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.locked()
    market.transport.down = True
    rounds = iter([lambda: None, lambda: market.pass_time(4000), lambda: None])

    def pause(_: float) -> None:
        try:
            next(rounds)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("assay.cli.commands.purchases.pause", pause)
    said = owner.run("buy", "--model", f"0x{market.model_id.hex()}", status=130)
    assert [line.split("\t")[1] for line in said.stdout.splitlines()] == ["STATE", "locked", "refunded"]
    assert "run the same command again" in said.stderr
