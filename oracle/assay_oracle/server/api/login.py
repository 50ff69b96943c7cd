"""The calls that begin a session."""

from fastapi import APIRouter, Request, Response

from assay.protocol.messages import LoginChallenge, LoginRequest, LoginSession
from assay_oracle.server.api import examples
from assay_oracle.server.api.guards import GateOfApp, Sender


def login_routes() -> APIRouter:
    """The calls at ``/login``."""
    router = APIRouter(prefix="/login", tags=["login"])

    @router.get("", responses=examples.answers(examples.CHALLENGE, *examples.PUBLIC))
    async def challenge(gate: GateOfApp, response: Response) -> LoginChallenge:
        """Something to sign, to begin a session."""
        response.headers["Cache-Control"] = "no-store"
        return gate.logins.challenge()

    @router.post(
        "",
        responses=examples.answers(
            examples.SESSION,
            examples.LOGIN_INVALID,
            examples.SIGNATURE_INVALID,
            *examples.WITH_BODY,
            *examples.PUBLIC,
        ),
        openapi_extra=examples.taken(examples.LOGIN),
    )
    def log_in(
        gate: GateOfApp, sender: Sender, login: LoginRequest, request: Request, response: Response
    ) -> LoginSession:
        """Begins a session of the account that signed a challenge."""
        gate.count_login(sender)
        response.headers["Cache-Control"] = "no-store"
        return gate.logins.log_in(login, _port(request))

    return router


def _port(request: Request) -> int | None:
    """The port of the connection's end on this side, which no header can change."""
    server = request.scope.get("server")
    return server[1] if server else None
