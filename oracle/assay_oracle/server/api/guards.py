"""Who may make a call: what FastAPI asks before the call itself. The application's ``Gate`` decides."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from assay.protocol.types import OfferId, OrderId
from assay_oracle.access.gate import Gate
from assay_oracle.errors import RateExceeded
from assay_oracle.server.api.bodies import Asgi, Receive, Scope, Send
from assay_oracle.server.api.ids import OfferIdOfPath, OrderIdOfPath
from assay_oracle.server.api.problems import refusal

_session = HTTPBearer(
    scheme_name="session",
    description="`token` of `POST /v1/login`, which an account's signature over a challenge of `GET /v1/login` begins.",
    auto_error=False,
)
_operator = HTTPBearer(
    scheme_name="operator", description="The oracle's setting `operator_token_file`. It reads alone.", auto_error=False
)
_Session = Annotated[HTTPAuthorizationCredentials | None, Security(_session)]
_Operator = Annotated[HTTPAuthorizationCredentials | None, Security(_operator)]


async def gate_of(request: Request) -> Gate:
    """The entrance of the application that a request came to."""
    gate: Gate = request.app.state.gate
    return gate


async def sender_of(request: Request) -> str:
    """Whom a request is counted against."""
    found: str = request.scope["assay_sender"]
    return found


async def _account(gate: "GateOfApp", credentials: _Session) -> str:
    return gate.admit(credentials.credentials if credentials else None)


async def _check_operator(gate: "GateOfApp", credentials: _Operator) -> None:
    gate.admit_operator(credentials.credentials if credentials else None)


GateOfApp = Annotated[Gate, Depends(gate_of)]
Sender = Annotated[str, Depends(sender_of)]
Account = Annotated[str, Depends(_account)]
"""The account that is logged in."""
CheckedOperator = Annotated[None, Depends(_check_operator)]


def _own_offer(gate: GateOfApp, account: Account, offer_id: OfferIdOfPath) -> OfferId:
    gate.parties.offer_of(account, offer_id)
    return offer_id


def _own_order(gate: GateOfApp, account: Account, order_id: OrderIdOfPath) -> OrderId:
    gate.parties.check_side(account, order_id)
    return order_id


def _bought_order(gate: GateOfApp, account: Account, order_id: OrderIdOfPath) -> OrderId:
    gate.parties.check_buyer(account, order_id)
    return order_id


OwnOffer = Annotated[OfferId, Depends(_own_offer)]
"""An offer of the account that is logged in."""
OwnOrder = Annotated[OrderId, Depends(_own_order)]
"""An order of which the account that is logged in is the seller or the buyer."""
BoughtOrder = Annotated[OrderId, Depends(_bought_order)]
"""An order of which the account that is logged in is the buyer."""


class AddressRate:
    """Refuses the requests of an address that sends too many, before their bodies are read."""

    def __init__(self, app: Asgi, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        peer = scope["client"][0] if scope.get("client") else None
        scope["assay_sender"] = self._gate.sender(peer, forwarded)
        try:
            self._gate.count_request(scope["assay_sender"])
        except RateExceeded as error:
            await refusal(error, scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)
