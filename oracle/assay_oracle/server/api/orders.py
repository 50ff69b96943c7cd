"""The calls of the two sides of a posted order."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from assay.protocol.messages import BuyerStatement, OrderRecord
from assay_oracle.server.api.ids import OrderIdOfPath
from assay_oracle.server.streaming import stream
from assay_oracle.services.delivery import Delivery


def order_routes(delivery: Delivery, wake: Callable[[], None]) -> APIRouter:
    """The calls below ``/orders``; ``wake`` is called when there is something to settle."""
    router = APIRouter(prefix="/orders/{order_id}")

    @router.get("")
    def record(order_id: OrderIdOfPath) -> OrderRecord:
        return delivery.record(order_id)

    @router.get("/sealed")
    def sealed(
        order_id: OrderIdOfPath,
        span: Annotated[str | None, Header(alias="Range")] = None,
        if_range: Annotated[str | None, Header(alias="If-Range")] = None,
    ) -> Response:
        found = delivery.sealed(order_id)
        return stream(found.open, found.size, span=span, if_range=if_range)

    @router.put("/receipt")
    def receipt(order_id: OrderIdOfPath, statement: BuyerStatement) -> OrderRecord:
        return delivery.put_receipt(order_id, statement.signature)

    @router.put("/acknowledgement")
    def acknowledgement(order_id: OrderIdOfPath, statement: BuyerStatement) -> OrderRecord:
        record = delivery.put_acknowledgement(order_id, statement.signature)
        wake()
        return record

    return router
