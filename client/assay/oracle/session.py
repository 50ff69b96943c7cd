"""Sessions at an oracle: a party signs a login once, and sends the token that it gets with each further request.

A token is kept in memory alone. One that the oracle takes no longer is replaced by another login.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from eth_account.messages import SignableMessage
from eth_account.signers.local import LocalAccount

from assay.errors import OracleMisbehaved
from assay.protocol.messages import LoginChallenge, LoginRequest, LoginSession
from assay.protocol.statements import Domain, audience
from assay.protocol.types import Value

V = TypeVar("V", bound=Value)


@dataclass(frozen=True)
class Party:
    """Who asks an oracle about what is its own.

    Attributes:
        domain: Chain and contract of the party's sales.
        account: Its address: of a key, or of a wallet contract (ERC-1271).
        sign: Signs with that key, or as that wallet wants it.
    """

    domain: Domain
    account: str
    sign: Callable[[SignableMessage], bytes]

    @classmethod
    def by_key(cls, account: LocalAccount, domain: Domain) -> Self:
        """The party that signs with the key of ``account``."""
        return cls(domain, account.address, lambda message: bytes(account.sign_message(message).signature))


class Ask(Protocol):
    """One request without a token; its answer as a value."""

    def __call__(self, kind: type[V], method: str, path: str, **options: Any) -> V:
        """Raises what a request raises."""
        ...


class OracleSession:
    """The session of ``party`` at the oracle at ``url``."""

    def __init__(self, party: Party, url: str) -> None:
        self._party = party
        self._oracle = audience(url)
        self._token: str | None = None
        self._lock = threading.Lock()

    def token(self, ask: Ask) -> str:
        """The session's token; logs in by ``ask`` if there is none.

        Raises:
            OracleMisbehaved: The oracle answers with a session of another account.
        """
        with self._lock:
            if self._token is None:
                self._token = self._log_in(ask)
            return self._token

    def forget(self, token: str) -> None:
        """The oracle does not take ``token``: the next request logs in, unless another one did meanwhile."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _log_in(self, ask: Ask) -> str:
        party = self._party
        nonce = ask(LoginChallenge, "GET", "/login").nonce
        signature = party.sign(party.domain.login(party.account, self._oracle, nonce))
        login = LoginRequest(account=party.account, oracle=self._oracle, nonce=nonce, signature=signature)
        session = ask(LoginSession, "POST", "/login", json=login.model_dump(mode="json"))
        if session.account != party.account:
            raise OracleMisbehaved(f"expected a session of {party.account}, got one of {session.account}")
        return session.token
