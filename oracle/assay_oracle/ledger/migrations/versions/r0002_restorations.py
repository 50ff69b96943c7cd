"""Records that the ledger was restored from a backup, or moved to another place.

A released revision is never changed; a new one is appended, and named in ``REVISIONS``.
"""

from alembic import op

from assay_oracle.ledger.migrations import in_words_of

revision = "0002"
down_revision = "0001"

TABLES = (
    """
    CREATE TABLE restorations (
        number INTEGER NOT NULL PRIMARY KEY,
        salt BLOB NOT NULL UNIQUE,
        backup BLOB NOT NULL,
        backed_up_at INTEGER NOT NULL,
        restored_at INTEGER NOT NULL,
        held_until INTEGER NOT NULL
    ) STRICT""",
    """
    CREATE TABLE move (
        singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 0),
        moved_at INTEGER NOT NULL
    ) STRICT""",
)


def upgrade() -> None:
    """Adds the two tables."""
    connection = op.get_bind()
    for statement in TABLES:
        connection.exec_driver_sql(in_words_of(connection.dialect.name, statement))
