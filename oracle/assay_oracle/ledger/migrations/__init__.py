"""The ledger's migrations: revisions of alembic, for SQLite and PostgreSQL alike."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from assay_oracle.errors import JournalError

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every revision, the oldest first: an open ledger is compared with them without reading their files."""
HEAD = REVISIONS[-1]

_WORDS = {
    "sqlite": {"SERIAL": "INTEGER"},
    "postgresql": {
        "SERIAL": "BIGSERIAL",
        "INTEGER": "BIGINT",
        "BLOB": "BYTEA",
        ") STRICT, WITHOUT ROWID": ")",
        ") STRICT": ")",
    },
}


def in_words_of(dialect: str, statement: str) -> str:
    """A statement that makes a table in the words of SQLite, in those of ``dialect``."""
    for ours, theirs in _WORDS[dialect].items():
        statement = statement.replace(ours, theirs)
    return statement


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Brings the database to a revision, in the transaction of ``connection``."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, revision)


def revision_of(connection: Connection) -> str | None:
    """The revision of the database; None before its first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def check_known(place: str, revision: str | None) -> None:
    """Checks that this version knows the revision of the ledger at ``place``.

    Raises:
        JournalError: A newer version wrote it.
    """
    if revision is not None and revision not in REVISIONS:
        raise newer(place, f"revision {revision}")


def newer(place: str, found: str) -> JournalError:
    """The error of a ledger that a newer version wrote."""
    return JournalError(
        f"expected a ledger of revision {HEAD} or an earlier one at {place}, got {found}",
        hint="run the version of assay-oracle that wrote it, or a newer one",
    )
