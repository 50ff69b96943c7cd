"""The SQLite journals of versions 1 to 8, which had no revisions of alembic, and their way into the present tables.

Script ``i`` brings version ``i``, SQLite's ``user_version``, to version ``i + 1``. None is changed or added.
"""

import sqlite3

from sqlalchemy import Connection

from assay_oracle.ledger.migrations import REVISIONS, upgrade

SCRIPTS = (
    """
    CREATE TABLE offers (
        offer_id BLOB PRIMARY KEY,
        model_id BLOB NOT NULL,
        seller TEXT NOT NULL,
        data_root BLOB NOT NULL,
        upload_bytes INTEGER NOT NULL,
        sealed_key TEXT NOT NULL,
        status TEXT NOT NULL,
        code TEXT,
        reason TEXT,
        attempts INTEGER NOT NULL DEFAULT 0,
        content_id BLOB,
        summary TEXT,
        key_hash BLOB,
        acceptance BLOB,
        cooperative INTEGER NOT NULL DEFAULT 0,
        accepted_quote BLOB,
        updated_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX offers_by_status ON offers (status, updated_at);

    CREATE TABLE evaluations (
        model_id BLOB NOT NULL,
        content_id BLOB NOT NULL,
        offer_id BLOB NOT NULL UNIQUE REFERENCES offers,
        seller TEXT NOT NULL,
        data_root BLOB NOT NULL,
        price TEXT NOT NULL,
        digest BLOB NOT NULL,
        appraisal BLOB NOT NULL,
        made_at INTEGER NOT NULL,
        PRIMARY KEY (model_id, content_id)
    ) STRICT;
    CREATE TRIGGER evaluations_stay BEFORE UPDATE ON evaluations
        BEGIN SELECT RAISE(ABORT, 'an evaluation is final'); END;
    CREATE TRIGGER evaluations_last BEFORE DELETE ON evaluations
        BEGIN SELECT RAISE(ABORT, 'an evaluation is final'); END;

    CREATE TABLE records (
        model_id BLOB NOT NULL,
        tag BLOB NOT NULL,
        PRIMARY KEY (model_id, tag)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE quotes (
        digest BLOB PRIMARY KEY,
        model_id BLOB NOT NULL,
        content_id BLOB NOT NULL,
        expiry INTEGER NOT NULL,
        signature BLOB NOT NULL,
        FOREIGN KEY (model_id, content_id) REFERENCES evaluations
    ) STRICT;
    CREATE INDEX quotes_by_pair ON quotes (model_id, content_id, expiry);

    CREATE TABLE orders (
        order_id BLOB PRIMARY KEY,
        offer_id BLOB NOT NULL UNIQUE REFERENCES offers,
        content TEXT NOT NULL,
        block INTEGER NOT NULL,
        posting BLOB NOT NULL,
        chain_status INTEGER NOT NULL,
        key_envelope TEXT,
        receipt BLOB,
        acknowledgement BLOB,
        updated_at INTEGER NOT NULL
    ) STRICT;
    """,
    """
    ALTER TABLE offers ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;
    UPDATE offers SET opened_at = updated_at;
    """,
    """
    ALTER TABLE orders ADD COLUMN deadline INTEGER;
    CREATE TABLE cursor (
        singleton INTEGER PRIMARY KEY CHECK (singleton = 0),
        block INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    """,
    """
    ALTER TABLE offers DROP COLUMN cooperative;
    ALTER TABLE offers ADD COLUMN failed_posts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE offers ADD COLUMN failed_settlements INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE orders DROP COLUMN deadline;
    ALTER TABLE orders ADD COLUMN key_escrow BLOB;
    UPDATE orders SET key_envelope = NULL WHERE chain_status != 3;
    """,
    """
    ALTER TABLE offers ADD COLUMN distinct_records INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE offers ADD COLUMN is_stored INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE offers ADD COLUMN quoted_until INTEGER NOT NULL DEFAULT 0;
    UPDATE offers SET distinct_records = coalesce(json_extract(summary, '$.priced'), 0);
    UPDATE offers SET quoted_until = coalesce((SELECT max(expiry) FROM quotes
        WHERE quotes.model_id = offers.model_id AND quotes.content_id = offers.content_id), 0);
    CREATE INDEX offers_by_quote ON offers (status, quoted_until);
    CREATE INDEX offers_stored ON offers (status, updated_at) WHERE is_stored;
    CREATE INDEX offers_by_model ON offers (model_id, status) WHERE is_stored;
    CREATE INDEX offers_by_seller ON offers (seller, status);
    CREATE INDEX offers_unevaluated ON offers (updated_at)
        WHERE content_id IS NULL AND status IN ('refused', 'expired', 'declined');
    CREATE INDEX orders_by_status ON orders (chain_status, updated_at);
    """,
    """
    UPDATE offers SET content_id = (SELECT content_id FROM evaluations WHERE evaluations.offer_id = offers.offer_id)
        WHERE content_id IS NULL AND offer_id IN (SELECT offer_id FROM evaluations);
    """,
    """
    ALTER TABLE offers ADD COLUMN copied_content BLOB;
    CREATE INDEX offers_of_copies ON offers (model_id, copied_content, seller) WHERE copied_content IS NOT NULL;
    DROP INDEX offers_unevaluated;
    CREATE INDEX offers_unevaluated ON offers (updated_at)
        WHERE content_id IS NULL AND copied_content IS NULL AND status IN ('refused', 'expired', 'declined');
    """,
    """
    CREATE TABLE logins (
        nonce BLOB PRIMARY KEY,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX logins_by_end ON logins (expires_at);
    """,
)

_TABLES = ("orders", "quotes", "evaluations", "offers", "records", "cursor", "logins")
"""In an order in which they can be dropped."""


def complete(connection: sqlite3.Connection, version: int) -> None:
    """Brings a journal of an earlier version to version 8, each step in a transaction of its own."""
    for number, script in enumerate(SCRIPTS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")


def bring_over(connection: Connection) -> None:
    """Moves the rows of version 8 into the tables of the first revision; offers keep their order."""
    _set_aside(connection)
    upgrade(connection, REVISIONS[0])
    for name in ("offers", "evaluations", "quotes", "orders", "cursor", "logins"):
        columns = ", ".join(row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info(old_{name})"))
        number, rowid = ("number, ", "rowid, ") if name == "offers" else ("", "")
        query = f"INSERT INTO {name} ({number}{columns}) SELECT {rowid}{columns} FROM old_{name}"  # noqa: S608
        connection.exec_driver_sql(query)
    connection.exec_driver_sql("DROP TABLE records")  # the same table: its millions of rows stay where they are
    connection.exec_driver_sql("ALTER TABLE old_records RENAME TO records")
    for name in _TABLES:
        if name != "records":
            connection.exec_driver_sql(f"DROP TABLE old_{name}")


def _set_aside(connection: Connection) -> None:
    """Renames the tables, and drops their indexes and triggers, whose names the present ones have."""
    found = connection.exec_driver_sql("SELECT type, name FROM sqlite_master WHERE sql IS NOT NULL").all()
    for kind, name in found:
        if kind in ("index", "trigger"):
            connection.exec_driver_sql(f"DROP {kind} {name}")
    for name in _TABLES:
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO old_{name}")
