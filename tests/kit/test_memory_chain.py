"""The memory chain has the whole port, answers in bounded pages, and can be reorganised."""

import inspect
import itertools

import pytest

from assay.chain.port import Chain
from assay.chain.settlement import SettlementClient
from assay.chain.values import EventKind
from assay.errors import NodeUnreachable, SettingsError
from assay.protocol.structs import Status
from tests.kit.market import Market
from tests.kit.memory_chain import MemoryChain

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
METHODS = [name for name, member in vars(Chain).items() if inspect.isfunction(member) and not name.startswith("_")]


@pytest.mark.parametrize("implementation", [MemoryChain, SettlementClient])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_the_port_is_there_with_its_parameters(implementation: type, name: str) -> None:
    assert inspect.signature(getattr(implementation, name)) == inspect.signature(getattr(Chain, name))


def test_views_of_one_node_share_everything(market: Market) -> None:
    _, _, order = market.sell(DATA)
    buyer = market.chain.seen_by(market.terms.owner)
    buyer.settle(order, b"")
    assert market.chain.order_state(order.order_id()).status is Status.PAID
    with pytest.raises(SettingsError, match="expected a key"):
        market.chain.seen_by(None).settle(order, b"")


def test_node_that_is_down_answers_nothing(market: Market) -> None:
    market.node.down = True
    for ask in (market.chain.block_time, market.chain.unmined, lambda: market.chain.events_since(None)):
        with pytest.raises(NodeUnreachable):
            ask()


def test_events_come_in_pages_and_once(market: Market) -> None:
    _, _, first = market.sell(DATA)
    market.node.mine(5)
    _, _, second = market.sell(b"three\n")
    market.node.page_blocks = 3
    pages = [market.chain.events_since(None)]
    while not pages[-1].complete:
        pages.append(market.chain.events_since(pages[-1].cursor))
    assert all(later.cursor.block - page.cursor.block <= 3 for page, later in itertools.pairwise(pages))
    posted = [event.posted.order for page in pages for event in page.events if event.posted]
    assert posted == [first, second]
    assert not any(page.reorganised for page in pages)

    last = market.chain.events_since(pages[-1].cursor)
    assert (last.events, last.complete, last.cursor) == ((), True, pages[-1].cursor)


def test_a_reorganisation_shows_in_the_cursor_and_takes_orders_back(market: Market) -> None:
    _, _, first = market.sell(DATA)
    kept = market.chain.events_since(None)
    _, _, second = market.sell(b"three\n")
    lost = market.chain.events_since(kept.cursor)
    budget = market.chain.model_state(market.model_id).budget

    (call,) = market.node.reorganise(1)
    assert market.chain.order_state(second.order_id()).status is Status.NONE
    assert market.chain.order_state(first.order_id()).status is Status.LOCKED
    assert market.chain.posted(order_id=second.order_id()) == []
    assert market.chain.model_state(market.model_id).budget == budget + second.price
    assert market.chain.block_number() == lost.cursor.block

    assert not market.chain.events_since(kept.cursor).reorganised
    again = market.chain.events_since(lost.cursor)
    assert again.reorganised
    assert [event.order_id for event in again.events] == [first.order_id()]

    market.node.execute(call)
    (event,) = market.chain.events_since(again.cursor).events
    assert (event.kind, event.order_id) == (EventKind.POSTED, second.order_id())


def test_a_shorter_chain_is_a_reorganisation_too(market: Market) -> None:
    market.sell(DATA)
    market.node.mine(3)
    cursor = market.chain.events_since(None).cursor
    del market.node.blocks[-3:]
    page = market.chain.events_since(cursor)
    assert page.reorganised
    assert len(page.events) == 1
