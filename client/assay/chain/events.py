"""The contract's events, read in bounded ranges of blocks, so that every node answers, however old the contract is.

Nodes bound what one ``eth_getLogs`` may ask for: 10,000, 2,000 and 1,000 blocks are usual. A range that a node refuses
is read in halves, and later queries begin with the narrower range.

A node can answer with any log. Terms must hash to the model's id, and an order's pair to the order's id. The rest of an
order must hash to the digest in the contract's state, which ``queries.state_of`` compares.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from eth_utils.abi import event_abi_to_log_topic
from eth_utils.address import to_checksum_address
from pydantic import ValidationError
from web3.contract import Contract
from web3.exceptions import Web3RPCError
from web3.types import EventData, FilterParams, LogReceipt

from assay.bounded_http import BadAnswer, NoAnswer
from assay.chain.interface import contract_interface
from assay.chain.node import Node
from assay.chain.rpc.endpoint import HttpRefusal
from assay.chain.values import Block, Cursor, EventKind, EventPage, OrderEvent, PostedOrder, RegisteredModel
from assay.errors import ChainError, NodeUntrue, listed_faults
from assay.protocol import structs
from assay.protocol.structs import AbiValue, ModelTerms, Order
from assay.protocol.types import ContentId, ModelId, OrderId

BLOCK_RANGE = 8_000
"""Blocks that one query asks for at first, and the most that one ``EventPage`` covers."""
REWIND = 64
"""Blocks to read again after a reorganisation: two epochs of Ethereum, after which a block is final."""
_ATTEMPTS = 3
"""How often a page is read until no reorganisation fell between its queries."""
_REFUSALS = (400, 413)
"""HTTP statuses by which some providers refuse a range without a JSON-RPC error."""
_SLOW_RANGE = 500
"""Blocks, at least, of a range that a node may be too slow for; a node that does not answer for fewer is down."""
_ANSWERS_BEFORE_WIDER = 16
"""Answers after which a range that was halved is doubled again: a refusal may have had another cause."""
_REGISTERED = "ModelRegistered"

Topics = list[Any]


class Events:
    """Events of ``contract`` on chain ``chain_id``, which was deployed in ``first_block``."""

    def __init__(self, node: Node, contract: Contract, first_block: int, chain_id: int) -> None:
        self._node = node
        self._contract = contract
        self._first = first_block
        self._chain_id = chain_id
        self._models: dict[ModelId, Any] = {}
        self._absent: dict[ModelId, int] = {}
        self._posted_in: dict[OrderId, int] = {}
        self._range = BLOCK_RANGE
        self._answers = 0
        self._names = {
            event_abi_to_log_topic(entry): str(entry["name"])
            for entry in contract_interface()["abi"]
            if entry["type"] == "event"
        }
        self._topics = {name: "0x" + topic.hex() for topic, name in self._names.items()}

    # --- since a cursor -----------------------------------------------------------------------------------------------

    def since(self, cursor: Cursor | None) -> EventPage:
        """Events of all orders after ``cursor``, at most ``BLOCK_RANGE`` blocks of them; ``Chain.events_since``.

        Raises:
            ChainError: The chain was reorganised again and again while the page was read.
        """
        for _ in range(_ATTEMPTS):
            page = self._page(cursor)
            if page is not None:
                return page
        raise ChainError(
            f"the chain at {self._node.url} was reorganised during each of {_ATTEMPTS} attempts to read its events",
            hint="try again later; if the error persists, use another node",
        )

    def _page(self, cursor: Cursor | None) -> EventPage | None:
        """One page; None if a reorganisation replaced its last block while it was read."""
        head = self._node.latest()
        first, reorganised = self._start(cursor, head)
        if first > head.number:
            return EventPage((), Cursor(head.number, head.hash), complete=True, reorganised=reorganised)
        last = min(head.number, first + BLOCK_RANGE - 1)
        end = head if last == head.number else self._node.block(last)
        topics = [[self._topics[_REGISTERED], *(self._topics[kind] for kind in EventKind)]]
        logs = list(self._logs(topics, first, last))
        for log in logs:
            if log["event"] == _REGISTERED:
                self._keep_model(log["args"])
        self._find_models({ModelId(bytes(log["args"]["modelId"])) for log in logs if log["event"] == EventKind.POSTED})
        events = [self._event(log, EventKind(log["event"])) for log in logs if log["event"] != _REGISTERED]
        if end is None or self._node.block(last) != end:
            return None
        return EventPage(tuple(events), Cursor(last, end.hash), complete=last == head.number, reorganised=reorganised)

    def _start(self, cursor: Cursor | None, head: Block) -> tuple[int, bool]:
        """First block to read, and whether the cursor's block is no longer on the chain."""
        if cursor is None:
            return self._first, False
        found = self._node.block(cursor.block)
        if found is not None and found.hash == cursor.hash:
            return max(self._first, cursor.block + 1), False
        return max(self._first, min(cursor.block, head.number) - REWIND), True

    # --- by subject ---------------------------------------------------------------------------------------------------

    def posted(
        self, *, order_id: OrderId | None = None, model_id: ModelId | None = None, seller: str | None = None
    ) -> list[PostedOrder]:
        """Posted orders with this id, model or seller, oldest first. An order is posted at most once.

        An order that was found before is searched for in the same block first: a reorganisation may have moved it.
        """
        topics: Topics = [
            self._topics[EventKind.POSTED],
            _hex(order_id),
            _hex(model_id),
            seller and _hex(bytes(12) + bytes.fromhex(to_checksum_address(seller)[2:])),
        ]
        last = self._node.block_number()
        if order_id is None:
            logs = list(self._logs(topics, self._first, last))
            self._find_models({ModelId(bytes(log["args"]["modelId"])) for log in logs})
            found = [self._posted(log) for log in logs]
            if model_id is not None and None in found:
                raise self.missing(f"the registration of model 0x{model_id.hex()}")
            return [posted for posted in found if posted is not None]
        ranges = [(self._first, last)]
        if (known := self._posted_in.get(order_id, last + 1)) <= last:
            ranges.insert(0, (known, known))
        for start, end in ranges:
            for log in self._logs(topics, start, end, newest_first=True):
                self._posted_in[order_id] = log["blockNumber"]
                posted = self._posted(log)
                if posted is None:
                    raise self.missing(f"the registration of the model of order 0x{order_id.hex()}")
                return [posted]
        return []

    def of_order(self, order_id: OrderId, *kinds: EventKind) -> Iterator[OrderEvent]:
        """Events of these kinds about one order, by default of all kinds, newest first.

        Searches back to the block in which the order was posted.
        """
        wanted = kinds or tuple(EventKind)
        topics: Topics = [[self._topics[kind] for kind in {*wanted, EventKind.POSTED}], _hex(order_id)]
        for log in self._logs(topics, self._first, self._node.block_number(), newest_first=True):
            kind = EventKind(log["event"])
            if kind in wanted:
                yield self._event(log, kind)
            if kind is EventKind.POSTED:
                return

    def registered(self, model_id: ModelId) -> tuple[ModelTerms, str] | None:
        """Terms and first oracle of a model, by its ``ModelRegistered`` event; None if the node has no such event.

        Terms never change: they are searched for once.

        Raises:
            ChainError: The terms have an amount of more than 96 bits. The contract registers them; no client uses them.
        """
        self._absent.pop(model_id, None)
        self._find_models({model_id})
        found = self._models.get(model_id)
        if found is None:
            return None
        try:
            return ModelTerms(**_struct(ModelTerms, found["terms"])), found["oracle"]
        except ValidationError as error:
            raise ChainError(
                f"expected terms with amounts of at most 96 bits, got others for model 0x{model_id.hex()}: "
                f"{listed_faults(error.errors())}",
                hint="use another model, or register it again with smaller amounts",
            ) from None

    def registrations(self, owner: str | None = None) -> Iterator[RegisteredModel]:
        """All models, or those of one owner, newest first. ``oracle`` of each is the node's word: its state has it.

        Terms with an amount of more than 96 bits, which the contract registers and no client uses, are left out.
        """
        by = owner and _hex(bytes(12) + bytes.fromhex(to_checksum_address(owner)[2:]))
        topics: Topics = [self._topics[_REGISTERED], None, by]
        for log in self._logs(topics, self._first, self._node.block_number(), newest_first=True):
            model_id = self._keep_model(log["args"])
            with suppress(ValidationError):
                terms = ModelTerms(**_struct(ModelTerms, log["args"]["terms"]))
                yield RegisteredModel(model_id, terms, log["args"]["oracle"], log["blockNumber"])

    def _find_models(self, model_ids: set[ModelId]) -> None:
        """Searches for the registrations of models, of all that are unknown in one pass from the newest block back.

        What a node does not have (its oldest logs are pruned) is searched for in newer blocks alone from then on.
        """
        unknown = model_ids - self._models.keys()
        if not unknown:
            return
        topics: Topics = [self._topics[_REGISTERED], [_hex(model_id) for model_id in sorted(unknown)]]
        head = self._node.block_number()
        first = max(self._first, min(self._absent.get(model_id, 0) - REWIND for model_id in unknown))
        for log in self._logs(topics, first, head, newest_first=True):
            unknown.discard(self._keep_model(log["args"]))
            if not unknown:
                return
        self._absent.update(dict.fromkeys(unknown, head))

    def missing(self, what: str) -> ChainError:
        """What to raise where the contract's state shows that an event must have been, and the node has none."""
        return ChainError(
            f"expected {what} in the node's logs from block {self._first} on, found none",
            hint="use a node that keeps logs from the contract's deployment on: --node; or correct `block` in the "
            "deployment record, if the contract was deployed before",
        )

    # --- logs ---------------------------------------------------------------------------------------------------------

    def _logs(self, topics: Topics, first: int, last: int, *, newest_first: bool = False) -> Iterator[EventData]:
        """Logs of blocks ``first`` to ``last``, both included, in the chain's order or in the reverse of it."""
        while first <= last:
            span = self._range
            start, end = (max(first, last - span + 1), last) if newest_first else (first, min(last, first + span - 1))
            try:
                logs = self._query(topics, start, end)
            except ChainError as error:
                if start == end or not _may_refuse_the_range(error, end - start + 1):
                    raise
                self._range, self._answers = (end - start + 1) // 2, 0
                continue
            self._answers += 1
            if self._answers % _ANSWERS_BEFORE_WIDER == 0:
                self._range = min(BLOCK_RANGE, 2 * self._range)
            yield from reversed(logs) if newest_first else logs
            first, last = (first, start - 1) if newest_first else (end + 1, last)

    def _query(self, topics: Topics, first: int, last: int) -> list[EventData]:
        wanted: FilterParams = {
            "address": self._contract.address,
            "topics": topics,
            "fromBlock": first,
            "toBlock": last,
        }
        with self._node.errors():
            return [self._decoded(log, wanted) for log in self._node.web3.eth.get_logs(wanted)]

    def _decoded(self, log: LogReceipt, wanted: FilterParams) -> EventData:
        if not _is_wanted(log, wanted):
            raise NodeUntrue("logs that were asked for", f"another one, of block {log['blockNumber']}")
        decoded: EventData = self._contract.events[self._names[bytes(log["topics"][0])]]().process_log(log)
        return decoded

    def _event(self, log: EventData, kind: EventKind) -> OrderEvent:
        arguments = log["args"]
        return OrderEvent(
            kind,
            OrderId(bytes(arguments["orderId"])),
            log["blockNumber"],
            bytes(log["transactionHash"]),
            posted=self._posted(log) if kind is EventKind.POSTED else None,
            key=bytes(arguments["key"]) if kind is EventKind.KEY_REVEALED else None,
        )

    def _keep_model(self, arguments: Any) -> ModelId:
        """Keeps the arguments of a ``ModelRegistered`` event; returns the model's id.

        Anyone can register terms that ``ModelTerms`` refuses. That must stop nobody from reading other events.

        Raises:
            NodeUntrue: The terms are another model's, whose owner would get what is paid.
        """
        model_id = ModelId(bytes(arguments["modelId"]))
        hashed = structs.model_id(self._chain_id, self._contract.address, _values(arguments["terms"]))
        if hashed != model_id:
            raise NodeUntrue(f"the terms of model 0x{model_id.hex()}", f"those of 0x{hashed.hex()}")
        self._models[model_id] = arguments
        return model_id

    def _posted(self, log: EventData) -> PostedOrder | None:
        """The order of an ``OrderPosted`` event. What the event leaves out are the model's terms.

        None if the node does not have the model's registration: another party's old model must not hide newer events.
        """
        arguments = log["args"]
        model_id = ModelId(bytes(arguments["modelId"]))
        if model_id not in self._models | self._absent:
            self._find_models({model_id})
        if model_id not in self._models:
            return None
        terms = _struct(ModelTerms, self._models[model_id]["terms"])
        announced = OrderId(bytes(arguments["orderId"]))
        try:
            order = Order(
                model_id=model_id,
                content_id=ContentId(bytes(arguments["contentId"])),
                buyer=terms["owner"],
                seller=arguments["seller"],
                token=terms["token"],
                price=arguments["price"],
                seller_bond=terms["seller_bond"],
                dispute_window=terms["dispute_window"],
                require_receipt=terms["require_receipt"],
                data_root=bytes(arguments["dataRoot"]),
                key_hash=bytes(arguments["keyHash"]),
            )
        except ValidationError as error:
            faults = listed_faults(error.errors())
            raise NodeUntrue(f"order 0x{announced.hex()}", f"one that the contract cannot hold ({faults})") from None
        if order.order_id() != announced:
            raise NodeUntrue(f"order 0x{announced.hex()}", f"order 0x{order.order_id().hex()}")
        return PostedOrder(order, log["blockNumber"], bytes(log["transactionHash"]))


def _values(struct: Any) -> tuple[Any, ...]:
    """A decoded Solidity struct as a tuple."""
    return tuple(struct.values() if hasattr(struct, "values") else struct)


def _struct(kind: type[AbiValue], value: Any) -> dict[str, Any]:
    """A decoded Solidity struct by the names of the fields of ``kind``."""
    return dict(zip(kind.model_fields, _values(value), strict=True))


def _is_wanted(log: LogReceipt, wanted: FilterParams) -> bool:
    """Whether a log has the address, a block and the topics that were asked for."""
    if log["address"] != wanted["address"] or not wanted["fromBlock"] <= log["blockNumber"] <= wanted["toBlock"]:  # type: ignore[operator]
        return False
    found = [topic.to_0x_hex() for topic in log["topics"]]
    topics: Topics = wanted["topics"]  # type: ignore[assignment]
    return len(found) >= len(topics) and all(
        want is None or have in (want if isinstance(want, list) else [want])
        for want, have in zip(topics, found, strict=False)
    )


def _hex(word: bytes | None) -> str | None:
    return None if word is None else "0x" + word.hex()


def _may_refuse_the_range(error: ChainError, blocks: int) -> bool:
    """Whether a narrower range may be answered. Nodes have no common code for one that is too wide."""
    cause = error.__cause__
    if isinstance(cause, HttpRefusal):
        return cause.status in _REFUSALS
    if isinstance(cause, NoAnswer):
        return cause.late and blocks > _SLOW_RANGE
    return isinstance(cause, Web3RPCError | BadAnswer)
