"""The orders of one model, as their events announce them: read from a stored cursor on, so that no old event is read.

<folder>/.<model id>.orders.json    two cursors, and the orders posted up to the first of them

A node behind a load balancer may answer for a new block before it has the block's events, and a reorganisation may
replace the block. So the newest blocks are read again until they lie ``OVERLAP`` deep and are ``OVERLAP_SECONDS`` old.
"""

from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from assay.chain.port import Chain
from assay.chain.values import Cursor, PostedOrder
from assay.files import write_whole
from assay.protocol.structs import Order
from assay.protocol.types import Bytes32, ModelId, OrderId, Value

OVERLAP = 64
"""Blocks that must follow a block before its events are not read again: two epochs of Ethereum."""
OVERLAP_SECONDS = 768
"""Time that must pass as well: as long as two epochs take. Elsewhere 64 blocks may take 16 s."""

Orders = dict[OrderId, PostedOrder]


class _Posted(Value):
    order: Order
    block: int
    transaction: Bytes32


class _Cursor(Value):
    block: int
    hash: Bytes32


class _State(Value):
    start: _Cursor | None
    newest: _Cursor
    posted: tuple[_Posted, ...]


class OrderLog:
    """Posted orders of model ``model_id``, kept in ``folder``."""

    def __init__(self, chain: Chain, model_id: ModelId, folder: Path) -> None:
        self._chain = chain
        self._model_id = model_id
        self._path = folder / f".{model_id.hex()}.orders.json"

    def update(self) -> list[PostedOrder]:
        """Reads the events that may be new; returns all orders on chain, oldest first.

        What is read is on disk as soon as it lies deep enough. If a reorganisation went deeper, all is read anew.
        """
        start, newest, orders = self._read()
        cursor, complete = start, False
        while not complete:
            page = self._chain.events_since(cursor)
            if page.reorganised:
                start, newest, orders, cursor = None, None, {}, None
                continue
            for event in page.events:
                if event.posted and event.posted.order.model_id == self._model_id:
                    orders[event.order_id] = event.posted
            cursor, complete = page.cursor, page.complete
            if newest is None or self._is_deep(newest, cursor):
                start, newest = newest, cursor
                self._write(start, newest, orders)
        return sorted(orders.values(), key=lambda posted: posted.block)

    def _is_deep(self, below: Cursor, above: Cursor) -> bool:
        """Whether a node that lags behind has the events of block ``below`` by the time of block ``above``."""
        if above.block < below.block + OVERLAP:
            return False
        return self._chain.time_of(above.block) >= self._chain.time_of(below.block) + OVERLAP_SECONDS

    def _read(self) -> tuple[Cursor | None, Cursor | None, Orders]:
        """Where reading begins, the newest cursor, and the orders up to where reading begins.

        A file that cannot be read, or is damaged, is made again from the chain.
        """
        try:
            state = _State.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return None, None, {}
        orders = (PostedOrder(entry.order, entry.block, entry.transaction) for entry in state.posted)
        return (
            Cursor(state.start.block, state.start.hash) if state.start else None,
            Cursor(state.newest.block, state.newest.hash),
            {posted.order.order_id(): posted for posted in orders},
        )

    def _write(self, start: Cursor | None, newest: Cursor, orders: Orders) -> None:
        settled = [posted for posted in orders.values() if start and posted.block <= start.block]
        state = _State(
            start=_Cursor(block=start.block, hash=start.hash) if start else None,
            newest=_Cursor(block=newest.block, hash=newest.hash),
            posted=tuple(
                _Posted(order=posted.order, block=posted.block, transaction=posted.transaction) for posted in settled
            ),
        )
        # The file only saves time: a full disk must keep no order from its dispute or its refund.
        with suppress(OSError):
            write_whole(self._path, state.model_dump_json().encode())
