"""Errors as problem details (RFC 9457): one way from every error to the answer that names it."""

import inspect
import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from assay.errors import AssayError, ChainError, EnvelopeInvalid, QuoteExpired, listed_faults
from assay.protocol.messages import PROBLEM_MEDIA_TYPE, PROBLEM_PAGE, Problem
from assay_oracle.errors import (
    InternalError,
    MethodNotAllowed,
    NotFound,
    RequestInvalid,
    ServiceError,
    StorageUnavailable,
    TokenMissing,
)
from assay_oracle.log import about
from assay_oracle.services.ports import StorageSilent

RETRY_SECONDS = 30
"""When to ask again after an answer of 429 or 503 that names no time of its own."""
_HTTP_ERRORS: dict[int, type[AssayError]] = {404: NotFound, 405: MethodNotAllowed}
_MOST_FAULTS = 5
_REFUSED_BEARER = 'Bearer error="invalid_token"'
_CLIENT_STATUS: dict[type[AssayError], int] = {EnvelopeInvalid: 422, QuoteExpired: 409, ChainError: 503}

log = logging.getLogger(__name__)


def status_of(error: AssayError) -> int:
    """HTTP status of an error."""
    if isinstance(error, ServiceError):
        return error.status
    return next((status for kind, status in _CLIENT_STATUS.items() if isinstance(error, kind)), 500)


def title_of(kind: type[AssayError]) -> str:
    """What an error's code stands for: the first sentence of its class."""
    return " ".join((inspect.getdoc(kind) or kind.__name__).partition("\n\n")[0].replace("``", "").split()).rstrip(".")


def problem_of(error: AssayError, path: str) -> Problem:
    """The problem that an error is for the request of ``path``."""
    return Problem(
        type=f"{PROBLEM_PAGE}#{error.code}",
        title=title_of(type(error)),
        status=status_of(error),
        detail=error.message,
        instance=path,
        code=error.code,
        hint=error.hint,
    )


def refusal(error: AssayError, path: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer that names an error."""
    problem = problem_of(error, path)
    answer = JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=problem.status,
        headers=dict(headers or {}),
        media_type=PROBLEM_MEDIA_TYPE,
    )
    if problem.status in (429, 503):
        answer.headers["Retry-After"] = str(getattr(error, "retry_after", RETRY_SECONDS))
    if problem.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer" if isinstance(error, TokenMissing) else _REFUSED_BEARER
    if problem.status == 408:
        answer.headers["Connection"] = "close"  # the rest of the body is not read
    return answer


def add_problems(app: FastAPI) -> None:
    """Answers every error of the application with a problem."""

    @app.exception_handler(AssayError)
    async def known(request: Request, error: AssayError) -> JSONResponse:
        if status_of(error) >= 500:
            log.warning("request failed", extra=about(code=error.code, cause=error.message))
        return refusal(error, request.url.path)

    @app.exception_handler(StorageSilent)
    async def without_store(request: Request, error: StorageSilent) -> JSONResponse:
        log.warning("request failed", extra=about(code="storage_unavailable", cause=error.strerror))
        text = "the oracle's store of uploads and deliveries does not answer"
        hint = "try again later; what was received is kept"
        return refusal(StorageUnavailable(text, hint=hint), request.url.path)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        listed = listed_faults(error.errors()[:_MOST_FAULTS])
        return refusal(RequestInvalid(f"the request is not of the protocol's form: {listed}"), request.url.path)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        kind = _HTTP_ERRORS.get(error.status_code, RequestInvalid)
        path = request.url.path
        return refusal(kind(f"{request.method} {path}: {error.detail}"), path, error.headers)

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", exc_info=error, extra=about(method=request.method))
        text = "the oracle failed to serve this request; its log has the cause"
        return refusal(InternalError(text, hint="try again later"), request.url.path)
