"""Writes the rows of a backup into an empty ledger, all of them or none."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, func, insert, select, text

from assay_oracle.errors import JournalError
from assay_oracle.ledger import migrations
from assay_oracle.ledger.database import Database
from assay_oracle.ledger.opening import open_database
from assay_oracle.ledger.tables import offers, restorations
from assay_oracle.ledger.transfer.snapshot import Row, described
from assay_oracle.ledger.values import Restoration

_AT_ONCE = 5000


def restore(
    url: str, revision: str, tables: Iterable[tuple[str, list[str], Iterable[Row]]], restoration: Restoration
) -> bool:
    """Makes the ledger at ``url`` of the rows of a backup, and records the restoration, in one transaction.

    Args:
        url: Of an empty ledger, or of none yet.
        revision: Of the tables of the backup, which are then brought up to date.
        tables: Name, columns and rows of each.
        restoration: What is recorded.

    Returns:
        Whether anything was written: not if this backup was restored there before.

    Raises:
        JournalError: The ledger is in use or not empty, or the backup is of a newer version.
    """
    migrations.check_known("the backup", revision)
    database = open_database(url, revision=revision)
    try:
        if _is_restored(database, restoration):
            return False
        with database.transaction():
            connection = database.connection
            _check_empty(connection, revision)
            for name, columns, rows in tables:
                _write(connection, name, columns, rows)
            _number_on(connection)
            migrations.upgrade(connection)
            number = connection.execute(select(func.count()).select_from(restorations)).scalar_one()
            connection.execute(insert(restorations).values(number=number, **vars(restoration)))
    finally:
        database.close()
    return True


def _is_restored(database: Database, restoration: Restoration) -> bool:
    with database.transaction():
        if migrations.revision_of(database.connection) != migrations.HEAD:
            return False
    query = select(restorations.c.backup).order_by(restorations.c.number.desc()).limit(1)
    row = database.row(query)
    return row is not None and row.backup == restoration.backup


def _check_empty(connection: Connection, revision: str) -> None:
    hint = "name another one; a ledger is never written over"
    found = migrations.revision_of(connection)
    if found != revision:
        raise JournalError(f"expected no ledger yet, or one of revision {revision}, got revision {found}", hint=hint)
    for table in described(connection):
        if connection.execute(select(table).limit(1)).first() is not None:
            raise JournalError(f"expected an empty ledger, its table {table.name} has rows", hint=hint)


def _write(connection: Connection, name: str, columns: list[str], rows: Iterable[Row]) -> None:
    (table,) = (table for table in described(connection) if table.name == name)
    pending: list[dict[str, Any]] = []
    for row in rows:
        pending.append(dict(zip(columns, row, strict=True)))
        if len(pending) == _AT_ONCE:
            connection.execute(insert(table), pending)
            pending = []
    if pending:
        connection.execute(insert(table), pending)


def _number_on(connection: Connection) -> None:
    """Lets the next offer have the next number: PostgreSQL counts beside the table."""
    if connection.dialect.name == "postgresql":
        last = select(func.max(offers.c.number)).scalar_subquery()
        sequence = func.pg_get_serial_sequence(text("'offers'"), text("'number'"))
        connection.execute(select(func.setval(sequence, func.coalesce(last, 1), last.is_not(None))))
