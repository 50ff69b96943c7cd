"""The journal: the ledger in one SQLite file. Decisions are made from it and never from memory.

Every method is one transaction, on the disk when it returns, so that the daemon can resume after a crash between any
two lines. The rules that must hold in every case are in the tables.
"""

from collections.abc import Callable
from pathlib import Path

from assay.chain.values import Cursor
from assay_oracle.ledger.database import Database
from assay_oracle.ledger.evaluations import EvaluationTable
from assay_oracle.ledger.logins import LoginTable
from assay_oracle.ledger.offers import OfferTable
from assay_oracle.ledger.orders import OrderTable

JOURNAL = "journal.sqlite"
"""Name of the journal in the oracle's data folder."""


class Journal:
    """The ``Ledger`` at ``path``.

    Args:
        path: SQLite file, created or migrated where needed.
        now: Unix time.

    Attributes:
        offers: What was offered.
        evaluations: What was evaluated and quoted.
        orders: What was posted.
        logins: The logins that were used.

    Raises:
        JournalError: The file is in use, damaged, or written by a newer version.
    """

    def __init__(self, path: Path, *, now: Callable[[], int]) -> None:
        self._database = Database(path)
        self.offers = OfferTable(self._database, now)
        self.evaluations = EvaluationTable(self._database, self.offers, now)
        self.orders = OrderTable(self._database, self.offers, now)
        self.logins = LoginTable(self._database)

    def cursor(self) -> Cursor | None:
        """The block up to which the chain's events are recorded; None before the first page."""
        row = self._database.row("SELECT block, hash FROM cursor")
        return Cursor(**dict(row)) if row else None

    def store_cursor(self, cursor: Cursor) -> None:
        """Records that the effects of all events up to ``cursor`` are in the ledger."""
        self._database.execute("INSERT OR REPLACE INTO cursor VALUES (0, ?, ?)", cursor.block, cursor.hash)

    def close(self) -> None:
        """Closes the file and releases the claim on it."""
        self._database.close()
