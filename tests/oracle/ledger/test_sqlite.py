"""The ledger in a SQLite file: claimed by one process, migrated from every version, durable, or refused."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from assay.chain.values import Cursor
from assay.protocol.messages import AppraisalSummary, OfferStatus
from assay.protocol.structs import Order, Status
from assay_oracle.errors import JournalError
from assay_oracle.ledger.journal import Journal
from assay_oracle.ledger.migrations.sqlite_scripts import SCRIPTS
from assay_oracle.ledger.operator import OperatorJournal
from assay_oracle.ledger.tables import records
from tests.kit.actors import buyer_account, seller_account
from tests.kit.market import Market

pytestmark = pytest.mark.unit

NOW = 1_800_000_000
MODEL, CONTENT, SOLD, DROPPED = (bytes([number]) * 32 for number in range(1, 5))
SELLER, BUYER = seller_account.address, buyer_account.address


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def opened(path: Path) -> Journal:
    return Journal(f"sqlite:///{path}", now=lambda: NOW)


# --- the file ---


def test_second_claim_is_refused_until_the_first_is_released(path: Path) -> None:
    first = opened(path)
    with pytest.raises(JournalError, match="another process") as refusal:
        opened(path)
    assert refusal.value.hint
    first.close()
    opened(path).close()


def test_only_the_oracles_user_reads_the_file(path: Path) -> None:
    opened(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_committed_is_on_the_disk_and_what_is_deleted_is_overwritten(path: Path) -> None:
    journal = opened(path)
    database = journal._database
    pragmas = ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
    expected = ["wal", 2, 1, 1]
    assert [database.only(text(f"PRAGMA {name}"))[0] for name in pragmas] == expected
    with database.transaction():  # of the connection that writes
        assert [database.only(text(f"PRAGMA {name}"))[0] for name in pragmas] == expected
    journal.close()


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 10", "UPDATE alembic_version SET version_num = '9999'"])
def test_journal_of_a_newer_version_is_refused(path: Path, statement: str) -> None:
    opened(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(JournalError, match="or an earlier one") as refusal:
        opened(path)
    assert "newer" in str(refusal.value.hint)


def test_version_before_alembic_refuses_the_file(path: Path) -> None:
    """It compares ``user_version`` with the number of its scripts."""
    opened(path).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] > len(SCRIPTS)
    connection.close()


def test_damaged_journal_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match="cannot read"):
        opened(path)


def test_full_disk_is_reported_and_the_journal_works_when_there_is_room(market: Market) -> None:
    database = market.journal._database
    (pages,) = database.only(text("PRAGMA page_count"))

    def fill() -> None:
        with database.transaction():
            for number in range(3000):
                database.execute(insert(records).values(model_id=market.model_id, tag=number.to_bytes(32)))

    with database.transaction():  # of the connection that writes
        database.row(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(OSError, match="disk is full"):
        fill()
    with database.transaction():  # of the connection that writes
        database.row(text(f"PRAGMA max_page_count = {2**30}"))
    fill()
    assert database.only(select(func.count()).select_from(records))[0] == 3000


# --- earlier versions ---


def written(path: Path, version: int, **changes: Any) -> Order:
    """A journal as ``version`` wrote it, with a sold offer, a later one that was refused, and all that the sale left.

    Args:
        path: Where it is made.
        version: 1 to 8.
        changes: Columns of the sold offer and its order with other values.
    """
    order = Order(
        model_id=MODEL,
        content_id=CONTENT,
        buyer=BUYER,
        seller=SELLER,
        token=BUYER,
        price=2**70,
        seller_bond=0,
        dispute_window=1,
        require_receipt=False,
        data_root=bytes(32),
        key_hash=bytes(32),
    )
    summary = AppraisalSummary(records=3, priced=2, fidelity=0.9, reasons=("new",)).model_dump_json()
    offer = {
        "model_id": MODEL,
        "seller": SELLER,
        "data_root": bytes(32),
        "upload_bytes": 7,
        "sealed_key": "key",
        "updated_at": 100,
    }
    sold = {"offer_id": SOLD, "status": "posted", "attempts": 1, "content_id": CONTENT, "summary": summary}
    rows = {
        "offers": [
            offer | sold | {"acceptance": b"a", "accepted_quote": b"q", "key_hash": bytes(32)},
            offer | {"offer_id": DROPPED, "status": "refused", "code": "dropped", "reason": "why"},
        ],
        "evaluations": [
            {
                "model_id": MODEL,
                "content_id": CONTENT,
                "offer_id": SOLD,
                "seller": SELLER,
                "data_root": bytes(32),
                "price": str(2**70),
                "digest": SOLD,
                "appraisal": b"{}",
                "made_at": 90,
            }
        ],
        "records": [{"model_id": MODEL, "tag": bytes([number]) * 32} for number in range(5)],
        "quotes": [{"digest": b"q", "model_id": MODEL, "content_id": CONTENT, "expiry": 95, "signature": b"s"}],
        "orders": [
            {
                "order_id": order.order_id(),
                "offer_id": SOLD,
                "content": order.model_dump_json(),
                "block": 12,
                "posting": b"t",
                "chain_status": int(Status.LOCKED),
                "key_envelope": "unpaid",
                "receipt": b"r",
                "updated_at": 110,
            }
        ],
        "logins": [{"nonce": b"n", "expires_at": NOW + 1}],
        "cursor": [{"singleton": 0, "block": 12, "hash": b"h"}],
    }
    for table in ("offers", "orders"):
        rows[table][0] |= {name: value for name, value in changes.items() if name in rows[table][0]}
    connection = sqlite3.connect(path)
    for script in SCRIPTS[:version]:
        connection.executescript(script)
    for table, made in rows.items():
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for row in made if columns else []:
            kept = {name: value for name, value in row.items() if name in columns}
            marks = ", ".join("?" * len(kept))
            connection.execute(f"INSERT INTO {table} ({', '.join(kept)}) VALUES ({marks})", tuple(kept.values()))
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    return order


@pytest.mark.parametrize("version", range(1, len(SCRIPTS) + 1))
def test_all_that_an_earlier_version_wrote_is_kept(path: Path, version: int) -> None:
    order = written(path, version)
    journal = opened(path)
    posted, refused = journal.offers.in_status(*OfferStatus)
    assert (posted.offer_id, posted.status, posted.attempts) == (SOLD, OfferStatus.POSTED, 1)
    assert (posted.acceptance, posted.accepted_quote, posted.key_hash) == (b"a", b"q", bytes(32))
    assert posted.summary == AppraisalSummary(records=3, priced=2, fidelity=0.9, reasons=("new",))
    assert posted.is_stored
    assert (refused.offer_id, refused.code, refused.reason) == (DROPPED, "dropped", "why")
    evaluation = journal.evaluations.of(posted)
    assert evaluation is not None
    assert (evaluation.price, evaluation.digest, evaluation.seller) == (2**70, SOLD, SELLER)
    assert [(q.quote.expiry, q.digest, q.signature) for q in journal.evaluations.quotes(evaluation)] == [
        (95, b"q", b"s")
    ]
    assert journal.evaluations.appraisal(posted) == b"{}"
    tags = {bytes([number]) * 32 for number in range(5)}
    assert journal.evaluations.priced_tags(MODEL, [*tags, b"\x09" * 32]) == tags
    sale = journal.orders.get(order.order_id())
    assert (sale.order, sale.block, sale.transaction, sale.receipt) == (order, 12, b"t", b"r")
    assert journal.cursor() == (Cursor(12, b"h") if version >= 3 else None)
    assert journal.logins.use(b"n", until=NOW + 1, now=NOW) == (version < 8)
    journal.close()


def test_file_of_an_earlier_version_becomes_the_same_as_a_new_one(tmp_path: Path) -> None:
    def shape(path: Path) -> list[tuple[Any, ...]]:
        opened(path).close()
        connection = sqlite3.connect(path)
        found = connection.execute("SELECT type, name, tbl_name FROM sqlite_master ORDER BY name").fetchall()
        columns = [
            (name, *row)
            for kind, name, _ in found
            if kind == "table"
            for row in connection.execute(f"PRAGMA table_xinfo({name})")
        ]
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        connection.close()
        return [*found, *columns, *broken]

    shapes = []
    for version in range(1, len(SCRIPTS) + 1):
        written(tmp_path / f"{version}.sqlite", version)
        shapes.append(shape(tmp_path / f"{version}.sqlite"))
    assert all(found == shape(tmp_path / "new.sqlite") for found in shapes)


def test_evaluation_of_an_earlier_version_stays_final(path: Path) -> None:
    written(path, len(SCRIPTS))
    opened(path).close()
    connection = sqlite3.connect(path)
    for statement in ("UPDATE evaluations SET price = '1'", "DELETE FROM evaluations"):
        with pytest.raises(sqlite3.IntegrityError, match="final"):
            connection.execute(statement)
    connection.close()


def test_migration_that_is_cut_off_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = written(path, len(SCRIPTS))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("assay_oracle.ledger.migrations.upgrade", killed)
        with pytest.raises(KeyboardInterrupt):
            opened(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(SCRIPTS),)
    connection.close()
    journal = opened(path)
    assert journal.orders.get(order.order_id()).order == order
    journal.close()


@pytest.mark.parametrize("version", [1, 3])
def test_key_that_an_earlier_version_handed_over_unpaid_is_withheld(path: Path, version: int) -> None:
    """Up to version 3 the key came before the payment."""
    order = written(path, version)
    journal = opened(path)
    assert journal.orders.get(order.order_id()).key_envelope is None
    journal.close()


@pytest.mark.parametrize("version", [1, 3, 5])
def test_offer_that_an_earlier_version_left_without_the_content_of_its_evaluation_gets_it(
    path: Path, version: int
) -> None:
    """Up to version 5 an offer that was declined while it was priced did not name its evaluation."""
    written(path, version, content_id=None)
    journal = opened(path)
    assert journal.offers.get(SOLD).content_id == CONTENT
    journal.close()


@pytest.mark.parametrize("version", [1, 4])
def test_count_of_records_and_the_last_expiry_are_derived_where_an_earlier_version_had_none(
    path: Path, version: int
) -> None:
    written(path, version)
    journal = opened(path)
    offer = journal.offers.get(SOLD)
    assert (offer.distinct_records, offer.quoted_until) == (2, 95)
    journal.close()


def test_operator_is_told_to_start_the_daemon_for_a_journal_of_an_earlier_version(path: Path) -> None:
    with pytest.raises(JournalError, match="found none"):
        OperatorJournal(f"sqlite:///{path}", now=lambda: NOW)
    written(path, 8)
    with pytest.raises(JournalError, match="got version 8") as refusal:
        OperatorJournal(f"sqlite:///{path}", now=lambda: NOW)
    assert "start the daemon" in str(refusal.value.hint)
