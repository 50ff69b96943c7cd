"""What every request passes: the rate of its address, whose session it is, and the rate of that account."""

import hashlib
import hmac
import time
from collections.abc import Callable
from ipaddress import ip_network

from assay.chain.port import Chain
from assay_oracle.access.addresses import sender
from assay_oracle.access.logins import Logins
from assay_oracle.access.parties import Parties
from assay_oracle.access.rates import Rate
from assay_oracle.access.sessions import Sessions
from assay_oracle.errors import TokenInvalid, TokenMissing
from assay_oracle.services.ports import Ledger
from assay_oracle.settings import Settings

_BURST_SECONDS = 10.0
"""A party may send the requests of so many seconds at once."""
_MINUTE, _HOUR = 60.0, 3600.0


class Gate:
    """The one entrance to an oracle.

    Args:
        chain: Is asked about the signatures of wallet contracts.
        ledger: Knows whose an offer or an order is, and which logins were used.
        key: Makes tokens and challenges, 32 bytes that the daemons of one oracle share.
        settings: Rates, URLs, proxies, and how long a session lasts.
        operator_token: Lets an operator read; None if nobody may.
        now: Unix time.
        clock: Monotonic time in seconds.

    Attributes:
        sessions: Whose a token is.
        logins: Begins sessions for what accounts sign.
        parties: Whose an offer or an order is.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        ledger: Ledger,
        key: bytes,
        settings: Settings,
        operator_token: str | None,
        now: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sessions = Sessions(key, chain.domain, seconds=settings.session_seconds, now=now)
        self.logins = Logins(
            chain=chain, used=ledger.logins, sessions=self.sessions, key=key, urls=settings.urls, now=now
        )
        self.parties = Parties(ledger)
        self._operator = _hashed(operator_token) if operator_token else None
        self._proxies = [ip_network(proxy) for proxy in settings.proxies]
        self._of_account = Rate(
            "requests of one account", settings.requests_per_second, seconds=_BURST_SECONDS, clock=clock
        )
        self._of_address = Rate(
            "requests from one address", settings.address_requests_per_second, seconds=_BURST_SECONDS, clock=clock
        )
        self._logins_of_address = Rate(
            "logins from one address", settings.logins_per_minute / _MINUTE, seconds=_MINUTE, clock=clock
        )
        self._offers_of_address = Rate(
            "openings of offers from one address", settings.offers_per_hour / _HOUR, seconds=_HOUR, clock=clock
        )

    def sender(self, peer: str | None, forwarded: list[str]) -> str:
        """Whom a request is counted against; see ``addresses.sender``."""
        return sender(peer, forwarded, self._proxies)

    def count_request(self, address: str) -> None:
        """Counts a request from an address.

        Raises:
            RateExceeded: There were too many.
        """
        self._of_address.take(address)

    def count_login(self, address: str) -> None:
        """Counts a login from an address; raises as ``count_request``."""
        self._logins_of_address.take(address)

    def count_opening(self, address: str) -> None:
        """Counts an offer that is opened from an address; raises as ``count_request``."""
        self._offers_of_address.take(address)

    def admit(self, token: str | None) -> str:
        """The account whose session a request belongs to; counts the request.

        Raises:
            TokenMissing, TokenInvalid: It belongs to none.
            RateExceeded: The account sent too many.
        """
        account = self.sessions.account_of(token)
        self._of_account.take(account)
        return account

    def admit_operator(self, token: str | None) -> None:
        """Checks that a request is the operator's.

        Raises:
            TokenMissing, TokenInvalid: It is not, or this oracle has no token for operators.
        """
        hint = "the token is in the setting operator_token_file of this oracle"
        if token is None:
            raise TokenMissing("expected the operator's token, got none", hint=hint)
        if self._operator is None or not hmac.compare_digest(_hashed(token), self._operator):
            raise TokenInvalid("expected the operator's token, got another", hint=hint)


def _hashed(token: str) -> bytes:
    """Tokens are compared by hashes of one length."""
    return hashlib.sha256(token.encode()).digest()
