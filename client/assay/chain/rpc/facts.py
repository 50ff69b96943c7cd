"""Which requests money follows from, of which block they ask, and what two answers must have in common to be one."""

import json
from typing import Any

_LATEST = "latest"
_BLOCK = ("number", "hash", "timestamp")
_RECEIPT = ("transactionHash", "blockHash", "blockNumber", "status", "gasUsed", "from")
_LOG = ("address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "logIndex")
_FIELDS: dict[str, tuple[str, ...]] = {
    "eth_chainId": (),
    "eth_call": (),
    "eth_getCode": (),
    "eth_getTransactionCount": (),
    "eth_getBlockByNumber": _BLOCK,
    "eth_getTransactionReceipt": _RECEIPT,
    "eth_getLogs": _LOG,
}
"""Fields of an answer that count; none where all of it does. Nodes add fields of their own, and differ in them."""
_BLOCK_AT = {"eth_call": 1, "eth_getCode": 1, "eth_getTransactionCount": 1, "eth_getBlockByNumber": 0}
"""Where a request names its block."""


def matters(method: str) -> bool:
    """Whether nodes must agree on the answer."""
    return method in _FIELDS


def is_latest(method: str, params: Any) -> bool:
    """Whether a request is about the latest block, which is another one for each node."""
    at = _BLOCK_AT.get(method)
    return at is not None and (len(params) <= at or params[at] == _LATEST)


def at_block(method: str, params: Any, number: int) -> list[Any]:
    """The parameters of a request about the latest block, about the one with this number."""
    at = _BLOCK_AT[method]
    return [*params[:at], hex(number), *params[at + 1 :]]


def block_named(method: str, params: Any) -> int:
    """Number of the newest block that a request is about; -1 if it names none."""
    named = params[0].get("toBlock") if method == "eth_getLogs" else None
    at = _BLOCK_AT.get(method)
    if at is not None and len(params) > at:
        named = params[at]
    if isinstance(named, int):
        return named
    return int(named, 16) if isinstance(named, str) and named.startswith("0x") else -1


def verdict(method: str, answer: Any) -> str:
    """What an answer says, as text: equal for nodes that agree. Of a refusal, what the contract says."""
    if not isinstance(answer, dict) or "result" not in answer:
        error = answer.get("error") if isinstance(answer, dict) else None
        data = error.get("data") if isinstance(error, dict) else None
        return f"refused {json.dumps(data).lower()}"
    found = answer["result"]
    fields = _FIELDS[method]
    if fields and isinstance(found, list):
        found = [_chosen(entry, fields) for entry in found]
    elif fields:
        found = _chosen(found, fields)
    return json.dumps(found).lower()


def _chosen(entry: Any, fields: tuple[str, ...]) -> Any:
    return [entry.get(field) for field in fields] if isinstance(entry, dict) else entry
