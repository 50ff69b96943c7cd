"""What happened on chain, read as events since a stored cursor: orders posted, revealed, closed or reorganised.

The cursor is stored after the effects: a crash in between repeats events, and a repeated event has no effect.
"""

import logging

from assay.chain.port import Chain
from assay.chain.queries import state_of
from assay.chain.values import EventKind, PostedOrder
from assay.errors import ChainError, NodeUnreachable
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status
from assay.protocol.types import OfferId, OrderId
from assay_oracle.ledger.values import Offer, Sale
from assay_oracle.log import about
from assay_oracle.services.clock import Clock
from assay_oracle.services.ports import Ledger

REORGANISATION_SECONDS = 3600
"""Time in which a reorganisation may reopen a closed order or bring back a dropped transaction."""
MAX_PAGES = 100
"""Pages of events, at most, that one cycle reads: a first reading of years must not hold up deliveries."""
_STATUS = {
    EventKind.POSTED: Status.LOCKED,
    EventKind.KEY_REVEALED: Status.REVEALED,
    EventKind.DATA_REVEALED: Status.PAID,
    EventKind.PAID: Status.PAID,
    EventKind.DISPUTED: Status.DISPUTED,
    EventKind.REFUNDED: Status.REFUNDED,
}

log = logging.getLogger(__name__)


class Watching:
    """Keeps the ledger's sales as the chain has them."""

    def __init__(self, ledger: Ledger, chain: Chain, clock: Clock) -> None:
        self._ledger = ledger
        self._chain = chain
        self._clock = clock
        self._compared = False
        """The last reading succeeded, with every comparison that it made."""
        self._doubt_ends = 0
        """Until then every reading compares the ledger with the chain."""

    def read_events(self) -> None:
        """Records the effects of the events since the stored cursor, page by page; at most ``MAX_PAGES`` of them.

        At the start, after a failure and after a reorganisation the ledger is compared with the chain too: no event
        announces what was removed, and a reorganisation may be deeper than the blocks that are read again.

        Raises:
            NodeUnreachable: The remaining pages cannot be read now; the pages before are recorded.
        """
        due = not self._compared or self._clock.now() < self._doubt_ends
        compared, self._compared = True, False
        for _ in range(MAX_PAGES):
            cursor = self._ledger.cursor()
            page = self._chain.events_since(cursor)
            if page.reorganised or due:
                compared, due = self._compare(), False
            for event in page.events:
                if event.posted is not None:
                    self._record(event.posted)
            statuses = {event.order_id: _STATUS[event.kind] for event in page.events if event.kind in _STATUS}
            for order_id, status in statuses.items():
                self._advance(order_id, status)
            if page.cursor != cursor:
                self._ledger.store_cursor(page.cursor)
            if page.complete:
                break
        self._compared = compared

    def _record(self, posted: PostedOrder) -> None:
        """Records an order of a quote that this oracle signed; sellers can post without the oracle.

        Raises:
            NodeUntrue: The contract has another order for this pair.
        """
        evaluation = self._ledger.evaluations.find(posted.order.model_id, posted.order.content_id)
        if evaluation is not None and self._ledger.evaluations.quotes(evaluation):
            state_of(self._chain, posted.order)
            record_order(self._ledger, evaluation.offer_id, posted)

    def _advance(self, order_id: OrderId, status: Status) -> None:
        """Moves a sale on. Events never move it back: an older event may come again, and ``_compare`` does."""
        sale = self._ledger.orders.find(order_id)
        if sale is not None and status > sale.chain_status:
            self._ledger.orders.set_status(order_id, status)
            log.info("order changed", extra=about(order=order_id, status=status.name.lower()))

    def _compare(self) -> bool:
        """Looks up each recent sale, and each quoted offer, whose seller may have posted it, on chain.

        A failure with one of them is logged and holds up no other.

        Returns:
            Whether all of them were compared.
        """
        subjects: list[Sale | Offer] = [
            *self._ledger.orders.open(since=self._clock.now() - REORGANISATION_SECONDS),
            *self._ledger.offers.in_status(OfferStatus.QUOTED),
        ]
        complete = True
        for subject in subjects:
            try:
                if isinstance(subject, Sale):
                    self._check(subject)
                else:
                    self._find(subject)
            except NodeUnreachable:
                raise
            except ChainError as error:
                complete = False
                log.warning(
                    "comparison with the chain failed; it is repeated",
                    extra=about(offer=subject.offer_id, cause=error.message),
                )
        return complete

    def _find(self, offer: Offer) -> None:
        evaluation = self._ledger.evaluations.of(offer)
        posted = find_order(self._chain, evaluation.order_id()) if evaluation is not None else None
        if posted is not None:
            self._record(posted)

    def _check(self, sale: Sale) -> None:
        state = self._chain.order_state(sale.order_id)
        if state.status < sale.chain_status:
            # A reorganisation, or a node that lags: events that were read before will not show that it caught up.
            self._doubt_ends = self._clock.now() + REORGANISATION_SECONDS
        if state.status is Status.NONE:
            offer = self._ledger.orders.remove(sale)
            log.warning("a reorganisation removed an order", extra=about(offer=sale.offer_id, now=offer.status))
            return
        posted = self._chain.posted(order_id=sale.order_id)
        if posted and state.digest == posted[-1].order.stored_digest():
            record_order(self._ledger, sale.offer_id, posted[-1])
        if self._ledger.orders.get(sale.order_id).chain_status is not state.status:
            self._ledger.orders.set_status(sale.order_id, state.status)


def find_order(chain: Chain, order_id: OrderId) -> PostedOrder | None:
    """The order of this id on chain as its event announced it; None if the pair is unused.

    Raises:
        ChainError: The node has the order's state and not its event: no proof that there is no order.
    """
    state = chain.order_state(order_id)
    if state.status is Status.NONE:
        return None
    posted = chain.posted(order_id=order_id)
    if not posted or posted[-1].order.stored_digest() != state.digest:
        raise ChainError(
            f"expected the event of order 0x{order_id.hex()}, which is {state.status.name.lower()}, found none",
            hint="the node lags, or keeps no logs from the contract's deployment on: use another one",
        )
    return posted[-1]


def record_order(ledger: Ledger, offer_id: OfferId, posted: PostedOrder) -> None:
    """Records the order that an offer led to."""
    if ledger.orders.add(offer_id, posted):
        log.info("order on chain", extra=about(offer=offer_id, order=posted.order.order_id(), block=posted.block))
