"""Answers of a JSON-RPC node: what is made of them is a value, or a named error. A node can answer with anything.

An input is the name of a call on a line of its own, and the answers, with ``http_answers.END`` between them. Each is
the body of an answer of HTTP, or a result of JSON-RPC that begins with ``=``; the last one is given again and again.
``many`` before the name asks three nodes that must agree.
"""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

from eth_account import Account
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from assay.amounts import amount_text
from assay.bounded_http import Answer
from assay.chain.events import Events
from assay.chain.node import Node
from assay.chain.queries import registered_terms
from assay.chain.rpc.endpoint import hex_runs, response_of
from assay.chain.rpc.members import Members
from assay.chain.settlement import SettlementClient
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId, OrderId
from fuzz.http_answers import END, ends

CHAIN = 31337
CONTRACT = "0x" + 39 * "0" + "1"
ACCOUNT = Account.from_key(b"\x01" * 32)
OTHER = "0x" + 40 * "a"
ZEROS = bytes(32)
TERMS = ModelTerms(
    owner=ACCOUNT.address,
    function_hash=ZEROS,
    delivery_key=ZEROS,
    max_price=1,
    reveal_window=3600,
    dispute_window=3600,
)
MOST_ASKED = 200
"""Requests after which a call counts as one that never ends."""


class _Endpoint(JSONBaseProvider):
    """Answers by the input."""

    def __init__(self) -> None:
        super().__init__()
        self._left = [b""]
        self._asked = 0

    def begin(self, answers: list[bytes]) -> None:
        """Answers by another input from now on."""
        self._left, self._asked = answers, 0

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        self.encode_rpc_request(method, params)
        self._asked += 1
        assert self._asked < MOST_ASKED, "a call ends, whatever a node answers"
        body = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        if body.startswith(b"="):
            body = b'{"jsonrpc":"2.0","id":0,"result":' + body[1:] + b"}"
        return response_of(Answer(200, {}, body))


CALLS: dict[str, Callable[[SettlementClient], object]] = {
    "check": lambda chain: chain.check(),
    "latest": lambda chain: chain.node.latest(),
    "block": lambda chain: chain.node.block(7),
    "balance": lambda chain: chain.balance(OTHER),
    "token_balance": lambda chain: chain.balance(OTHER, OTHER),
    "token": lambda chain: amount_text(10**18, chain.token(OTHER)),
    "code": lambda chain: chain.is_contract(OTHER),
    "signature": lambda chain: chain.is_valid_signature(OTHER, ZEROS, bytes(65)),
    "safe": lambda chain: chain.safe_owners(OTHER),
    "unmined": lambda chain: chain.unmined(),
    "model": lambda chain: chain.model_state(ModelId(ZEROS)),
    "terms": lambda chain: registered_terms(chain, ModelId(ZEROS)),
    "models": lambda chain: list(chain.models()),
    "credit": lambda chain: chain.credit(OTHER, OTHER),
    "bond": lambda chain: chain.oracle_bond(ModelId(ZEROS), OTHER),
    "order": lambda chain: chain.order_state(OrderId(ZEROS)),
    "confirmed": lambda chain: chain.confirmed_state(OrderId(ZEROS)),
    "events": lambda chain: chain.events_since(None),
    "posted": lambda chain: chain.posted(seller=OTHER),
    "posted_order": lambda chain: chain.posted(order_id=OrderId(ZEROS)),
    "key": lambda chain: chain.revealed_key(OrderId(ZEROS)),
    "data": lambda chain: chain.revealed_data(OrderId(ZEROS)),
    "history": lambda chain: chain.history(OrderId(ZEROS)),
    "send": lambda chain: chain.register_model(TERMS, OTHER),
}


@cache
def _client(count: int) -> tuple[list[_Endpoint], SettlementClient]:
    """A client of so many nodes, and these: to make another takes longer than an input may."""
    endpoints = [_Endpoint() for _ in range(count)]
    node = Node(*endpoints, quorum=0 if count > 1 else 1)
    node.nodes._wait = lambda _: None
    return endpoints, SettlementClient(node, CONTRACT, chain_id=CHAIN, account=ACCOUNT, timeout=0)


def check(content: bytes) -> None:
    """Makes the call of an input.

    Raises:
        Exception: A finding.
    """
    head, _, rest = content.partition(b"\n")
    name = head.decode("latin-1")
    list(hex_runs([rest[:7], rest[7:]], b"ab"))
    call = CALLS.get(name.removeprefix("many "))
    if call is None:
        return
    endpoints, chain = _client(3 if name.startswith("many ") else 1)
    for endpoint in endpoints:
        endpoint.begin(rest.split(END))
    nodes = chain.node.nodes
    nodes._members = Members(endpoints, nodes.quorum, time.monotonic)
    chain._events = Events(chain.node, chain._contract, 0, CHAIN)
    chain._tokens.clear()
    ends(lambda: call(chain))
