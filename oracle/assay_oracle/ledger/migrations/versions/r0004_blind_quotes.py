"""Records the blind quotes: prices of encrypted sums.

A released revision is never changed; a new one is appended, and named in ``REVISIONS``.
"""

from alembic import op

from assay_oracle.ledger.migrations import in_words_of

revision = "0004"
down_revision = "0003"

STATEMENTS = (
    """
    CREATE TABLE blind_quotes (
        offer_id BLOB NOT NULL PRIMARY KEY,
        model_id BLOB NOT NULL,
        seller TEXT NOT NULL,
        data_root BLOB NOT NULL,
        records INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        price TEXT,
        code TEXT,
        is_borne_out INTEGER NOT NULL DEFAULT 0,
        CHECK (price IS NULL OR code IS NULL)
    ) STRICT""",
    "CREATE INDEX blind_quotes_by_seller ON blind_quotes (model_id, seller)",
)


def upgrade() -> None:
    """Adds the table."""
    connection = op.get_bind()
    for statement in STATEMENTS:
        connection.exec_driver_sql(in_words_of(connection.dialect.name, statement))
