"""One SQLite file: claimed by one process, brought to the present version, written in transactions."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assay_oracle.errors import JournalError
from assay_oracle.ledger.tables import MIGRATIONS

SqlValue = str | int | bytes | None
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
_PATIENCE = 30
"""Seconds to wait for a transaction of the other process."""


class Database:
    """The database at ``path``, created or migrated where needed.

    Args:
        path: SQLite file. A second process on the same file is refused: two daemons would answer for one oracle.
        shared: Open an existing database beside the daemon, for the operator's own short transactions.

    Raises:
        JournalError: The file is in use, damaged, or written by a newer version.
    """

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        self._lock = threading.RLock()
        self._claim: int | None = None
        self._reader: sqlite3.Connection | None = None
        if shared:
            if not path.is_file():
                raise JournalError(f"expected a journal at {path}, found none", hint="assay-oracle serve makes it")
        else:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._claim = _claim(path)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection = _connect(path)
        self._in_transaction = threading.local()
        self._reading = threading.Lock()
        try:
            self._migrate(path, shared=shared)
            self._reader = _connect(path)
        except BaseException:
            self.close()
            raise

    def _migrate(self, path: Path, *, shared: bool) -> None:
        try:
            for pragma in _PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}")
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise JournalError(
                    f"expected a journal of version {len(MIGRATIONS)} or less at {path}, got version {version}",
                    hint="run the version of assay-oracle that wrote it, or a newer one",
                )
            if shared and version < len(MIGRATIONS):
                raise JournalError(
                    f"expected a journal of version {len(MIGRATIONS)} at {path}, got version {version}",
                    hint="start the daemon of this version once: it brings the journal up to date",
                )
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                self._connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.DatabaseError as error:
            raise JournalError(
                f"cannot read the journal at {path}: {error}",
                hint="repair it (sqlite3 .recover); never start afresh: the oracle would sign second prices",
            ) from None

    def close(self) -> None:
        """Closes the file and releases the claim on it."""
        self._connection.close()
        if self._reader is not None:
            self._reader.close()
        if self._claim is not None:
            os.close(self._claim)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits all statements of the context when it ends, or rolls all of them back if it fails.

        A transaction inside another one of the same thread commits with the outer one.

        Raises:
            OSError: The disk is full or fails, or another process holds the file for too long.
        """
        with self._lock, _disk_errors():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._in_transaction.now = True
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite rolls back by itself when the disk is full; a second ROLLBACK would hide that error.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._in_transaction.now = False

    def execute(self, query: str, *values: SqlValue) -> int:
        """Runs one statement in a transaction; the number of rows that it changed."""
        with self.transaction():
            return self._connection.execute(query, values).rowcount

    def execute_many(self, query: str, rows: Iterable[Sequence[SqlValue]]) -> None:
        """Runs one statement for each row, in one transaction."""
        with self.transaction():
            self._connection.executemany(query, rows)

    def row(self, query: str, *values: SqlValue) -> sqlite3.Row | None:
        """The first row of a query."""
        with _disk_errors(), self._for_reading() as connection:
            row: sqlite3.Row | None = connection.execute(query, values).fetchone()
            return row

    def rows(self, query: str, *values: SqlValue) -> list[sqlite3.Row]:
        """All rows of a query."""
        with _disk_errors(), self._for_reading() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _for_reading(self) -> Iterator[sqlite3.Connection]:
        """The connection that sees this thread's transaction; outside of one, another that waits for no transaction.

        Recording a large evaluation takes seconds, in which the daemon goes on answering.
        """
        if getattr(self._in_transaction, "now", False):
            yield self._connection
            return
        with self._reading:
            assert self._reader is not None
            yield self._reader


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE)
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Raises what SQLite says of the disk, or of a lock, as ``OSError``: it is no fault of what was to be recorded."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        raise OSError(f"cannot use the journal: {error}") from error


def marks(count: int) -> str:
    """``count`` placeholders, comma-separated."""
    return ", ".join("?" * count)


def assignments(names: list[str]) -> str:
    """``name = ?`` for each name; names are columns, never input."""
    return ", ".join(f"{name} = ?" for name in names)


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
