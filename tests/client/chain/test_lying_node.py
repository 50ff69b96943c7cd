"""A node that answers with what is not on the chain: hashes that are known tell, before money moves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector

from assay.chain.node import Node
from assay.chain.queries import registered_terms, state_of
from assay.chain.settlement import SettlementClient
from assay.chain.values import PostedOrder
from assay.errors import ChainError, NodeUntrue
from assay.oracle.api import OracleClient
from assay.protocol.structs import ModelTerms, Order, Status, key_hash, order_id
from assay.sale.buyer import Buyer
from assay.sale.portfolio import Portfolio
from tests.kit.actors import CONTRACT, DOMAIN, buyer_account, oracle_account, seller_account
from tests.kit.json_rpc_node import MODEL, TERMS, JsonRpcNode, content, post, register
from tests.kit.market import Market
from tests.kit.orders import count_calls

pytestmark = pytest.mark.unit

KEY = b"\x07" * 32
PAIR = order_id(MODEL, content(1))
TRUE = Order(
    model_id=MODEL,
    content_id=content(1),
    buyer=TERMS.owner,
    seller=seller_account.address,
    token=TERMS.token,
    price=1001,
    seller_bond=0,
    dispute_window=TERMS.dispute_window,
    require_receipt=False,
    data_root=b"\x03" * 32,
    key_hash=key_hash(PAIR, KEY),
)


def view(node: JsonRpcNode, function: str, kinds: list[str], *values: Any) -> None:
    """Lets the node answer with ``values`` to calls of a function."""
    node.views[function_signature_to_4byte_selector(function)] = encode(kinds, values)


def emit_order(node: JsonRpcNode, **changes: Any) -> None:
    """The event that posted ``TRUE``, with changed arguments."""
    arguments = {
        "orderId": PAIR,
        "modelId": MODEL,
        "seller": TRUE.seller,
        "contentId": TRUE.content_id,
        "price": TRUE.price,
        "dataRoot": TRUE.data_root,
        "keyHash": TRUE.key_hash,
    }
    node.emit("OrderPosted", **{**arguments, **changes})


@pytest.fixture
def node() -> JsonRpcNode:
    """Answers truly on states: the model is registered, and ``TRUE`` revealed."""
    made = JsonRpcNode()
    view(made, "modelState(bytes32)", ["address", "uint256", "bool"], oracle_account.address, 10**18, True)
    digest = int.from_bytes(TRUE.stored_digest())
    view(made, "orderState(bytes32)", ["uint8", "uint40", "uint208"], Status.REVEALED, 7, digest)
    return made


def chain_of(node: JsonRpcNode) -> SettlementClient:
    return SettlementClient(Node(node), CONTRACT, chain_id=DOMAIN.chain_id)


def register_forged(node: JsonRpcNode) -> None:
    """The event of ``MODEL`` with the terms of another, whose owner would get what is paid."""
    register(node, TERMS.model_copy(update={"owner": seller_account.address}), model_id=MODEL)


# --- models -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        lambda chain: registered_terms(chain, MODEL),
        lambda chain: chain.model_terms(MODEL),
        lambda chain: list(chain.models()),
        lambda chain: chain.events_since(None),
        lambda chain: chain.posted(),
        lambda chain: chain.posted(order_id=PAIR),
    ],
    ids=["registered_terms", "model_terms", "models", "events", "orders", "order"],
)
def test_terms_that_do_not_hash_to_the_models_id_are_refused(
    node: JsonRpcNode, read: Callable[[SettlementClient], Any]
) -> None:
    register_forged(node)
    emit_order(node)
    with pytest.raises(NodeUntrue, match=f"expected the terms of model 0x{MODEL.hex()}, got") as raised:
        read(chain_of(node))
    assert "--node" in str(raised.value.hint)


def test_models_whose_terms_are_forged_get_no_money(node: JsonRpcNode, tmp_path: Path) -> None:
    register_forged(node)
    unused = OracleClient("https://oracle.example")
    with pytest.raises(NodeUntrue, match="expected the terms of model"):
        Buyer(chain_of(node), unused, buyer_account, "", tmp_path).fund(MODEL, 1)


def test_terms_of_another_contract_are_refused(node: JsonRpcNode) -> None:
    register(node)
    assert chain_of(node).model_terms(MODEL) == (TERMS, oracle_account.address)
    with pytest.raises(NodeUntrue):
        SettlementClient(Node(node), CONTRACT, chain_id=DOMAIN.chain_id + 1).model_terms(MODEL)


def test_terms_that_no_client_uses_are_told_from_forged_ones(node: JsonRpcNode) -> None:
    strange = ModelTerms.model_construct(**{**dict(TERMS), "max_price": 2**200})
    model_id = register(node, strange)
    with pytest.raises(ChainError, match="at most 96 bits") as raised:
        chain_of(node).model_terms(model_id)
    assert not isinstance(raised.value, NodeUntrue)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_order_that_the_contract_has_is_read(node: JsonRpcNode) -> None:
    register(node)
    emit_order(node)
    assert [posted.order for posted in chain_of(node).posted(order_id=PAIR)] == [TRUE]


@pytest.mark.parametrize(
    "changes",
    [
        {"price": 1},
        {"seller": oracle_account.address},
        {"dataRoot": bytes(32)},
        {"keyHash": bytes(32)},
        {"contentId": content(2)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_order_that_the_contract_does_not_have_is_refused(node: JsonRpcNode, changes: dict[str, Any]) -> None:
    register(node)
    emit_order(node, **changes)
    with pytest.raises(NodeUntrue, match=f"expected order 0x{PAIR.hex()}"):
        chain_of(node).posted(order_id=PAIR)


def test_order_that_the_contract_cannot_hold_is_refused(node: JsonRpcNode) -> None:
    """A log has room for a price of 256 bits, the contract's storage for one of 96."""
    register(node)
    emit_order(node, price=2**96)
    with pytest.raises(NodeUntrue, match="one that the contract cannot hold"):
        chain_of(node).events_since(None)


@pytest.mark.parametrize("change", [{"address": oracle_account.address}, {"blockNumber": "0xfffff"}, {"topics": []}])
def test_logs_that_were_not_asked_for_are_refused(
    node: JsonRpcNode, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    register(node)
    own = node._log
    monkeypatch.setattr(node, "_log", lambda *arguments: {**own(*arguments), **change})
    with pytest.raises(NodeUntrue, match="expected logs that were asked for"):
        list(chain_of(node).models())


def test_order_of_another_seller_is_refused(node: JsonRpcNode, monkeypatch: pytest.MonkeyPatch) -> None:
    register(node)
    post(node, 1, oracle_account.address)
    monkeypatch.setattr("tests.kit.json_rpc_node._matches", lambda *_: True)
    with pytest.raises(NodeUntrue):
        chain_of(node).posted(seller=seller_account.address)


# --- what follows from an order ---------------------------------------------------------------------------------------


@pytest.fixture
def forged(market: Market) -> PostedOrder:
    """A locked order as a lying node shows it: for another price."""
    market.locked()
    (posted,) = market.chain.posted()
    return replace(posted, order=posted.order.model_copy(update={"price": posted.order.price + 1}))


def test_buyer_does_nothing_for_an_order_that_the_contract_does_not_have(
    market: Market, forged: PostedOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = count_calls(monkeypatch, "dispute", "settle", "refund")
    assert isinstance(market.buyer().advance(forged).error, NodeUntrue)
    assert sent == []


def test_overview_shows_no_order_that_the_contract_does_not_have(
    market: Market, forged: PostedOrder, tmp_path: Path
) -> None:
    with pytest.raises(NodeUntrue, match="expected order"):
        Portfolio(market.chain, forged.order.seller, [], tmp_path).views([forged])


def test_order_that_a_reorganisation_removed_is_no_lie(market: Market, forged: PostedOrder) -> None:
    other = forged.order.model_copy(update={"content_id": bytes(32)})
    assert state_of(market.chain, other).status is Status.NONE
