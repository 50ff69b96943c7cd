"""The table of offers: their states, and the bounds on how many a seller may open."""

import sqlite3
from collections.abc import Callable, Sequence

from assay.protocol.messages import AppraisalSummary, OfferRequest, OfferStatus
from assay.protocol.structs import Status
from assay.protocol.types import ContentId, ModelId, OfferId
from assay_oracle.errors import OfferUnknown, TooManyOffers
from assay_oracle.ledger.database import Database, SqlValue, assignments, marks
from assay_oracle.ledger.values import Offer

OPEN = (OfferStatus.UPLOADING, OfferStatus.PRICING)

_WORTHLESS: dict[str, SqlValue] = {"code": "no_value", "reason": "the data has no value for this model"}


class OfferTable:
    """Offers by id. A change of state names the states that it may start from, and does nothing in any other."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def add(self, offer_id: OfferId, request: OfferRequest, *, per_seller: int, max_bytes: int) -> Offer:
        """Records a new offer; returns the recorded one if this id is known.

        Raises:
            TooManyOffers: The seller has ``per_seller`` offers open, or its open and quoted offers would take more than
                ``max_bytes``.
        """
        with self._database.transaction():
            if self.find(offer_id) is None:
                self._check_count(request.seller, per_seller)
                self._check_bytes(request, max_bytes)
                self._database.execute(
                    "INSERT INTO offers (offer_id, model_id, seller, data_root, upload_bytes, sealed_key, status,"
                    " updated_at, opened_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    offer_id,
                    request.model_id,
                    request.seller,
                    request.data_root,
                    request.upload_bytes,
                    request.sealed_key,
                    OfferStatus.UPLOADING,
                    self._now(),
                    self._now(),
                )
            return self.get(offer_id)

    def _check_count(self, seller: str, per_seller: int) -> None:
        counted = self._database.row(
            "SELECT count(*) AS own FROM offers WHERE seller = ? AND status IN (?, ?)", seller, *OPEN
        )
        assert counted is not None
        if counted["own"] >= per_seller:
            raise TooManyOffers(
                f"expected at most {per_seller} open offers of one seller, {seller} has {counted['own']}",
                hint="finish an upload or decline an offer first; an idle upload expires",
            )

    def remove(self, offer_id: OfferId) -> bool:
        """Removes an offer whose upload is not complete, as if it had not been opened; whether it did."""
        query = "DELETE FROM offers WHERE offer_id = ? AND status = ?"
        return self._database.execute(query, offer_id, OfferStatus.UPLOADING) > 0

    def _check_bytes(self, request: OfferRequest, max_bytes: int) -> None:
        stored = self._database.row(
            "SELECT coalesce(sum(upload_bytes), 0) AS bytes FROM offers WHERE seller = ? AND status IN (?, ?, ?)",
            request.seller,
            *OPEN,
            OfferStatus.QUOTED,
        )
        assert stored is not None
        if stored["bytes"] + request.upload_bytes > max_bytes:
            raise TooManyOffers(
                f"expected the open and quoted offers of one seller to take at most {max_bytes} bytes, "
                f"{request.seller} has {stored['bytes']} and asks for {request.upload_bytes} more",
                hint="accept or decline a quote first",
            )

    def find(self, offer_id: OfferId) -> Offer | None:
        """The offer with this id; None if it does not exist."""
        row = self._database.row("SELECT * FROM offers WHERE offer_id = ?", offer_id)
        return offer_of(row) if row else None

    def get(self, offer_id: OfferId) -> Offer:
        """The offer with this id.

        Raises:
            OfferUnknown: It does not exist.
        """
        offer = self.find(offer_id)
        if offer is None:
            raise OfferUnknown(
                f"expected the id of an offer, got 0x{offer_id[:4].hex()}…, which the oracle does not know",
                hint="open it first: POST /v1/offers",
            )
        return offer

    def in_status(self, *statuses: OfferStatus) -> list[Offer]:
        """Offers in one of ``statuses``, the longest unchanged first."""
        query = f"SELECT * FROM offers WHERE status IN ({marks(len(statuses))}) ORDER BY updated_at, rowid"  # noqa: S608
        return [offer_of(row) for row in self._database.rows(query, *statuses)]

    def waiting(self, most: int) -> list[Offer]:
        """Offers to price, the oldest first: the oldest, and with the fewest attempts the oldest and the smallest.

        At most ``most`` of each kind, so that choosing one takes no more time the more of them wait.
        """
        orders = ("attempts, updated_at, rowid", "attempts, upload_bytes, rowid", "updated_at, rowid")
        chosen = " UNION ".join(
            f"SELECT * FROM (SELECT rowid FROM offers WHERE status = ? ORDER BY {order} LIMIT ?)"  # noqa: S608
            for order in orders
        )
        query = f"SELECT * FROM offers WHERE rowid IN ({chosen}) ORDER BY updated_at, rowid"  # noqa: S608
        return [offer_of(row) for row in self._database.rows(query, *(OfferStatus.PRICING, most) * len(orders))]

    def unchanged(self, status: OfferStatus, *, before: int) -> list[Offer]:
        """Offers in a status that changed last before a time."""
        query = "SELECT * FROM offers WHERE status = ? AND updated_at < ? ORDER BY updated_at, rowid"
        return [offer_of(row) for row in self._database.rows(query, status, before)]

    def unsold(self, *, before: int) -> list[Offer]:
        """Offers with an open quote that were evaluated before a time."""
        query = (
            "SELECT offers.* FROM offers JOIN evaluations USING (offer_id) WHERE status = ? AND made_at < ?"
            " ORDER BY made_at, offers.rowid"
        )
        return [offer_of(row) for row in self._database.rows(query, OfferStatus.QUOTED, before)]

    # --- what is stored -----------------------------------------------------------------------------------------------

    def ended_with_upload(self, *, before: int) -> list[Offer]:
        """Ended offers whose upload may be stored: refused ones, and others of whose end and quotes all lie before."""
        rows = self._database.rows(
            "SELECT * FROM offers WHERE is_stored AND (status = ?"
            " OR status IN (?, ?) AND updated_at < ? AND quoted_until < ?) ORDER BY updated_at, rowid",
            OfferStatus.REFUSED,
            OfferStatus.DECLINED,
            OfferStatus.EXPIRED,
            before,
            before,
        )
        return [offer_of(row) for row in rows]

    def mark_deleted(self, offer_id: OfferId) -> None:
        """Records that the upload is deleted."""
        self._database.execute("UPDATE offers SET is_stored = 0 WHERE offer_id = ?", offer_id)

    def forget_unevaluated(self, *, before: int, keep: int) -> None:
        """Deletes offers that ended without an evaluation: those of before a time, and all but the newest ``keep``."""
        statuses = f"'{OfferStatus.REFUSED}', '{OfferStatus.EXPIRED}', '{OfferStatus.DECLINED}'"
        ended = f"content_id IS NULL AND copied_content IS NULL AND status IN ({statuses})"
        chosen = f"SELECT rowid FROM offers WHERE {ended} ORDER BY updated_at DESC LIMIT -1 OFFSET ?"  # noqa: S608
        self._database.execute(
            f"DELETE FROM offers WHERE {ended} AND NOT is_stored"  # noqa: S608
            f" AND (updated_at < ? OR rowid IN ({chosen}))",
            before,
            keep,
        )

    def context(self, model_id: ModelId, seller: str, time: int) -> tuple[list[Offer], list[Offer]]:
        """Context offers for pricing an offer of ``seller``: offers that others sold, and the seller's own.

        Others' count once the key is revealed or the price paid: a locked order may still be refunded. The seller's own
        count from the quote on; after a decline or expiry they count while a signed quote is valid at chain ``time``.
        An offer whose payment was returned does not count, nor one whose upload is deleted.
        """
        sold = self._database.rows(
            "SELECT offers.* FROM offers JOIN orders USING (offer_id) WHERE is_stored AND model_id = ? AND status = ?"
            " AND seller != ? AND chain_status IN (?, ?) ORDER BY offers.updated_at DESC, offers.rowid",
            model_id,
            OfferStatus.POSTED,
            seller,
            Status.REVEALED,
            Status.PAID,
        )
        own = self._database.rows(
            "SELECT offers.* FROM offers LEFT JOIN orders USING (offer_id) WHERE is_stored AND model_id = ?"
            " AND seller = ? AND CASE"
            # declined or expired: a signed quote is still valid
            " WHEN status IN (?, ?) THEN quoted_until >= ?"
            # otherwise: quoted, accepted or posted, and the payment was not returned
            " ELSE status IN (?, ?, ?) AND coalesce(chain_status NOT IN (?, ?), TRUE) END"
            " ORDER BY offers.updated_at DESC, offers.rowid",
            model_id,
            seller,
            OfferStatus.DECLINED,
            OfferStatus.EXPIRED,
            time,
            OfferStatus.QUOTED,
            OfferStatus.ACCEPTED,
            OfferStatus.POSTED,
            Status.DISPUTED,
            Status.REFUNDED,
        )
        return [offer_of(row) for row in sold], [offer_of(row) for row in own]

    def move(self, offer_id: OfferId, origin: Sequence[OfferStatus], target: OfferStatus, **columns: SqlValue) -> Offer:
        """Changes the state to ``target`` if it is in ``origin``; returns the offer as it is afterwards."""
        values = {"code": None, "reason": None} | columns | {"status": target, "updated_at": self._now()}
        query = (
            f"UPDATE offers SET {assignments(list(values))}"  # noqa: S608
            f" WHERE offer_id = ? AND status IN ({marks(len(origin))})"
        )
        with self._database.transaction():
            self._database.execute(query, *values.values(), offer_id, *origin)
            return self.get(offer_id)

    # --- uploading and pricing ----------------------------------------------------------------------------------------

    def touch(self, offer_id: OfferId) -> None:
        """Records that bytes of the upload arrived."""
        self._database.execute(
            "UPDATE offers SET updated_at = ? WHERE offer_id = ? AND status = ?",
            self._now(),
            offer_id,
            OfferStatus.UPLOADING,
        )

    def mark_uploaded(self, offer_id: OfferId) -> Offer:
        """The upload is complete; the offer waits to be priced."""
        return self.move(offer_id, [OfferStatus.UPLOADING], OfferStatus.PRICING)

    def begin_attempt(self, offer_id: OfferId) -> int:
        """Counts an attempt at pricing before it begins, so that data which kills the process is noticed."""
        self._database.execute("UPDATE offers SET attempts = attempts + 1 WHERE offer_id = ?", offer_id)
        return self.get(offer_id).attempts

    def withdraw_attempt(self, offer_id: OfferId) -> None:
        """Uncounts an attempt that failed on the oracle's disk and not on the data."""
        self._database.execute("UPDATE offers SET attempts = attempts - 1 WHERE offer_id = ?", offer_id)

    def mark_evaluated(
        self, offer_id: OfferId, content_id: ContentId, summary: AppraisalSummary, *, price: int, distinct: int
    ) -> Offer:
        """The offer becomes ``quoted``, or ``declined`` at a price of 0; an offer declined meanwhile stays declined.

        The evaluation names the offer, which is never deleted: it has a content id in any case.
        """
        query = "UPDATE offers SET content_id = ?, distinct_records = ? WHERE offer_id = ?"
        self._database.execute(query, content_id, distinct, offer_id)
        values: dict[str, SqlValue] = {"summary": summary.model_dump_json()}
        if price:
            return self.move(offer_id, [OfferStatus.PRICING], OfferStatus.QUOTED, **values)
        return self.move(offer_id, [OfferStatus.PRICING], OfferStatus.DECLINED, **values, **_WORTHLESS)

    def decline_copy(self, offer_id: OfferId, content_id: ContentId, summary: AppraisalSummary) -> Offer:
        """Ends an offer of records that another seller had evaluated, in the same words as one without value.

        It is remembered as long as an evaluation is: a second offer of these records is answered like any second one.
        """
        query = "UPDATE offers SET copied_content = ? WHERE offer_id = ? AND status != ?"
        values: dict[str, SqlValue] = {"summary": summary.model_dump_json()}
        with self._database.transaction():
            self._database.execute(query, content_id, offer_id, OfferStatus.REFUSED)
            return self.move(offer_id, [OfferStatus.PRICING], OfferStatus.DECLINED, **values, **_WORTHLESS)

    def has_copied(self, model_id: ModelId, content_id: ContentId, seller: str) -> bool:
        """Whether ``seller`` offered the records of a pair after another seller."""
        query = "SELECT 1 FROM offers WHERE model_id = ? AND copied_content = ? AND seller = ?"
        return self._database.row(query, model_id, content_id, seller) is not None

    def refuse(self, offer_id: OfferId, code: str, reason: str) -> Offer:
        """The data cannot be priced."""
        return self.move(offer_id, OPEN, OfferStatus.REFUSED, code=code, reason=reason)

    # --- the seller's answer ------------------------------------------------------------------------------------------

    def accept(self, offer_id: OfferId, *, quote: bytes, key_hash: bytes, signature: bytes) -> Offer:
        """The seller accepted the quote of digest ``quote``; the order is to be posted."""
        return self.move(
            offer_id,
            [OfferStatus.QUOTED],
            OfferStatus.ACCEPTED,
            accepted_quote=quote,
            key_hash=key_hash,
            acceptance=signature,
        )

    def withdraw_acceptance(self, offer_id: OfferId, code: str, reason: str) -> Offer:
        """The order could not be posted; the seller may accept again."""
        return self.move(offer_id, [OfferStatus.ACCEPTED], OfferStatus.QUOTED, code=code, reason=reason)

    def count_failed_post(self, offer_id: OfferId) -> None:
        """Counts a transaction that posted the order, and was mined and failed."""
        self._database.execute("UPDATE offers SET failed_posts = failed_posts + 1 WHERE offer_id = ?", offer_id)

    def count_failed_settlement(self, offer_id: OfferId) -> None:
        """Counts a transaction that settled the order, and was mined and failed."""
        query = "UPDATE offers SET failed_settlements = failed_settlements + 1 WHERE offer_id = ?"
        self._database.execute(query, offer_id)

    def failed_settlements(self, model_id: ModelId) -> int:
        """Number of settlements of all orders of a model that were mined and failed."""
        query = "SELECT coalesce(sum(failed_settlements), 0) AS failed FROM offers WHERE model_id = ?"
        row = self._database.row(query, model_id)
        assert row is not None
        return int(row["failed"])

    def decline(self, offer_id: OfferId) -> Offer:
        """The seller declined."""
        origin = [*OPEN, OfferStatus.QUOTED]
        reason = "the seller declined"
        return self.move(offer_id, origin, OfferStatus.DECLINED, code="seller_declined", reason=reason)

    def expire(self, offer_id: OfferId, code: str, reason: str) -> Offer:
        """An upload or a quote was idle for too long."""
        origin = [OfferStatus.UPLOADING, OfferStatus.QUOTED]
        return self.move(offer_id, origin, OfferStatus.EXPIRED, code=code, reason=reason)


def offer_of(row: sqlite3.Row) -> Offer:
    """An offer from its row."""
    values = dict(row)
    values["status"] = OfferStatus(row["status"])
    values["is_stored"] = bool(row["is_stored"])
    if row["summary"] is not None:
        values["summary"] = AppraisalSummary.model_validate_json(row["summary"])
    return Offer(**values)
