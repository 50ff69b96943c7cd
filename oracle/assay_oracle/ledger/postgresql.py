"""The ledger in a PostgreSQL database, which several daemons share."""

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from assay.errors import SettingsError
from assay_oracle.errors import JournalError
from assay_oracle.ledger import migrations
from assay_oracle.ledger.database import Database

_CONNECT_SECONDS = 10
_SESSION = (
    "SET lock_timeout = '30s'",
    # A daemon that stops in the middle of a transaction must not hold the locks of the others.
    "SET idle_in_transaction_session_timeout = '60s'",
)
_MIGRATION_LOCK = int.from_bytes(b"assay", "big")
"""Advisory lock of the daemon that migrates: replicas start at one time."""
_CONNECTIONS, _MORE_CONNECTIONS = 8, 32


def open_postgresql(url: URL, *, shared: bool = False, revision: str = migrations.HEAD) -> Database:
    """The database at ``url``, which exists; its tables are created or migrated where needed.

    Transactions are serializable: two daemons leave what one of them would have left, working alone. Single queries
    commit by themselves, and cost one message and its answer.

    Args:
        url: Whose password is in no message.
        shared: Migrate nothing.
        revision: Of the tables that are created where there are none.

    Raises:
        SettingsError: The driver is not installed.
        JournalError: The server does not answer or refuses, or a newer version wrote the ledger.
    """
    try:
        writer = create_engine(
            url,
            isolation_level="SERIALIZABLE",
            hide_parameters=True,
            pool_size=_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
            connect_args={"connect_timeout": _CONNECT_SECONDS, "application_name": "assay-oracle"},
        )
    except (ImportError, NoSuchModuleError) as error:
        raise SettingsError(
            f"expected the packages of the extra postgres for a ledger {place(url)}: {error}",
            hint='pip install "assay[oracle,postgres]"',
        ) from None
    event.listen(writer, "connect", _set_up)
    database = Database(writer, writer.execution_options(isolation_level="AUTOCOMMIT"), one_writer=False)
    try:
        _check_durable(writer, url)
        _bring_up_to_date(writer, url, shared=shared, wanted=revision)
    except DBAPIError as error:
        database.close()
        raise JournalError(
            f"cannot use the ledger at {place(url)}: {error.orig}",
            hint="check the setting ledger, that the server runs, and that the user owns the database",
        ) from None
    except BaseException:
        database.close()
        raise
    return database


def place(url: URL) -> str:
    """A URL to show: without its password."""
    return url.set(query={}).render_as_string(hide_password=True)


def _set_up(connection: Any, record: object) -> None:  # noqa: ARG001
    before, connection.autocommit = connection.autocommit, True
    for statement in _SESSION:
        connection.execute(statement)
    connection.autocommit = before


def _check_durable(writer: Engine, url: URL) -> None:
    query = text("SELECT current_setting('synchronous_commit'), current_setting('server_encoding')")
    with writer.connect() as connection:
        commit, encoding = connection.execute(query).one()
    if commit == "off":
        raise JournalError(
            f"expected synchronous_commit at {place(url)}, it is off",
            hint="turn it on: a price that a crash of the server loses would be signed a second time",
        )
    if encoding != "UTF8":
        raise JournalError(
            f"expected a database in UTF8 at {place(url)}, got {encoding}", hint="CREATE DATABASE ... ENCODING 'UTF8'"
        )


def _bring_up_to_date(writer: Engine, url: URL, *, shared: bool, wanted: str) -> None:
    # Each statement sees what was committed before it: also what another replica migrated while this one waited.
    engine = writer.execution_options(isolation_level="READ COMMITTED")
    with engine.begin() as connection:
        revision = migrations.revision_of(connection)
        migrations.check_known(place(url), revision)
        if revision == migrations.HEAD:
            return
        if shared:
            raise JournalError(
                f"expected a ledger of revision {migrations.HEAD} at {place(url)}, got {revision or 'none'}",
                hint="assay-oracle ledger migrate brings it up to date; so does a start of the daemon",
            )
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        revision = migrations.revision_of(connection)
        migrations.check_known(place(url), revision)
        if revision != migrations.HEAD:
            migrations.upgrade(connection, migrations.HEAD if revision else wanted)
