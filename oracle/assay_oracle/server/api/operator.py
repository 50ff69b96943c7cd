"""The operator's calls. They read alone."""

from collections.abc import Callable, Iterable
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from assay.protocol.messages import ModelUnavailability, OfferStatus
from assay.protocol.types import Address, ModelIdField, OfferIdField, UnixTime, Value
from assay_oracle.errors import NotHealthy
from assay_oracle.ledger.values import RUNNING, Offer
from assay_oracle.server.api import examples
from assay_oracle.server.api.guards import CheckedOperator
from assay_oracle.services.offers import Offers

Health = Callable[[], dict[str, bool]]
_MOST_LISTED = 1000


class HealthReport(Value):
    """``GET /health`` of a daemon all of whose parts work."""

    parts: dict[str, bool] = Field(description="whether each part works, by name")
    unavailable_models: tuple[ModelUnavailability, ...] = ()


class OfferEntry(Value):
    """An offer as an operator sees it: neither its key nor its data nor its price."""

    offer_id: OfferIdField
    model_id: ModelIdField
    seller: Address
    status: OfferStatus
    code: str | None = None
    upload_bytes: int
    attempts: int
    opened_at: UnixTime
    updated_at: UnixTime


class OfferList(Value):
    """``GET /operator/offers``: those that are unchanged for the longest time first."""

    offers: tuple[OfferEntry, ...]
    total: int = Field(ge=0, description="offers in these states, listed or not")


_HEALTHY = HealthReport(parts={"pricing": True, "chain": True})
_UNHEALTHY = NotHealthy("expected every part to work, these do not: chain", hint="assay-oracle check")
_LISTED = OfferList(
    offers=(
        OfferEntry(
            offer_id=examples.OPENED.offer_id,
            model_id=examples.OFFER.model_id,
            seller=examples.OFFER.seller,
            status=examples.OPENED.status,
            upload_bytes=examples.OPENED.upload_bytes,
            attempts=0,
            opened_at=1_800_000_000,
            updated_at=1_800_000_000,
        ),
    ),
    total=1,
)


def operator_routes(offers: Offers, offers_in: Callable[..., list[Offer]], health: Health) -> APIRouter:
    """The calls of operators; ``offers_in`` finds the offers in some states."""
    router = APIRouter(tags=["operator"])

    @router.get("/health", responses=examples.answers(_HEALTHY, _UNHEALTHY, *examples.OPERATOR))
    def get_health(_: CheckedOperator) -> HealthReport:
        """Whether each part of the daemon works."""
        works, unavailable = health(), offers.info().unavailable
        if not all(works.values()):
            raise NotHealthy(_what_fails(works, unavailable), hint="assay-oracle check")
        return HealthReport(parts=works, unavailable_models=unavailable)

    @router.get("/operator/offers", responses=examples.answers(_LISTED, *examples.OPERATOR))
    def list_offers(
        _: CheckedOperator,
        status: Annotated[list[OfferStatus] | None, Query(description="by default, all that have not ended")] = None,
        limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = 100,
    ) -> OfferList:
        """Offers in some states."""
        found = offers_in(*(status or RUNNING))
        return OfferList(offers=tuple(map(_entry, found[:limit])), total=len(found))

    return router


def _what_fails(works: dict[str, bool], unavailable: Iterable[ModelUnavailability]) -> str:
    broken = [name for name, fine in works.items() if not fine]
    broken += [f"model 0x{model.model_id.hex()} ({model.code})" for model in unavailable]
    return f"expected every part to work, these do not: {', '.join(broken)}"


def _entry(offer: Offer) -> OfferEntry:
    return OfferEntry(
        offer_id=offer.offer_id,
        model_id=offer.model_id,
        seller=offer.seller,
        status=offer.status,
        code=offer.code,
        upload_bytes=offer.upload_bytes,
        attempts=offer.attempts,
        opened_at=offer.opened_at,
        updated_at=offer.updated_at,
    )
