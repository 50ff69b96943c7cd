"""The seller's calls: an offer is opened, uploaded, read, accepted or declined."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from starlette.requests import ClientDisconnect

from assay.protocol.messages import UPLOAD_OFFSET_HEADER, AcceptanceRequest, OfferRequest, OfferState
from assay.protocol.types import OfferId
from assay_oracle.server.api import bodies, examples
from assay_oracle.server.api.guards import Account, GateOfApp, OwnOffer, Sender
from assay_oracle.services.offers import Offers


def offer_routes(offers: Offers, wake_pricing: Callable[[], None], wake_orders: Callable[[], None]) -> APIRouter:
    """The calls below ``/offers``; what is woken has something to price, or to post."""
    router = APIRouter(prefix="/offers", tags=["seller"])

    @router.post(
        "",
        responses=examples.answers(examples.OPENED, *examples.OPENING, *examples.WITH_BODY, *examples.PARTY),
        openapi_extra=examples.taken(examples.OFFER),
    )
    def open_offer(gate: GateOfApp, account: Account, sender: Sender, request: OfferRequest) -> OfferState:
        """Opens an offer, or finds the one that was opened by the same statement."""
        gate.parties.check_seller(account, request.seller)
        gate.count_opening(sender)
        return offers.open_offer(request)

    @router.get("/{offer_id}", responses=examples.answers(examples.QUOTED, examples.OFFER_UNKNOWN, *examples.PARTY))
    def state(offer_id: OwnOffer) -> OfferState:
        """Where an offer stands."""
        return offers.state(offer_id)

    @router.patch(
        "/{offer_id}/upload",
        responses=examples.answers(examples.UPLOADED, *examples.UPLOADING, *examples.PARTY),
        openapi_extra=examples.UPLOAD_BODY,
    )
    async def upload(
        offer_id: OwnOffer, request: Request, offset: Annotated[int, Header(alias=UPLOAD_OFFSET_HEADER, ge=0)]
    ) -> OfferState:
        """Appends bytes to the upload, from an offset on; the last one lets it be priced."""
        try:
            await _append(offers, offer_id, offset, request)
        finally:
            state = await to_thread.run_sync(offers.uploaded, offer_id)
        wake_pricing()
        return state

    @router.post(
        "/{offer_id}/acceptance",
        responses=examples.answers(examples.ACCEPTED, *examples.ACCEPTING, *examples.WITH_BODY, *examples.PARTY),
        openapi_extra=examples.taken(examples.ACCEPTANCE),
    )
    def accept(offer_id: OwnOffer, request: AcceptanceRequest) -> OfferState:
        """Accepts the quote: the oracle posts the order."""
        state = offers.accept(offer_id, request)
        wake_orders()
        return state

    @router.delete(
        "/{offer_id}",
        responses=examples.answers(examples.DECLINED, *examples.DECLINING, *examples.WITH_BODY, *examples.PARTY),
    )
    def decline(offer_id: OwnOffer) -> OfferState:
        """Declines the quote; the evaluation stays used."""
        return offers.decline(offer_id)

    return router


async def _fill(piece: bytearray, arriving: AsyncIterator[bytes]) -> bool:
    """Adds what arrives to ``piece`` until it has ``PIECE_BYTES``; False if that was all."""
    async for received in arriving:
        piece += received
        if len(piece) >= bodies.PIECE_BYTES:
            return True
    return False


async def _append(offers: Offers, offer_id: OfferId, offset: int, request: Request) -> None:
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
