"""What the oracle prices for: terms and price function must belong together."""

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_signature_to_4byte_selector

from assay.chain.node import Node
from assay.chain.settlement import SettlementClient
from assay.errors import EnvelopeInvalid, NodeUntrue
from assay_oracle.errors import ModelUnknown, PriceFunctionDiffers
from assay_oracle.services.appraiser import FunctionInfo
from assay_oracle.services.catalogue import Catalogue, PricedModel
from tests.kit.actors import CONTRACT, DOMAIN, oracle_account
from tests.kit.json_rpc_node import MODEL, TERMS, JsonRpcNode, register
from tests.kit.market import Market

pytestmark = pytest.mark.unit


class Described:
    """An appraiser that is only described."""

    def __init__(self, info: FunctionInfo) -> None:
        self.info = info


def test_model_is_described_by_its_terms_and_its_function(market: Market) -> None:
    function = market.appraiser().info
    info = PricedModel.registered(market.model_id, market.appraiser(), market.chain).info()
    assert (info.model_id, info.terms) == (market.model_id, market.terms)
    assert (info.schema_, info.metric, info.pricing) == (function.schema, function.metric, function.pricing)
    assert (info.method, info.fidelity) == (function.method, function.fidelity)


def test_model_that_is_not_registered_is_refused_with_a_remedy(market: Market) -> None:
    with pytest.raises(ModelUnknown, match="found none") as refusal:
        PricedModel.registered(bytes(32), market.appraiser(), market.chain)
    assert "assay model register" in str(refusal.value.hint)


def test_terms_of_another_model_are_refused_whatever_the_node_says(market: Market) -> None:
    node = JsonRpcNode()
    state = encode(["address", "uint256", "bool"], [oracle_account.address, 1, True])
    node.views[function_signature_to_4byte_selector("modelState(bytes32)")] = state
    register(node, TERMS.model_copy(update={"salt": b"\x09" * 32}), model_id=MODEL)
    with pytest.raises(NodeUntrue, match="expected the terms of model"):
        PricedModel.registered(
            MODEL, market.appraiser(), SettlementClient(Node(node), CONTRACT, chain_id=DOMAIN.chain_id)
        )


def test_price_function_that_the_terms_do_not_name_is_refused(market: Market) -> None:
    other = Described(replace(market.appraiser().info, hash=b"\x0b" * 32))
    with pytest.raises(PriceFunctionDiffers, match="0x" + "0b" * 32) as refusal:
        PricedModel.registered(market.model_id, other, market.chain)
    assert refusal.value.hint


def test_model_whose_delivery_key_receives_nothing_is_refused(market: Market) -> None:
    """Its key could be handed to nobody: with a point of low order, the attempt ends the thread that serves all orders.

    The model is refused before a sale.
    """
    appraiser = market.appraiser()
    terms = market.terms.model_copy(update={"delivery_key": bytes(32)})
    market.chain.seen_by(terms.owner).register_model(terms, oracle_account.address)
    with pytest.raises(EnvelopeInvalid, match="low order"):
        PricedModel.registered(market.chain.model_id(terms), appraiser, market.chain)


def test_catalogue_finds_models_by_id(market: Market) -> None:
    model = PricedModel.registered(market.model_id, market.appraiser(), market.chain)
    catalogue = Catalogue([model])
    assert catalogue.ids == (market.model_id,)
    assert catalogue.get(market.model_id) is model
    with pytest.raises(ModelUnknown, match="prices for") as refusal:
        catalogue.get(bytes(32))
    assert refusal.value.hint
