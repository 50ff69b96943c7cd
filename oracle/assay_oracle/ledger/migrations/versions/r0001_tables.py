"""The tables as they are when the ledger can lie in either database.

A released revision is never changed; a new one is appended, and named in ``REVISIONS``.
"""

from alembic import op

from assay_oracle.ledger.migrations import in_words_of

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE offers (
        number SERIAL NOT NULL PRIMARY KEY,
        offer_id BLOB NOT NULL UNIQUE,
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
        copied_content BLOB,
        distinct_records INTEGER NOT NULL DEFAULT 0,
        is_stored INTEGER NOT NULL DEFAULT 1,
        quoted_until INTEGER NOT NULL DEFAULT 0,
        summary TEXT,
        key_hash BLOB,
        acceptance BLOB,
        accepted_quote BLOB,
        failed_posts INTEGER NOT NULL DEFAULT 0,
        failed_settlements INTEGER NOT NULL DEFAULT 0,
        updated_at INTEGER NOT NULL,
        opened_at INTEGER NOT NULL
    ) STRICT""",
    """
    CREATE TABLE evaluations (
        model_id BLOB NOT NULL,
        content_id BLOB NOT NULL,
        offer_id BLOB NOT NULL UNIQUE REFERENCES offers (offer_id),
        seller TEXT NOT NULL,
        data_root BLOB NOT NULL,
        price TEXT NOT NULL,
        digest BLOB NOT NULL,
        appraisal BLOB NOT NULL,
        made_at INTEGER NOT NULL,
        PRIMARY KEY (model_id, content_id)
    ) STRICT""",
    """
    CREATE TABLE records (
        model_id BLOB NOT NULL,
        tag BLOB NOT NULL,
        PRIMARY KEY (model_id, tag)
    ) STRICT, WITHOUT ROWID""",
    """
    CREATE TABLE quotes (
        digest BLOB NOT NULL PRIMARY KEY,
        model_id BLOB NOT NULL,
        content_id BLOB NOT NULL,
        expiry INTEGER NOT NULL,
        signature BLOB NOT NULL,
        FOREIGN KEY (model_id, content_id) REFERENCES evaluations (model_id, content_id)
    ) STRICT""",
    """
    CREATE TABLE orders (
        order_id BLOB NOT NULL PRIMARY KEY,
        offer_id BLOB NOT NULL UNIQUE REFERENCES offers (offer_id),
        content TEXT NOT NULL,
        block INTEGER NOT NULL,
        posting BLOB NOT NULL,
        chain_status INTEGER NOT NULL,
        key_escrow BLOB,
        key_envelope TEXT,
        receipt BLOB,
        acknowledgement BLOB,
        updated_at INTEGER NOT NULL
    ) STRICT""",
    """
    CREATE TABLE cursor (
        singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 0),
        block INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT""",
    """
    CREATE TABLE logins (
        nonce BLOB NOT NULL PRIMARY KEY,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """
    CREATE TABLE claims (
        model_id BLOB NOT NULL,
        seller TEXT NOT NULL,
        owner BLOB NOT NULL,
        expires_at INTEGER NOT NULL,
        PRIMARY KEY (model_id, seller)
    ) STRICT""",
    """
    CREATE TABLE leases (
        name TEXT NOT NULL PRIMARY KEY,
        owner BLOB NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT""",
    """
    CREATE TABLE secrets (
        name TEXT NOT NULL PRIMARY KEY,
        digest BLOB NOT NULL
    ) STRICT""",
)
INDEXES = (
    "offers_by_status ON offers (status, updated_at)",
    "offers_by_quote ON offers (status, quoted_until)",
    "offers_by_seller ON offers (seller, status)",
    "offers_stored ON offers (status, updated_at) WHERE is_stored = 1",
    "offers_by_model ON offers (model_id, status) WHERE is_stored = 1",
    "offers_of_copies ON offers (model_id, copied_content, seller) WHERE copied_content IS NOT NULL",
    (
        "offers_unevaluated ON offers (updated_at) WHERE content_id IS NULL AND copied_content IS NULL"
        " AND status IN ('refused', 'expired', 'declined')"
    ),
    "quotes_by_pair ON quotes (model_id, content_id, expiry)",
    "logins_by_end ON logins (expires_at)",
    "orders_by_status ON orders (chain_status, updated_at)",
)
FINAL = {
    "sqlite": (
        """
        CREATE TRIGGER evaluations_stay BEFORE UPDATE ON evaluations
            BEGIN SELECT RAISE(ABORT, 'an evaluation is final'); END""",
        """
        CREATE TRIGGER evaluations_last BEFORE DELETE ON evaluations
            BEGIN SELECT RAISE(ABORT, 'an evaluation is final'); END""",
    ),
    "postgresql": (
        """
        CREATE FUNCTION evaluation_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'an evaluation is final' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
        """
        CREATE TRIGGER evaluations_stay BEFORE UPDATE OR DELETE ON evaluations
            FOR EACH ROW EXECUTE FUNCTION evaluation_is_final()""",
        """
        CREATE TRIGGER evaluations_last BEFORE TRUNCATE ON evaluations
            FOR EACH STATEMENT EXECUTE FUNCTION evaluation_is_final()""",
    ),
}


def upgrade() -> None:
    """Makes the tables in an empty database."""
    connection = op.get_bind()
    dialect = connection.dialect.name
    for statement in TABLES:
        connection.exec_driver_sql(in_words_of(dialect, statement))
    for index in INDEXES:
        connection.exec_driver_sql(f"CREATE INDEX {index}")
    for statement in FINAL[dialect]:
        connection.exec_driver_sql(statement)
