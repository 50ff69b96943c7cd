"""The operator's own view of the journal, beside a running daemon: lists offers, and drops one.

The database serialises the two processes. The daemon decides from the journal and never from memory: it follows.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sqlalchemy import func, select

from assay.protocol.messages import OfferStatus
from assay.protocol.types import ModelId, OfferId
from assay_oracle.ledger.database import atomic
from assay_oracle.ledger.offers import OFFERS, OPEN, OfferTable, offer_of
from assay_oracle.ledger.opening import open_database
from assay_oracle.ledger.replica import Replica
from assay_oracle.ledger.tables import evaluations, offers, quotes
from assay_oracle.ledger.values import Offer

DROPPED = "dropped"
"""Code of an offer that the operator dropped."""


@dataclass(frozen=True)
class ListedOffer:
    """An offer with what was found of it.

    Attributes:
        price: Base units; None before the evaluation.
        expiry: Unix time until which its newest signed quote is valid; None without a quote.
    """

    offer: Offer
    price: int | None
    expiry: int | None


class OperatorJournal:
    """The journal at ``url``, opened beside the daemon.

    Raises:
        JournalError: There is no journal, or one of another version.
    """

    def __init__(self, url: str, *, now: Callable[[], int]) -> None:
        self._database = open_database(url, shared=True)
        self._offers = OfferTable(self._database, Replica(self._database), now)

    def offers(
        self,
        *,
        statuses: Collection[OfferStatus] = tuple(OfferStatus),
        model_id: ModelId | None = None,
        seller: str | None = None,
        prefix: str = "",
    ) -> list[ListedOffer]:
        """Offers in one of ``statuses``, the longest open first; of one model or seller, or with ids that begin alike.

        ``prefix`` has the first hex digits of the ids, without ``0x``.
        """
        query = OFFERS.where(offers.c.status.in_(statuses)).order_by(offers.c.opened_at, offers.c.number)
        if model_id is not None:
            query = query.where(offers.c.model_id == model_id)
        if seller is not None:
            query = query.where(offers.c.seller == seller)
        found = map(offer_of, self._database.rows(query))
        return [self._listed(offer) for offer in found if offer.offer_id.hex().startswith(prefix.lower())]

    def _listed(self, offer: Offer) -> ListedOffer:
        pair = (quotes.c.model_id == evaluations.c.model_id, quotes.c.content_id == evaluations.c.content_id)
        expiry = select(func.max(quotes.c.expiry)).where(*pair).scalar_subquery()
        query = select(evaluations.c.price, expiry.label("expiry")).where(evaluations.c.offer_id == offer.offer_id)
        row = self._database.row(query)
        return ListedOffer(offer, row.price if row else None, row.expiry if row else None)

    @atomic
    def drop(self, offer_id: OfferId, reason: str) -> Offer:
        """Ends an offer that is not accepted; its seller reads ``reason``. Another offer stays as it is.

        An offer without a quote becomes ``refused``: its records can be offered again. A quoted one becomes
        ``expired``: its signed quote stays valid until it expires, and its upload stays as long.

        Raises:
            OfferUnknown: There is no such offer.

        Returns:
            The offer as it is afterwards.
        """
        offer = self._offers.get(offer_id)
        if offer.status in OPEN:
            return self._offers.move(offer_id, OPEN, OfferStatus.REFUSED, code=DROPPED, reason=reason)
        origin = [OfferStatus.QUOTED]
        return self._offers.move(offer_id, origin, OfferStatus.EXPIRED, code=DROPPED, reason=reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
