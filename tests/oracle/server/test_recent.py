"""Answers of the chain that are a moment old."""

import pytest
from eth_abi.abi import encode

from assay.chain.interface import view
from assay.chain.node import Node
from assay.chain.settlement import SettlementClient
from assay.errors import NodeUnreachable
from assay.protocol.types import ModelId, OrderId
from assay_oracle.server.recent import SECONDS, RecentClient
from tests.kit.actors import CONTRACT, DOMAIN, oracle_account
from tests.kit.json_rpc_node import MODEL, JsonRpcNode

pytestmark = pytest.mark.unit


class Place:
    """A node, a client of it, and the hand of a clock."""

    def __init__(self) -> None:
        self.node, self.time = JsonRpcNode(), 0.0
        self.set_budget(1)
        self.chain = SettlementClient(Node(self.node), CONTRACT, chain_id=DOMAIN.chain_id)
        self.recent = RecentClient(self.chain, clock=lambda: self.time)

    @property
    def asked(self) -> int:
        return self.node.requests

    def set_budget(self, budget: int) -> None:
        answer = encode(["address", "uint256", "bool"], [oracle_account.address, budget, True])
        self.node.views[view("modelState").selector] = answer


def test_a_model_is_asked_about_once_in_a_moment_and_each_by_itself() -> None:
    place, other = Place(), ModelId(b"\x07" * 32)
    assert [place.recent.model_state(MODEL).budget for _ in range(3)] == [1, 1, 1]
    assert place.asked == 1
    place.set_budget(2)
    assert place.recent.model_state(other).budget == 2
    assert place.recent.model_state(MODEL).budget == 1
    place.time += SECONDS
    assert place.recent.model_state(MODEL).budget == 2


def test_block_time_is_asked_once_in_a_moment() -> None:
    place = Place()
    place.node.mine()
    assert place.recent.block_time() == place.recent.block_time() == place.chain.block_time()
    assert place.asked == 2
    before = place.recent.block_time()
    place.node.mine()
    assert place.recent.block_time() == before
    place.time += SECONDS
    assert place.recent.block_time() == place.chain.block_time() > before


def test_a_failure_is_not_kept() -> None:
    place = Place()
    place.node.down = True
    with pytest.raises(NodeUnreachable):
        place.recent.model_state(MODEL)
    place.node.down = False
    assert place.recent.model_state(MODEL).budget == 1


def test_orders_and_what_is_signed_are_asked_of_the_chain_itself() -> None:
    place = Place()
    place.node.views[view("orderState").selector] = encode(["uint8", "uint256", "uint256"], [0, 0, 0])
    for asked in (1, 2):
        place.recent.order_state(OrderId(bytes(32)))
        assert place.asked == asked
    place.recent.model_state(MODEL)
    place.set_budget(2)
    assert place.chain.model_state(MODEL).budget == 2
