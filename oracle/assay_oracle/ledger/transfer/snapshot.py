"""Reads every row of a ledger as it is at one moment, in either database, with or without a running daemon."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, MetaData, Table, select

from assay_oracle.errors import JournalError
from assay_oracle.ledger.database import Database
from assay_oracle.ledger.migrations import HEAD
from assay_oracle.ledger.opening import open_database
from assay_oracle.ledger.tables import claims, leases, move

LEFT_OUT = ("alembic_version", claims.name, leases.name, move.name)
"""Tables that say what a process does now, and not what the ledger holds."""
_AT_ONCE = 5000

Row = Sequence[Any]


@dataclass(frozen=True)
class Snapshot:
    """One state of a ledger.

    Attributes:
        revision: Of its tables.
        dialect: ``sqlite`` or ``postgresql``.
    """

    revision: str
    dialect: str
    connection: Connection

    def tables(self) -> Iterator[tuple[str, list[str], Iterator[Row]]]:
        """Name, columns and rows of each table, in an order in which they can be written.

        Values are bytes, integers, texts and None, as the database has them.
        """
        for table in described(self.connection):
            yield table.name, [column.name for column in table.columns], self._rows(table)

    def _rows(self, table: Table) -> Iterator[Row]:
        query = select(table).order_by(*table.primary_key.columns)
        options = {"stream_results": True, "yield_per": _AT_ONCE}
        for row in self.connection.execute(query, execution_options=options):
            yield tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """The ledger at ``url`` as it is now; what a daemon writes meanwhile is not in it.

    Raises:
        SettingsError, JournalError: There is no ledger of this version at ``url``.
        OSError: The database fails.
    """
    database = open_database(url, shared=True)
    try:
        with database.snapshot() as connection:
            yield Snapshot(HEAD, database.dialect, connection)
    finally:
        database.close()


def described(connection: Connection) -> list[Table]:
    """The tables as the database describes them, each after those that it refers to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name not in LEFT_OUT]


def mark_moved(url: str, now: int) -> None:
    """Records that the ledger moves to another place: no daemon starts on it any more.

    Raises:
        JournalError: A daemon uses the ledger.
    """
    database = open_database(url)  # alone, where one process at a time has a ledger
    try:
        _check_unused(database)
        row = {"singleton": 0, "moved_at": now}
        database.execute(database.upsert(move, row).on_conflict_do_nothing())
    finally:
        database.close()


def _check_unused(database: Database) -> None:
    for table in (claims, leases):
        if database.row(select(table).where(table.c.expires_at > database.clock())) is not None:
            raise JournalError(
                "expected a ledger that no daemon uses, one does",
                hint="stop every daemon on this ledger first; one that was killed gives it back within 15 seconds",
            )
