"""The seller's calls for a blind quote."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response

from assay.protocol.messages import BlindAnswer, BlindOpened, BlindRequest, BlindValues
from assay.protocol.types import OfferId
from assay_oracle.server.api import examples
from assay_oracle.server.api.blind_examples import (
    ANSWER,
    ANSWERING,
    CIPHERTEXTS,
    OPENED,
    OPENING,
    REQUEST,
    TOO_MANY_PRICES,
    VALUES,
)
from assay_oracle.server.api.guards import Account, GateOfApp, Sender
from assay_oracle.server.api.ids import OfferIdOfPath, SumsOfQuery
from assay_oracle.services.blind import BlindQuotes


def _own(gate: GateOfApp, account: Account, offer_id: OfferIdOfPath) -> OfferId:
    gate.parties.check_blind(account, offer_id)
    return offer_id


Own = Annotated[OfferId, Depends(_own)]
"""A blind quote of the account that is logged in."""


def blind_routes(quotes: BlindQuotes) -> APIRouter:
    """The calls below ``/blind``."""
    router = APIRouter(prefix="/blind", tags=["seller"])
    ciphertexts = CIPHERTEXTS | examples.problems(*ANSWERING, *examples.WITH_BODY, *examples.PARTY)

    @router.post(
        "",
        responses=examples.answers(OPENED, *OPENING, *examples.WITH_BODY, *examples.PARTY),
        openapi_extra=examples.taken(REQUEST),
    )
    def open_quote(gate: GateOfApp, account: Account, sender: Sender, request: BlindRequest) -> BlindOpened:
        """Opens a blind quote, or finds the one that was opened by the same statement."""
        gate.parties.check_seller(account, request.seller)
        gate.count_opening(sender)
        return quotes.open(request)

    @router.post("/{offer_id}/sums", response_class=Response, responses=ciphertexts, openapi_extra=examples.UPLOAD_BODY)
    async def sums(offer_id: Own, request: Request) -> Response:
        """Answers encrypted sums."""
        body = await request.body()
        return _bytes(await to_thread.run_sync(quotes.sums, offer_id, body))

    @router.post(
        "/{offer_id}/products", response_class=Response, responses=ciphertexts, openapi_extra=examples.UPLOAD_BODY
    )
    async def products(offer_id: Own, sums: SumsOfQuery, request: Request) -> Response:
        """Answers the encrypted products of what the answer to the sums decrypts to."""
        body = await request.body()
        return _bytes(await to_thread.run_sync(quotes.products, offer_id, sums, body))

    @router.post(
        "/{offer_id}/price",
        responses=examples.answers(ANSWER, *ANSWERING, TOO_MANY_PRICES, *examples.WITH_BODY, *examples.PARTY),
        openapi_extra=examples.taken(VALUES),
    )
    def price(offer_id: Own, values: BlindValues) -> BlindAnswer:
        """Unmasks the price, records it, and signs it."""
        return quotes.price(offer_id, values)

    return router


def _bytes(body: bytes) -> Response:
    return Response(body, media_type="application/octet-stream")
