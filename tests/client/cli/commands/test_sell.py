"""``assay sell``: nothing but an explicit decline declines, and the exit code says how it ended."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from assay.errors import ExitCode
from assay.protocol.structs import Status
from assay.sale.release import Release
from tests.kit.actors import seller_account
from tests.kit.desk import Desk
from tests.kit.market import Market
from tests.kit.pictures import written

pytestmark = pytest.mark.unit

PRICE = "0.003 ETH (3000000000000000 wei)"
"""Of three distinct lines."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(Market(tmp_path), seller_account, monkeypatch)


@pytest.fixture
def data(desk: Desk) -> Path:
    return desk.file(b"a\nb\nc\n")


def model(desk: Desk) -> str:
    return f"0x{desk.market.model_id.hex()}"


def is_open(desk: Desk) -> bool:
    return (
        desk.json("sell", desk.market.home / "data.lines", "--model", model(desk), "--quote-only", status=4) is not None
    )


@pytest.mark.parametrize("typed", ["\n", "no\n"])
def test_no_answer_leaves_the_quote_open_and_yes_accepts_it_later(desk: Desk, data: Path, typed: str) -> None:
    left = desk.run("sell", data, "--model", model(desk), typed=typed, status=ExitCode.QUOTED)
    assert left.stdout.endswith(f"quoted\t{PRICE}\n")
    assert desk.market.steps == []
    with pytest.MonkeyPatch.context() as patch:  # the buyer acknowledges before the seller looks again
        patch.setattr("assay.sale.seller.Seller.release", lambda *_, **__: Status.PAID)
        assert desk.run("sell", data, "--model", model(desk), "--yes").stdout == f"paid\t{PRICE}\n"


def test_prompt_says_the_price_in_units_and_what_each_answer_does(desk: Desk, data: Path) -> None:
    said = desk.run("sell", data, "--model", model(desk), typed="\n", status=4).stderr
    assert f"price: {PRICE}, 0.001 ETH a record" in said
    assert "these records cannot be offered to this model again" in said
    assert "(in 1 d)" in said


def test_only_the_word_decline_declines(desk: Desk, data: Path) -> None:
    declined = desk.run("sell", data, "--model", model(desk), typed="what\ndecline\n", status=ExitCode.DECLINED)
    assert "expected accept, decline or nothing, got 'what'" in declined.stderr
    again = desk.run("sell", data, "--model", model(desk), "--yes", status=ExitCode.DECLINED)
    assert (again.stdout, "only once" in again.stderr) == (f"declined\t{PRICE}\n", True)


@pytest.mark.parametrize("typed", ["accept\n", "YES\n"])
def test_accepting_sells(desk: Desk, data: Path, typed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.sale.seller.Seller.release", lambda *_, **__: Status.PAID)
    result = desk.json("sell", data, "--model", model(desk), typed=typed)
    assert (result["status"], result["price"]) == ("paid", "3000000000000000")
    assert len(desk.market.node.called("post")) == 1


def test_min_price_above_the_quote_leaves_it_open(desk: Desk, data: Path) -> None:
    left = desk.json("sell", data, "--model", model(desk), "--min-price", "1ether", status=4)
    assert (left["status"], left["price"]) == ("quoted", "3000000000000000")
    assert left["expires"] > desk.market.now()
    assert is_open(desk)


def test_decline_by_option(desk: Desk, data: Path) -> None:
    assert desk.json("sell", data, "--model", model(desk), "--decline", status=3)["status"] == "declined"
    other = desk.file(b"d\n", "other.lines")
    assert desk.run("sell", other, "--model", model(desk), "--decline", "--yes", status=2).stdout == ""


def test_worthless_data_is_declined(desk: Desk) -> None:
    worthless = desk.file(b"junk\n")
    assert desk.run("sell", worthless, "--model", model(desk), "--yes", status=3).stdout == "declined\t0 ETH\n"


@pytest.mark.parametrize(
    ("cause", "code"),
    [(KeyboardInterrupt(), ExitCode.INTERRUPTED), (EOFError(), ExitCode.QUOTED)],
    ids=["ctrl-c", "eof"],
)
def test_leaving_the_prompt_leaves_the_quote_open(
    desk: Desk, data: Path, cause: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: object, **__: object) -> str:
        try:
            raise cause
        except BaseException:
            raise click.Abort from None

    with monkeypatch.context() as patch:
        patch.setattr("click.prompt", leave)
        said = desk.run("sell", data, "--model", model(desk), status=code).stderr
    assert "the quote is open until" in said
    assert is_open(desk)


# --- the end of a sale ------------------------------------------------------------------------------------------------


def while_it_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], object]) -> None:
    """Does ``acts`` in the command's waits, one in each, and the last one in all that follow."""
    left = list(acts)
    monkeypatch.setattr(Release, "wait", lambda _: (left.pop(0) if len(left) > 1 else left[0])())


@pytest.mark.parametrize("options", [("--patience", "0"), ("--direct",)], ids=["key", "data"])
def test_sale_ends_once_the_payment_is_confirmed_and_ctrl_c_before_says_how_to_go_on(
    desk: Desk, data: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    desk.market.node.confirmations = 2
    command = ("sell", data, "--model", model(desk), "--yes", *options)

    def leave() -> None:
        desk.market.pass_time(1801)
        (posted,) = desk.market.chain.posted()
        if desk.market.chain.order_state(posted.order.order_id()).status is Status.PAID:
            raise KeyboardInterrupt

    while_it_waits(desk, monkeypatch, desk.market.node.mine, desk.market.node.mine, leave)
    left = desk.run(*command, status=ExitCode.INTERRUPTED)
    assert "paid: waiting for 2 confirmations" in left.stderr
    assert "run the same command again to continue" in left.stderr
    (due,) = desk.json("status")["due"]
    assert (due["what"], due["command"].split()[1]) == ("paid: wait for 2 confirmations", "sell")
    while_it_waits(desk, monkeypatch, desk.market.node.mine)
    assert desk.run(*command).stdout == f"paid\t{PRICE}\n"
    assert desk.json("status")["due"] == []


@pytest.mark.parametrize("saved", ["paid", "declined"])
def test_saved_end_whose_order_is_locked_on_chain_goes_on(
    desk: Desk, data: Path, monkeypatch: pytest.MonkeyPatch, saved: str
) -> None:
    seller, record = desk.market.locked()
    seller._store.update(record, outcome=saved)
    assert [due["what"] for due in desk.json("status")["due"]] == ["see it paid, or reveal the key"]
    while_it_waits(desk, monkeypatch, lambda: desk.market.pass_time(1801))
    result = desk.run("sell", data, "--model", model(desk), "--patience", "0")
    assert (result.stdout, "does not show that this sale ended" in result.stderr) == (f"paid\t{PRICE}\n", True)


def test_saved_end_whose_order_a_reorganisation_removed_is_due(desk: Desk) -> None:
    seller, record = desk.market.locked()
    seller._store.update(record, outcome="paid")
    desk.market.transport.idle = True
    desk.market.node.reorganise()
    assert [due["what"] for due in desk.json("status")["due"]] == ["see the accepted quote posted"]


def test_accepted_offer_is_not_declined(desk: Desk, data: Path) -> None:
    desk.market.locked()
    refused = desk.run("sell", data, "--model", model(desk), "--decline", status=ExitCode.USAGE)
    assert "got one whose acceptance is out" in refused.stderr


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_is_sold_as_one_file_and_found_again(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    written(folder, {"a.txt": b"a\n", "b/c.txt": b"b\n", ".hidden": b"c\n"})
    first, again = (desk.json("sell", folder, "--model", model(desk), "--quote-only", status=4) for _ in range(2))
    assert again["offer_id"] == first["offer_id"]
    assert desk.run("clean").stdout == "nothing to delete\n", "the offer is open"
    written(folder, {"d.txt": b"d\n"})
    assert desk.json("sell", folder, "--model", model(desk), "--quote-only", status=4)["offer_id"] != first["offer_id"]
    assert desk.json("status")["due"] is not None
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "expected files in" in desk.run("sell", empty, "--model", model(desk), status=2).stderr


def test_the_packed_copy_of_a_folder_goes_once_its_offer_ended(desk: Desk, tmp_path: Path) -> None:
    folder = written(tmp_path / "texts", {"a.txt": b"a\n"})
    desk.run("sell", folder, "--model", model(desk), "--decline", status=3)
    desk.run("clean")
    assert list((desk.home / "packed").iterdir()) == []
