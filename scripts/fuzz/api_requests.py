"""Requests to the whole HTTP application of an oracle: none may be the oracle's fault, and every refusal is a problem.

An input is a request of HTTP/1.1 as text, with names in braces: ``{model}``, ``{offer}``, ``{order}`` for ids,
``{seller}``, ``{buyer}``, ``{operator}`` for tokens, ``{address}`` for the seller's account, and ``{signed}`` for the
seller's signature over the offer in the body, whatever else the body holds.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from eth_account.signers.local import LocalAccount
from pydantic import ValidationError

from assay.protocol.messages import (
    PROBLEM_MEDIA_TYPE,
    BlindRequest,
    LoginChallenge,
    LoginRequest,
    LoginSession,
    OfferRequest,
    OfferState,
    OracleInfo,
    Problem,
)
from assay.protocol.statements import Domain
from assay.protocol.types import ModelId

Asgi = Callable[..., Any]
_TARGET = re.compile(rb"/[!-~]*")
"""What a server passes on as the target of a request; h11 refuses every other byte."""
_NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-z]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_SIGNED = b"{signed}"
_NOT_HEALTHY = "not_healthy"
"""Code of the answers that say themselves that the oracle is at fault."""
_JSON = (b"content-type", b"application/json")
_SERVER = ("127.0.0.1", 8550)
URL = "http://127.0.0.1:8550"
OPERATOR = 4 * "operator"


class Requests:
    """Asks an application in this process, and judges its answers.

    Args:
        app: The application (ASGI).
        domain: Where its signatures are valid.
        seller: Who signs the offers of inputs.
        names: What stands for each name in braces.
    """

    def __init__(self, app: Asgi, domain: Domain, seller: LocalAccount, names: Mapping[bytes, bytes]) -> None:
        self._app = app
        self._domain = domain
        self._seller = seller
        self.names = dict(names)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the loop that requests run in."""
        self._runner.close()

    def check(self, content: bytes) -> None:
        """Sends the request of an input, if a server would pass it on.

        Raises:
            Exception: A finding.
        """
        for name, value in self.names.items():
            content = content.replace(b"{" + name + b"}", value)
        head, _, body = content.partition(b"\n\n")
        line, *lines = head.split(b"\n")
        method, _, target = line.partition(b" ")
        headers = [(name.lower(), value.strip(b" \t")) for name, _, value in (one.partition(b":") for one in lines)]
        passes = method.isalpha() and method.isascii() and _TARGET.fullmatch(target)
        if passes and all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in headers):
            self.ask(method, target, headers, self._with_signature(body))

    def ask(self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
        """The body of the answer.

        Raises:
            AssertionError: The answer is the oracle's fault, or a refusal that does not say what was wrong.
        """
        status, named, answer = self._runner.run(self._ask(method, target, headers, body))
        code = None
        if status >= 400:
            assert named[b"content-type"].decode() == PROBLEM_MEDIA_TYPE, named
            problem = Problem.model_validate_json(answer)
            code = problem.code
            assert problem.status == status
        assert status < 500 or code == _NOT_HEALTHY, (status, answer)
        return answer

    async def _ask(
        self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        path, _, query = target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method.decode().upper(),
            "scheme": "http",
            "path": unquote(path.decode()),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": _SERVER,
        }
        arriving: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return arriving.pop() if arriving else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        begun, *rest = sent
        return begun["status"], dict(begun["headers"]), b"".join(part.get("body", b"") for part in rest)

    def _with_signature(self, body: bytes) -> bytes:
        if _SIGNED not in body:
            return body
        for kind in (OfferRequest, BlindRequest):
            try:
                found = kind.model_validate_json(body.replace(_SIGNED, b"0x"))
            except ValidationError:
                continue
            message = self._domain.offer(found.model_id, found.seller, found.data_root, found.nonce)
            return body.replace(_SIGNED, b"0x" + self._seller.sign_message(message).signature.hex().encode())
        return body

    def token(self, account: LocalAccount) -> bytes:
        """The token of a session of ``account``."""
        nonce = LoginChallenge.model_validate_json(self.ask(b"GET", b"/v1/login", [], b"")).nonce
        signature = account.sign_message(self._domain.login(account.address, URL, nonce)).signature
        login = LoginRequest(account=account.address, oracle=URL, nonce=nonce, signature=signature)
        answer = self.ask(
            b"POST", b"/v1/login", [(b"content-type", b"application/json")], login.model_dump_json().encode()
        )
        return LoginSession.model_validate_json(answer).token.encode()


def opened(folder: Path) -> Callable[[bytes], None]:
    """The check of an oracle in this process, over the chain and the model in ``folder``."""
    from assay_oracle.cli.serve import load_appraisers, pricing_pool
    from assay_oracle.keys import vault
    from assay_oracle.server.daemon import Daemon, open_chain
    from assay_oracle.settings import Settings
    from fuzz.place import OWNER, PASSWORD, SELLER, SETTINGS, domain_of, offer_request

    unbounded = dict.fromkeys(("max_open_offers", "max_open_offers_per_seller"), 10**9)
    own: dict[str, Any] = {name.lower(): value for name, value in SETTINGS.items()}
    settings = Settings.read(folder / "oracle.toml", urls=(URL,), operator_token=OPERATOR, **own, **unbounded)
    secrets = vault.open_vault(settings.data_dir, PASSWORD)
    chain = open_chain(settings, secrets)
    daemon = Daemon(settings, secrets, chain, load=load_appraisers(settings, pricing_pool(settings)))
    daemon._waiting.close()  # no request waits for a price: nothing is priced here
    made = Requests(daemon.app, domain_of(folder), SELLER, {})
    tokens = {b"seller": made.token(SELLER), b"buyer": made.token(OWNER), b"operator": OPERATOR.encode()}
    info = OracleInfo.model_validate_json(made.ask(b"GET", b"/v1/info", [], b""))
    (model,) = info.models
    request = offer_request(domain_of(folder), ModelId(model), info.recipient)
    bearer = (b"authorization", b"Bearer " + tokens[b"seller"])
    answer = made.ask(b"POST", b"/v1/offers", [_JSON, bearer], request.model_dump_json().encode())
    ids = {b"model": model, b"offer": OfferState.model_validate_json(answer).offer_id, b"order": bytes(32)}
    made.names = {
        **tokens,
        **{name: b"0x" + value.hex().encode() for name, value in ids.items()},
        b"address": SELLER.address.encode(),
    }
    return made.check
