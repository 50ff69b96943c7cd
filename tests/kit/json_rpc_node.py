"""A JSON-RPC node in memory, at web3's provider: blocks, logs of the contract, reorganisations, bounded ranges."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import event_abi_to_log_topic
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from assay.bounded_http import Answer
from assay.chain.interface import contract_interface
from assay.chain.rpc.endpoint import response_of
from assay.protocol.structs import ModelTerms, order_id
from tests.kit.actors import CONTRACT, DOMAIN, buyer_account, oracle_account, seller_account

_EVENTS = {entry["name"]: entry for entry in contract_interface()["abi"] if entry["type"] == "event"}
BLOCK_SECONDS = 12
TERMS = ModelTerms(
    owner=buyer_account.address,
    function_hash=b"\x01" * 32,
    delivery_key=b"\x02" * 32,
    max_price=10**18,
    reveal_window=3600,
    dispute_window=3600,
)
MODEL = TERMS.model_id(DOMAIN.chain_id, DOMAIN.contract)


def _type_of(parameter: dict[str, Any]) -> str:
    """The parameter's type as ``eth_abi`` takes it: a struct is a tuple of its members' types."""
    if parameter["type"] != "tuple":
        return str(parameter["type"])
    return f"({','.join(_type_of(member) for member in parameter['components'])})"


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


class JsonRpcNode(JSONBaseProvider):
    """Serves blocks from number 0.

    Attributes:
        limit: Most blocks that one ``eth_getLogs`` may ask for; None for no bound.
        refusal: HTTP status by which a wider range is refused; None for a JSON-RPC error.
        chain_id: Id of the chain that it serves.
        down: No request is answered.
        ranges: First and last block of each ``eth_getLogs`` that was answered.
        before: Called with the method before each answer.
        views: Answers of ``eth_call`` by selector; any other call reverts.
    """

    def __init__(self, *, limit: int | None = None, refusal: int | None = None) -> None:
        super().__init__()
        self.limit = limit
        self.refusal = refusal
        self.chain_id = 31337
        self.down = False
        self.ranges: list[tuple[int, int]] = []
        self.requests = 0
        self.before: Callable[[str], None] = lambda _: None
        self.views: dict[bytes, bytes] = {}
        self._forks = 0
        self._hashes: list[bytes] = []
        self._logs: list[dict[str, Any]] = []
        self.mine()

    # --- the chain ---

    @property
    def head(self) -> int:
        """Number of the latest block."""
        return len(self._hashes) - 1

    def mine(self, count: int = 1) -> None:
        """Appends empty blocks."""
        for _ in range(count):
            number = len(self._hashes)
            self._hashes.append(hashlib.sha256(f"{self._forks}/{number}".encode()).digest())

    def emit(self, event: str, **arguments: Any) -> None:
        """Appends a block with one log of the contract."""
        self.mine()
        inputs = _EVENTS[event]["inputs"]
        indexed = [parameter for parameter in inputs if parameter["indexed"]]
        plain = [parameter for parameter in inputs if not parameter["indexed"]]
        topics = [event_abi_to_log_topic(_EVENTS[event])]
        topics += [encode([_type_of(parameter)], [arguments[parameter["name"]]]) for parameter in indexed]
        data = encode(
            [_type_of(parameter) for parameter in plain], [arguments[parameter["name"]] for parameter in plain]
        )
        self._logs.append({"block": self.head, "topics": [_hex(topic) for topic in topics], "data": _hex(data)})

    def reorganise(self, depth: int, *, shorter_by: int = 0) -> None:
        """Replaces the newest ``depth`` blocks, with what happened in them, by empty ones."""
        self._forks += 1
        kept = len(self._hashes) - depth
        del self._hashes[kept:]
        self._logs = [log for log in self._logs if log["block"] < kept]
        self.mine(depth - shorter_by)

    # --- JSON-RPC ---

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if self.down:
            raise ConnectionError("refused")
        self.requests += 1
        self.before(method)
        answers = {
            "eth_chainId": lambda: hex(self.chain_id),
            "eth_blockNumber": lambda: hex(self.head),
            "eth_getBlockByNumber": lambda: self._block(params[0]),
            "eth_getLogs": lambda: self._get_logs(params[0]),
            "eth_call": lambda: self._call(params[0]),
        }
        answer: Any = answers[method]()
        if isinstance(answer, dict) and "error" in answer:
            return {"jsonrpc": "2.0", "id": 1, "error": answer["error"]}  # type: ignore[typeddict-item]
        return {"jsonrpc": "2.0", "id": 1, "result": answer}  # type: ignore[typeddict-item]

    def _block(self, number: str) -> dict[str, Any] | None:
        at = self.head if number == "latest" else int(number, 16)
        if at > self.head:
            return None
        return {"number": hex(at), "hash": _hex(self._hashes[at]), "timestamp": hex(at * BLOCK_SECONDS)}

    def _call(self, wanted: dict[str, Any]) -> Any:
        answer = self.views.get(bytes.fromhex(wanted["data"][2:10]))
        return {"error": {"code": 3, "message": "execution reverted", "data": "0x"}} if answer is None else _hex(answer)

    def _get_logs(self, wanted: dict[str, Any]) -> Any:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if self.limit is not None and last - first + 1 > self.limit:
            error = {"error": {"code": -32602, "message": f"range {last - first} exceeds limit of {self.limit}"}}
            if self.refusal:
                return http_answer(self.refusal, json.dumps(error))
            return error
        self.ranges.append((first, last))
        found = [log for log in self._logs if first <= log["block"] <= last and _matches(log, wanted["topics"])]
        return [self._log(log, index) for index, log in enumerate(found)]

    def _log(self, log: dict[str, Any], index: int) -> dict[str, Any]:
        block_hash = self._hashes[log["block"]]
        return {
            "address": CONTRACT,
            "topics": log["topics"],
            "data": log["data"],
            "blockNumber": hex(log["block"]),
            "blockHash": _hex(block_hash),
            "transactionHash": _hex(hashlib.sha256(block_hash + b"transaction").digest()),
            "transactionIndex": "0x0",
            "logIndex": hex(index),
            "removed": False,
        }


def http_answer(status: int, body: str) -> RPCResponse:
    """What comes of an answer with this HTTP status."""
    return response_of(Answer(status, {}, body.encode()))


def _matches(log: dict[str, Any], topics: list[Any]) -> bool:
    """Whether each topic of the log is the wanted one, or one of several; None matches every topic."""
    return all(
        wanted is None or found in (wanted if isinstance(wanted, list) else [wanted])
        for wanted, found in zip(topics, [*log["topics"], *[None] * 4], strict=False)
    )


def content(number: int) -> bytes:
    """The id of a content."""
    return number.to_bytes(32, "big")


def register(node: JsonRpcNode, terms: ModelTerms = TERMS, *, model_id: bytes | None = None) -> bytes:
    """Appends a block that registers a model, by a lying node under another ``model_id``; returns the model's id."""
    model_id = model_id or terms.model_id(DOMAIN.chain_id, DOMAIN.contract)
    node.emit(
        "ModelRegistered",
        modelId=model_id,
        owner=terms.owner,
        oracle=oracle_account.address,
        terms=terms.abi_values(),
    )
    return model_id


def post(node: JsonRpcNode, number: int, seller: str = seller_account.address, *, model_id: bytes = MODEL) -> bytes:
    """Appends a block that posts the order of a content; returns the order's id."""
    order = order_id(model_id, content(number))
    node.emit(
        "OrderPosted",
        orderId=order,
        modelId=model_id,
        seller=seller,
        contentId=content(number),
        price=1000 + number,
        dataRoot=b"\x03" * 32,
        keyHash=b"\x04" * 32,
    )
    return order
