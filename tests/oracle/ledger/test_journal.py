"""The journal: whole after every transaction, in either database."""

import threading
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import func, insert, select

from assay.chain.values import Cursor, PostedOrder
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Order, Status
from assay_oracle.errors import JournalError, OfferUnknown, OrderUnknown
from assay_oracle.ledger.content import ContentDigests
from assay_oracle.ledger.tables import logins, records
from assay_oracle.ledger.values import Sale
from tests.kit.ledgers import BOTH_LEDGERS
from tests.kit.market import Market

pytestmark = BOTH_LEDGERS


def sale_of(market: Market, order: Order) -> Sale:
    return market.journal.orders.get(order.order_id())


# --- transactions ---


def test_transaction_that_fails_leaves_nothing(market: Market) -> None:
    database = market.journal._database
    with suppress(ZeroDivisionError), database.transaction():
        database.execute(insert(records).values(model_id=b"m", tag=b"t"))
        raise ZeroDivisionError
    assert database.rows(select(records)) == []


def test_inner_transaction_is_part_of_the_outer(market: Market) -> None:
    database = market.journal._database
    with suppress(ZeroDivisionError), database.transaction():
        with database.transaction():
            database.execute(insert(records).values(model_id=b"m", tag=b"t"))
        raise ZeroDivisionError
    assert database.rows(select(records)) == []


def test_long_transaction_keeps_no_other_thread_from_reading(market: Market) -> None:
    journal = market.journal
    journal.store_cursor(Cursor(1, b"\x00"))
    found: list[int] = []

    def read() -> None:
        place = journal.cursor()
        found.append(place.block if place else -1)

    with journal._database.transaction():
        journal.store_cursor(Cursor(2, b"\x00"))
        other = threading.Thread(target=read)
        other.start()
        other.join()
        read()
    read()
    assert found == [1, 2, 2]


# --- offers and orders ---


def test_unknown_ids_are_refused_with_a_remedy(market: Market) -> None:
    with pytest.raises(OfferUnknown) as offer:
        market.journal.offers.get(bytes(32))
    with pytest.raises(OrderUnknown) as order:
        market.journal.orders.get(bytes(32))
    assert offer.value.hint
    assert order.value.hint


def test_change_of_state_from_a_forbidden_state_does_nothing(market: Market) -> None:
    _, state, _ = market.sell(b"one\n")
    offers = market.journal.offers
    assert offers.decline(state.offer_id).status is OfferStatus.POSTED
    assert offers.refuse(state.offer_id, "code", "reason").reason is None


def test_same_order_again_changes_nothing(market: Market) -> None:
    _, state, order = market.sell(b"one\n")
    before = sale_of(market, order)
    market.time += 5
    posted = PostedOrder(order, before.block, before.transaction)
    assert not market.journal.orders.add(state.offer_id, posted)
    assert sale_of(market, order) == before


def test_same_order_in_another_block_keeps_what_the_buyer_signed(market: Market) -> None:
    _, state, order = market.sell(b"one\n")
    market.journal.orders.set_receipt(order.order_id(), b"receipt")
    assert market.journal.orders.add(state.offer_id, PostedOrder(order, 7, bytes(32)))
    sale = sale_of(market, order)
    assert (sale.block, sale.transaction, sale.receipt) == (7, bytes(32), b"receipt")


def test_another_order_of_the_pair_replaces_the_first(market: Market) -> None:
    _, state, order = market.sell(b"one\n")
    market.oracle.cycle()
    assert sale_of(market, order).key_escrow
    other = order.model_copy(update={"key_hash": bytes(32)})
    assert market.journal.orders.add(state.offer_id, PostedOrder(other, 7, bytes(32)))
    sale = sale_of(market, other)
    assert (sale.order, sale.key_escrow, sale.chain_status) == (other, None, Status.LOCKED)


def test_removed_order_is_unknown_until_it_is_back(market: Market) -> None:
    _, state, order = market.sell(b"one\n")
    orders, sale = market.journal.orders, sale_of(market, order)
    orders.set_acknowledgement(order.order_id(), b"acknowledged")
    assert orders.remove(sale).status is OfferStatus.ACCEPTED
    assert orders.find(order.order_id()) is None
    assert orders.of_offer(state.offer_id) is None
    assert orders.open(since=0) == []
    with pytest.raises(OrderUnknown):
        orders.get(order.order_id())
    assert orders.add(state.offer_id, PostedOrder(order, sale.block, sale.transaction))
    back = sale_of(market, order)
    assert (back.acknowledgement, back.key_envelope, back.chain_status) == (b"acknowledged", None, Status.LOCKED)
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED


def test_closed_orders_are_listed_by_the_time_of_closing(market: Market) -> None:
    _, _, order = market.sell(b"one\n")
    orders = market.journal.orders
    assert orders.open() == [sale_of(market, order)]
    orders.set_status(order.order_id(), Status.PAID)
    assert orders.open() == []
    assert (
        orders.open(since=market.time) == orders.closed_with_files(before=market.time + 1) == [sale_of(market, order)]
    )
    assert orders.open(since=market.time + 1) == orders.closed_with_files(before=market.time) == []


def test_statement_that_is_handed_in_again_keeps_no_files_of_a_closed_order(market: Market) -> None:
    _, _, order = market.sell(b"one\n")
    orders = market.journal.orders
    closed = market.time
    orders.set_status(order.order_id(), Status.PAID)
    market.time += 1000
    orders.set_acknowledgement(order.order_id(), b"again")
    assert orders.closed_with_files(before=closed + 1) == [sale_of(market, order)]


# --- evaluations and the cursor ---


def test_second_evaluation_of_a_pair_is_refused_and_nothing_is_recorded(market: Market) -> None:
    _, first = market.offer(b"one\n")
    _, second = market.offer(b"two\n")
    evaluation = market.journal.evaluations.of(market.journal.offers.get(first.offer_id))
    summary = market.journal.offers.get(first.offer_id).summary
    assert evaluation is not None
    assert summary is not None
    again = replace(evaluation, offer_id=second.offer_id, price=evaluation.price + 1)
    market.journal.evaluations.add(again, [b"tag"], summary, appraisal=b"{}", known=0)
    assert market.journal.evaluations.find(evaluation.model_id, evaluation.content_id) == evaluation
    assert market.journal.evaluations.priced_tags(market.model_id, [b"tag"]) == set()


def test_cursor_is_kept_over_a_restart(market: Market) -> None:
    cursor = Cursor(12, b"\x07" * 32)
    market.journal.store_cursor(Cursor(3, bytes(32)))
    market.journal.store_cursor(cursor)
    market.restart()
    assert market.journal.cursor() == cursor


def test_login_is_used_once_over_restarts_until_it_expires(market: Market) -> None:
    now = market.time
    assert market.journal.logins.use(b"nonce", until=now + 10, now=now)
    assert not market.journal.logins.use(b"nonce", until=now + 10, now=now)
    assert market.journal.logins.use(b"another", until=now + 20, now=now)
    market.restart()
    assert not market.journal.logins.use(b"nonce", until=now + 10, now=now + 10)
    assert market.journal.logins.use(b"third", until=now + 30, now=now + 11)
    assert not market.journal.logins.use(b"another", until=now + 20, now=now + 11)
    assert market.journal._database.only(select(func.count()).select_from(logins))[0] == 2


def test_ledger_that_was_written_with_another_secret_is_refused(market: Market) -> None:
    digest, other = (ContentDigests(bytes([number]) * 32).fingerprint() for number in (1, 2))
    market.journal.check_secret("digest secret", digest)
    market.restart()
    market.journal.check_secret("digest secret", digest)
    with pytest.raises(JournalError, match="digest secret that the ledger was written with") as refusal:
        market.journal.check_secret("digest secret", other)
    assert refusal.value.hint
