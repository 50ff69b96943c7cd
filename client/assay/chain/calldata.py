"""The data that ``revealData`` took, wherever in a transaction the contract was called.

The event shows that data were revealed, not the data. They are in the transaction's input if the seller called the
contract itself, called ``batch``, or went through a contract that passes calldata on. Otherwise only a trace has them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector
from hexbytes import HexBytes
from web3.types import RPCEndpoint

from assay.chain.interface import contract_interface
from assay.chain.node import Node
from assay.chain.values import RevealedData
from assay.errors import ChainError, NodeUnreachable, SealError
from assay.protocol import seal
from assay.protocol.structs import Order

_TYPES = ["uint256", "bytes", "bytes32[]"]


def find_revealed(node: Node, transaction: bytes, order: Order) -> RevealedData:
    """What the call of ``revealData`` for ``order`` carried in a transaction (its hash).

    Raises:
        ChainError: The input does not show it, and the node serves no traces.
    """
    with node.errors():
        sent = node.web3.eth.get_transaction(HexBytes(transaction))
        found = _committed(order, [bytes(sent["input"])])
    found = found or _committed(order, _traced_inputs(node, transaction))
    if found is None:
        raise ChainError(
            f"the data of order 0x{order.order_id().hex()} were revealed in transaction 0x{transaction.hex()}, through "
            f"another contract: the transaction's input does not show them, and the node at {node.url} has no trace",
            hint="name a node that serves trace_transaction or debug_traceTransaction: --node; the data stay on chain",
        )
    return found


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
    (function,) = (entry for entry in contract_interface()["abi"] if entry.get("name") == "revealData")
    kind = f"({','.join(member['type'] for member in function['inputs'][0]['components'])})"
    encoded = encode([kind], [order.abi_values()])
    start = function_abi_to_4byte_selector(function) + encoded
    at = data.find(start)
    while at >= 0:
        try:
            # Offsets count from the first argument.
            _, *values = decode([kind, *_TYPES], data[at + 4 :], strict=False)
            yield RevealedData(values[0], values[1], tuple(values[2]))
        except (DecodingError, OverflowError):
            pass
        at = data.find(start, at + 1)


def _traced_inputs(node: Node, transaction: bytes) -> Iterator[bytes]:
    """Inputs of all calls that the transaction made, as the one or the other kind of trace shows them."""
    digest = "0x" + transaction.hex()
    for method, parameters in (
        ("trace_transaction", [digest]),
        ("debug_traceTransaction", [digest, {"tracer": "callTracer"}]),
    ):
        try:
            with node.errors():
                trace = node.web3.manager.request_blocking(RPCEndpoint(method), parameters)
        except NodeUnreachable:
            raise
        except ChainError:
            continue
        yield from _inputs(trace)


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
