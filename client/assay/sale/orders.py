"""The orders of one model, as their events announce them: read from a stored cursor on, so that no event is read twice.

<folder>/<model id>.orders.json    the cursor and every posted order up to it
"""

from pathlib import Path

from pydantic import ValidationError

from assay.chain.port import Chain
from assay.chain.values import Cursor, PostedOrder
from assay.files import write_whole
from assay.protocol.structs import Order
from assay.protocol.types import Bytes32, ModelId, Value


class _Posted(Value):
    order: Order
    block: int
    transaction: Bytes32


class _State(Value):
    block: int
    block_hash: Bytes32
    posted: tuple[_Posted, ...]


class OrderLog:
    """Posted orders of model ``model_id``, kept in ``folder``."""

    def __init__(self, chain: Chain, model_id: ModelId, folder: Path) -> None:
        self._chain = chain
        self._model_id = model_id
        self._path = folder / f".{model_id.hex()}.orders.json"

    def update(self) -> list[PostedOrder]:
        """Reads the events since the last call; returns all orders on chain, oldest first.

        Each page of events is on disk before the next one is read.
        """
        cursor, orders = self._read()
        while True:
            page = self._chain.events_since(cursor)
            if page.reorganised:
                orders = {order_id: posted for order_id, posted in orders.items() if self._is_on_chain(posted)}
            for event in page.events:
                if event.posted and event.posted.order.model_id == self._model_id:
                    orders[event.order_id] = event.posted
            if page.cursor != cursor:
                cursor = page.cursor
                self._write(cursor, orders)
            if page.complete:
                return sorted(orders.values(), key=lambda posted: posted.block)

    def _is_on_chain(self, posted: PostedOrder) -> bool:
        return self._chain.order_state(posted.order.order_id()).digest == posted.order.stored_digest()

    def _read(self) -> tuple[Cursor | None, dict[bytes, PostedOrder]]:
        """Cursor and orders by id. A file that is missing or damaged is made again from the chain."""
        try:
            state = _State.model_validate_json(self._path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None, {}
        orders = (PostedOrder(entry.order, entry.block, entry.transaction) for entry in state.posted)
        return Cursor(state.block, state.block_hash), {posted.order.order_id(): posted for posted in orders}

    def _write(self, cursor: Cursor, orders: dict[bytes, PostedOrder]) -> None:
        entries = tuple(
            _Posted(order=posted.order, block=posted.block, transaction=posted.transaction)
            for posted in orders.values()
        )
        state = _State(block=cursor.block, block_hash=cursor.hash, posted=entries)
        write_whole(self._path, state.model_dump_json().encode())
