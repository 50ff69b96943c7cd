"""The table of posted orders, with what buyer and seller left for each other, and that of unfinished transactions."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, func, insert, or_, select, update

from assay.chain.values import PostedOrder, SignedOffer
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status
from assay.protocol.types import OfferId, OrderId
from assay_oracle.errors import OrderUnknown
from assay_oracle.ledger.database import Database, atomic
from assay_oracle.ledger.offers import OfferTable
from assay_oracle.ledger.tables import offers, orders, transactions
from assay_oracle.ledger.values import Offer, Sale

_OPEN = (Status.LOCKED, Status.REVEALED)
_CLOSED = (Status.PAID, Status.DISPUTED, Status.REFUNDED)
_FIND = select(orders).where(orders.c.order_id == bindparam("order_id"))
_AGE = (orders.c.updated_at, orders.c.order_id)
_POSTABLE = (OfferStatus.QUOTED, OfferStatus.ACCEPTED, OfferStatus.DECLINED, OfferStatus.EXPIRED)


class OrderTable:
    """Sales by order id."""

    def __init__(self, database: Database, offers: OfferTable, now: Callable[[], int]) -> None:
        self._database = database
        self._offers = offers
        self._now = now

    @atomic
    def add(self, offer_id: OfferId, posted: PostedOrder) -> bool:
        """Records the order that an offer led to, as the chain has it; whether that was new.

        The same order in another block keeps its state and statements. Another order of the same id, which a
        reorganisation put in its place, replaces the recorded one.
        """
        order_id = posted.order.order_id()
        sale = self._row(order_id)
        if sale is not None and sale.order == posted.order:
            return self._place(sale, posted)
        self._database.execute(delete(orders).where(orders.c.order_id == order_id))
        self._database.execute(
            insert(orders).values(
                order_id=order_id,
                offer_id=offer_id,
                content=posted.order,
                block=posted.block,
                posting=posted.transaction,
                chain_status=Status.LOCKED,
                updated_at=self._now(),
            )
        )
        self._offers.move(offer_id, _POSTABLE, OfferStatus.POSTED)
        return True

    def _place(self, sale: Sale, posted: PostedOrder) -> bool:
        """The known order is at another place on chain, or on chain again."""
        removed = sale.chain_status is Status.NONE
        if not removed and (sale.block, sale.transaction) == (posted.block, posted.transaction):
            return False
        status = Status.LOCKED if removed else sale.chain_status
        self._update(sale.order_id, block=posted.block, posting=posted.transaction, chain_status=status)
        self._offers.move(sale.offer_id, _POSTABLE, OfferStatus.POSTED)
        return True

    @atomic
    def remove(self, sale: Sale) -> Offer:
        """A reorganisation removed the order: an accepted offer is to be posted again, any other is quoted again.

        What the buyer signed is kept for the same order; its key waits until it is paid again.
        """
        offer = self._offers.get(sale.offer_id)
        target = OfferStatus.ACCEPTED if offer.acceptance else OfferStatus.QUOTED
        self._update(sale.order_id, chain_status=Status.NONE, key_envelope=None)
        return self._offers.move(sale.offer_id, [OfferStatus.POSTED], target)

    # --- reading ------------------------------------------------------------------------------------------------------

    def find(self, order_id: OrderId) -> Sale | None:
        """The sale with this order id; None if the order is not on chain."""
        sale = self._row(order_id)
        return sale if sale is not None and sale.chain_status is not Status.NONE else None

    def _row(self, order_id: OrderId) -> Sale | None:
        row = self._database.row(_FIND, order_id=order_id)
        return _sale_of(row) if row else None

    def get(self, order_id: OrderId) -> Sale:
        """The sale with this order id.

        Raises:
            OrderUnknown: It does not exist.
        """
        sale = self.find(order_id)
        if sale is None:
            raise OrderUnknown(
                f"expected the id of an order on chain, got 0x{order_id.hex()}, which the oracle does not know",
                hint="the oracle reads the chain about once a second: ask again after posting; then check the id",
            )
        return sale

    def of_offer(self, offer_id: OfferId) -> Sale | None:
        """The sale that an offer led to."""
        query = select(orders).where(orders.c.offer_id == offer_id, orders.c.chain_status != Status.NONE)
        row = self._database.row(query)
        return _sale_of(row) if row else None

    def open(self, *, since: int | None = None) -> list[Sale]:
        """Sales whose order is not closed, and with ``since`` sales that were closed at that time or later."""
        wanted: ColumnElement[bool] = orders.c.chain_status.in_(_OPEN)
        if since is not None:
            wanted = or_(wanted, and_(orders.c.chain_status.in_(_CLOSED), orders.c.updated_at >= since))
        return self._all(wanted)

    def unkeyed(self) -> list[Sale]:
        """Sales whose order is paid, and whose key the oracle may hold and has not handed to the buyer."""
        may_hold = or_(orders.c.key_escrow.is_(None), func.length(orders.c.key_escrow) > 0)
        return self._all(orders.c.chain_status == Status.PAID, orders.c.key_envelope.is_(None), may_hold)

    def _all(self, *conditions: ColumnElement[bool]) -> list[Sale]:
        """Sales that meet all conditions, the longest unchanged first."""
        return [_sale_of(row) for row in self._database.rows(select(orders).where(*conditions).order_by(*_AGE))]

    def closed_with_files(self, *, before: int) -> list[Sale]:
        """Sales whose order was closed before a time, and whose files may be stored."""
        query = (
            select(orders)
            .join(offers, offers.c.offer_id == orders.c.offer_id)
            .where(orders.c.chain_status.in_(_CLOSED), orders.c.updated_at < before, offers.c.is_stored == 1)
            .order_by(*_AGE)
        )
        return [_sale_of(row) for row in self._database.rows(query)]

    # --- updating -----------------------------------------------------------------------------------------------------

    def set_status(self, order_id: OrderId, status: Status) -> Sale:
        """The order is in another state on chain; an unpaid key is withheld."""
        withheld: dict[str, Any] = {} if status is Status.PAID else {"key_envelope": None}
        return self._update(order_id, chain_status=status, **withheld)

    def set_key_escrow(self, order_id: OrderId, signature: bytes) -> Sale:
        """The oracle's signature that it holds the key; empty if it does not."""
        return self._update(order_id, key_escrow=signature)

    def set_key_envelope(self, order_id: OrderId, key_envelope: str) -> Sale:
        """The key, encrypted to the buyer."""
        return self._update(order_id, key_envelope=key_envelope)

    def set_receipt(self, order_id: OrderId, signature: bytes, held: bytes | None = None) -> bool:
        """The buyer's signature that the sealed data arrived, in place of ``held``; whether that was recorded."""
        query = update(orders).where(orders.c.order_id == order_id, orders.c.receipt.is_not_distinct_from(held))
        return self._database.execute(query.values(receipt=signature)) > 0

    def set_acknowledgement(self, order_id: OrderId, signature: bytes | None, held: bytes | None = None) -> bool:
        """The buyer's signature that settles the order, in place of ``held``; None once the contract has refused that.

        Returns:
            Whether ``held`` was the recorded one; if not, nothing changes.
        """
        query = update(orders).where(orders.c.order_id == order_id, orders.c.acknowledgement.is_not_distinct_from(held))
        return self._database.execute(query.values(acknowledgement=signature)) > 0

    @atomic
    def _update(self, order_id: OrderId, /, **columns: Any) -> Sale:
        """Changes columns. The time of the change counts for the state on chain alone: no statement prolongs it."""
        values = columns | ({"updated_at": self._now()} if "chain_status" in columns else {})
        self._database.execute(update(orders).where(orders.c.order_id == order_id).values(values))
        sale = self._row(order_id)
        assert sale is not None
        return sale


def _sale_of(row: Row[Any]) -> Sale:
    values = dict(row._mapping)
    order, transaction = values.pop("content"), values.pop("posting")
    return Sale(order=order, transaction=transaction, **values)


class OutboxTable:
    """The ``Outbox`` in one table of the journal: the oracle's transactions that are not final."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @atomic
    def keep(self, account: str, signed: SignedOffer) -> None:
        """See ``Outbox.keep``."""
        last = self._database.row(select(transactions.c.place).order_by(transactions.c.place.desc()).limit(1))
        row = {
            "digest": signed.digest,
            "place": last.place + 1 if last else 1,
            "account": account,
            "number": signed.number,
            "fields": json.dumps(signed.fields),
            "raw": signed.raw,
        }
        self._database.execute(self._database.upsert(transactions, row).on_conflict_do_nothing())

    def of(self, account: str) -> list[SignedOffer]:
        """See ``Outbox.of``."""
        kept = select(transactions.c.digest, transactions.c.fields, transactions.c.raw)
        rows = self._database.rows(
            kept.where(transactions.c.account == account).order_by(transactions.c.number, transactions.c.place)
        )
        return [SignedOffer(row.digest, json.loads(row.fields), row.raw) for row in rows]

    def forget(self, digests: Iterable[bytes]) -> None:
        """See ``Outbox.forget``."""
        self._database.execute(delete(transactions).where(transactions.c.digest.in_(list(digests))))
