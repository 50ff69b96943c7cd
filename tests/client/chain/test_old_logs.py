"""A node that keeps no old logs, or a deployment record that names a block too late: what is missing is told."""

import pytest

from assay.chain.events import Events
from assay.chain.interface import contract_interface
from assay.chain.node import Node
from assay.errors import ChainError
from tests.kit.actors import CONTRACT, DOMAIN
from tests.kit.json_rpc_node import MODEL, TERMS, JsonRpcNode, content, post, register

pytestmark = pytest.mark.unit


def events_of(node: JsonRpcNode, *, first: int) -> Events:
    asked = Node(node)
    return Events(asked, asked.contract(CONTRACT, contract_interface()["abi"]), first, DOMAIN.chain_id)


@pytest.fixture
def node() -> JsonRpcNode:
    made = JsonRpcNode()
    register(made)
    return made


def test_node_without_old_logs(node: JsonRpcNode) -> None:
    order, events = post(node, 1), events_of(node, first=node.head)
    for wanted in ({"model_id": MODEL}, {"order_id": order}):
        with pytest.raises(ChainError, match="expected the registration of") as raised:
            events.posted(**wanted)
        assert "keeps logs" in str(raised.value.hint)


def test_old_model_of_others_hides_no_newer_one(node: JsonRpcNode) -> None:
    """A node that pruned its registration is searched for it once."""
    order, first = post(node, 1), node.head
    own = register(node, TERMS.model_copy(update={"salt": content(9)}))
    node.mine(200)
    newer, events = post(node, 2, model_id=own), events_of(node, first=first)
    assert [(event.order_id, event.posted is None) for event in events.since(None).events] == [
        (order, True),
        (newer, False),
    ]
    assert [posted.order.order_id() for posted in events.posted()] == [newer]
    del node.ranges[:]
    events.since(None)
    assert len([first for first, _ in node.ranges if first == events._first]) == 1
