"""Reorganisations and nodes that lag: the ledger follows the chain, and no order is lost."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from assay.chain.values import Cursor, EventPage, OrderState
from assay.errors import ChainError, NodeUnreachable
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status
from assay_oracle.errors import OrderUnknown
from tests.kit.actors import DOMAIN, buyer_account
from tests.kit.market import Market
from tests.kit.memory_chain import MemoryChain, MemoryNode
from tests.kit.orders import acknowledgement, count_calls, post_oneself, status_of

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"


def test_order_that_a_reorganisation_removed_is_unknown(market: Market) -> None:
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    market.oracle.cycle()
    market.node.reorganise()
    market.oracle.cycle()
    assert market.journal.orders.find(order_id) is None
    assert market.offers.state(state.offer_id).status is OfferStatus.QUOTED


def test_order_that_a_reorganisation_moved_is_found_in_its_new_block(market: Market) -> None:
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    market.oracle.cycle()
    before = market.journal.orders.get(order_id)
    (post,) = market.node.reorganise()
    market.node.mine(3)
    market.node.execute(post)
    market.oracle.cycle()
    after = market.journal.orders.get(order_id)
    assert after.block == before.block + 4
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED


def test_reorganisation_that_takes_a_settlement_back_opens_the_order_again(market: Market) -> None:
    _, _, order = market.sell(DATA)
    market.chain.settle(order, acknowledgement(order))
    market.oracle.cycle()
    assert status_of(market, order) is Status.PAID
    market.node.reorganise(1)
    market.oracle.cycle()
    assert status_of(market, order) is Status.LOCKED


def test_reorganisation_while_the_oracle_was_down_is_noticed(market: Market) -> None:
    _, state, order = market.sell(DATA)
    market.journal.close()
    market.node.reorganise()
    market.node.mine(2_500)
    market._open()
    market.oracle.cycle()
    assert market.journal.orders.find(order.order_id()) is None
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert market.chain.order_state(order.order_id()).status is Status.LOCKED


def test_another_order_in_place_of_the_first_is_taken_over(market: Market) -> None:
    made, state = market.offer(DATA)
    market.accept(made, state)
    market.oracle.cycle()
    market.node.reorganise()
    other = market.acceptance(made, state, key_hash=bytes(32))
    market.chain.post(market.terms, state.quote, state.oracle_signature, other.key_hash, other.signature)
    market.oracle.cycle()
    assert market.journal.orders.get(state.quote.order_id()).order.key_hash == bytes(32)


def test_node_that_is_behind_loses_no_order_and_no_statement(market: Market) -> None:
    """A cycle over a node that has not seen the last blocks yet: the order is back when the node has caught up."""
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    market.oracle.cycle()
    order = market.journal.orders.get(order_id).order
    receipt = bytes(buyer_account.sign_message(DOMAIN.receipt(order.digest())).signature)
    market.delivery.put_receipt(order_id, receipt)
    ahead, storage = market.node.blocks[-1:], market.contract.storage
    del market.node.blocks[-1:]
    market.contract.storage = market.node.blocks[-1].storage.copy()
    market.oracle.cycle()
    assert market.journal.orders.find(order_id) is None
    market.node.blocks += ahead
    market.contract.storage = storage
    market.oracle.cycle()
    assert market.journal.orders.get(order_id).receipt == receipt
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED


def test_reorganisation_deeper_than_what_is_read_again_hides_no_order(market: Market) -> None:
    made, state = market.offer(DATA)
    market.node.mine(200)
    market.oracle.cycle()
    market.node.reorganise(150)
    del market.node.blocks[-150:]
    order_id = post_oneself(market, made, state)
    market.node.mine(149)
    market.oracle.cycle()
    assert market.journal.orders.get(order_id).chain_status is Status.LOCKED


def test_order_that_vanished_before_the_journal_had_a_cursor_is_noticed(market: Market) -> None:
    """An earlier version had no cursor; the chain was reorganised while it was replaced."""
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    market.oracle.cycle()
    market.journal._database.execute(text("DELETE FROM cursor"))
    market.restart()
    market.node.reorganise()
    market.oracle.cycle()
    assert market.journal.orders.find(order_id) is None
    assert market.offers.state(state.offer_id).status is OfferStatus.QUOTED


def test_event_that_a_node_left_out_is_made_up_for_at_the_next_start(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One backend of a provider answered for logs of blocks that it did not have yet."""
    market.oracle.cycle()
    made, state = market.offer(DATA)
    _, _, sold = market.sell(b"three\n")
    order_id = post_oneself(market, made, state)
    market.chain.settle(sold, acknowledgement(sold))
    with monkeypatch.context() as behind:
        behind.setattr(MemoryNode, "events", lambda *_: ())
        market.oracle.cycle()
    market.oracle.cycle()
    assert market.journal.orders.find(order_id) is None
    market.restart()
    market.oracle.cycle()
    assert market.journal.orders.get(order_id).chain_status is Status.LOCKED
    assert status_of(market, sold) is Status.PAID


def test_order_that_cannot_be_compared_holds_up_no_other_and_is_compared_later(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, first = market.sell(DATA)
    _, _, second = market.sell(b"three\n")
    market.node.reorganise()
    state_of = MemoryChain.order_state

    def refuses_the_first(chain: MemoryChain, order_id: bytes) -> OrderState:
        if order_id == first.order_id():
            raise ChainError("the node refused")
        return state_of(chain, order_id)

    with monkeypatch.context() as broken:
        broken.setattr(MemoryChain, "order_state", refuses_the_first)
        market.oracle.cycle()
    assert market.journal.orders.find(second.order_id()) is None
    assert market.journal.orders.find(first.order_id()) is not None
    market.oracle.cycle()
    assert market.journal.orders.find(first.order_id()) is None


def test_node_that_is_behind_at_the_start_loses_no_order(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """One backend of a provider answers for the cursor, another, which is behind, for the state of orders."""
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    _, _, settled = market.sell(b"three\n")
    market.chain.settle(settled, acknowledgement(settled))
    market.oracle.cycle()
    behind = {order_id: (Status.NONE, 0), settled.order_id(): (Status.LOCKED, market.time + 3600)}
    market.restart()
    state_of = MemoryChain.order_state

    def order_state(chain: MemoryChain, order_id: bytes) -> OrderState:
        return OrderState(*behind[order_id], digest=state_of(chain, order_id).digest)

    with monkeypatch.context() as lagging:
        lagging.setattr(MemoryChain, "order_state", order_state)
        for _ in range(3):
            market.oracle.cycle()
    market.oracle.cycle()
    assert market.journal.orders.get(order_id).chain_status is Status.LOCKED
    assert status_of(market, settled) is Status.PAID
    market.pass_time(3600)
    called = count_calls(monkeypatch, "events_since", "order_state")
    market.oracle.cycle()
    assert called == ["events_since"]


def test_order_that_vanished_between_its_posting_and_the_reading_of_its_event_is_noticed(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.oracle.cycle()
    made, state = market.offer(DATA)
    market.accept(made, state)

    def fails(chain: MemoryChain, cursor: Cursor | None) -> EventPage:
        raise NodeUnreachable("no answer from the node")

    with monkeypatch.context() as broken:
        broken.setattr(MemoryChain, "events_since", fails)
        with pytest.raises(NodeUnreachable):
            market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
    market.node.reorganise(1)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.ACCEPTED


def test_nothing_is_delivered_after_a_reorganisation_took_the_lock(market: Market) -> None:
    _, _, order = market.sell(DATA)
    market.node.reorganise()
    market.oracle.cycle()
    with pytest.raises(OrderUnknown):
        market.delivery.record(order.order_id())


def behind(market: Market, blocks: int) -> Callable[[], None]:
    """The node forgets its last blocks; returns how it catches up."""
    ahead, storage = market.node.blocks[-blocks:], market.contract.storage
    del market.node.blocks[-blocks:]
    market.contract.storage = market.node.blocks[-1].storage.copy()

    def catch_up() -> None:
        assert market.node.blocks[-1].block.number == ahead[0].block.number - 1, "a transaction was sent again"
        market.node.blocks += ahead
        market.contract.storage = storage

    return catch_up


def test_node_that_is_behind_the_oracles_own_transactions_makes_it_send_none_again(market: Market) -> None:
    """On the chain as it is, the second one would be mined and fail, at the oracle's cost."""
    _, state, order = market.sell(DATA)
    catch_up = behind(market, 1)
    for _ in range(3):
        market.oracle.cycle()
    catch_up()
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    catch_up = behind(market, 1)
    for _ in range(3):
        market.oracle.cycle()
    catch_up()
    market.oracle.cycle()
    assert status_of(market, order) is Status.PAID
