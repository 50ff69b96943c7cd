"""This process among the replicas that share the ledger: what it alone does for now.

A claim or the lead is a row with an owner and the time at which it ends, by the clock of the database server. Its owner
renews it; where that stops, because the process was killed, stopped or cut off, another replica takes it over. What
follows from a claim is recorded in the transaction that gives the claim back, and only if it still is this replica's:
work that outlived its claim has no effect.

One process alone has a ledger in SQLite: memory is enough there, and nothing is written.
"""

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import BigInteger, ColumnElement, Table, cast, delete, exists, func, or_, select, true, update

from assay.protocol.types import ModelId
from assay_oracle.errors import ClaimLost
from assay_oracle.ledger.database import Database, atomic
from assay_oracle.ledger.tables import claims, leases, offers

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
"""Time after which another replica takes over what was not renewed."""
RENEWAL_SECONDS = 4
"""Time between two renewals: three of them may fail."""
_MARGIN = 3
"""Seconds before the end of the lead in which no transaction is sent any more."""
_LEAD = "orders"
_CLOCK = cast(func.floor(func.extract("epoch", func.clock_timestamp())), BigInteger)


class Replica:
    """What this process has claimed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alone = database.dialect == "sqlite"
        self._owner = secrets.token_bytes(16)
        self._lock = threading.Lock()
        self._held: set[tuple[ModelId, str]] = set()
        """Claims of this process. A row of its own that is not here was left by a failure, and is free for it."""
        self._returned: set[tuple[ModelId, str]] = set()
        """Those whose row was deleted with what followed from the claim."""
        self._leads_until = 0.0

    # --- one offer at a time of a seller to a model ---

    def unclaimed(self) -> ColumnElement[bool]:
        """Condition on offers: no other replica prices one of this seller for this model."""
        if self._alone:
            return true()
        same = (claims.c.model_id == offers.c.model_id, claims.c.seller == offers.c.seller)
        return ~exists().where(*same, claims.c.owner != self._owner, claims.c.expires_at > _CLOCK)

    def holds(self, model_id: ModelId, seller: str) -> bool:
        """Whether this process prices an offer of this seller for this model."""
        with self._lock:
            return (model_id, seller) in self._held

    def claim(self, model_id: ModelId, seller: str) -> bool:
        """Claims the offers of a seller to a model for one attempt at pricing; whether that was possible."""
        with self._lock:
            if (model_id, seller) in self._held:
                return False
            self._held.add((model_id, seller))
        taken = False
        try:
            taken = self._alone or self._take(claims, {"model_id": model_id, "seller": seller})
        finally:
            if not taken:
                self._forget(model_id, seller)
        return taken

    def conclude(self, model_id: ModelId, seller: str) -> None:
        """Gives a claim back in the present transaction, which fails if it was lost; does nothing without a claim.

        Raises:
            ClaimLost: Another replica took it over.
        """
        if self._alone or not self.holds(model_id, seller):
            return
        own = (claims.c.model_id == model_id, claims.c.seller == seller, claims.c.owner == self._owner)
        if not self._database.execute(delete(claims).where(*own)):
            raise ClaimLost(
                "expected the claim on this offer, another replica took it over; nothing was recorded",
                hint="the other replica prices the offer",
            )
        with self._lock:
            self._returned.add((model_id, seller))

    def end(self, model_id: ModelId, seller: str) -> None:
        """The attempt ended: gives the claim back unless that was done with its result."""
        try:
            if not self._alone and (model_id, seller) not in self._returned:
                own = (claims.c.model_id == model_id, claims.c.seller == seller, claims.c.owner == self._owner)
                self._database.execute(delete(claims).where(*own))
        finally:
            self._forget(model_id, seller)

    def _forget(self, model_id: ModelId, seller: str) -> None:
        with self._lock:
            self._held.discard((model_id, seller))
            self._returned.discard((model_id, seller))

    # --- the one that sends transactions ---

    def lead(self) -> bool:
        """Whether this replica advances orders and sends transactions for now; it takes over from one that stopped."""
        if self._alone:
            return True
        asked = time.monotonic()
        leads = self._take(leases, {"name": _LEAD})
        if leads and not self._leads_until:
            log.info("this replica advances orders and sends transactions from now on")
        self._leads_until = asked + LEASE_SECONDS - _MARGIN if leads else 0.0
        return leads

    def leads_still(self) -> bool:
        """Whether the lead has not ended meanwhile, by this process's own clock; asks no one."""
        return self._alone or time.monotonic() < self._leads_until

    # --- all of it ---

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Keeps other replicas from what ``name`` stands for; yields whether none was at it. Threads see to themselves.

        Raises:
            OSError: The database does not answer.
        """
        taken = self._alone or self._take(leases, {"name": name})
        try:
            yield taken
        finally:
            if taken and not self._alone:
                self._database.execute(delete(leases).where(leases.c.name == name, leases.c.owner == self._owner))

    @atomic
    def renew(self) -> None:
        """Prolongs everything that this replica holds."""
        if self._alone:
            return
        asked = time.monotonic()
        for table in (claims, leases):
            self._database.execute(
                update(table).where(table.c.owner == self._owner).values(expires_at=_CLOCK + LEASE_SECONDS)
            )
        lead = select(leases.c.name).where(leases.c.name == _LEAD, leases.c.owner == self._owner)
        kept = self._database.row(lead) is not None
        self._leads_until = asked + LEASE_SECONDS - _MARGIN if kept else 0.0

    def leave(self) -> None:
        """Gives everything back, so that no other replica waits for it."""
        if not self._alone:
            for table in (claims, leases):
                self._database.execute(delete(table).where(table.c.owner == self._owner))

    @atomic
    def _take(self, table: Table, name: dict[str, object]) -> bool:
        """Writes this replica's row unless another replica's has not ended; prolongs its own."""
        values = {"owner": self._owner, "expires_at": _CLOCK + LEASE_SECONDS}
        free = or_(table.c.owner == self._owner, table.c.expires_at <= _CLOCK)
        query = self._database.upsert(table, name | values)
        taken = query.on_conflict_do_update(index_elements=list(name), set_=values, where=free)
        return self._database.execute(taken) > 0
