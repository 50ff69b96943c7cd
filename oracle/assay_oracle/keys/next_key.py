"""The key that a rotation began with, found by a daemon that runs."""

import logging
from collections.abc import Callable, Collection

from eth_account.signers.local import LocalAccount

from assay import keys
from assay.errors import AssayError
from assay_oracle.keys import vault
from assay_oracle.keys.remote import RemoteAccount
from assay_oracle.log import about
from assay_oracle.settings import Settings

Mark = tuple[int, int, int]
"""Number, length and time (nanoseconds) of a file."""

log = logging.getLogger(__name__)


class NextKey:
    """Looks for the next account: in ``next.json``, or with a remote signer in the setting ``signer_next_address``.

    Args:
        read: Reads the settings again.
        password: Of the keystores.
    """

    def __init__(self, read: Callable[[], Settings], password: str) -> None:
        self._read = read
        self._password = password
        self._tried: Mark | None = None
        """The keystore that was read last: opening one takes a second."""
        self._fault = ""

    def __call__(self, known: Collection[str]) -> LocalAccount | RemoteAccount | None:
        """The account that is none of ``known``; None while there is none, or it cannot be opened, which is logged."""
        try:
            found = self._find(known)
        except (AssayError, OSError) as error:
            cause = error.message if isinstance(error, AssayError) else str(error)
            if cause != self._fault:
                log.error("next key not opened; the present one signs", extra=about(cause=cause))
            self._fault = cause
            return None
        self._fault = ""
        return found

    def _find(self, known: Collection[str]) -> LocalAccount | RemoteAccount | None:
        settings = self._read()
        if settings.signer:
            address = settings.signer_next_address
            return None if address is None or address in known else RemoteAccount(settings.signer, address)
        keystore = vault.next_keystore(settings.data_dir)
        try:
            status = keystore.stat()
        except FileNotFoundError:
            return None
        mark = status.st_ino, status.st_size, status.st_mtime_ns
        if mark == self._tried or keys.address_of(keystore) in known:
            return None
        self._tried = mark
        return keys.load_account(keystore, self._password)
