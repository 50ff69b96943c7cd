"""Registered models from their events: newest first, of one owner, and none that no client can use."""

import pytest

from assay.chain.events import Events
from assay.chain.interface import contract_interface
from assay.chain.node import Node
from assay.protocol.structs import ModelTerms
from tests.kit.actors import CONTRACT, DOMAIN, oracle_account, seller_account
from tests.kit.json_rpc_node import MODEL, TERMS, JsonRpcNode, register

pytestmark = pytest.mark.unit


@pytest.fixture
def node() -> JsonRpcNode:
    """A node of a chain on which a model was registered in block 4."""
    made = JsonRpcNode()
    made.mine(3)
    register(made)
    return made


def events_of(served: JsonRpcNode) -> Events:
    node = Node(served)
    return Events(node, node.contract(CONTRACT, contract_interface()["abi"]), 3, DOMAIN.chain_id)


def test_registered_models_newest_first_also_of_one_owner(node: JsonRpcNode) -> None:
    others = TERMS.model_copy(update={"owner": seller_account.address})
    second = register(node, others)
    found = list(events_of(node).registrations())
    assert [(model.model_id, model.terms, model.block) for model in found] == [(second, others, 5), (MODEL, TERMS, 4)]
    assert {model.oracle for model in found} == {oracle_account.address}
    assert [model.model_id for model in events_of(node).registrations(seller_account.address)] == [second]


def test_terms_that_no_client_uses_do_not_stop_the_list(node: JsonRpcNode) -> None:
    register(node, ModelTerms.model_construct(**{**dict(TERMS), "max_price": 2**200}))
    assert [model.model_id for model in events_of(node).registrations()] == [MODEL]
