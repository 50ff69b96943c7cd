"""Ids in paths and queries."""

from typing import Annotated

from fastapi import Depends, Path, Query

from assay.protocol.types import ModelId, OfferId, OrderId, parse_bytes
from assay_oracle.errors import RequestInvalid

_PATTERN = {"pattern": "^0x[0-9a-fA-F]{64}$"}
_OfferId = Annotated[str, Path(description="id of an offer", json_schema_extra=_PATTERN)]
_ModelId = Annotated[str, Path(description="id of a model", json_schema_extra=_PATTERN)]
_OrderId = Annotated[str, Path(description="id of an order", json_schema_extra=_PATTERN)]


def _id(value: str) -> bytes:
    try:
        parsed = parse_bytes(value)
    except ValueError:
        parsed = b""
    if len(parsed) != 32 or not value.startswith("0x"):
        raise RequestInvalid(f"expected an id of 32 bytes in 0x-hex, got {value[:70]!r}")
    return parsed


async def sums_digest(
    sums: Annotated[str, Query(description="SHA-256 of the encrypted sums", json_schema_extra=_PATTERN)],
) -> bytes:
    """Digest of the message of sums, of the query."""
    return _id(sums)


async def offer_id(offer_id: _OfferId) -> OfferId:
    """Offer id of the path."""
    return OfferId(_id(offer_id))


async def model_id(model_id: _ModelId) -> ModelId:
    """Model id of the path."""
    return ModelId(_id(model_id))


async def order_id(order_id: _OrderId) -> OrderId:
    """Order id of the path."""
    return OrderId(_id(order_id))


OfferIdOfPath = Annotated[OfferId, Depends(offer_id)]
ModelIdOfPath = Annotated[ModelId, Depends(model_id)]
SumsOfQuery = Annotated[bytes, Depends(sums_digest)]
OrderIdOfPath = Annotated[OrderId, Depends(order_id)]
