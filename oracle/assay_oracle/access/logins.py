"""Logins: an account signs a challenge of this oracle once (EIP-712), in exchange for a session.

    challenge = expiry (8 bytes) ‖ random (8) ‖ the first 16 bytes of HMAC-SHA256(key, tag ‖ scope ‖ expiry ‖ random)

A challenge needs no memory before it is used, and no clock but the oracle's. Its use is recorded in the ledger, which
outlives a restart and which the daemons of one oracle share.
"""

import hmac
import secrets
from collections.abc import Callable, Collection

from assay.chain.port import Chain
from assay.chain.queries import is_signed_by
from assay.protocol.messages import LoginChallenge, LoginRequest, LoginSession
from assay.protocol.statements import audience
from assay_oracle.access.sessions import Sessions, scope_of
from assay_oracle.errors import LoginInvalid, SignatureInvalid
from assay_oracle.services.ports import LoginLedger

LOGIN_SECONDS = 120
"""How long a challenge can be used."""
_KEPT_SECONDS = 3600
"""How long after its expiry a used challenge is kept: a clock that is set back makes none of them new."""
_TAG = b"assay/login/v1".ljust(32, b"\0")
_MAC_BYTES = 16
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


class Logins:
    """The logins of all accounts.

    Args:
        chain: Is asked about the signatures of wallet contracts (ERC-1271).
        used: Records the challenges that were used.
        sessions: Begins the sessions.
        key: 32 bytes that the daemons of one oracle share.
        urls: Base URLs under which clients reach this oracle; if there are none, it is reached from this machine alone.
        now: Unix time.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        used: LoginLedger,
        sessions: Sessions,
        key: bytes,
        urls: Collection[str],
        now: Callable[[], int],
    ) -> None:
        self._chain = chain
        self._used = used
        self._sessions = sessions
        self._key = key
        self._urls = frozenset(map(audience, urls))
        self._scope = scope_of(chain.domain)
        self._now = now

    def challenge(self) -> LoginChallenge:
        """Something to sign, within ``LOGIN_SECONDS``."""
        payload = (self._now() + LOGIN_SECONDS).to_bytes(8, "big") + secrets.token_bytes(8)
        return LoginChallenge(nonce=payload + self._mac(payload), seconds=LOGIN_SECONDS)

    def log_in(self, request: LoginRequest, port: int | None) -> LoginSession:
        """Begins a session of the account that signed a challenge; ``port`` is the one that this oracle listens on.

        Raises:
            LoginInvalid: It is for another oracle, or its challenge is another's, has expired, or was used.
            SignatureInvalid: The account did not sign it.
        """
        urls = self._urls or {f"http://{host}:{port}" for host in _LOCAL_HOSTS}
        if request.oracle not in urls:
            raise LoginInvalid(
                f"expected a login at {' or '.join(sorted(urls))}, got one at {request.oracle!r}",
                hint="connect to the oracle under one of its URLs; its operator lists them in the setting urls",
            )
        self._check_challenge(request.nonce)
        message = self._chain.domain.login(request.account, request.oracle, request.nonce)
        if not is_signed_by(self._chain, request.account, message, request.signature):
            raise SignatureInvalid(
                f"expected a login signed by {request.account}, got another signature",
                hint="sign Login with the key of that account, for the chain and the contract of GET /v1/info",
            )
        now = self._now()
        until = int.from_bytes(request.nonce[:8], "big") + _KEPT_SECONDS
        if not self._used.use(request.nonce, until=until, now=now):
            raise LoginInvalid("expected a new challenge, got one that was used", hint="ask for another: GET /v1/login")
        return self._sessions.begin(request.account)

    def _check_challenge(self, nonce: bytes) -> None:
        payload, mac = nonce[:-_MAC_BYTES], nonce[-_MAC_BYTES:]
        is_ours = hmac.compare_digest(mac, self._mac(payload))
        if not is_ours or int.from_bytes(payload[:8], "big") <= self._now():
            raise LoginInvalid(
                f"expected a challenge of this oracle from the last {LOGIN_SECONDS} seconds, got another",
                hint="ask for another: GET /v1/login",
            )

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, _TAG + self._scope + payload, "sha256")[:_MAC_BYTES]
