"""Session tokens: an account and an expiry under a MAC (HMAC-SHA256, RFC 2104), so that no daemon keeps a list of them.

    token = base64url(account (20 bytes) ‖ expiry (8) ‖ HMAC-SHA256(key, tag ‖ scope ‖ account ‖ expiry))

Each daemon with the same vault, chain and contract accepts the token until it expires.
"""

import base64
import binascii
import hmac
from collections.abc import Callable
from functools import lru_cache

from eth_utils.address import to_checksum_address

from assay.protocol.messages import LoginSession
from assay.protocol.statements import Domain
from assay_oracle.errors import TokenInvalid, TokenMissing

_TAG = b"assay/session/v1".ljust(32, b"\0")
_ACCOUNT_BYTES = 20
_PAYLOAD_BYTES = _ACCOUNT_BYTES + 8
_TOKEN_CHARACTERS = 80


def scope_of(domain: Domain) -> bytes:
    """Chain and contract, 52 bytes: a token or a challenge is valid for one pair of them."""
    return domain.chain_id.to_bytes(32, "big") + bytes.fromhex(domain.contract[2:])


class Sessions:
    """The sessions of all accounts.

    Args:
        key: 32 bytes that the daemons of one oracle share.
        domain: Chain and contract.
        seconds: How long a session lasts.
        now: Unix time.
    """

    def __init__(self, key: bytes, domain: Domain, *, seconds: int, now: Callable[[], int]) -> None:
        self._key = key
        self._scope = scope_of(domain)
        self._seconds = seconds
        self._now = now

    def begin(self, account: str) -> LoginSession:
        """A session of ``account``, which proved that it asks."""
        expiry = self._now() + self._seconds
        payload = bytes.fromhex(account[2:]) + expiry.to_bytes(8, "big")
        token = base64.urlsafe_b64encode(payload + self._mac(payload)).decode()
        return LoginSession(account=account, token=token, expires_at=expiry)

    def account_of(self, token: str | None) -> str:
        """The account of a session.

        Raises:
            TokenMissing: There is no token.
            TokenInvalid: It is none of this oracle's, or has expired.
        """
        if token is None:
            raise TokenMissing("expected a session's token, got none", hint="log in: GET and POST /v1/login")
        try:
            content = base64.b64decode(token, altchars=b"-_", validate=True) if len(token) == _TOKEN_CHARACTERS else b""
        except (binascii.Error, ValueError):
            content = b""
        payload, mac = content[:_PAYLOAD_BYTES], content[_PAYLOAD_BYTES:]
        is_ours = hmac.compare_digest(mac, self._mac(payload))
        if not is_ours or int.from_bytes(payload[_ACCOUNT_BYTES:], "big") <= self._now():
            raise TokenInvalid(
                "expected the token of a session of this oracle that has not expired, got another",
                hint="log in again: GET and POST /v1/login",
            )
        return _address(payload[:_ACCOUNT_BYTES])

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, _TAG + self._scope + payload, "sha256")


@lru_cache(maxsize=4096)
def _address(account: bytes) -> str:
    return str(to_checksum_address(account))
