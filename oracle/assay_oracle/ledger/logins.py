"""The used logins: a login's nonce is used once, whichever daemon is asked and however often it was started."""

from assay_oracle.ledger.database import Database


class LoginTable:
    """The ``LoginLedger`` in one table of the journal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def use(self, nonce: bytes, *, until: int, now: int) -> bool:
        """Records that ``nonce`` was used, and forgets the nonces whose ``until`` is before ``now``.

        Returns:
            Whether it was new.
        """
        with self._database.transaction():
            self._database.execute("DELETE FROM logins WHERE expires_at < ?", now)
            return bool(self._database.execute("INSERT OR IGNORE INTO logins VALUES (?, ?)", nonce, until))
