"""The operator's own view of the journal, beside a running daemon: lists offers, and drops one.

SQLite serialises the two processes. The daemon decides from the journal and never from memory, so that it follows.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from assay.protocol.messages import OfferStatus
from assay.protocol.types import ModelId, OfferId
from assay_oracle.ledger.database import Database
from assay_oracle.ledger.offers import OPEN, OfferTable, offer_of
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
    """The journal at ``path``, opened beside the daemon.

    Raises:
        JournalError: There is no journal, or one of another version.
    """

    def __init__(self, path: Path, *, now: Callable[[], int]) -> None:
        self._database = Database(path, shared=True)
        self._offers = OfferTable(self._database, now)

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
        rows = self._database.rows(
            "SELECT * FROM offers WHERE (? IS NULL OR model_id = ?) AND (? IS NULL OR seller = ?)"
            " AND lower(hex(offer_id)) LIKE ? ORDER BY opened_at, rowid",
            model_id,
            model_id,
            seller,
            seller,
            prefix.lower() + "%",
        )
        return [self._listed(offer) for offer in map(offer_of, rows) if offer.status in statuses]

    def _listed(self, offer: Offer) -> ListedOffer:
        row = self._database.row(
            "SELECT price, max(expiry) AS expiry FROM evaluations LEFT JOIN quotes USING (model_id, content_id)"
            " WHERE evaluations.offer_id = ? GROUP BY evaluations.offer_id",
            offer.offer_id,
        )
        return ListedOffer(offer, int(row["price"]) if row else None, row["expiry"] if row else None)

    def drop(self, offer_id: OfferId, reason: str) -> Offer:
        """Ends an offer that is not accepted; its seller reads ``reason``. Another offer stays as it is.

        An offer without a quote becomes ``refused``: its records can be offered again. A quoted one becomes
        ``expired``: its signed quote stays valid until it expires, and its upload stays as long.

        Raises:
            OfferUnknown: There is no such offer.

        Returns:
            The offer as it is afterwards.
        """
        with self._database.transaction():
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
