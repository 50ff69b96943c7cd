"""The table of offers: their states, and the bounds on how many a seller may open."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    union,
    update,
)

from assay.protocol.messages import AppraisalSummary, OfferRequest, OfferStatus
from assay.protocol.structs import Status
from assay.protocol.types import ContentId, ModelId, OfferId
from assay_oracle.errors import OfferUnknown, TooManyOffers
from assay_oracle.ledger.database import Database, atomic
from assay_oracle.ledger.replica import Replica
from assay_oracle.ledger.tables import evaluations, offers, orders
from assay_oracle.ledger.values import Offer

OPEN = (OfferStatus.UPLOADING, OfferStatus.PRICING)

_WORTHLESS: dict[str, Any] = {"code": "no_value", "reason": "the data has no value for this model"}
_AGE = (offers.c.updated_at, offers.c.number)
"""The longest unchanged first."""
_COLUMNS = [column for column in offers.c if column is not offers.c.number]
OFFERS = select(*_COLUMNS)
"""Every column of an ``Offer``."""
_ID: BindParameter[Any] = bindparam("id")
_FIND = OFFERS.where(offers.c.offer_id == _ID)
_OF_ID = update(offers).where(offers.c.offer_id == _ID)
_INSERT = insert(offers)
_TOUCH = _OF_ID.where(offers.c.status == OfferStatus.UPLOADING).values(updated_at=bindparam("now"))
_COUNT_ATTEMPT = _OF_ID.where(offers.c.status == OfferStatus.PRICING).values(attempts=offers.c.attempts + 1)
_EVALUATED = _OF_ID.values(content_id=bindparam("content"), distinct_records=bindparam("distinct"))
_WITHDRAW_ATTEMPT = _OF_ID.values(attempts=offers.c.attempts - 1)
_OPEN_OF_SELLER = select(func.count()).where(offers.c.seller == bindparam("seller"), offers.c.status.in_(OPEN))
_BYTES_OF_SELLER = select(func.coalesce(func.sum(offers.c.upload_bytes), 0)).where(
    offers.c.seller == bindparam("seller"), offers.c.status.in_((*OPEN, OfferStatus.QUOTED))
)
_COPIED = select(offers.c.number).where(
    offers.c.model_id == bindparam("model"),
    offers.c.copied_content == bindparam("content"),
    offers.c.seller == bindparam("seller"),
)


_HERE = (offers.c.is_stored == 1, offers.c.model_id == bindparam("model"))
_NEWEST_FIRST = (offers.c.updated_at.desc(), offers.c.number)
_SOLD = (
    OFFERS.join(orders, orders.c.offer_id == offers.c.offer_id)
    .where(*_HERE, offers.c.status == OfferStatus.POSTED, offers.c.seller != bindparam("seller"))
    .where(orders.c.chain_status.in_((Status.REVEALED, Status.PAID)))
    .order_by(*_NEWEST_FIRST)
)
_ENDED = offers.c.status.in_((OfferStatus.DECLINED, OfferStatus.EXPIRED))
_UNDER_WAY = offers.c.status.in_((OfferStatus.QUOTED, OfferStatus.ACCEPTED, OfferStatus.POSTED))
_RETURNED = func.coalesce(orders.c.chain_status.in_((Status.DISPUTED, Status.REFUNDED)), false())
_OWN = (
    OFFERS.outerjoin(orders, orders.c.offer_id == offers.c.offer_id)
    .where(*_HERE, offers.c.seller == bindparam("seller"))
    .where(or_(and_(_ENDED, offers.c.quoted_until >= bindparam("time")), and_(_UNDER_WAY, not_(_RETURNED))))
    .order_by(*_NEWEST_FIRST)
)


def _waiting(unclaimed: ColumnElement[bool]) -> Select[Any]:
    """See ``OfferTable.waiting``."""
    orders = (
        (offers.c.attempts, *_AGE),
        (offers.c.attempts, offers.c.upload_bytes, offers.c.number),
        _AGE,
    )
    waits = select(offers.c.number).where(offers.c.status == OfferStatus.PRICING, unclaimed)
    most = bindparam("most", type_=Integer)
    chosen = union(*(select(waits.order_by(*order).limit(most).subquery().c.number) for order in orders))
    return OFFERS.where(offers.c.number.in_(chosen.scalar_subquery())).order_by(*_AGE)


@cache
def _move(columns: tuple[str, ...]) -> Update:
    """Sets columns of an offer in one of the states ``origin`` to ``new_<column>``."""
    here = offers.c.status.in_(bindparam("origin", expanding=True))
    return _OF_ID.where(here).values({name: bindparam(f"new_{name}") for name in columns})


class OfferTable:
    """Offers by id. A change of state names the states that it may start from, and does nothing in any other."""

    def __init__(self, database: Database, replica: Replica, now: Callable[[], int]) -> None:
        self._database = database
        self._replica = replica
        self._now = now
        self._waiting = _waiting(replica.unclaimed())

    @atomic
    def add(self, offer_id: OfferId, request: OfferRequest, *, per_seller: int, max_bytes: int) -> Offer:
        """Records a new offer; returns the recorded one if this id is known.

        Raises:
            TooManyOffers: The seller has ``per_seller`` offers open, or its open and quoted offers would take more than
                ``max_bytes``.
        """
        if self.find(offer_id) is None:
            self._check_count(request.seller, per_seller)
            self._check_bytes(request, max_bytes)
            self._database.execute(
                _INSERT,
                offer_id=offer_id,
                model_id=request.model_id,
                seller=request.seller,
                data_root=request.data_root,
                upload_bytes=request.upload_bytes,
                sealed_key=request.sealed_key,
                status=OfferStatus.UPLOADING,
                updated_at=self._now(),
                opened_at=self._now(),
            )
        return self.get(offer_id)

    def _check_count(self, seller: str, per_seller: int) -> None:
        (own,) = self._database.only(_OPEN_OF_SELLER, seller=seller)
        if own >= per_seller:
            raise TooManyOffers(
                f"expected at most {per_seller} open offers of one seller, {seller} has {own}",
                hint="finish an upload or decline an offer first; an idle upload expires",
            )

    def remove(self, offer_id: OfferId) -> bool:
        """Removes an offer whose upload is not complete, as if it had not been opened; whether it did."""
        query = delete(offers).where(offers.c.offer_id == offer_id, offers.c.status == OfferStatus.UPLOADING)
        return self._database.execute(query) > 0

    def _check_bytes(self, request: OfferRequest, max_bytes: int) -> None:
        (stored,) = self._database.only(_BYTES_OF_SELLER, seller=request.seller)
        if stored + request.upload_bytes > max_bytes:
            raise TooManyOffers(
                f"expected the open and quoted offers of one seller to take at most {max_bytes} bytes, "
                f"{request.seller} has {stored} and asks for {request.upload_bytes} more",
                hint="accept or decline a quote first",
            )

    def find(self, offer_id: OfferId) -> Offer | None:
        """The offer with this id; None if it does not exist."""
        row = self._database.row(_FIND, id=offer_id)
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

    def _all(self, *conditions: ColumnElement[bool]) -> list[Offer]:
        """Offers that meet all conditions, the longest unchanged first."""
        return [offer_of(row) for row in self._database.rows(OFFERS.where(*conditions).order_by(*_AGE))]

    def in_status(self, *statuses: OfferStatus) -> list[Offer]:
        """Offers in one of ``statuses``, the longest unchanged first."""
        return self._all(offers.c.status.in_(statuses))

    def waiting(self, most: int) -> list[Offer]:
        """Offers to price, the oldest first: the oldest, and with the fewest attempts the oldest and the smallest.

        At most ``most`` of each kind, so that choosing one takes no more time the more of them wait. An offer does not
        wait for a price while another one of its seller is priced for this model.
        """
        found = map(offer_of, self._database.rows(self._waiting, most=most))
        return [offer for offer in found if not self._replica.holds(offer.model_id, offer.seller)]

    def counts(self) -> dict[tuple[ModelId, OfferStatus], int]:
        """Number of offers by model and status."""
        groups = (offers.c.model_id, offers.c.status)
        rows = self._database.rows(select(*groups, func.count().label("number")).group_by(*groups))
        return {(ModelId(row.model_id), row.status): row.number for row in rows}

    def oldest(self, status: OfferStatus) -> int | None:
        """When the longest unchanged offer in a status changed last, unix time; None if there is none."""
        found: int | None = self._database.only(select(func.min(offers.c.updated_at)).where(offers.c.status == status))[
            0
        ]
        return found

    def unchanged(self, status: OfferStatus, *, before: int) -> list[Offer]:
        """Offers in a status that changed last before a time."""
        return self._all(offers.c.status == status, offers.c.updated_at < before)

    def unsold(self, *, before: int) -> list[Offer]:
        """Offers with an open quote that were evaluated before a time."""
        query = (
            OFFERS.join(evaluations, evaluations.c.offer_id == offers.c.offer_id)
            .where(offers.c.status == OfferStatus.QUOTED, evaluations.c.made_at < before)
            .order_by(evaluations.c.made_at, offers.c.number)
        )
        return [offer_of(row) for row in self._database.rows(query)]

    # --- what is stored -----------------------------------------------------------------------------------------------

    def ended_with_upload(self, *, before: int) -> list[Offer]:
        """Ended offers whose upload may be stored: refused ones, and others of whose end and quotes all lie before."""
        ended = and_(
            offers.c.status.in_((OfferStatus.DECLINED, OfferStatus.EXPIRED)),
            offers.c.updated_at < before,
            offers.c.quoted_until < before,
        )
        return self._all(offers.c.is_stored == 1, or_(offers.c.status == OfferStatus.REFUSED, ended))

    def mark_deleted(self, offer_id: OfferId) -> None:
        """Records that the upload is deleted."""
        self._database.execute(update(offers).where(offers.c.offer_id == offer_id).values(is_stored=0))

    def forget_unevaluated(self, *, before: int, keep: int) -> None:
        """Deletes offers that ended without an evaluation: those of before a time, and all but the newest ``keep``."""
        ended = and_(
            offers.c.content_id.is_(None),
            offers.c.copied_content.is_(None),
            offers.c.status.in_((OfferStatus.REFUSED, OfferStatus.EXPIRED, OfferStatus.DECLINED)),
        )
        newest = select(offers.c.number).where(ended).order_by(offers.c.updated_at.desc()).limit(keep)
        old = or_(offers.c.updated_at < before, offers.c.number.not_in(newest.scalar_subquery()))
        self._database.execute(delete(offers).where(ended, offers.c.is_stored == 0, old))

    def context(self, model_id: ModelId, seller: str, time: int) -> tuple[list[Offer], list[Offer]]:
        """Context offers for pricing an offer of ``seller``: offers that others sold, and the seller's own.

        Others' count once the key is revealed or the price paid: a locked order may still be refunded. The seller's own
        count from the quote on; after a decline or expiry they count while a signed quote is valid at chain ``time``.
        An offer whose payment was returned does not count, nor one whose upload is deleted.
        """
        others = self._database.rows(_SOLD, model=model_id, seller=seller)
        mine = self._database.rows(_OWN, model=model_id, seller=seller, time=time)
        return [offer_of(row) for row in others], [offer_of(row) for row in mine]

    @atomic
    def move(self, offer_id: OfferId, origin: Sequence[OfferStatus], target: OfferStatus, /, **columns: Any) -> Offer:
        """Changes the state to ``target`` if it is in ``origin``; returns the offer as it is afterwards."""
        values = {"code": None, "reason": None} | columns | {"status": target, "updated_at": self._now()}
        new = {f"new_{name}": value for name, value in values.items()}
        self._database.execute(_move(tuple(values)), id=offer_id, origin=list(origin), **new)
        return self.get(offer_id)

    # --- uploading and pricing ----------------------------------------------------------------------------------------

    def touch(self, offer_id: OfferId) -> None:
        """Records that bytes of the upload arrived."""
        self._database.execute(_TOUCH, id=offer_id, now=self._now())

    def mark_uploaded(self, offer_id: OfferId) -> Offer:
        """The upload is complete; the offer waits to be priced."""
        return self.move(offer_id, [OfferStatus.UPLOADING], OfferStatus.PRICING)

    def begin_attempt(self, offer: Offer) -> int | None:
        """Claims an offer and counts an attempt at pricing before it begins, so that data which kills it is noticed.

        Returns:
            The number of attempts; None if the offer does not wait any more, or another one of its seller is priced for
            this model now: one of them must be in the context of the other.
        """
        if not self._replica.claim(offer.model_id, offer.seller):
            return None
        attempts = None
        try:
            attempts = self._count_attempt(offer.offer_id)
        finally:
            if attempts is None:
                self.end_attempt(offer)
        return attempts

    @atomic
    def _count_attempt(self, offer_id: OfferId) -> int | None:
        counted = self._database.execute(_COUNT_ATTEMPT, id=offer_id)
        return self.get(offer_id).attempts if counted else None

    def withdraw_attempt(self, offer_id: OfferId) -> None:
        """Uncounts an attempt that failed on the oracle's disk and not on the data."""
        self._database.execute(_WITHDRAW_ATTEMPT, id=offer_id)

    def end_attempt(self, offer: Offer) -> None:
        """The attempt at an offer ended, in any way."""
        self._replica.end(offer.model_id, offer.seller)

    def _concluded(self, offer: Offer) -> Offer:
        """An offer whose attempt has a result, which is recorded unless another replica took the offer over."""
        self._replica.conclude(offer.model_id, offer.seller)
        return offer

    @atomic
    def mark_evaluated(
        self, offer_id: OfferId, content_id: ContentId, summary: AppraisalSummary, *, price: int, distinct: int
    ) -> Offer:
        """The offer becomes ``quoted``, or ``declined`` at a price of 0; an offer declined meanwhile stays declined.

        The evaluation names the offer, which is never deleted: it has a content id in any case.
        """
        self._database.execute(_EVALUATED, id=offer_id, content=content_id, distinct=distinct)
        origin = [OfferStatus.PRICING]
        if price:
            return self._concluded(self.move(offer_id, origin, OfferStatus.QUOTED, summary=summary))
        return self._concluded(self.move(offer_id, origin, OfferStatus.DECLINED, summary=summary, **_WORTHLESS))

    @atomic
    def decline_copy(self, offer_id: OfferId, content_id: ContentId, summary: AppraisalSummary) -> Offer:
        """Ends an offer of records that another seller had evaluated, in the same words as one without value.

        It is remembered as long as an evaluation is: a second offer of these records is answered like any second one.
        """
        query = update(offers).where(offers.c.offer_id == offer_id, offers.c.status != OfferStatus.REFUSED)
        self._database.execute(query.values(copied_content=content_id))
        origin = [OfferStatus.PRICING]
        return self._concluded(self.move(offer_id, origin, OfferStatus.DECLINED, summary=summary, **_WORTHLESS))

    def has_copied(self, model_id: ModelId, content_id: ContentId, seller: str) -> bool:
        """Whether ``seller`` offered the records of a pair after another seller."""
        return self._database.row(_COPIED, model=model_id, content=content_id, seller=seller) is not None

    @atomic
    def refuse(self, offer_id: OfferId, code: str, reason: str) -> Offer:
        """The data cannot be priced."""
        return self._concluded(self.move(offer_id, OPEN, OfferStatus.REFUSED, code=code, reason=reason))

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
        self._change(offer_id, failed_posts=offers.c.failed_posts + 1)

    def count_failed_settlement(self, offer_id: OfferId) -> None:
        """Counts a transaction that settled the order, and was mined and failed."""
        self._change(offer_id, failed_settlements=offers.c.failed_settlements + 1)

    def failed_settlements(self, model_id: ModelId) -> int:
        """Number of settlements of all orders of a model that were mined and failed."""
        failed = func.coalesce(func.sum(offers.c.failed_settlements), 0)
        return int(self._database.only(select(failed).where(offers.c.model_id == model_id))[0])

    def decline(self, offer_id: OfferId) -> Offer:
        """The seller declined."""
        origin = [*OPEN, OfferStatus.QUOTED]
        reason = "the seller declined"
        return self.move(offer_id, origin, OfferStatus.DECLINED, code="seller_declined", reason=reason)

    def expire(self, offer_id: OfferId, code: str, reason: str) -> Offer:
        """An upload or a quote was idle for too long."""
        origin = [OfferStatus.UPLOADING, OfferStatus.QUOTED]
        return self.move(offer_id, origin, OfferStatus.EXPIRED, code=code, reason=reason)

    def _change(self, offer_id: OfferId, **columns: Any) -> None:
        """Changes columns of an offer in any state."""
        self._database.execute(update(offers).where(offers.c.offer_id == offer_id).values(columns))


def offer_of(row: Row[Any]) -> Offer:
    """An offer from its row, which has the columns of ``OFFERS``."""
    values = dict(row._mapping)
    values["is_stored"] = bool(row.is_stored)
    return Offer(**values)
