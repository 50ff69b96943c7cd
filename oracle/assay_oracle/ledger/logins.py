"""The used logins: a login's nonce is used once, whichever daemon is asked and however often it was started."""

from sqlalchemy import delete

from assay_oracle.ledger.database import Database, atomic
from assay_oracle.ledger.tables import logins


class LoginTable:
    """The ``LoginLedger`` in one table of the journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @atomic
    def use(self, nonce: bytes, *, until: int, now: int) -> bool:
        """Records that ``nonce`` was used, and forgets the nonces whose ``until`` is before ``now``.

        Returns:
            Whether it was new.
        """
        self._database.execute(delete(logins).where(logins.c.expires_at < now))
        row = {"nonce": nonce, "expires_at": until}
        return self._database.execute(self._database.upsert(logins, row).on_conflict_do_nothing()) > 0
