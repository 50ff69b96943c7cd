"""A PostgreSQL server for tests: in a temporary folder, of an unprivileged user, reached by a Unix socket alone."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from assay_oracle.ledger.opening import open_database

ROOT = Path(__file__).parents[1]
PLACES = ("/usr/lib/postgresql/*/bin", f"{ROOT}/.build/postgresql/usr/lib/postgresql/*/bin")
NOBODY = 65534
CHEAP = ("fsync=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=16MB", "max_connections=200")
"""What a server that is thrown away can leave out. Commits are acknowledged as on any other."""
TEMPLATE = "assay_template"


def programs() -> Path | None:
    """The folder of the newest installed server; None if none is."""
    found = [path for place in PLACES for path in Path("/").glob(place[1:]) if (path / "postgres").exists()]
    if not found and (other := shutil.which("postgres")):
        return Path(other).resolve().parent
    return max(found, key=lambda path: float(path.parent.name)) if found else None


class Server:
    """A running server, which ``databases`` makes databases in."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder = folder
        self.process = process
        self._numbers = itertools.count()

    def url(self, database: str) -> str:
        """The URL of a database, for SQLAlchemy."""
        return f"postgresql+psycopg://assay@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """A connection, each of whose statements is a transaction."""
        return psycopg.connect(host=str(self.folder), user="assay", dbname=database, autocommit=True)

    def answers(self) -> bool:
        """Whether it takes connections.

        Raises:
            RuntimeError: It ended; with its log.
        """
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended: {(self.folder / 'log').read_text()}")
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def make_template(self) -> None:
        """A database with the present tables, which others are copies of."""
        self.command(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        open_database(self.url(TEMPLATE)).close()

    def command(self, statement: sql.Composed) -> None:
        """Executes a statement."""
        with self.connect() as connection:
            connection.execute(statement)

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """The URL of a new database, which is deleted at the end."""
        name = f"ledger{next(self._numbers)}"
        made, of = sql.Identifier(name), sql.Identifier(template)
        self.command(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made, of))
        try:
            yield self.url(name)
        finally:
            self.command(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))


@contextmanager
def server(found: Path) -> Iterator[Server]:
    """Runs the server whose programs are in ``found``. It refuses to run as root; another user has nothing to hide."""
    folder = Path(tempfile.mkdtemp(prefix="assay-pg-"))
    user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        os.chown(folder, NOBODY, NOBODY)
    libraries = ":".join(map(str, (found.parents[2]).glob("*-linux-gnu")))
    environment = {"PATH": f"{found}:/usr/bin:/bin", "LD_LIBRARY_PATH": libraries, "LC_ALL": "C", "TZ": "UTC"}
    options: dict[str, Any] = {"cwd": folder, "env": environment, **user}
    data = folder / "data"
    try:
        made = subprocess.run(
            [found / "initdb", "-D", data, "-U", "assay", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
            capture_output=True,
            **options,
        )
        assert made.returncode == 0, made.stderr.decode()
        settings = [word for setting in (*CHEAP, "listen_addresses=") for word in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [found / "postgres", "-D", data, "-k", folder, *settings], stdout=log, stderr=log, **options
            )
        started = Server(folder, process)
        try:
            while not started.answers():
                time.sleep(0.1)
            started.make_template()
            yield started
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
    finally:
        shutil.rmtree(folder)
