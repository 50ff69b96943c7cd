"""A model's orders from a stored cursor: nothing is read twice, nothing is lost by a crash or a reorganisation."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from assay.chain.values import Cursor, EventPage
from assay.sale import orders
from assay.sale.orders import OVERLAP, OrderLog
from tests.kit.actors import seller_account
from tests.kit.market import Market

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def slow_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Depth decides; the blocks of the chain in memory take no time."""
    monkeypatch.setattr(orders, "OVERLAP_SECONDS", 0)


@pytest.fixture
def asked(market: Market, monkeypatch: pytest.MonkeyPatch) -> list[Cursor | None]:
    """The cursors that the chain was asked with."""
    found: list[Cursor | None] = []
    events_since = market.chain.events_since

    def asking(cursor: Cursor | None) -> EventPage:
        found.append(cursor)
        return events_since(cursor)

    monkeypatch.setattr(market.chain, "events_since", asking)
    return found


def log_of(market: Market, folder: Path) -> OrderLog:
    return OrderLog(market.chain, market.model_id, folder)


def ids(log: OrderLog) -> list[bytes]:
    return [posted.order.order_id() for posted in log.update()]


def sell(market: Market, content: bytes) -> bytes:
    _, record = market.locked(content)
    assert record.quote is not None
    return record.quote.order_id()


def test_orders_are_those_on_chain_oldest_first(market: Market, tmp_path: Path) -> None:
    log = log_of(market, tmp_path)
    assert log.update() == []
    first, second = sell(market, b"a\nb\n"), sell(market, b"c\nd\n")
    assert log.update() == market.chain.posted(model_id=market.model_id)
    assert ids(log) == [first, second]
    assert OrderLog(market.chain, bytes(32), tmp_path).update() == []


def test_events_are_read_from_the_stored_cursor_on(market: Market, tmp_path: Path, asked: list[Cursor | None]) -> None:
    order = sell(market, b"a\nb\n")
    cursor = market.chain.events_since(None).cursor
    assert ids(log_of(market, tmp_path)) == [order]
    market.node.mine(OVERLAP)
    assert ids(log_of(market, tmp_path)) == [order]
    asked.clear()
    assert ids(log_of(market, tmp_path)) == [order], "a new process knows the orders of the last one"
    assert asked == [cursor]


def test_newest_blocks_are_read_again(market: Market, tmp_path: Path, asked: list[Cursor | None]) -> None:
    log = log_of(market, tmp_path)
    for _ in range(5):
        assert log.update() == []
        market.node.mine(OVERLAP - 1)
    head = market.node.head.number
    asked.clear()
    assert log.update() == []
    (begin,) = asked
    assert begin is not None
    assert OVERLAP <= head - begin.block < 3 * OVERLAP


def test_order_whose_event_the_node_shows_late_is_found(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node behind a load balancer has the block, but not its events yet."""
    log = log_of(market, tmp_path)
    market.node.mine(2 * OVERLAP)
    assert log.update() == []
    order = sell(market, b"a\nb\n")
    events_since = market.chain.events_since
    with monkeypatch.context() as patch:
        patch.setattr(market.chain, "events_since", lambda cursor: replace(events_since(cursor), events=()))
        assert log.update() == []
    market.node.mine(1)
    assert ids(log) == [order]
    market.node.mine(3 * OVERLAP)
    assert ids(log) == [order]
    assert ids(log) == [order]


def test_order_whose_event_the_node_shows_late_is_found_where_blocks_are_fast(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a chain with four blocks a second, 64 of them are no time in which a node catches up."""
    monkeypatch.setattr(orders, "OVERLAP_SECONDS", 768)
    log = log_of(market, tmp_path)
    order = sell(market, b"a\nb\n")
    events_since = market.chain.events_since
    with monkeypatch.context() as late:
        late.setattr(market.chain, "events_since", lambda cursor: replace(events_since(cursor), events=()))
        for _ in range(4):
            assert log.update() == []
            market.node.mine(OVERLAP)
            market.node.pass_time(16)
    for _ in range(3):
        assert ids(log) == [order]
        market.node.mine(OVERLAP)
        market.node.pass_time(768)
    assert ids(log) == [order]


def test_order_on_a_chain_that_began_anew_is_found(market: Market, tmp_path: Path) -> None:
    """A development chain that was restarted, or a reorganisation that goes far back."""
    log = log_of(market, tmp_path)
    begin = market.node.head.number
    market.node.mine(3 * OVERLAP)
    log.update()
    market.node.mine(OVERLAP)
    log.update()
    market.node.reorganise(market.node.head.number - begin)
    order = sell(market, b"a\nb\n")
    market.node.mine(5 * OVERLAP)
    assert ids(log) == [order]


def test_many_pages_are_read_one_after_another(market: Market, tmp_path: Path, asked: list[Cursor | None]) -> None:
    market.node.page_blocks = 2
    first = sell(market, b"a\nb\n")
    market.node.mine(7)
    second = sell(market, b"c\nd\n")
    asked.clear()
    assert ids(log_of(market, tmp_path)) == [first, second]
    assert len(asked) > 4


def test_page_that_was_read_is_kept_when_the_next_one_fails(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = sell(market, b"a\nb\n")
    page = market.chain.events_since(None)
    pages = [EventPage(page.events, page.cursor, complete=False, reorganised=False), ConnectionError("down")]

    def failing(_: Cursor | None) -> EventPage:
        answer = pages.pop(0)
        if isinstance(answer, ConnectionError):
            raise answer
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(market.chain, "events_since", failing)
        with pytest.raises(ConnectionError):
            log_of(market, tmp_path).update()
    market.node.mine(1)
    assert ids(log_of(market, tmp_path)) == [order]


def test_order_that_a_reorganisation_removed_is_dropped(market: Market, tmp_path: Path) -> None:
    kept = sell(market, b"a\nb\n")
    log = log_of(market, tmp_path)
    before = market.node.head.number
    lost = sell(market, b"c\nd\n")
    assert ids(log) == [kept, lost]
    market.node.reorganise(market.node.head.number - before)
    assert ids(log) == [kept]
    assert ids(log_of(market, tmp_path)) == [kept]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"block": 7}'], ids=["empty", "cut", "list", "partial"])
def test_damaged_record_is_made_again_from_the_chain(market: Market, tmp_path: Path, content: bytes) -> None:
    order = sell(market, b"a\nb\n")
    log = log_of(market, tmp_path)
    log.update()
    (path,) = tmp_path.glob(".*.orders.json")
    path.write_bytes(content)
    assert ids(log) == [order]
    assert market.chain.posted(order_id=order)[0].order.seller == seller_account.address


def test_full_disk_keeps_no_order_from_being_seen(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    order = sell(market, b"a\nb\n")
    monkeypatch.setattr(orders, "write_whole", full)
    assert ids(log_of(market, tmp_path)) == [order]


def test_record_that_cannot_be_read_is_made_again_from_the_chain(market: Market, tmp_path: Path) -> None:
    order = sell(market, b"a\nb\n")
    (tmp_path / f".{market.model_id.hex()}.orders.json").mkdir()
    assert ids(log_of(market, tmp_path)) == [order]
