"""The seller's calls: an offer is opened, uploaded, read, accepted or declined."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from starlette.requests import ClientDisconnect

from assay.protocol.messages import UPLOAD_OFFSET_HEADER, AcceptanceRequest, OfferRequest, OfferState, QuoteRequest
from assay.protocol.types import OfferId
from assay_oracle.server.api import bodies, examples
from assay_oracle.server.api.guards import Account, GateOfApp, OwnOffer, Sender
from assay_oracle.server.api.ids import OfferIdOfPath
from assay_oracle.server.waiting import Waiting
from assay_oracle.services.offers import Offers
from assay_oracle.services.uploads import Appender


def offer_routes(
    offers: Offers, waiting: Waiting, wake_pricing: Callable[[], None], wake_orders: Callable[[], None]
) -> APIRouter:
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
    async def state(
        gate: GateOfApp, account: Account, offer_id: OfferIdOfPath, prefer: Annotated[str | None, Header()] = None
    ) -> OfferState:
        """Where an offer stands. With ``Prefer: wait=20`` one that waits to be priced is answered once it is priced."""

        def look() -> OfferState:
            return offers.state_of(gate.parties.offer_of(account, offer_id))  # one thread: it is asked often

        return await waiting.state(offer_id, look, prefer)

    @router.patch(
        "/{offer_id}/upload",
        responses=examples.answers(examples.UPLOADED, *examples.UPLOADING, *examples.PARTY),
        openapi_extra=examples.UPLOAD_BODY,
    )
    async def upload(
        offer_id: OwnOffer,
        request: Request,
        offset: Annotated[int, Header(alias=UPLOAD_OFFSET_HEADER, ge=0)],
        prefer: Annotated[str | None, Header()] = None,
    ) -> OfferState:
        """Appends bytes to the upload, from an offset on; the last one lets it be priced. ``Prefer`` as of GET."""
        state = await _append(offers, offer_id, offset, request)
        wake_pricing()
        return await waiting.state(offer_id, partial(offers.state, offer_id), prefer, known=state)

    @router.post(
        "/{offer_id}/quotes",
        responses=examples.answers(examples.QUOTED, *examples.QUOTING, *examples.WITH_BODY, *examples.PARTY),
        openapi_extra=examples.taken(examples.EXPIRY),
    )
    def quote_until(offer_id: OwnOffer, request: QuoteRequest) -> OfferState:
        """Signs a quote at the same price until another time: that of the other members of a committee."""
        return offers.quote_until(offer_id, request.expiry)

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


@dataclass(frozen=True)
class _Piece:
    """Bytes of a body that arrived, whether more may follow, and whether they came too slowly."""

    content: bytes
    more: bool = False
    late: bool = False


async def _next(arriving: AsyncIterator[bytes]) -> _Piece:
    """``PIECE_BYTES`` of a body or a little more, or what came until its end, its time, or its connection was over."""
    content = bytearray()
    try:
        async with asyncio.timeout(bodies.PIECE_SECONDS):
            async for received in arriving:
                content += received
                if len(content) >= bodies.PIECE_BYTES:
                    return _Piece(bytes(content), more=True)
    except ClientDisconnect:
        pass
    except TimeoutError:
        return _Piece(bytes(content), late=True)
    return _Piece(bytes(content))


async def _append(offers: Offers, offer_id: OfferId, offset: int, request: Request) -> OfferState:
    """Streams the body to the store; the bytes received before a connection breaks are kept.

    A connection that broke without a word would keep its upload from being resumed: the body has its time. A body of
    one piece, as small offers have, is stored by one call.

    Raises:
        RequestTimedOut: It came too slowly.
    """
    arriving = request.stream()
    piece = await _next(arriving)
    if not piece.more:
        state = await to_thread.run_sync(offers.append, offer_id, offset, piece.content)
    else:
        try:
            context = await to_thread.run_sync(offers.appending, offer_id, offset)
            if context is not None:
                piece = await _append_pieces(context, piece, arriving)
        finally:
            state = await to_thread.run_sync(offers.uploaded, offer_id)
    if piece.late:
        raise bodies.late(bodies.PIECE_SECONDS)
    return state


async def _append_pieces(
    context: AbstractContextManager[Appender], piece: _Piece, arriving: AsyncIterator[bytes]
) -> _Piece:
    """Appends a piece of a body and all that follow; the last one."""
    appender = await to_thread.run_sync(context.__enter__)
    try:
        await to_thread.run_sync(appender.write, piece.content)
        while piece.more:
            piece = await _next(arriving)
            await to_thread.run_sync(appender.write, piece.content)
    finally:
        await to_thread.run_sync(context.__exit__, None, None, None)
    return piece
