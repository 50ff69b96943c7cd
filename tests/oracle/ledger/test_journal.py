"""The journal: claimed by one process, migrated, and whole after every transaction."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from assay.chain.values import Cursor, PostedOrder
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Order, Status
from assay_oracle.errors import JournalError, OfferUnknown, OrderUnknown
from assay_oracle.ledger.database import Database
from assay_oracle.ledger.journal import Journal
from assay_oracle.ledger.tables import MIGRATIONS
from assay_oracle.ledger.values import Sale
from tests.kit.market import DAY, Market
from tests.kit.memory_chain import START
from tests.kit.orders import acknowledgement

pytestmark = pytest.mark.unit

NOW = 1_800_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    made = Database(path)
    yield made
    made.close()


def sale_of(market: Market, order: Order) -> Sale:
    return market.journal.orders.get(order.order_id())


# --- the file ---


def test_second_claim_is_refused_until_the_first_is_released(path: Path) -> None:
    first = Journal(path, now=lambda: NOW)
    with pytest.raises(JournalError, match="another process") as refusal:
        Journal(path, now=lambda: NOW)
    assert refusal.value.hint
    first.close()
    Journal(path, now=lambda: NOW).close()


def test_journal_of_a_newer_version_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(JournalError, match=f"version {len(MIGRATIONS)} or less"):
        Journal(path, now=lambda: NOW)


def test_damaged_journal_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match="cannot read"):
        Journal(path, now=lambda: NOW)


def test_journal_of_every_earlier_version_is_migrated(tmp_path: Path) -> None:
    columns = []
    for version in range(len(MIGRATIONS) + 1):
        path = tmp_path / f"{version}.sqlite"
        with sqlite3.connect(path) as connection:
            for script in MIGRATIONS[:version]:
                connection.executescript(script)
            connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        journal = Journal(path, now=lambda: NOW)
        assert journal.cursor() is None
        rows = journal._database.rows("SELECT name, sql FROM sqlite_master ORDER BY name")
        columns.append([tuple(row) for row in rows])
        journal.close()
    assert all(found == columns[0] for found in columns)


def test_order_of_an_earlier_version_is_kept(market: Market) -> None:
    """What version 2 wrote of an order reads as before."""
    _, _, order = market.sell(b"one\n")
    made_like_version_3(market)
    market.journal._database.execute("ALTER TABLE orders DROP COLUMN deadline")
    market.journal._database.execute("DROP TABLE cursor")
    market.journal._database.execute("PRAGMA user_version = 2")
    market.restart()
    sale = sale_of(market, order)
    assert (sale.order, sale.chain_status) == (order, Status.LOCKED)
    offer = market.journal.offers.get(sale.offer_id)
    assert (offer.distinct_records, offer.is_stored, offer.quoted_until) == (1, True, START + DAY)
    market.oracle.cycle()
    assert market.journal.cursor() is not None


def made_like_version_5(market: Market) -> None:
    """Takes back what later versions changed in the tables."""
    for change in (
        "DROP TABLE logins",
        "DROP INDEX offers_of_copies",
        "DROP INDEX offers_unevaluated",
        "ALTER TABLE offers DROP COLUMN copied_content",
        "CREATE INDEX offers_unevaluated ON offers (updated_at) WHERE content_id IS NULL",
        "PRAGMA user_version = 5",
    ):
        market.journal._database.execute(change)


def made_like_version_3(market: Market) -> None:
    """As ``made_like_version_5``, of an earlier version."""
    made_like_version_5(market)
    for change in (
        *(f"DROP INDEX offers_{name}" for name in ("by_quote", "stored", "by_model", "by_seller", "unevaluated")),
        "DROP INDEX orders_by_status",
        *(f"ALTER TABLE offers DROP COLUMN {name}" for name in ("distinct_records", "is_stored", "quoted_until")),
        "ALTER TABLE offers ADD COLUMN cooperative INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE offers DROP COLUMN failed_posts",
        "ALTER TABLE offers DROP COLUMN failed_settlements",
        "ALTER TABLE orders DROP COLUMN key_escrow",
        "ALTER TABLE orders ADD COLUMN deadline INTEGER",
        "PRAGMA user_version = 3",
    ):
        market.journal._database.execute(change)


def test_key_that_an_earlier_version_handed_over_unpaid_is_withheld_until_the_payment(market: Market) -> None:
    """Up to version 3 the key came before the payment."""
    _, _, order = market.sell(b"one\n")
    market.journal.orders.set_key_envelope(order.order_id(), "unpaid")
    made_like_version_3(market)
    market.restart()
    assert sale_of(market, order).key_envelope is None
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.oracle.cycle()
    assert sale_of(market, order).key_envelope not in (None, "unpaid")


def test_offer_that_an_earlier_version_left_without_the_content_of_its_evaluation_gets_it(market: Market) -> None:
    """Up to version 5 an offer that was declined while it was priced did not name its evaluation."""
    _, state = market.offer(b"one\n")
    before = market.journal.offers.get(state.offer_id).content_id
    market.journal._database.execute("UPDATE offers SET content_id = NULL")
    made_like_version_5(market)
    market.restart()
    assert market.journal.offers.get(state.offer_id).content_id == before is not None


# --- transactions ---


def test_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with suppress(ZeroDivisionError), database.transaction():
        database.execute("INSERT INTO records VALUES (?, ?)", b"m", b"t")
        raise ZeroDivisionError
    assert database.rows("SELECT * FROM records") == []


def test_inner_transaction_is_part_of_the_outer(database: Database) -> None:
    with suppress(ZeroDivisionError), database.transaction():
        with database.transaction():
            database.execute("INSERT INTO records VALUES (?, ?)", b"m", b"t")
        raise ZeroDivisionError
    assert database.rows("SELECT * FROM records") == []


def test_long_transaction_keeps_no_other_thread_from_reading(database: Database) -> None:
    database.execute("INSERT INTO cursor VALUES (0, 1, x'00')")
    found: list[int] = []

    def read() -> None:
        row = database.row("SELECT block FROM cursor")
        found.append(row["block"] if row else -1)

    with database.transaction():
        database.execute("UPDATE cursor SET block = 2")
        other = threading.Thread(target=read)
        other.start()
        other.join()
        read()
    read()
    assert found == [1, 2, 2]


def test_full_disk_is_reported_and_the_journal_works_when_there_is_room(market: Market) -> None:
    database = market.journal._database
    (pages,) = database.row("PRAGMA page_count")

    def fill() -> None:
        with database.transaction():
            for number in range(10_000):
                database.execute("INSERT INTO records VALUES (?, ?)", market.model_id, number.to_bytes(32))

    with database.transaction():  # of the connection that writes
        database.row(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OSError, match="disk is full"):
        fill()
    with database.transaction():  # of the connection that writes
        database.row(f"PRAGMA max_page_count = {2**30}")
    fill()
    assert database.row("SELECT count(*) FROM records")[0] == 10_000


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
    market.journal.evaluations.add(again, [b"tag"], summary, appraisal=b"{}")
    assert market.journal.evaluations.find(evaluation.model_id, evaluation.content_id) == evaluation
    assert market.journal.evaluations.priced_tags(market.model_id, [b"tag"]) == set()


def test_cursor_is_kept_over_a_restart(market: Market) -> None:
    cursor = Cursor(12, b"\x07" * 32)
    market.journal.store_cursor(Cursor(3, bytes(32)))
    market.journal.store_cursor(cursor)
    market.restart()
    assert market.journal.cursor() == cursor


def test_login_is_used_once_over_restarts_until_it_expires(market: Market) -> None:
    assert market.journal.logins.use(b"nonce", until=NOW + 10, now=NOW)
    assert not market.journal.logins.use(b"nonce", until=NOW + 10, now=NOW)
    assert market.journal.logins.use(b"another", until=NOW + 20, now=NOW)
    market.restart()
    assert not market.journal.logins.use(b"nonce", until=NOW + 10, now=NOW + 10)
    assert market.journal.logins.use(b"third", until=NOW + 30, now=NOW + 11)
    assert not market.journal.logins.use(b"another", until=NOW + 20, now=NOW + 11)
    assert market.journal._database.row("SELECT count(*) AS held FROM logins")["held"] == 2
