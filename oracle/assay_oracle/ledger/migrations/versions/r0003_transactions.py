"""Signed transactions are kept before they are sent.

A released revision is never changed; a new one is appended, and named in ``REVISIONS``.
"""

from alembic import op

from assay_oracle.ledger.migrations import in_words_of

revision = "0003"
down_revision = "0002"

TABLE = """
    CREATE TABLE transactions (
        digest BLOB NOT NULL PRIMARY KEY,
        place INTEGER NOT NULL,
        account TEXT NOT NULL,
        number INTEGER NOT NULL,
        fields TEXT NOT NULL,
        raw BLOB NOT NULL
    ) STRICT"""


def upgrade() -> None:
    """Adds the table."""
    connection = op.get_bind()
    connection.exec_driver_sql(in_words_of(connection.dialect.name, TABLE))
