"""Events in bounded ranges: what one page covers, nodes that refuse wide ranges, reorganisations."""

from enum import StrEnum
from typing import Any

import pytest

from assay.chain.events import BLOCK_RANGE, REWIND, Events
from assay.chain.interface import contract_interface
from assay.chain.node import Node
from assay.chain.values import Cursor, EventKind, EventPage
from assay.errors import ChainError, NodeUnreachable
from assay.protocol.structs import ModelTerms, order_id
from tests.kit import json_rpc_node
from tests.kit.actors import CONTRACT, DOMAIN, oracle_account, seller_account
from tests.kit.json_rpc_node import MODEL, TERMS, JsonRpcNode, content, http_answer, post, register

pytestmark = pytest.mark.unit

DEPLOYED = 3
KEY = b"\x07" * 32


def events_of(*nodes: JsonRpcNode, first: int = DEPLOYED) -> Events:
    node = Node(*nodes)
    return Events(node, node.contract(CONTRACT, contract_interface()["abi"]), first, DOMAIN.chain_id)


@pytest.fixture
def node() -> JsonRpcNode:
    """A node of a chain on which the contract was deployed in block 3 and a model was registered in block 4."""
    made = JsonRpcNode()
    made.mine(DEPLOYED)
    register(made)
    return made


def read_all(events: Events, cursor: Cursor | None = None) -> list[EventPage]:
    pages = [events.since(cursor)]
    while not pages[-1].complete:
        pages.append(events.since(pages[-1].cursor))
    return pages


def told(page: EventPage) -> list[tuple[EventKind, bytes]]:
    return [(event.kind, event.order_id) for event in page.events]


# --- since a cursor ---------------------------------------------------------------------------------------------------


def test_events_from_deployment_on_in_the_order_of_the_chain(node: JsonRpcNode) -> None:
    first, second = post(node, 1), post(node, 2)
    node.emit("KeyRevealed", orderId=first, key=KEY)
    node.emit("OrderPaid", orderId=first, seller=seller_account.address, amount=1001)
    node.emit("DataRevealed", orderId=second)
    node.emit("OrderDisputed", orderId=first, index=3)
    node.emit("OrderRefunded", orderId=second)
    page = events_of(node).since(None)
    assert told(page) == [
        (EventKind.POSTED, first),
        (EventKind.POSTED, second),
        (EventKind.KEY_REVEALED, first),
        (EventKind.PAID, first),
        (EventKind.DATA_REVEALED, second),
        (EventKind.DISPUTED, first),
        (EventKind.REFUNDED, second),
    ]
    assert (page.complete, page.reorganised, page.cursor.block) == (True, False, node.head)
    assert page.events[2].key == KEY
    assert [event.block for event in page.events] == list(range(5, 12))
    posted = page.events[0].posted
    assert posted is not None
    assert (posted.block, posted.transaction) == (5, page.events[0].transaction)
    order = posted.order
    assert (order.order_id(), order.buyer, order.seller) == (first, TERMS.owner, seller_account.address)
    assert (order.price, order.key_hash, order.data_root) == (1001, b"\x04" * 32, b"\x03" * 32)
    assert page.events[1].key is None
    assert page.events[2].posted is None


def test_nothing_new_keeps_the_cursor(node: JsonRpcNode) -> None:
    events = events_of(node)
    page = events.since(None)
    assert events.since(page.cursor) == EventPage((), page.cursor, complete=True, reorganised=False)


def test_each_event_comes_once(node: JsonRpcNode) -> None:
    events, first = events_of(node), post(node, 1)
    page = events.since(None)
    second = post(node, 2)
    node.mine(5)
    assert told(page) == [(EventKind.POSTED, first)]
    assert told(events.since(page.cursor)) == [(EventKind.POSTED, second)]


def test_events_of_others_are_left_out(node: JsonRpcNode) -> None:
    node.emit("Credited", token=CONTRACT, account=CONTRACT, amount=1)
    assert events_of(node).since(None).events == ()


@pytest.mark.parametrize("amount", ["max_price", "oracle_bond"])
def test_terms_that_the_client_refuses_stop_no_other_model(node: JsonRpcNode, amount: str) -> None:
    """The contract bounds neither amount: anyone can register such a model, and sell to it."""
    strange = ModelTerms.model_construct(**{**dict(TERMS), amount: 2**256 - 1, "salt": b"\x09" * 32})
    model_id = register(node, strange)
    order, other = post(node, 1), post(node, 2, model_id=model_id)
    events = events_of(node)
    assert told(events.since(None)) == [(EventKind.POSTED, order), (EventKind.POSTED, other)]
    assert [posted.order.model_id for posted in events.posted()] == [MODEL, model_id]
    with pytest.raises(ChainError, match=f"at most 96 bits.*{amount}"):
        events.registered(model_id)


def test_days_offline_come_in_pages_of_a_bounded_range(node: JsonRpcNode) -> None:
    events = events_of(node)
    cursor = events.since(None).cursor
    expected = []
    for number in range(3):
        node.mine(BLOCK_RANGE)
        expected.append((EventKind.POSTED, post(node, number)))
    pages = read_all(events, cursor)
    assert [event for page in pages for event in told(page)] == expected
    assert [page.complete for page in pages] == [False, False, False, True]
    assert not any(page.reorganised for page in pages)
    assert all(last - first < BLOCK_RANGE for first, last in node.ranges)
    assert pages[-1].cursor.block == node.head


@pytest.mark.parametrize("refusal", [None, 400, 413, 500], ids=["error", "bad_request", "too_large", "server_error"])
@pytest.mark.parametrize("limit", [1, 1000, 2000, 10_000])
def test_node_that_refuses_wide_ranges_is_asked_for_narrower_ones(limit: int, refusal: int | None) -> None:
    node = JsonRpcNode(limit=limit, refusal=refusal)
    register(node)
    expected = [(EventKind.POSTED, post(node, number)) for number in range(3)]
    node.mine(40 if limit == 1 else 2500)
    expected.append((EventKind.POSTED, post(node, 3)))
    events = events_of(node, first=0)
    assert [event for page in read_all(events) for event in told(page)] == expected
    assert [posted.order.price for posted in events.posted()] == [1000, 1001, 1002, 1003]
    assert [posted.block for posted in events.posted(order_id=expected[3][1])] == [node.head]
    assert all(last - first < limit for first, last in node.ranges)


def test_refusal_that_passes_leaves_no_narrow_ranges(node: JsonRpcNode) -> None:
    """A node that was overloaded for a moment must not be asked for single blocks of a whole chain."""
    node.mine(20 * BLOCK_RANGE)
    limits = iter([0] * 12)

    def overloaded(method: str) -> None:
        if method == "eth_getLogs":
            node.limit = next(limits, None)

    node.before = overloaded
    assert events_of(node).posted() == []
    assert len(node.ranges) < 300


def test_refused_range_is_not_tried_in_each_call() -> None:
    node = JsonRpcNode(limit=1000)
    node.mine(2 * BLOCK_RANGE)
    events = events_of(node, first=0)
    events.posted()
    answered, sent = len(node.ranges), node.requests
    events.posted(order_id=order_id(MODEL, content(1)))
    assert node.requests - sent - (len(node.ranges) - answered) <= 3


def test_refusal_of_a_single_block_is_raised(node: JsonRpcNode) -> None:
    node.limit = 0
    with pytest.raises(ChainError, match="exceeds limit"):
        events_of(node).since(None)


def test_node_that_does_not_answer_is_not_asked_for_narrower_ranges(node: JsonRpcNode) -> None:
    node.down = True
    with pytest.raises(NodeUnreachable):
        events_of(node).since(None)
    assert node.requests == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [(429, '{"error": {"code": -32005, "message": "too many requests"}}'), (502, "<html></html>"), (500, "[]")],
)
def test_node_that_is_not_there_is_not_asked_for_narrower_ranges(node: JsonRpcNode, status: int, body: str) -> None:
    queries = []

    def failing(method: str) -> None:
        if method == "eth_getLogs":
            queries.append(method)
            http_answer(status, body)

    node.before = failing
    with pytest.raises(NodeUnreachable):
        events_of(node).since(None)
    assert len(queries) == 1


def test_contract_is_younger_than_the_chain_that_the_node_serves() -> None:
    node = JsonRpcNode()
    page = events_of(node, first=100).since(None)
    assert (page.events, page.cursor.block, page.complete) == ((), 0, True)
    node.mine(99)
    register(node)
    order = post(node, 1)
    assert told(events_of(node, first=100).since(page.cursor)) == [(EventKind.POSTED, order)]


# --- reorganisations --------------------------------------------------------------------------------------------------


def test_replaced_block_is_told_and_what_came_in_its_place_is_read(node: JsonRpcNode) -> None:
    events = events_of(node)
    kept, lost = post(node, 1), post(node, 2)
    page = events.since(None)
    assert told(page) == [(EventKind.POSTED, kept), (EventKind.POSTED, lost)]
    node.reorganise(1)
    instead = post(node, 3)
    again = events.since(page.cursor)
    assert again.reorganised
    assert told(again) == [(EventKind.POSTED, kept), (EventKind.POSTED, instead)]
    assert not events.since(again.cursor).reorganised


def test_chain_that_became_shorter(node: JsonRpcNode) -> None:
    events = events_of(node)
    kept, _ = post(node, 1), post(node, 2)
    page = events.since(None)
    node.reorganise(1, shorter_by=1)
    again = events.since(page.cursor)
    assert (again.reorganised, told(again), again.complete) == (True, [(EventKind.POSTED, kept)], True)


def test_reading_goes_back_a_safe_distance_and_no_further(node: JsonRpcNode) -> None:
    events, _ = events_of(node), post(node, 1)
    node.mine(10 * REWIND)
    cursor = events.since(None).cursor
    node.reorganise(5)
    node.ranges.clear()
    page = events.since(cursor)
    assert page.reorganised
    assert node.ranges[0][0] == cursor.block - REWIND
    assert page.events == ()


def test_reorganisation_below_the_cursor_while_offline_for_days(node: JsonRpcNode) -> None:
    events = events_of(node)
    cursor = events.since(None).cursor
    node.reorganise(1)
    register(node)
    expected = []
    for number in range(2):
        node.mine(BLOCK_RANGE)
        expected.append((EventKind.POSTED, post(node, number)))
    pages = read_all(events, cursor)
    assert [event for page in pages for event in told(page)] == expected
    assert [page.reorganised for page in pages] == [True, *[False] * (len(pages) - 1)]


def test_reorganisation_while_a_page_is_read(node: JsonRpcNode) -> None:
    """The page is read again, so that its cursor is of the chain that its events are of."""
    events = events_of(node)
    post(node, 1)
    instead: list[bytes] = []

    def reorganise(method: str) -> None:
        if method == "eth_getLogs" and not instead:
            instead.append(b"")
            node.reorganise(1)
            instead[0] = post(node, 2)

    node.before = reorganise
    page = events.since(None)
    assert told(page) == [(EventKind.POSTED, instead[0])]
    node.before = lambda _: None
    assert not events.since(page.cursor).reorganised


def test_chain_that_never_stands_still(node: JsonRpcNode) -> None:
    def reorganise(method: str) -> None:
        if method == "eth_getLogs":
            node.reorganise(1)

    node.before = reorganise
    with pytest.raises(ChainError, match="reorganised"):
        events_of(node).since(None)


# --- by subject -------------------------------------------------------------------------------------------------------


def test_posted_orders_by_seller_model_and_id(node: JsonRpcNode) -> None:
    mine, other = post(node, 1), post(node, 2, oracle_account.address)
    events = events_of(node)

    def ids(**subject: Any) -> list[bytes]:
        return [posted.order.order_id() for posted in events.posted(**subject)]

    assert ids() == ids(model_id=MODEL) == [mine, other]
    assert ids(seller=seller_account.address.lower()) == ids(order_id=mine) == [mine]
    assert ids(order_id=mine, seller=oracle_account.address) == ids(model_id=bytes(32)) == []


def test_search_for_one_order_begins_at_the_newest_block(node: JsonRpcNode) -> None:
    node.mine(3 * BLOCK_RANGE)
    order = post(node, 1)
    node.emit("KeyRevealed", orderId=order, key=KEY)
    events = events_of(node)
    events.registered(MODEL)
    node.ranges.clear()
    assert next(events.of_order(order, EventKind.KEY_REVEALED)).key == KEY
    assert len(events.posted(order_id=order)) == 1
    assert [event.kind for event in events.of_order(order)] == [EventKind.KEY_REVEALED, EventKind.POSTED]
    assert len(node.ranges) == 3


def test_search_for_a_key_ends_where_the_order_was_posted(node: JsonRpcNode) -> None:
    node.mine(3 * BLOCK_RANGE)
    order = post(node, 1)
    events = events_of(node)
    assert list(events.of_order(order, EventKind.KEY_REVEALED)) == []
    assert len(node.ranges) == 1


def test_order_that_was_found_is_searched_for_in_its_block_first(node: JsonRpcNode) -> None:
    order = post(node, 1)
    node.mine(3 * BLOCK_RANGE)
    events, found = events_of(node), events_of(node).posted(order_id=order)
    assert events.posted(order_id=order) == found
    node.ranges.clear()
    assert events.posted(order_id=order) == found
    assert node.ranges == [(found[0].block, found[0].block)]
    node.reorganise(node.head - found[0].block + 1)
    assert events.posted(order_id=order) == []
    moved = post(node, 1) and node.head
    assert [posted.block for posted in events.posted(order_id=order)] == [moved]


def test_terms_are_searched_for_once(node: JsonRpcNode) -> None:
    node.mine(2 * BLOCK_RANGE)
    events = events_of(node)
    for _ in range(2):
        assert events.registered(MODEL) == (TERMS, oracle_account.address)
        assert len(node.ranges) == 3
    assert events.registered(bytes(32)) is None


def test_terms_are_kept_from_the_page_that_registers_them(node: JsonRpcNode) -> None:
    post(node, 1)
    events_of(node).since(None)
    assert len(node.ranges) == 1


def test_terms_of_several_models_are_found_in_one_pass(node: JsonRpcNode) -> None:
    models = [register(node, TERMS.model_copy(update={"salt": content(number)})) for number in range(1, 4)]
    cursor = events_of(node).since(None).cursor
    for number, model_id in enumerate(models):
        post(node, number, model_id=model_id)
    node.ranges.clear()
    page = events_of(node).since(cursor)
    assert [event.posted.order.model_id for event in page.events if event.posted] == models
    assert len(node.ranges) == 2


# --- another event ----------------------------------------------------------------------------------------------------


def test_another_event_needs_its_kind_alone(node: JsonRpcNode, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {
        "type": "event",
        "name": "OrderNoted",
        "anonymous": False,
        "inputs": [{"name": "orderId", "type": "bytes32", "indexed": True, "internalType": "bytes32"}],
    }
    kinds = StrEnum("EventKind", {**{kind.name: kind.value for kind in EventKind}, "NOTED": "OrderNoted"})
    monkeypatch.setitem(contract_interface(), "abi", [*contract_interface()["abi"], entry])
    monkeypatch.setitem(json_rpc_node._EVENTS, "OrderNoted", entry)
    monkeypatch.setattr("assay.chain.events.EventKind", kinds)
    order = post(node, 1)
    node.emit("OrderNoted", orderId=order)
    (page,) = read_all(events_of(node))
    assert [event.kind for event in page.events] == ["OrderPosted", "OrderNoted"]
    assert next(events_of(node).of_order(order)).kind == "OrderNoted"
