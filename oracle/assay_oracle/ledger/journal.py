"""The journal: the ledger in a SQL database. Decisions are made from it and never from memory.

Every method is one transaction, on the disk when it returns, so that the daemon can resume after a crash between any
two lines. The rules that must hold in every case are in the tables.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import insert, select

from assay.chain.values import Cursor
from assay_oracle.errors import JournalError
from assay_oracle.ledger.database import atomic
from assay_oracle.ledger.evaluations import BlindTable, EvaluationTable
from assay_oracle.ledger.logins import LoginTable
from assay_oracle.ledger.offers import OfferTable
from assay_oracle.ledger.opening import open_database
from assay_oracle.ledger.orders import OrderTable, OutboxTable
from assay_oracle.ledger.replica import Replica
from assay_oracle.ledger.tables import cursor, move, restorations, secrets
from assay_oracle.ledger.values import Restoration
from assay_oracle.log import about

log = logging.getLogger(__name__)


class Journal:
    """The ``Ledger`` at ``url``.

    Args:
        url: ``sqlite:///PATH`` or ``postgresql+psycopg://...``; its tables are created or migrated where needed.
        now: Unix time.

    Attributes:
        offers: What was offered.
        evaluations: What was evaluated and quoted.
        orders: What was posted.
        logins: The logins that were used.
        outbox: Transactions that were signed and are not final.
        blind: The blind quotes.

    Raises:
        JournalError: The ledger is in use, damaged, out of reach, or written by a newer version.
    """

    def __init__(self, url: str, *, now: Callable[[], int]) -> None:
        self._database = open_database(url)
        self._check_not_moved()
        self._replica = Replica(self._database)
        self.offers = OfferTable(self._database, self._replica, now)
        self.evaluations = EvaluationTable(self._database, self.offers, now)
        self.orders = OrderTable(self._database, self.offers, now)
        self.logins = LoginTable(self._database)
        self.outbox = OutboxTable(self._database)
        self.blind = BlindTable(self._database)

    def cursor(self) -> Cursor | None:
        """The block up to which the chain's events are recorded; None before the first page."""
        row = self._database.row(select(cursor.c.block, cursor.c.hash))
        return Cursor(**row._mapping) if row else None

    def store_cursor(self, place: Cursor) -> None:
        """Records that the effects of all events up to ``place`` are in the ledger."""
        values = {"block": place.block, "hash": place.hash}
        query = self._database.upsert(cursor, {"singleton": 0, **values})
        self._database.execute(query.on_conflict_do_update(index_elements=["singleton"], set_=values))

    @atomic
    def check_secret(self, name: str, digest: bytes) -> None:
        """Checks that the ledger was written with the secret of this digest; records it in a ledger that has none.

        Raises:
            JournalError: It was written with another one.
        """
        found = self._database.row(select(secrets.c.digest).where(secrets.c.name == name))
        if found is None:
            self._database.execute(insert(secrets).values(name=name, digest=digest))
        elif found.digest != digest:
            raise JournalError(
                f"expected the {name} that the ledger was written with, got another one",
                hint="restore keys/ from the backup of this oracle; all daemons on one ledger have the same keys",
            )

    def _check_not_moved(self) -> None:
        row = self._database.row(select(move.c.moved_at))
        if row is not None:
            self._database.close()
            raise JournalError(
                "expected a ledger that is in use, this one was moved to another place: two that sign would contradict"
                " each other",
                hint="use the one that was restored from its last backup; if there is none, restore that backup",
            )

    def restorations(self) -> tuple[Restoration, ...]:
        """Each time that the ledger was restored from a backup, the first one first."""
        query = select(*(column for column in restorations.c if column is not restorations.c.number))
        rows = self._database.rows(query.order_by(restorations.c.number))
        return tuple(Restoration(**row._mapping) for row in rows)

    # --- this process among the replicas ---

    def lead(self) -> bool:
        """Whether this replica advances orders and sends transactions for now; it takes over from one that stopped."""
        return self._replica.lead()

    def leads_still(self) -> bool:
        """Whether it does so yet, by its own clock."""
        return self._replica.leads_still()

    def alone(self, name: str) -> AbstractContextManager[bool]:
        """Keeps other replicas from what ``name`` stands for; gives whether none was at it."""
        return self._replica.alone(name)

    def renew(self) -> None:
        """Prolongs what this replica has claimed; to be called every ``RENEWAL_SECONDS``."""
        self._replica.renew()

    def close(self) -> None:
        """Gives back what was claimed, closes the database and releases the claim on it."""
        try:
            self._replica.leave()
        except OSError as error:
            log.warning("claims are left to expire", extra=about(cause=str(error)))
        finally:
            self._database.close()
