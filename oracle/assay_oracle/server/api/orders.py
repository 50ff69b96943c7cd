"""The calls of the two sides of a posted order."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from assay.protocol.messages import BuyerStatement, OrderRecord
from assay_oracle.server.api import examples
from assay_oracle.server.api.guards import BoughtOrder, OwnOrder
from assay_oracle.server.streaming import stream
from assay_oracle.services.delivery import Delivery


def order_routes(delivery: Delivery, wake: Callable[[], None]) -> APIRouter:
    """The calls below ``/orders``; ``wake`` is called when there is something to settle."""
    signed = examples.answers(examples.ORDER, *examples.SIGNING, *examples.WITH_BODY, *examples.PARTY)
    router = APIRouter(prefix="/orders/{order_id}", tags=["buyer"])

    @router.get("", responses=examples.answers(examples.ORDER, examples.ORDER_UNKNOWN, *examples.PARTY))
    def record(order_id: OwnOrder) -> OrderRecord:
        """What the oracle holds for the two sides of an order."""
        return delivery.record(order_id)

    @router.get(
        "/sealed",
        response_class=StreamingResponse,
        responses=examples.FILE | examples.problems(*examples.DOWNLOADING, *examples.PARTY),
    )
    def sealed(
        order_id: BoughtOrder,
        span: Annotated[str | None, Header(alias="Range")] = None,
        if_range: Annotated[str | None, Header(alias="If-Range")] = None,
    ) -> StreamingResponse:
        """The sealed file in its envelope for the buyer, whole or from one byte range on."""
        found = delivery.sealed(order_id)
        return stream(found.open, found.size, span=span, if_range=if_range)

    @router.put("/receipt", responses=signed, openapi_extra=examples.taken(examples.STATEMENT))
    def receipt(order_id: BoughtOrder, statement: BuyerStatement) -> OrderRecord:
        """Stores the buyer's receipt for the seller."""
        return delivery.put_receipt(order_id, statement.signature)

    @router.put("/acknowledgement", responses=signed, openapi_extra=examples.taken(examples.STATEMENT))
    def acknowledgement(order_id: BoughtOrder, statement: BuyerStatement) -> OrderRecord:
        """Stores the buyer's acknowledgement, with which the oracle settles."""
        record = delivery.put_acknowledgement(order_id, statement.signature)
        wake()
        return record

    return router
