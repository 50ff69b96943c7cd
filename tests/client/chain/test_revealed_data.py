"""``revealData`` by every way in which the contract pays, on Anvil: whatever the way, the data are read and checked."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.localnet import ETHER, Node, anvil
from web3.types import RPCEndpoint, RPCResponse

from assay.chain.node import Node as ChainNode
from assay.chain.rpc.endpoint import HttpEndpoint
from assay.chain.settlement import SettlementClient
from assay.errors import ChainError
from assay.protocol import seal
from assay.protocol.statements import digest
from assay.protocol.structs import ModelTerms, Order, Quote, Status, key_hash
from tests.kit.mocks import deploy

pytestmark = pytest.mark.integration

account: LocalAccount = Account.from_key(b"\x51" * 32)
oracle: LocalAccount = Account.from_key(b"\x52" * 32)
KEY = b"\x07" * 32
DATA = bytes(range(256)) * 9
SIZE = 1024


class Without(HttpEndpoint):
    """A node that serves no methods of these names, as plain nodes serve no traces."""

    absent: tuple[str, ...] = ()

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        if method in self.absent:
            error = {"code": -32601, "message": f"the method {method} does not exist/is not available"}
            return {"jsonrpc": "2.0", "id": 1, "error": error}  # type: ignore[typeddict-item]
        return super().make_request(method, params)


class Plain(Without):
    absent = ("trace_transaction", "debug_traceTransaction")


class Geth(Without):
    absent = ("trace_transaction",)


class Place:
    """A model whose owner is also the seller, and sealed data."""

    def __init__(self, node: Node, folder: Path) -> None:
        node.fund(account.address, 100 * ETHER)
        self.node = node
        self.deployment = node.deploy(folder / "31337.json")
        self.chain = self.seen_through(HttpEndpoint(node.url))
        self.relay = deploy(node, "Relay.sol", "Relay")
        self.terms = ModelTerms(
            owner=account.address,
            function_hash=b"\x01" * 32,
            delivery_key=b"\x02" * 32,
            max_price=ETHER,
            reveal_window=3600,
            dispute_window=3600,
        )
        self.chain.register_model(self.terms, oracle.address)
        self.chain.fund(self.terms, ETHER)
        sealed = io.BytesIO()
        self.root = seal.seal(io.BytesIO(DATA), sealed, KEY, chunk_size=SIZE).data_root
        self.plain, self.digests = seal.plaintext(sealed, KEY)
        self.orders = 0

    def seen_through(self, endpoint: HttpEndpoint) -> SettlementClient:
        return SettlementClient.of(ChainNode(endpoint), self.deployment, account=account)

    def order(self) -> Order:
        self.orders += 1
        quote = Quote(
            model_id=self.chain.model_id(self.terms),
            content_id=self.orders.to_bytes(32, "big"),
            seller=account.address,
            data_root=self.root,
            price=1000,
            expiry=self.chain.block_time() + 3600,
            evaluation=bytes(32),
        )
        domain = self.chain.domain
        locked = key_hash(quote.order_id(), KEY)
        acceptance = account.sign_message(domain.acceptance(digest(domain.quote(quote)), locked)).signature
        self.chain.post(
            self.terms,
            quote,
            bytes(oracle.sign_message(domain.quote(quote)).signature),
            locked,
            bytes(acceptance),
        )
        return self.chain.posted(order_id=quote.order_id())[0].order

    def call(self, order: Order, plain: bytes | None = None) -> bytes:
        """The encoded call of ``revealData``."""
        arguments = [order.abi_values(), SIZE, self.plain if plain is None else plain, list(self.digests)]
        return bytes.fromhex(self.chain._contract.encode_abi("revealData", arguments)[2:])

    def send(self, function: Any) -> None:
        self.chain._sender.send(function)

    def reveal(self, order: Order, way: str) -> None:
        call, to, relay = self.call(order), self.chain.domain.contract, self.relay.functions
        contract = self.chain._contract.functions
        vain = self.call(order, bytes(len(self.plain)))
        {
            "plain": lambda: self.chain.reveal_data(order, SIZE, self.plain, self.digests),
            "batch": lambda: self.send(contract.batch([call])),
            "batch_of_batches": lambda: self.send(
                contract.batch([bytes.fromhex(self.chain._contract.encode_abi("batch", [[call]])[2:])])
            ),
            "relay": lambda: self.send(relay["pass"](to, call)),
            "second_try": lambda: self.send(relay.passSecond(to, vain, call)),
            "turned": lambda: self.send(relay.passTurned(to, bytes(~byte & 255 for byte in call))),
        }[way]()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("revealed")
    with anvil(folder / "anvil.log") as node:
        yield Place(node, folder)


def check(place: Place, chain: SettlementClient, order: Order) -> None:
    assert chain.order_state(order.order_id()).status is Status.PAID
    revealed = chain.revealed_data(order.order_id())
    assert revealed is not None
    opened = seal.open_revealed(revealed.plaintext, revealed.sealed_digests, revealed.chunk_size, order.data_root)
    assert opened == DATA
    assert chain.revealed_key(order.order_id()) is None


@pytest.mark.parametrize("way", ["plain", "batch", "batch_of_batches", "relay", "second_try"])
def test_data_in_the_transactions_input_are_read_from_a_plain_node(place: Place, way: str) -> None:
    order = place.order()
    place.reveal(order, way)
    check(place, place.seen_through(Plain(place.node.url)), order)


@pytest.mark.parametrize("node", [HttpEndpoint, Geth], ids=["flat_trace", "tree_of_calls"])
def test_data_that_no_input_shows_are_read_from_the_trace(place: Place, node: type[HttpEndpoint]) -> None:
    order = place.order()
    place.reveal(order, "turned")
    check(place, place.seen_through(node(place.node.url)), order)


SHORT = 10_000
"""Bytes of an answer: more than the call has, and fewer than any trace of the transaction."""


class WithoutScripts(HttpEndpoint):
    """A node that runs no tracers of its users, as hosted nodes do; ``flat`` traces may be missing, too."""

    flat = True

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        is_script = method == "debug_traceTransaction" and "function" in params[1]["tracer"]
        if is_script or (method == "trace_transaction" and not self.flat):
            error = {"code": -32000, "message": "tracer not found"}
            return {"jsonrpc": "2.0", "id": 1, "error": error}  # type: ignore[typeddict-item]
        return super().make_request(method, params)


class GethWithoutScripts(WithoutScripts):
    flat = False


@pytest.mark.parametrize("node", [HttpEndpoint, WithoutScripts, GethWithoutScripts])
def test_data_in_a_trace_of_any_length_are_read(
    place: Place, node: type[HttpEndpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender of the transaction chooses the length: the node picks the call out, or the trace is searched."""
    order = place.order()
    place.reveal(order, "turned")
    monkeypatch.setattr("assay.chain.rpc.endpoint.MOST_ANSWER_BYTES", SHORT)
    searched: list[str] = []
    search = HttpEndpoint.search
    monkeypatch.setattr(HttpEndpoint, "search", lambda *values: (searched.append(values[1]), search(*values))[1])
    check(place, place.seen_through(node(place.node.url)), order)
    assert len(searched) == (node is not HttpEndpoint)


def test_data_that_only_a_trace_shows_are_told_with_the_transaction_and_what_to_set(place: Place) -> None:
    order = place.order()
    place.reveal(order, "turned")
    with pytest.raises(ChainError, match=r"in transaction 0x[0-9a-f]{64}, through another contract") as raised:
        place.seen_through(Plain(place.node.url)).revealed_data(order.order_id())
    assert "debug_traceTransaction" in str(raised.value.hint)


@pytest.mark.parametrize("way", ["batch", "relay", "turned"])
def test_key_that_was_revealed_through_another_contract_is_in_the_event(place: Place, way: str) -> None:
    order = place.order()
    call = bytes.fromhex(place.chain._contract.encode_abi("revealKey", [order.abi_values(), KEY, b""])[2:])
    to, relay = place.chain.domain.contract, place.relay.functions
    {
        "batch": lambda: place.send(place.chain._contract.functions.batch([call])),
        "relay": lambda: place.send(relay["pass"](to, call)),
        "turned": lambda: place.send(relay.passTurned(to, bytes(~byte & 255 for byte in call))),
    }[way]()
    chain = place.seen_through(Plain(place.node.url))
    assert chain.revealed_key(order.order_id()) == KEY
    assert chain.revealed_data(order.order_id()) is None
