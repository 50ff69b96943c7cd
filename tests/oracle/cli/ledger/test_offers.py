"""``assay-oracle offers`` and ``drop`` beside a running daemon, over its journal."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assay.protocol.messages import OfferState, OfferStatus
from assay_oracle.cli.main import main
from assay_oracle.server import daemon
from tests.kit.actors import rival_account, seller_account
from tests.kit.bids import Bid, bid
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.market import DAY, Market

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
Run = Callable[..., Result]


@pytest.fixture
def run(market: Market, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(market.home)
    monkeypatch.setattr(daemon, "open_chain", lambda *_: market.chain)
    monkeypatch.setattr("assay_oracle.cli.ledger.offers.unix_time", market.now)
    Path("oracle.toml").write_text('data_dir = "oracle"\n')
    return lambda *words: CliRunner(mix_stderr=False).invoke(main, [*map(str, words)])


def uploaded(market: Market, data: bytes = DATA) -> tuple[Bid, OfferState]:
    made = bid(market.model_id, data)
    return made, market.upload(made)


def test_offers_under_way_are_listed_with_price_size_age_and_reason(market: Market, run: Run) -> None:
    with Path("oracle.toml").open("a") as file:
        file.write(f'\n[[models]]\nid = "0x{market.model_id.hex()}"\nartifact = "prices/churn"\n')
    _, quoted = market.offer(DATA)
    _, pricing = uploaded(market, b"three\n")
    rival = bid(market.model_id, b"four\n", account=rival_account)
    market.upload(rival, upto=10)
    market.pass_time(120)
    lines = run("offers").stdout.splitlines()
    assert lines[0].split("\t") == ["OFFER", "MODEL", "SELLER", "STATUS", "SIZE", "AGE", "PRICE", "REASON"]
    rows = {cells[3]: cells for cells in (line.split("\t") for line in lines[1:])}
    assert set(rows) == {"quoted", "pricing", "uploading"}
    assert rows["quoted"][:3] == [f"0x{quoted.offer_id.hex()}", "churn", seller_account.address]
    assert rows["quoted"][5] == "2 min"
    assert f"({2 * PRICE_PER_RECORD} wei)" in rows["quoted"][6]
    assert rows["pricing"][6] == "-"
    (found,) = json.loads(run("offers", "--status", "pricing", "--json").stdout)
    assert (found["offer_id"], found["price"]) == (f"0x{pricing.offer_id.hex()}", None)
    (found,) = json.loads(run("offers", "--seller", rival_account.address, "--json").stdout)
    assert found["status"] == "uploading"
    assert json.loads(run("offers", "--model", "0x" + 64 * "7", "--json").stdout) == []
    assert run("offers", "--model", "0x" + 64 * "7").stdout == "no offers\n"


def test_offers_that_ended_are_listed_where_asked_for(market: Market, run: Run) -> None:
    _, state = market.offer(DATA)
    market.offers.decline(state.offer_id)
    assert json.loads(run("offers", "--json").stdout) == []
    (found,) = json.loads(run("offers", "--all", "--json").stdout)
    assert (found["status"], found["code"]) == ("declined", "seller_declined")


@pytest.mark.parametrize("upto", [10, None], ids=["uploading", "pricing"])
def test_dropped_offer_ends_with_the_reason_and_its_records_can_be_offered_again(
    market: Market, run: Run, upto: int | None
) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made, upto=upto).offer_id
    dropped = run("drop", f"0x{offer_id.hex()[:12]}", "--reason", "too large for us")
    assert dropped.exit_code == 0, dropped.stderr
    state = market.offers.state(offer_id)
    assert (state.status, state.code, state.reason) == (OfferStatus.REFUSED, "dropped", "too large for us")
    assert market.received(offer_id) == 0
    market.work()
    assert market.function.calls == 0
    assert market.offer(DATA)[1].status is OfferStatus.QUOTED
    assert run("drop", f"0x{offer_id.hex()}").exit_code == 0


def test_room_of_a_dropped_offer_is_free_while_the_daemon_runs(market: Market, run: Run) -> None:
    made = bid(market.model_id, DATA)
    market.max_disk = 1300 + len(made.upload) - 1
    market.restart()
    large = market.upload(bid(market.model_id, DATA + bytes(900)), upto=1300)
    assert run("drop", f"0x{large.offer_id.hex()}").exit_code == 0
    market.work()
    assert market.offer(made)[1].status is OfferStatus.QUOTED


def test_offer_dropped_while_it_is_priced_uses_no_evaluation_up(
    market: Market, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, state = uploaded(market)
    evaluate = market.oracle.evaluation._appraise

    def dropping(*arguments: object, **options: object) -> object:
        run("drop", state.offer_id.hex())
        return evaluate(*arguments, **options)

    monkeypatch.setattr(market.oracle.evaluation, "_appraise", dropping)
    market.work()
    assert market.offers.state(state.offer_id).code == "dropped"
    monkeypatch.undo()
    market.work()
    assert market.offer(DATA)[1].status is OfferStatus.QUOTED


def test_dropped_quote_is_honoured_until_it_expires_and_not_renewed(market: Market, run: Run) -> None:
    _, state = market.offer(DATA)
    dropped = run("drop", state.offer_id.hex())
    assert dropped.exit_code == 0
    assert "its signed quote is valid for 1 d" in dropped.stderr
    assert market.offers.state(state.offer_id).status is OfferStatus.EXPIRED
    assert market.received(state.offer_id) > 0
    market.pass_time(DAY + 7200)
    market.work()
    assert market.received(state.offer_id) == 0
    assert market.journal.evaluations.unquoted(market.time + DAY) == []


@pytest.mark.parametrize("posted", [False, True])
def test_accepted_offer_is_never_dropped(market: Market, run: Run, posted: bool) -> None:
    made, state = market.offer(DATA)
    market.accept(made, state)
    if posted:
        market.oracle.cycle()
    before = market.offers.state(state.offer_id)
    refused = run("drop", state.offer_id.hex())
    assert (refused.exit_code, before.status in refused.stderr) == (1, True)
    assert market.offers.state(state.offer_id) == before
    assert market.received(state.offer_id) > 0


@pytest.mark.parametrize("name", ["0x12", "not hex!", "0x" + 64 * "7"], ids=["short", "nonsense", "unknown"])
def test_offer_that_is_not_named_is_not_dropped(market: Market, run: Run, name: str) -> None:
    _, state = uploaded(market)
    refused = run("drop", name)
    assert refused.exit_code in (1, 2)
    assert "error: expected" in refused.stderr
    assert market.offers.state(state.offer_id).status is OfferStatus.PRICING


def test_without_a_journal_the_commands_say_so(market: Market, run: Run) -> None:
    Path("oracle.toml").write_text('data_dir = "elsewhere"\n')
    refused = run("offers")
    assert (refused.exit_code, "expected a journal at" in refused.stderr) == (1, True)
    assert not Path("elsewhere").exists()
