"""Statements on one SQL database: reads at once, changes in transactions that are repeated where the database asks."""

import functools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Engine, Executable, Row, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnection

MOST_ATTEMPTS = 10
"""Attempts at one transaction that others cut short, before it counts as a failure of the disk."""
_PAUSE = 0.01
"""Seconds, at most, before the first repetition; twice as many before each further one."""
_RETRIED = ("40001", "40P01")
"""SQLSTATE of a serialization failure and of a deadlock (PostgreSQL, Appendix A)."""
_COUNTED = {"preserve_rowcount": True}  # of insertions, too

P = ParamSpec("P")
T = TypeVar("T")


class _Repeat(OSError):
    """The database undid a transaction for reasons of its own: it can be repeated."""


class Database:
    """One open database.

    Args:
        writer: Runs transactions.
        reader: Runs single queries, each of which commits by itself.
        one_writer: Let one thread at a time write: SQLite has one writer, which others would wait for by polling.
        close: Called once the connections are closed.
    """

    def __init__(
        self, writer: Engine, reader: Engine, *, one_writer: bool, close: Callable[[], None] = lambda: None
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._lock: AbstractContextManager[Any] = threading.RLock() if one_writer else nullcontext()
        self._close = close
        self._own = threading.local()

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._writer.dialect.name

    def close(self) -> None:
        """Closes all connections and gives up the claim on the database."""
        self._writer.dispose()
        self._reader.dispose()
        self._close()

    @property
    def connection(self) -> Connection:
        """The connection of this thread's transaction."""
        current = self._current()
        assert current is not None
        return current

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that reads one state of the database, beside everyone who writes.

        Raises:
            OSError: The disk fails, or the server does not answer.
        """
        engine = self._reader
        if self.dialect == "postgresql":
            engine = self._writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with _failures(), engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                if self.dialect == "sqlite":
                    connection.exec_driver_sql("ROLLBACK")

    def clock(self) -> int:
        """Unix time, by the clock of the database."""
        query = "SELECT unixepoch()" if self.dialect == "sqlite" else "SELECT floor(extract(epoch FROM now()))"
        return int(self.only(text(query))[0])

    def _current(self) -> Connection | None:
        """The connection of this thread's transaction."""
        found: Connection | None = getattr(self._own, "connection", None)
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commits all statements of the context when it ends, or rolls all of them back if it fails.

        A transaction inside another one of the same thread commits with the outer one.

        Raises:
            OSError: The disk is full or fails, the server does not answer, or another process holds a lock for too
                long.
        """
        if self._current() is not None:
            yield
            return
        with self._lock, _failures(), self._writer.connect() as connection, connection.begin() as transaction:
            self._own.connection = connection
            try:
                yield
            finally:
                self._own.connection = None
            with _failures(unknown=True):
                transaction.commit()

    def run(self, act: Callable[[], T]) -> T:
        """Calls ``act`` in one transaction, again where the database undid it for a conflict or a lost connection.

        Raises:
            OSError: See ``transaction``.
        """
        if self._current() is not None:
            return act()
        for attempt in range(MOST_ATTEMPTS - 1):
            try:
                with self.transaction():
                    return act()
            except _Repeat:
                time.sleep(random.random() * _PAUSE * 2**attempt)  # noqa: S311
        with self.transaction():
            return act()

    def upsert(self, table: Table, row: dict[str, Any]) -> sqlite.Insert | postgresql.Insert:
        """An insertion of a row to which its caller adds what happens on a conflict, in the words of the database."""
        insert = sqlite.insert if self.dialect == "sqlite" else postgresql.insert
        return insert(table).values(row)

    def execute(self, statement: Executable, **values: Any) -> int:
        """Runs one statement in a transaction; the number of rows that it changed."""

        def run() -> int:
            connection = self._current()
            assert connection is not None
            return connection.execute(statement, values, execution_options=_COUNTED).rowcount

        return self.run(run)

    def driver_execute(self, statement: str, values: Any) -> int:
        """As ``execute``, in the words of the driver, which takes many rows in a third of the time."""

        def run() -> int:
            connection = self._current()
            assert connection is not None
            return connection.exec_driver_sql(statement, values, execution_options=_COUNTED).rowcount

        return self.run(run)

    def rows(self, query: Executable, **values: Any) -> Sequence[Row[Any]]:
        """All rows of a query: in this thread's transaction, and outside of one on a connection of its own.

        Recording a large evaluation takes seconds, in which the daemon goes on answering.
        """
        current = self._current()
        if current is not None:
            with _failures():
                return current.execute(query, values).all()
        try:
            return self._read(query, values)
        except _Repeat:  # connections to a server that was started again
            return self._read(query, values)

    def _read(self, query: Executable, values: dict[str, Any]) -> Sequence[Row[Any]]:
        with _failures(), self._reader.connect() as connection:
            return connection.execute(query, values).all()

    def row(self, query: Executable, **values: Any) -> Row[Any] | None:
        """The first row of a query."""
        found = self.rows(query, **values)
        return found[0] if found else None

    def only(self, query: Executable, **values: Any) -> Row[Any]:
        """The row of a query that has one in any case."""
        return self.rows(query, **values)[0]


class _Recorder(Protocol):
    """Holds a database."""

    _database: Database


R = TypeVar("R", bound=_Recorder)


def atomic(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """Makes one transaction of a method. It may run more than once, and changes nothing but the database."""

    @functools.wraps(method)
    def run(self: R, /, *values: P.args, **named: P.kwargs) -> T:
        return self._database.run(lambda: method(self, *values, **named))

    return run


@contextmanager
def _failures(*, unknown: bool = False) -> Iterator[None]:
    """Raises what the database says of its disk, a lock or the connection as ``OSError``: no fault of the data.

    Args:
        unknown: A lost connection leaves open whether the transaction was committed; it is not repeated.
    """
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise
    except DBAPIError as error:
        conflict = getattr(error.orig, "sqlstate", None) in _RETRIED
        lost = error.connection_invalidated and not unknown
        kind = _Repeat if conflict or lost else OSError
        raise kind(f"cannot use the ledger: {error.orig}") from error
    except NoConnection as error:
        raise OSError(f"cannot use the ledger: {error}") from error
