"""HTTP: requests to services, errors to ``Problem`` bodies. Nothing is decided here."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Annotated, Any

from anyio import to_thread
from fastapi import Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from assay.errors import AssayError, listed_faults
from assay.protocol.messages import (
    API_PREFIX,
    UPLOAD_OFFSET_HEADER,
    AcceptanceRequest,
    BuyerStatement,
    ModelInfo,
    OfferRequest,
    OfferState,
    OracleInfo,
    OrderRecord,
    Problem,
)
from assay.protocol.types import ModelId, OfferId, OrderId, parse_bytes
from assay_oracle.errors import RequestInvalid, RequestTimedOut, status_of
from assay_oracle.log import about
from assay_oracle.server.streaming import stream
from assay_oracle.services.delivery import Delivery
from assay_oracle.services.offers import Offers
from assay_oracle.services.oracle import Oracle
from assay_oracle.services.ports import StorageUnavailable

MAX_JSON_BYTES = 64 * 1024
BODY_SECONDS = 30.0
"""Time for such a body."""
PIECE_BYTES = 2**20
PIECE_SECONDS = 60.0
"""Time for so many bytes of an upload, or for the rest of one."""
RETRY_SECONDS = 30
"""When to ask again after an answer of 503."""
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large", 416: "range_invalid"}

log = logging.getLogger(__name__)

Health = Callable[[], dict[str, bool]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def problem(status: int, code: str, message: str, hint: str | None = None) -> JSONResponse:
    """An answer with a ``Problem`` body."""
    return JSONResponse(Problem(code=code, message=message, hint=hint).model_dump(), status_code=status)


def unavailable(code: str, message: str, hint: str | None) -> JSONResponse:
    """An answer of 503: the same request may be served later."""
    answer = problem(503, code, message, hint)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def refusal(error: AssayError) -> JSONResponse:
    """The answer that names an error."""
    status = status_of(error)
    if status == 503:
        return unavailable(error.code, error.message, error.hint)
    answer = problem(status, error.code, error.message, error.hint)
    if status == 408:
        answer.headers["Connection"] = "close"  # the rest of the body is not read
    return answer


def _late(seconds: float) -> RequestTimedOut:
    return RequestTimedOut(
        f"expected the body, or the next {PIECE_BYTES} bytes of an upload, within {seconds:.0f} seconds, got less",
        hint="send it again; an upload is resumed from received_bytes",
    )


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The body of a request, or its start, if that is already larger than ``MAX_JSON_BYTES``."""
    body = bytearray()
    more = scope["method"] in ("POST", "PUT", "PATCH", "DELETE")
    while more and len(body) <= MAX_JSON_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


class JsonLimit:
    """Refuses bodies over ``MAX_JSON_BYTES``, and slow ones, except uploads, which have their own bounds."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].endswith("/upload"):
            await self._app(scope, receive, send)
            return
        try:
            body = await asyncio.wait_for(_body(scope, receive), BODY_SECONDS)
        except TimeoutError:
            await refusal(_late(BODY_SECONDS))(scope, receive, send)
            return
        if len(body) > MAX_JSON_BYTES:
            text = f"expected a body of at most {MAX_JSON_BYTES} bytes, got more"
            await problem(413, "request_too_large", text)(scope, receive, send)
            return
        pending = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> MutableMapping[str, Any]:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)


def _id(value: str) -> bytes:
    try:
        parsed = parse_bytes(value)
    except ValueError:
        parsed = b""
    if len(parsed) != 32 or not value.startswith("0x"):
        raise RequestInvalid(f"expected an id of 32 bytes in 0x-hex, got {value[:70]!r}")
    return parsed


def offer_id(offer_id: str) -> OfferId:
    """Offer id of the path."""
    return OfferId(_id(offer_id))


def model_id(model_id: str) -> ModelId:
    """Model id of the path."""
    return ModelId(_id(model_id))


def order_id(order_id: str) -> OrderId:
    """Order id of the path."""
    return OrderId(_id(order_id))


OfferIdOfPath = Annotated[OfferId, Depends(offer_id)]
ModelIdOfPath = Annotated[ModelId, Depends(model_id)]
OrderIdOfPath = Annotated[OrderId, Depends(order_id)]


def create_app(
    oracle: Oracle, health: Health, *, wake: Callable[[], None] = lambda: None, lifespan: Lifespan | None = None
) -> FastAPI:
    """The application.

    Args:
        oracle: The services.
        health: Whether each part works, by name.
        wake: Called when there is something to price or to post.
        lifespan: What runs while the server does.
    """
    app = FastAPI(title="Assay oracle", version=version("assay"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(JsonLimit)
    _add_problems(app)
    _add_offers(app, oracle.offers, wake)
    _add_orders(app, oracle.delivery, wake)

    @app.get(API_PREFIX + "/info")
    def info() -> OracleInfo:
        return oracle.offers.info()

    @app.get(API_PREFIX + "/models/{model_id}")
    def model(model_id: ModelIdOfPath) -> ModelInfo:
        return oracle.offers.model(model_id)

    @app.get(API_PREFIX + "/health")
    def get_health() -> JSONResponse:
        works = health()
        unavailable = [model.model_dump(mode="json") for model in oracle.offers.info().unavailable]
        if all(works.values()):
            return JSONResponse({**works, "unavailable_models": unavailable})
        broken = [name for name, fine in works.items() if not fine]
        broken += [f"model {model['model_id']} ({model['code']})" for model in unavailable]
        text = f"expected every part to work, these do not: {', '.join(broken)}"
        return problem(503, "not_healthy", text, "assay-oracle check")

    @app.get("/")
    def root() -> dict[str, str]:
        return {
            "name": "Assay oracle",
            "version": version("assay"),
            "api": API_PREFIX,
            "info": f"{API_PREFIX}/info",
            "health": f"{API_PREFIX}/health",
            "schema": "/openapi.json",
            "docs": "docs/protocol.md of the source",
        }

    return app


def _add_offers(app: FastAPI, offers: Offers, wake: Callable[[], None]) -> None:
    path = API_PREFIX + "/offers/{offer_id}"

    @app.post(API_PREFIX + "/offers")
    def open_offer(request: OfferRequest) -> OfferState:
        return offers.open_offer(request)

    @app.get(path)
    def state(offer_id: OfferIdOfPath) -> OfferState:
        return offers.state(offer_id)

    @app.patch(path + "/upload")
    async def upload(
        offer_id: OfferIdOfPath, request: Request, offset: Annotated[int, Header(alias=UPLOAD_OFFSET_HEADER, ge=0)]
    ) -> OfferState:
        try:
            await _append(offers, offer_id, offset, request)
        finally:
            state = await to_thread.run_sync(offers.uploaded, offer_id)
        wake()
        return state

    @app.post(path + "/acceptance")
    def accept(offer_id: OfferIdOfPath, request: AcceptanceRequest) -> OfferState:
        state = offers.accept(offer_id, request)
        wake()
        return state

    @app.delete(path)
    def decline(offer_id: OfferIdOfPath) -> OfferState:
        return offers.decline(offer_id)


async def _fill(piece: bytearray, arriving: AsyncIterator[bytes]) -> bool:
    """Adds what arrives to ``piece`` until it has ``PIECE_BYTES``; False if that was all."""
    async for received in arriving:
        piece += received
        if len(piece) >= PIECE_BYTES:
            return True
    return False


async def _append(offers: Offers, offer_id: OfferIdOfPath, offset: int, request: Request) -> None:
    """Streams the body to the store; the bytes received before a connection breaks are kept.

    A connection that broke without a word would keep its upload from being resumed: the body has its time.

    Raises:
        RequestTimedOut: It came too slowly.
    """
    context = await to_thread.run_sync(offers.appending, offer_id, offset)
    if context is None:
        return
    appender = await to_thread.run_sync(context.__enter__)
    try:
        arriving, more = request.stream(), True
        while more:
            piece = bytearray()
            try:
                async with asyncio.timeout(PIECE_SECONDS):
                    more = await _fill(piece, arriving)
            except ClientDisconnect:
                more = False
            except TimeoutError:
                raise _late(PIECE_SECONDS) from None
            finally:
                await to_thread.run_sync(appender.write, bytes(piece))
    finally:
        await to_thread.run_sync(context.__exit__, None, None, None)


def _add_orders(app: FastAPI, delivery: Delivery, wake: Callable[[], None]) -> None:
    path = API_PREFIX + "/orders/{order_id}"

    @app.get(path)
    def record(order_id: OrderIdOfPath) -> OrderRecord:
        return delivery.record(order_id)

    @app.get(path + "/sealed")
    def sealed(
        order_id: OrderIdOfPath,
        span: Annotated[str | None, Header(alias="Range")] = None,
        if_range: Annotated[str | None, Header(alias="If-Range")] = None,
    ) -> Response:
        found = delivery.sealed(order_id)
        return stream(found.open, found.size, span=span, if_range=if_range)

    @app.put(path + "/receipt")
    def receipt(order_id: OrderIdOfPath, statement: BuyerStatement) -> OrderRecord:
        return delivery.put_receipt(order_id, statement.signature)

    @app.put(path + "/acknowledgement")
    def acknowledgement(order_id: OrderIdOfPath, statement: BuyerStatement) -> OrderRecord:
        record = delivery.put_acknowledgement(order_id, statement.signature)
        wake()
        return record


def _add_problems(app: FastAPI) -> None:
    @app.exception_handler(AssayError)
    async def known(request: Request, error: AssayError) -> JSONResponse:  # noqa: ARG001
        if status_of(error) >= 500:
            log.warning("request failed", extra=about(code=error.code, cause=error.message))
        return refusal(error)

    @app.exception_handler(StorageUnavailable)
    async def without_store(request: Request, error: StorageUnavailable) -> JSONResponse:  # noqa: ARG001
        log.warning("request failed", extra=about(code="storage_unavailable", cause=error.strerror))
        text = "the oracle's store of uploads and deliveries does not answer"
        return unavailable("storage_unavailable", text, "try again later; what was received is kept")

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:  # noqa: ARG001
        listed = listed_faults(error.errors()[:5])
        return problem(422, "request_invalid", f"the request is not of the protocol's form: {listed}")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "request_invalid")
        return problem(error.status_code, code, f"{request.method} {request.url.path}: {error.detail}")

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", exc_info=error, extra=about(method=request.method))
        return problem(
            500, "internal_error", "the oracle failed to serve this request; its log has the cause", "try again later"
        )
