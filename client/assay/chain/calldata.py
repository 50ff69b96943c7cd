"""The data that ``revealData`` took, wherever in a transaction the contract was called.

The event shows that data were revealed, not the data. They are in the transaction's input if the seller called the
contract itself, called ``batch``, or went through a contract that passes calldata on. Otherwise only a trace has them.

Whoever sends the transaction can make its trace as long as it likes: a call with a megabyte of input costs some hundred
gas if the memory is paid for. So the node is first asked to pick out the calls that succeeded (a tracer in JavaScript).
Where it does not do that, its trace is read as it comes, in bounded memory, until the call was found.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector
from hexbytes import HexBytes
from web3.types import RPCEndpoint

from assay.bounded_http import BadAnswer, NoAnswer
from assay.chain.interface import contract_interface
from assay.chain.node import Node
from assay.chain.values import RevealedData
from assay.errors import ChainError, NodeUnreachable, SealError
from assay.protocol import seal
from assay.protocol.structs import Order

_TYPES = ["uint256", "bytes", "bytes32[]"]


_PICK = """{
  open: [], found: [],
  enter: function(frame) {
    var data = toHex(frame.getTo()) === "%s" ? frame.getInput() : null;
    this.open.push(data && toHex(data.slice(0, 4)) === "%s" ? data : null);
  },
  exit: function(result) {
    var data = this.open.pop();
    if (data && result.getError() === undefined) this.found.push({input: toHex(data)});
  },
  fault: function() {},
  result: function() { return this.found; }
}"""
"""Tracer (Geth's interface, which others serve too) of the calls of one function of one contract that succeeded."""

Request = tuple[str, list[Any]]


def find_revealed(node: Node, transaction: bytes, order: Order, contract: str) -> RevealedData:
    """What the call of ``revealData`` of ``contract`` for ``order`` carried in a transaction (its hash).

    Raises:
        ChainError: The input does not show it, and the node serves no trace that does.
    """
    with node.errors():
        sent = node.web3.eth.get_transaction(HexBytes(transaction))
        found = _committed(order, [bytes(sent["input"])])
    digest, long = "0x" + transaction.hex(), list[Request]()
    pick = _PICK % (contract.lower(), "0x" + function_abi_to_4byte_selector(_function()).hex())
    requests: list[Request] = [
        ("debug_traceTransaction", [digest, {"tracer": pick}]),
        ("trace_transaction", [digest]),
        ("debug_traceTransaction", [digest, {"tracer": "callTracer"}]),
    ]
    found = found or _committed(order, _traced_inputs(node, requests, long))
    found = found or _committed(order, _searched_inputs(node, long, order))
    if found is None:
        raise ChainError(
            f"the data of order 0x{order.order_id().hex()} were revealed in transaction 0x{transaction.hex()}, through "
            f"another contract: the transaction's input does not show them, and the node at {node.url} has no trace "
            "that can be read",
            hint="name a node that serves trace_transaction or debug_traceTransaction, with tracers in JavaScript if "
            "the trace is long: --node; the data stay on chain",
        )
    return found


def _function() -> Any:
    (function,) = (entry for entry in contract_interface()["abi"] if entry.get("name") == "revealData")
    return function


def _order_type() -> str:
    return f"({','.join(member['type'] for member in _function()['inputs'][0]['components'])})"


def _start(order: Order) -> bytes:
    """What every call of ``revealData`` for ``order`` begins with."""
    return function_abi_to_4byte_selector(_function()) + encode([_order_type()], [order.abi_values()])


def _committed(order: Order, inputs: Iterable[bytes]) -> RevealedData | None:
    """The first encoded call in ``inputs`` whose data are what the order commits to: a call may be tried in vain."""
    for data in inputs:
        for revealed in _calls(order, data):
            try:
                seal.open_revealed(revealed.plaintext, revealed.sealed_digests, revealed.chunk_size, order.data_root)
            except SealError:
                continue
            return revealed
    return None


def _calls(order: Order, data: bytes) -> Iterator[RevealedData]:
    """The calls for ``order`` that are encoded anywhere in ``data``. An order has one encoding, of fixed length."""
    kind, start = _order_type(), _start(order)
    at = data.find(start)
    while at >= 0:
        try:
            # Offsets count from the first argument.
            _, *values = decode([kind, *_TYPES], data[at + 4 :], strict=False)
            yield RevealedData(values[0], values[1], tuple(values[2]))
        except (DecodingError, OverflowError):
            pass
        at = data.find(start, at + 1)


def _traced_inputs(node: Node, requests: list[Request], long: list[Request]) -> Iterator[bytes]:
    """Inputs of calls that the transaction made, as each kind of trace shows them.

    ``long`` gets the requests whose answers are too long to be held.
    """
    for method, parameters in requests:
        try:
            with node.errors():
                trace = node.web3.manager.request_blocking(RPCEndpoint(method), parameters)
        except ChainError as error:
            cause = error.__cause__
            if isinstance(cause, BadAnswer) or (isinstance(cause, NoAnswer) and cause.late):
                long.append((method, parameters))
            elif isinstance(error, NodeUnreachable):
                raise
            continue
        yield from _inputs(trace)


def _searched_inputs(node: Node, requests: list[Request], order: Order) -> Iterator[bytes]:
    """Calls for ``order`` in traces that are too long to be held, found in the text of the answer."""
    for method, parameters in requests:
        try:
            for digits in node.search(method, parameters, _start(order).hex().encode()):
                yield _bytes(digits.decode())
        except ChainError:
            continue


def _inputs(trace: Any) -> Iterator[bytes]:
    """Every member ``input`` of a trace, however deep the calls are nested."""
    waiting = [trace]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | tuple):
            waiting += value
        elif hasattr(value, "items"):
            for name, member in value.items():
                if name == "input" and isinstance(member, str | bytes):
                    yield _bytes(member)
                else:
                    waiting.append(member)


def _bytes(value: str | bytes) -> bytes:
    try:
        return bytes(HexBytes(value))
    except ValueError:
        return b""
