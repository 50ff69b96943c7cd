"""The seller's calls: an offer is opened, uploaded, read, accepted or declined."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from starlette.requests import ClientDisconnect

from assay.protocol.messages import UPLOAD_OFFSET_HEADER, AcceptanceRequest, OfferRequest, OfferState
from assay_oracle.server.api import bodies
from assay_oracle.server.api.ids import OfferIdOfPath
from assay_oracle.services.offers import Offers


def offer_routes(offers: Offers, wake: Callable[[], None]) -> APIRouter:
    """The calls below ``/offers``; ``wake`` is called when there is something to price or to post."""
    router = APIRouter(prefix="/offers")

    @router.post("")
    def open_offer(request: OfferRequest) -> OfferState:
        return offers.open_offer(request)

    @router.get("/{offer_id}")
    def state(offer_id: OfferIdOfPath) -> OfferState:
        return offers.state(offer_id)

    @router.patch("/{offer_id}/upload")
    async def upload(
        offer_id: OfferIdOfPath, request: Request, offset: Annotated[int, Header(alias=UPLOAD_OFFSET_HEADER, ge=0)]
    ) -> OfferState:
        try:
            await _append(offers, offer_id, offset, request)
        finally:
            state = await to_thread.run_sync(offers.uploaded, offer_id)
        wake()
        return state

    @router.post("/{offer_id}/acceptance")
    def accept(offer_id: OfferIdOfPath, request: AcceptanceRequest) -> OfferState:
        state = offers.accept(offer_id, request)
        wake()
        return state

    @router.delete("/{offer_id}")
    def decline(offer_id: OfferIdOfPath) -> OfferState:
        return offers.decline(offer_id)

    return router


async def _fill(piece: bytearray, arriving: AsyncIterator[bytes]) -> bool:
    """Adds what arrives to ``piece`` until it has ``PIECE_BYTES``; False if that was all."""
    async for received in arriving:
        piece += received
        if len(piece) >= bodies.PIECE_BYTES:
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
                async with asyncio.timeout(bodies.PIECE_SECONDS):
                    more = await _fill(piece, arriving)
            except ClientDisconnect:
                more = False
            except TimeoutError:
                raise bodies.late(bodies.PIECE_SECONDS) from None
            finally:
                await to_thread.run_sync(appender.write, bytes(piece))
    finally:
        await to_thread.run_sync(context.__exit__, None, None, None)
