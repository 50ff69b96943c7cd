"""What is recorded of each request: an id, which its answer and its log lines have, its time, its result."""

import re
import secrets
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from assay.protocol.messages import API_PREFIX
from assay_oracle.log import following
from assay_oracle.operations.metrics import HTTP_SECONDS, RECEIVED_BYTES
from assay_oracle.server.api import examples
from assay_oracle.server.api.bodies import Asgi, Receive, Scope, Send
from assay_oracle.server.api.guards import CheckedOperator

HEADER = b"x-request-id"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OFFER = re.compile(re.escape(API_PREFIX) + r"/offers/0x([0-9a-f]{64})(/|$)")
_EXPOSED: dict[str, Any] = {"content": {"text/plain": {"example": "assay_ledger_up 1.0\n"}}}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Telemetry:
    """Gives each request an id, or keeps the one that a proxy gave it, and counts it by its route's template."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, start = _request_id(scope), time.monotonic()
        status, received = 500, 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def answered(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id.encode())]
            await send(message)

        named = _OFFER.match(scope["path"])
        offer = {"offer": bytes.fromhex(named[1])} if named else {}
        with following(request=request_id, **offer):
            try:
                await self._app(scope, counted, answered)
            finally:
                route = _template(scope)
                method = scope["method"] if scope["method"] in _METHODS else "other"
                HTTP_SECONDS.labels(route, method, str(status)).observe(time.monotonic() - start)
                RECEIVED_BYTES.labels(route).inc(received)


def _template(scope: Scope) -> str:
    """The path of the route with its parameters' names. A router that is included knows it without the prefix."""
    found: str = getattr(scope.get("route"), "path", "unmatched")
    is_below = scope["path"].startswith(API_PREFIX + "/") and found.startswith("/")
    return API_PREFIX + found if is_below and not found.startswith(API_PREFIX + "/") else found


def _request_id(scope: Scope) -> str:
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == HEADER), "")
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def metrics_routes(exposition: Callable[[], bytes]) -> APIRouter:
    """``GET /metrics``, for who has the operator's token: one address and one proxy serve everyone."""
    router = APIRouter(tags=["operator"])

    @router.get("/metrics", responses={200: _EXPOSED, **examples.problems(*examples.OPERATOR)}, response_class=Response)
    def metrics(_: CheckedOperator) -> Response:
        """The metrics of this daemon in the text format of Prometheus."""
        return Response(exposition(), media_type=CONTENT_TYPE_LATEST)

    return router
