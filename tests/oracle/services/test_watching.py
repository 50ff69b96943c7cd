"""Events since a stored cursor: read once a cycle, after days offline, over crashes, reorganisations and slow nodes."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from assay.chain.values import Cursor, EventPage, OrderEvent
from assay.errors import NodeUnreachable
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status
from assay_oracle.services.watching import MAX_PAGES
from tests.kit.actors import rival_account
from tests.kit.market import Market
from tests.kit.memory_chain import MemoryChain
from tests.kit.orders import acknowledgement, count_calls, post_oneself, status_of

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"


class Cut(BaseException):
    """The process dies here."""


# --- once a cycle ---


def test_idle_cycle_asks_for_events_once_and_for_no_order(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.sell(b"three\n")
    market.sell(b"four\n")
    market.offer(DATA)
    _, declined = market.offer(b"five\n", account=rival_account)
    market.offers.decline(declined.offer_id)
    market.oracle.cycle()
    called = count_calls(monkeypatch, "events_since", "order_state", "posted")
    market.oracle.cycle()
    assert called == ["events_since"]


def test_events_are_asked_for_from_the_stored_cursor_on(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.sell(DATA)
    cursor = market.journal.cursor()
    assert cursor == Cursor(market.node.head.number, market.node.head.hash)
    market.restart()
    asked: list[Cursor | None] = []
    since = MemoryChain.events_since

    def events_since(chain: MemoryChain, cursor: Cursor | None) -> EventPage:
        asked.append(cursor)
        return since(chain, cursor)

    monkeypatch.setattr(MemoryChain, "events_since", events_since)
    market.oracle.cycle()
    assert asked == [cursor]


@pytest.mark.parametrize("end", [Status.REVEALED, Status.PAID, Status.REFUNDED])
def test_order_that_others_move_is_followed(market: Market, end: Status) -> None:
    made, _, order = market.sell(DATA)
    if end is Status.REVEALED:
        market.chain.reveal_key(order, made.key)
    elif end is Status.PAID:
        market.chain.settle(order, acknowledgement(order))
    else:
        market.pass_time(market.terms.reveal_window + 1)
        market.chain.refund(order)
    assert status_of(market, order) is Status.LOCKED
    market.oracle.cycle()
    assert status_of(market, order) is end


def test_order_of_a_pair_that_was_never_quoted_here_is_ignored(tmp_path: Path) -> None:
    """Another oracle's order on the same contract."""
    market = Market(tmp_path)
    made, state = market.offer(DATA)
    post_oneself(market, made, state)
    for path in market.folder.glob("journal.sqlite*"):
        path.unlink()
    market.restart()
    market.oracle.cycle()
    assert market.journal.orders.open() == []
    assert market.journal.cursor() is not None
    market.journal.close()


def test_order_that_the_contract_does_not_have_is_not_recorded(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node's log alone records nothing, and its page is read again."""
    made, state = market.offer(DATA)
    market.oracle.cycle()
    order_id = post_oneself(market, made, state)
    since = MemoryChain.events_since

    def forged(event: OrderEvent) -> OrderEvent:
        if event.posted is None:
            return event
        order = event.posted.order.model_copy(update={"data_root": bytes(32)})
        return replace(event, posted=replace(event.posted, order=order))

    def events_since(chain: MemoryChain, cursor: Cursor | None) -> EventPage:
        page = since(chain, cursor)
        return replace(page, events=tuple(map(forged, page.events)))

    with monkeypatch.context() as lying:
        lying.setattr(MemoryChain, "events_since", events_since)
        market.oracle.cycle()
        assert market.journal.orders.find(order_id) is None
    market.oracle.cycle()
    assert market.journal.orders.get(order_id).order == market.chain.posted(order_id=order_id)[0].order


# --- days offline ---


def test_days_offline_are_read_page_by_page(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    made, state = market.offer(DATA)
    other, _, sold = market.sell(b"three\n")
    market.node.page_blocks = 10
    market.node.mine(35)
    order_id = post_oneself(market, made, state)
    market.node.mine(35)
    market.chain.reveal_key(sold, other.key)
    market.node.mine(5)
    called = count_calls(monkeypatch, "events_since")
    market.oracle.cycle()
    assert len(called) == 8
    assert market.journal.orders.get(order_id).chain_status is Status.LOCKED
    assert status_of(market, sold) is Status.REVEALED


def test_pages_before_the_node_failed_are_not_read_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.offer(DATA)
    market.oracle.cycle()
    market.node.page_blocks = 10
    market.node.mine(35)
    since, pages = MemoryChain.events_since, []

    def fails_at_the_third(chain: MemoryChain, cursor: Cursor | None) -> EventPage:
        if len(pages) == 2:
            raise NodeUnreachable("no answer from the node")
        pages.append(since(chain, cursor))
        return pages[-1]

    with monkeypatch.context() as broken:
        broken.setattr(MemoryChain, "events_since", fails_at_the_third)
        with pytest.raises(NodeUnreachable):
            market.oracle.cycle()
    assert market.journal.cursor() == pages[-1].cursor
    called = count_calls(monkeypatch, "events_since")
    market.oracle.cycle()
    assert len(called) == 2


def test_first_reading_of_many_pages_holds_up_no_delivery(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, order = market.sell(DATA)
    market.journal._database.execute(text("DELETE FROM cursor"))
    market.node.page_blocks = 1
    market.node.mine(MAX_PAGES)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    called = count_calls(monkeypatch, "events_since")
    market.oracle.cycle()
    assert len(called) == MAX_PAGES
    assert market.chain.order_state(order.order_id()).status is Status.PAID
    market.oracle.cycle()
    cursor = market.journal.cursor()
    assert cursor == Cursor(market.node.head.number, market.node.head.hash)


# --- crashes ---


def test_crash_between_effect_and_cursor_repeats_the_events_without_harm(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    with monkeypatch.context() as broken:
        broken.setattr(type(market.journal), "store_cursor", lambda *_: (_ for _ in ()).throw(Cut))
        with pytest.raises(Cut):
            market.oracle.cycle()
    before = market.journal.orders.set_key_escrow(order_id, b"")
    assert market.journal.cursor() is None
    market.restart()
    market.time += 5
    market.oracle.cycle()
    assert market.journal.orders.get(order_id) == before
    assert market.journal.cursor() is not None


def test_crash_before_the_effect_loses_no_event(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    with monkeypatch.context() as broken:
        broken.setattr(type(market.journal.orders), "add", lambda *_: (_ for _ in ()).throw(Cut))
        with pytest.raises(Cut):
            market.oracle.cycle()
    market.restart()
    market.oracle.cycle()
    assert market.journal.orders.get(order_id).chain_status is Status.LOCKED


def test_disk_that_fails_advances_no_cursor(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    with monkeypatch.context() as broken:
        broken.setattr(type(market.journal.orders), "add", lambda *_: (_ for _ in ()).throw(OSError("full")))
        market.oracle.cycle()
    assert market.journal.cursor() is None
    market.oracle.cycle()
    assert market.journal.orders.get(order_id).chain_status is Status.LOCKED


def test_journal_without_a_cursor_reads_everything_again_and_moves_no_order_back(market: Market) -> None:
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.oracle.cycle()
    before = market.journal.orders.get(order.order_id())
    assert (before.chain_status, before.key_envelope is None) == (Status.PAID, False)
    market.journal._database.execute(text("DELETE FROM cursor"))
    market.node.page_blocks = 1
    market.time += 5
    market.oracle.cycle()
    assert market.journal.orders.get(order.order_id()) == before


def test_order_posted_by_the_seller_is_found(market: Market) -> None:
    made, state = market.offer(DATA)
    request = market.acceptance(made, state)
    assert state.quote is not None
    assert state.oracle_signature is not None
    market.chain.post(market.terms, state.quote, state.oracle_signature, request.key_hash, request.signature)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert market.delivery.sealed(state.quote.order_id()).size


def test_event_of_another_kind_hides_no_event_before_it(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, order = market.sell(DATA)
    market.chain.reveal_key(order, made.key)
    read = MemoryChain.events_since

    def with_a_note(chain: MemoryChain, cursor: Cursor | None) -> EventPage:
        page = read(chain, cursor)
        noted = [replace(event, kind="OrderNoted") for event in page.events[-1:]]
        return replace(page, events=(*page.events, *noted))

    monkeypatch.setattr(MemoryChain, "events_since", with_a_note)
    market.oracle.cycle()
    assert status_of(market, order) is Status.REVEALED
