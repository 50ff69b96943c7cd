"""Opens the ledger that a URL names."""

from pathlib import Path

from sqlalchemy import func, make_url, select
from sqlalchemy.exc import ArgumentError

from assay.errors import SettingsError
from assay_oracle.ledger.database import Database
from assay_oracle.ledger.migrations import HEAD
from assay_oracle.ledger.postgresql import open_postgresql
from assay_oracle.ledger.sqlite import open_sqlite
from assay_oracle.ledger.tables import evaluations, offers, orders, quotes, records

_EXPECTED = "expected a ledger sqlite:///PATH or postgresql+psycopg://USER@HOST/DATABASE"


def open_database(url: str, *, shared: bool = False, revision: str = HEAD) -> Database:
    """The database at ``url``, created or migrated where needed.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql+psycopg://...``
        shared: Open an existing ledger beside the daemon, for the operator's own short transactions.
        revision: Of the tables that are created where there are none.

    Raises:
        SettingsError: The URL is no such URL.
        JournalError: The ledger is in use, damaged, out of reach, or written by a newer version.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError(f"{_EXPECTED}, got no URL", hint="check the setting ledger") from None
    if parsed.drivername == "sqlite" and parsed.database:
        return open_sqlite(Path(parsed.database), shared=shared, revision=revision)
    if parsed.drivername == "postgresql+psycopg" and parsed.database:
        return open_postgresql(parsed, shared=shared, revision=revision)
    raise SettingsError(f"{_EXPECTED}, got {parsed.drivername}://...", hint="check the setting ledger")


def summary(url: str) -> dict[str, str | int]:
    """Revision of an existing ledger of this version, and how many rows its main tables have.

    Raises:
        SettingsError, JournalError: See ``open_database``.
    """
    database = open_database(url, shared=True)
    try:
        counts = {
            table.name: database.only(select(func.count()).select_from(table))[0]
            for table in (offers, evaluations, records, quotes, orders)
        }
    finally:
        database.close()
    return {"database": database.dialect, "revision": HEAD, **counts}
