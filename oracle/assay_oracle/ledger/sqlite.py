"""The ledger in one SQLite file: claimed by one process, and brought to the present version."""

import fcntl
import os
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from assay_oracle.errors import JournalError
from assay_oracle.ledger import migrations
from assay_oracle.ledger.database import Database
from assay_oracle.ledger.migrations import sqlite_scripts

_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
_PATIENCE = 30
"""Seconds to wait for a transaction of the other process."""
_WITH_REVISIONS = len(sqlite_scripts.SCRIPTS) + 1
"""``user_version`` of a file whose version is alembic's revision. Versions before alembic refuse it as newer."""


def open_sqlite(path: Path, *, shared: bool = False, revision: str = migrations.HEAD) -> Database:
    """The database at ``path``, created or migrated where needed.

    Args:
        path: A second process on the same file is refused: two daemons would answer for one oracle.
        shared: Open an existing database beside the daemon, for the operator's own short transactions.
        revision: Of the tables that are created where there are none.

    Raises:
        JournalError: The file is in use, damaged, or written by a newer version.
    """
    claim = None
    if shared:
        if not path.is_file():
            raise JournalError(f"expected a journal at {path}, found none", hint="assay-oracle serve makes it")
    else:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        claim = _claim(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    arguments = {"timeout": _PATIENCE, "check_same_thread": False, "isolation_level": None}
    url = f"sqlite:///{path}"
    writer = create_engine(url, poolclass=StaticPool, connect_args=arguments, hide_parameters=True)
    reader = create_engine(url, max_overflow=-1, connect_args=arguments, hide_parameters=True)
    for engine in (writer, reader):
        event.listen(engine, "connect", _set_up)
    event.listen(writer, "begin", _begin)
    database = Database(writer, reader, one_writer=True, close=lambda: None if claim is None else os.close(claim))
    try:
        _bring_up_to_date(writer, reader, path, shared=shared, wanted=revision)
    except DatabaseError as error:
        database.close()
        raise JournalError(
            f"cannot read the journal at {path}: {error.orig}",
            hint="repair it (sqlite3 .recover); never start afresh: the oracle would sign second prices",
        ) from None
    except BaseException:
        database.close()
        raise
    return database


def _set_up(connection: sqlite3.Connection, record: object) -> None:  # noqa: ARG001
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _bring_up_to_date(writer: Engine, reader: Engine, path: Path, *, shared: bool, wanted: str) -> None:
    with reader.connect() as connection:
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        revision = migrations.revision_of(connection) if version == _WITH_REVISIONS else None
    if version > _WITH_REVISIONS:
        raise migrations.newer(str(path), f"version {version}")
    migrations.check_known(str(path), revision)
    if revision == migrations.HEAD:
        return
    if shared:
        raise JournalError(
            f"expected a journal of revision {migrations.HEAD} at {path}, got {revision or f'version {version}'}",
            hint="start the daemon of this version once: it brings the journal up to date",
        )
    with writer.connect() as connection:
        if 0 < version < _WITH_REVISIONS:
            file = connection.connection.dbapi_connection
            assert isinstance(file, sqlite3.Connection)
            sqlite_scripts.complete(file, version)
    with writer.begin() as connection:
        if 0 < version < _WITH_REVISIONS:
            sqlite_scripts.bring_over(connection)
        migrations.upgrade(connection, migrations.HEAD if version else wanted)
        connection.exec_driver_sql(f"PRAGMA user_version = {_WITH_REVISIONS}")


def _claim(path: Path) -> int:
    """Takes an exclusive lock on ``<path>.lock``; returns the file descriptor that holds it."""
    claim = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        raise JournalError(
            f"expected to be alone with {path}, but another process holds it",
            hint="stop the other daemon; two daemons on one journal could sell one data set twice",
        ) from None
    except OSError as error:
        os.close(claim)
        raise JournalError(
            f"cannot lock {path}: {error.strerror}", hint="keep the journal on a local disk, which has locks"
        ) from None
    return claim
