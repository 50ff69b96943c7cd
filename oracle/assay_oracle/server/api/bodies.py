"""Bodies of requests within bounds of size and time, before anything else sees them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from assay.protocol.messages import MAX_CIPHERTEXT_BYTES
from assay_oracle.errors import RequestTimedOut, RequestTooLarge
from assay_oracle.server.api.problems import refusal

MAX_JSON_BYTES = 64 * 1024
_CIPHERTEXTS = re.compile(r"/v1/blind/[^/]+/(sums|products)")
"""Paths whose bodies are ciphertexts of a blind quote."""
BODY_SECONDS = 30.0
"""Time for such a body, or for one of ciphertexts."""
PIECE_BYTES = 2**20
PIECE_SECONDS = 60.0
"""Time for so many bytes of an upload, or for the rest of one."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def late(seconds: float) -> RequestTimedOut:
    """What a body is refused with that did not come within ``seconds``."""
    return RequestTimedOut(
        f"expected the body, or the next {PIECE_BYTES} bytes of an upload, within {seconds:.0f} seconds, got less",
        hint="send it again; an upload is resumed from received_bytes",
    )


class JsonLimit:
    """Refuses bodies over their bound, and slow ones, except uploads, which have their own bounds.

    The bound is ``MAX_JSON_BYTES``, for ciphertexts of a blind quote ``MAX_CIPHERTEXT_BYTES``.
    """

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"].endswith("/upload"):
            await self._app(scope, receive, send)
            return
        most = MAX_CIPHERTEXT_BYTES if _CIPHERTEXTS.fullmatch(scope["path"]) else MAX_JSON_BYTES
        try:
            async with asyncio.timeout(BODY_SECONDS):  # ``wait_for`` would make a task of every request
                body = await _body(scope, receive, most)
        except TimeoutError:
            await refusal(late(BODY_SECONDS), scope["path"])(scope, receive, send)
            return
        if len(body) > most:
            error = RequestTooLarge(f"expected a body of at most {most} bytes, got more")
            await refusal(error, scope["path"])(scope, receive, send)
            return
        pending = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> MutableMapping[str, Any]:
            return pending.pop() if pending else await receive()

        await self._app(scope, replay, send)


async def _body(scope: Scope, receive: Receive, most: int) -> bytes:
    """The body of a request, or its start, if that is already larger than ``most`` bytes."""
    body = bytearray()
    more = scope["method"] in ("POST", "PUT", "PATCH", "DELETE")
    while more and len(body) <= most:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)
