"""The committed corpus of the fuzzers of what meets the network: each input is read as by ``make fuzz-network``."""

import pytest
from fuzz import messages, node_answers, oracle_answers, signer_answers, store_answers
from fuzz.api_requests import Requests
from fuzz.engine import TARGETS, corpus_of

from assay_oracle.server.api.app import create_app
from tests.kit.actors import DOMAIN, buyer_account, seller_account
from tests.kit.bids import bid
from tests.kit.market import OPERATOR_TOKEN, Market

pytestmark = pytest.mark.unit

CHECKS = {
    module.__name__.rpartition(".")[2]: module.check
    for module in (messages, node_answers, oracle_answers, signer_answers, store_answers)
}


def inputs(target: str) -> list[bytes]:
    """The inputs of a target, each as it is, and cut in the middle."""
    whole = [path.read_bytes() for path in sorted(corpus_of(target).iterdir())]
    return [*whole, *(content[: len(content) // 2] for content in whole)]


@pytest.mark.parametrize("target", CHECKS)
def test_every_answer_and_message_is_read_or_refused_by_name(target: str) -> None:
    for content in inputs(target):
        CHECKS[target](content)


def test_no_request_is_the_oracles_fault(market: Market) -> None:
    _, _, order = market.sell(b"one\ntwo\n")
    offer_id = market.offers.open_offer(bid(market.model_id, b"three\n").request).offer_id
    ids = {b"model": market.model_id, b"offer": offer_id, b"order": order.order_id()}
    parties = {b"seller": seller_account, b"buyer": buyer_account}
    names = {
        **{name: f"0x{value.hex()}".encode() for name, value in ids.items()},
        **{name: market.gate().sessions.begin(who.address).token.encode() for name, who in parties.items()},
        b"operator": OPERATOR_TOKEN.encode(),
        b"address": seller_account.address.encode(),
    }
    with Requests(create_app(market.oracle, market.gate(), dict), DOMAIN, seller_account, names) as requests:
        for content in inputs("api_requests"):
            requests.check(content)


def test_every_target_has_a_corpus() -> None:
    assert all(list(corpus_of(target).iterdir()) for target in TARGETS)
