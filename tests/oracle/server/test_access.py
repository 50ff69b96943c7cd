"""Who may make which call: every call x no, wrong, expired, somebody else's token; every way to log in wrongly."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from eth_account.signers.local import LocalAccount
from fastapi.routing import iter_route_contexts

from assay.protocol.messages import LoginRequest
from assay.protocol.statements import digest
from assay_oracle.access.logins import LOGIN_SECONDS
from assay_oracle.access.sessions import Sessions
from assay_oracle.errors import LoginInvalid, TokenInvalid
from assay_oracle.ledger.values import BlindSession
from assay_oracle.server.api.app import create_app
from tests.kit.actors import DOMAIN, buyer_account, rival_account, seller_account
from tests.kit.market import ACCESS_KEY, OPERATOR_TOKEN, ORACLE_URL, Market
from tests.kit.signatures import REFUSED_FORMS

pytestmark = pytest.mark.unit

WALLET = "0x" + 39 * "0" + "7"
UNKNOWN = "0x" + 64 * "a"
SELLER, BUYER, OPERATOR = "seller", "buyer", "operator"


@dataclass(frozen=True)
class Call:
    """One call: who may make it, and of what its answer depends."""

    method: str
    path: str
    by: tuple[str, ...] = ()
    status: int = 200
    unknown: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


SIGNED = {"json": {"signature": "0x" + 130 * "1"}}
VALUES = {"sums": UNKNOWN, "products": UNKNOWN, "values": "0x00"}
ACCEPTANCE = {"json": {"key_hash": UNKNOWN, "signature": "0x" + 130 * "1"}}
CALLS = (
    Call("GET", "/"),
    Call("GET", "/v1/live"),
    Call("GET", "/v1/ready"),
    Call("GET", "/metrics", (OPERATOR,)),
    Call("GET", "/v1/info"),
    Call("GET", "/v1/models/{model_id}"),
    Call("GET", "/v1/login"),
    Call("POST", "/v1/login", status=422, options={"json": {}}),
    Call("POST", "/v1/offers", (SELLER,), unknown="signature_invalid"),
    Call("GET", "/v1/offers/{offer_id}", (SELLER,), unknown="offer_unknown"),
    Call(
        *("PATCH", "/v1/offers/{offer_id}/upload", (SELLER,)),
        unknown="offer_unknown",
        options={"content": b"x", "headers": {"Upload-Offset": "0"}},
    ),
    Call("POST", "/v1/offers/{offer_id}/quotes", (SELLER,), 409, "offer_unknown", {"json": {"expiry": 1}}),
    Call("POST", "/v1/offers/{offer_id}/acceptance", (SELLER,), 200, "offer_unknown", ACCEPTANCE),
    Call("DELETE", "/v1/offers/{offer_id}", (SELLER,), status=409, unknown="offer_unknown"),
    Call("POST", "/v1/blind", (SELLER,), 422, "signature_invalid"),
    Call("POST", "/v1/blind/{offer_id}/sums", (SELLER,), 422, "offer_unknown", {"content": b"x"}),
    Call("POST", "/v1/blind/{offer_id}/products?sums=" + UNKNOWN, (SELLER,), 422, "offer_unknown", {"content": b"x"}),
    Call("POST", "/v1/blind/{offer_id}/price", (SELLER,), 422, "offer_unknown", {"json": VALUES}),
    Call("GET", "/v1/orders/{order_id}", (SELLER, BUYER), unknown="order_unknown"),
    Call("GET", "/v1/orders/{order_id}/sealed", (BUYER,), unknown="order_unknown"),
    Call("PUT", "/v1/orders/{order_id}/receipt", (BUYER,), 403, "order_unknown", SIGNED),
    Call("PUT", "/v1/orders/{order_id}/acknowledgement", (BUYER,), 403, "order_unknown", SIGNED),
    Call("GET", "/v1/health", (OPERATOR,)),
    Call("GET", "/v1/operator/offers", (OPERATOR,)),
)
"""Every call of the application. ``status`` is what its own party is answered; 403 is a signature in the body."""
CLOSED = [call for call in CALLS if call.by]


@dataclass
class Sold:
    """A market with one order, whose offer and order every call is about."""

    market: Market
    ids: dict[str, str]
    request: dict[str, Any]
    key_hash: str

    def token(self, who: str) -> str:
        if who == OPERATOR:
            return OPERATOR_TOKEN
        account = {SELLER: seller_account, BUYER: buyer_account, "stranger": rival_account}[who]
        return self.market.bearer(account)["Authorization"].removeprefix("Bearer ")

    def request_of(
        self, call: Call, token: str | None, *, unknown: bool = False, scheme: str = "Bearer"
    ) -> dict[str, Any]:
        ids = {**self.ids, **dict.fromkeys(("offer_id", "order_id"), UNKNOWN)} if unknown else self.ids
        options = {"json": self.request} if call.path == "/v1/offers" else dict(call.options)
        if call.path == "/v1/blind":
            named = ("model_id", "seller", "data_root", "nonce", "signature")
            options = {"json": {name: self.request[name] for name in named} | {"records": 2}}
        if call.path.endswith("/acceptance"):
            options = {"json": {**call.options["json"], "key_hash": self.key_hash}}
        headers = options.pop("headers", {})
        if token is not None:
            headers = headers | {"Authorization": f"{scheme} {token}".encode("latin-1")}
        return {"method": call.method, "url": call.path.format(**ids), "headers": headers, **options}

    def ask(self, call: Call, token: str | None, **options: Any) -> httpx.Response:
        with httpx.Client(transport=self.market.transport, base_url=ORACLE_URL) as http:
            return http.request(**self.request_of(call, token, **options))


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sold]:
    market = Market(tmp_path_factory.mktemp("sold"))
    made, state, order = market.sell(b"one\ntwo\n")
    market.transport.idle = True
    session = BlindSession(state.offer_id, market.model_id, seller_account.address, bytes(32), 2, market.time + 10**9)
    market.journal.blind.add(session, most=1, now=market.time)
    ids = {
        "model_id": f"0x{market.model_id.hex()}",
        "offer_id": f"0x{state.offer_id.hex()}",
        "order_id": f"0x{order.order_id().hex()}",
    }
    yield Sold(market, ids, made.request.model_dump(mode="json"), f"0x{order.key_hash.hex()}")
    market.journal.close()


def code_of(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else None


def test_every_call_of_the_application_is_in_the_table(market: Market) -> None:
    app = create_app(market.oracle, market.gate(), dict)
    found = {f"{method} {route.path}" for route in iter_route_contexts(app.routes) for method in route.methods or "?"}
    assert found == {call.name for call in CALLS} | {"GET /openapi.json", "HEAD /openapi.json"}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_call_is_answered_to_whom_it_is_for(sold: Sold, call: Call) -> None:
    for token in [sold.token(who) for who in call.by] or [None]:
        assert sold.ask(call, token).status_code == call.status


def expired(token: str, sold: Sold) -> str:
    sold.market.time += sold.market.settings.session_seconds
    return token


def of_another_oracle(token: str, sold: Sold) -> str:
    return sold.market.gate(key=bytes(32)).sessions.begin(seller_account.address).token


def of_another_chain(token: str, sold: Sold) -> str:
    domain = DOMAIN.model_copy(update={"chain_id": 1})
    return Sessions(ACCESS_KEY, domain, seconds=3600, now=sold.market.now).begin(seller_account.address).token


def for_another_account(token: str, sold: Sold) -> str:
    """The own token, with the account of another in it."""
    return sold.token("stranger")[:26] + token[26:]


WRONG: dict[str, Callable[[str, Sold], str]] = {
    "empty": lambda *_: "",
    "cut": lambda token, _: token[:-1],
    "longer": lambda token, _: token + "A",
    "one letter": lambda token, _: token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
    "no base64": lambda token, _: "!" * len(token),
    "no ASCII": lambda token, _: "\xe9" * len(token),
    "nothing": lambda token, _: "A" * len(token),
    "of another oracle": of_another_oracle,
    "of another chain": of_another_chain,
    "for another account": for_another_account,
    "expired": expired,
}
"""What a party sends in place of its token."""


@pytest.mark.parametrize("call", CLOSED, ids=lambda call: call.name)
def test_call_without_its_token_is_refused(sold: Sold, call: Call) -> None:
    token = sold.token(call.by[0])
    answers = {"none": sold.ask(call, None), "basic": sold.ask(call, token, scheme="Basic")}
    for name, wrong in WRONG.items():
        if name != "expired" or OPERATOR not in call.by:  # an operator's token ends when the setting is changed
            answers[name] = sold.ask(call, wrong(token, sold))
    for name, answer in answers.items():
        missing = name in ("none", "basic", "empty")
        assert code_of(answer) == (401, "token_missing" if missing else "token_invalid"), name
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert token not in answer.text


@pytest.mark.parametrize("call", CLOSED, ids=lambda call: call.name)
def test_somebody_elses_token_is_told_no_more_than_that_there_is_none(sold: Sold, call: Call) -> None:
    for who in {SELLER, BUYER, "stranger", OPERATOR}.difference(call.by):
        answer = sold.ask(call, sold.token(who))
        if OPERATOR in (who, *call.by):
            assert code_of(answer) == (401, "token_invalid"), who
            continue
        assert code_of(answer) == (403 if call.unknown == "signature_invalid" else 404, call.unknown), who
        if "{o" in call.path:
            unknown = sold.ask(call, sold.token(who), unknown=True)
            named = sold.ids["offer_id" if "offer_id" in call.path else "order_id"]
            assert answer.text.replace(named, UNKNOWN) == unknown.text
            told, to_unknown = (dict(a.headers) | {"x-request-id": ""} for a in (answer, unknown))
            assert told == to_unknown


def test_oracle_without_a_token_for_operators_has_none(sold: Sold) -> None:
    gate = sold.market.gate(operator_token=None)
    for token in ("", "None", OPERATOR_TOKEN):
        with pytest.raises(TokenInvalid):
            gate.admit_operator(token)


# --- logins -----------------------------------------------------------------------------------------------------------


def nonce_of(market: Market, **changes: Any) -> bytes:
    return market.gate(**changes).logins.challenge().nonce


def signed(market: Market, by: LocalAccount = seller_account, **changes: Any) -> dict[str, Any]:
    """A login by ``by``; ``changes`` are what it signs and sends otherwise."""
    said = {"account": by.address, "oracle": ORACLE_URL, "nonce": nonce_of(market)} | changes
    domain = said.pop("domain", DOMAIN)
    return {**said, "signature": bytes(by.sign_message(domain.login(**said)).signature)}


def posted(market: Market, login: dict[str, Any]) -> httpx.Response:
    body = LoginRequest(**login).model_dump(mode="json")
    with httpx.Client(transport=market.transport, base_url=ORACLE_URL) as http:
        return http.post("/v1/login", json=body)


def used(market: Market) -> dict[str, Any]:
    login = signed(market)
    assert posted(market, login).status_code == 200
    return login


def late(market: Market) -> dict[str, Any]:
    login = signed(market)
    market.time += LOGIN_SECONDS
    return login


def used_before_a_restart(market: Market) -> dict[str, Any]:
    login = used(market)
    market.restart()
    return login


def used_before_the_clock_was_set_back(market: Market) -> dict[str, Any]:
    login = used(market)
    market.time += 3600
    used(market)
    market.time -= 3600
    return login


def form_of(name: str) -> Callable[[Market], dict[str, Any]]:
    def made(market: Market) -> dict[str, Any]:
        login = signed(market)
        return login | {"signature": REFUSED_FORMS[name](login["signature"])}

    return made


BAD_LOGINS: dict[str, tuple[Callable[[Market], dict[str, Any]], str]] = {
    "no signature": (lambda market: signed(market) | {"signature": b""}, "signature_invalid"),
    "somebody else's": (
        lambda market: signed(market, rival_account, account=seller_account.address),
        "signature_invalid",
    ),
    "in another's name": (lambda market: signed(market) | {"account": rival_account.address}, "signature_invalid"),
    "on another chain": (
        lambda market: signed(market, domain=DOMAIN.model_copy(update={"chain_id": 1})),
        "signature_invalid",
    ),
    "for another contract": (
        lambda market: signed(market, domain=DOMAIN.model_copy(update={"contract": rival_account.address})),
        "signature_invalid",
    ),
    "over another challenge": (lambda market: signed(market) | {"nonce": nonce_of(market)}, "signature_invalid"),
    "passed on by another oracle": (lambda market: signed(market, oracle="https://evil.example"), "login_invalid"),
    "made out to this oracle by another": (
        lambda market: signed(market, oracle="https://evil.example") | {"oracle": ORACLE_URL},
        "signature_invalid",
    ),
    "with another oracle's challenge": (
        lambda market: signed(market, nonce=nonce_of(market, key=bytes(32))),
        "login_invalid",
    ),
    "with a challenge of its own": (lambda market: signed(market, nonce=b"\xff" * 32), "login_invalid"),
    "with a prolonged challenge": (
        lambda market: signed(market, nonce=b"\0\0\0\1" + nonce_of(market)[4:]),
        "login_invalid",
    ),
    "late": (late, "login_invalid"),
    "replayed": (used, "login_invalid"),
    "replayed after a restart": (used_before_a_restart, "login_invalid"),
    "replayed after the clock was set back": (used_before_the_clock_was_set_back, "login_invalid"),
    **{f"in a form with {name}": (form_of(name), "signature_invalid") for name in REFUSED_FORMS},
}


@pytest.mark.parametrize("bad", BAD_LOGINS)
def test_login_that_is_none(market: Market, bad: str) -> None:
    made, code = BAD_LOGINS[bad]
    answer = posted(market, made(market))
    assert code_of(answer) == (403, code)
    assert answer.json()["hint"]


def test_login_is_used_once_by_all_daemons_of_one_ledger(market: Market) -> None:
    login, port = LoginRequest(**signed(market)), None
    one, other = market.gate(), market.gate()
    token = one.logins.log_in(login, port).token
    assert other.admit(token) == seller_account.address
    with pytest.raises(LoginInvalid, match="one that was used"):
        other.logins.log_in(login, port)


def test_login_that_fails_uses_no_challenge(market: Market) -> None:
    login = signed(market)
    assert posted(market, login | {"signature": bytes(65)}).status_code == 403
    answer = posted(market, login)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"


def test_wallet_logs_in_with_what_its_code_accepts(market: Market) -> None:
    market.contract.wallets = {WALLET: b"wallet"}
    login = {"account": WALLET, "oracle": ORACLE_URL, "nonce": nonce_of(market)}
    signature = b"wallet" + digest(DOMAIN.login(**login))
    assert code_of(posted(market, login | {"signature": signature + b"?"})) == (403, "signature_invalid")
    assert posted(market, login | {"signature": signature}).json()["account"] == WALLET


def test_oracle_without_urls_is_logged_in_at_from_its_own_machine_alone(market: Market) -> None:
    gate = market.gate(settings=market.settings.model_copy(update={"urls": ()}))
    for oracle in ("http://127.0.0.1:8550", "http://localhost:8550", "http://[::1]:8550"):
        gate.logins.log_in(LoginRequest(**signed(market, oracle=oracle)), 8550)
    for oracle in ("http://127.0.0.1:8551", "https://127.0.0.1:8550", ORACLE_URL):
        with pytest.raises(LoginInvalid, match="expected a login at"):
            gate.logins.log_in(LoginRequest(**signed(market, oracle=oracle)), 8550)


# --- rates ------------------------------------------------------------------------------------------------------------

RATES = {
    "requests_per_second": ("GET /v1/offers/{offer_id}", seller_account),
    "address_requests_per_second": ("GET /v1/info", None),
    "logins_per_minute": ("POST /v1/login", None),
    "offers_per_hour": ("POST /v1/offers", seller_account),
}
"""By the setting: a call that it bounds, and who makes it."""


@pytest.mark.parametrize("setting", RATES)
def test_whoever_asks_too_often_is_told_when_to_continue(sold: Sold, setting: str) -> None:
    """A bound of one at once: in 10 seconds, a minute or an hour."""
    market, now = sold.market, [1000.0]
    name, account = RATES[setting]
    (call,) = [call for call in CALLS if call.name == name]
    settings = market.settings.model_copy(update={setting: 0.1 if setting.endswith("second") else 1.0})
    gate = market.gate(settings=settings, clock=lambda: now[0])
    if call.path == "/v1/login":
        call = replace(call, options={"json": LoginRequest(**signed(market)).model_dump(mode="json")})
    app = create_app(market.oracle, gate, dict)

    def ask(address: str = "203.0.113.7") -> httpx.Response:
        async def answered() -> httpx.Response:
            transport = httpx.ASGITransport(app, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url=ORACLE_URL) as http:
                return await http.request(**sold.request_of(call, account and sold.token(SELLER)))

        return asyncio.run(answered())

    assert ask().status_code == 200
    refused = ask()
    assert code_of(refused) == (429, "rate_exceeded")
    wait = int(refused.headers["Retry-After"])
    assert wait == {"second": 10, "minute": 60, "hour": 3600}[setting.rsplit("_", 1)[1]]
    assert (ask("203.0.113.8").status_code == 429) == (setting == "requests_per_second")
    now[0] += wait
    assert ask().status_code != 429
