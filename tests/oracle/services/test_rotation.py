"""Another key in the place of the one that signs: quotes in flight, and what the chain says of a key, are followed."""

from pathlib import Path

import pytest

from assay.errors import SettingsError
from assay.protocol.messages import OfferState, OfferStatus
from assay.protocol.statements import signer_of
from assay.protocol.structs import Order, Status
from assay.sale.trust import oracle_of
from assay_oracle.errors import ModelNotReady
from tests.kit.actors import DOMAIN, oracle_account, patient_account, rival_account
from tests.kit.market import DAY, Market
from tests.kit.memory_contract import HALTED

pytestmark = pytest.mark.unit


@pytest.fixture
def market(tmp_path: Path) -> Market:
    """An oracle that rotates its key: the patient account takes the oracle's place."""
    made = Market(tmp_path)
    made.accounts = (oracle_account, patient_account)
    made.restart()
    return made


def name(market: Market, oracle: str, *, blocks: int = 1) -> None:
    """The model's owner names another oracle."""
    market.contract.change_model(market.model_id, oracle=oracle)
    market.node.mine(blocks)


def signer(state: OfferState) -> str | None:
    assert state.quote is not None
    return signer_of(DOMAIN.quote(state.quote), state.oracle_signature or b"")


def test_quotes_in_flight_are_signed_anew_at_their_price_when_the_model_names_the_next_key(market: Market) -> None:
    made, before = market.offer(b"one\n")
    market.offer(b"two\nthree\n")
    assert signer(before) == oracle_account.address
    name(market, patient_account.address)
    market.oracle.cycle()
    after = market.offers.state(before.offer_id)
    assert signer(after) == patient_account.address
    assert after.quote is not None
    assert before.quote is not None
    assert after.quote.model_copy(update={"expiry": before.quote.expiry}) == before.quote
    market.accept(made, after)
    market.oracle.cycle()
    assert market.offers.state(before.offer_id).status is OfferStatus.POSTED
    _, new = market.offer(b"four\n")
    assert signer(new) == patient_account.address


def test_acceptance_of_a_quote_of_the_replaced_key_is_withdrawn_and_given_again(market: Market) -> None:
    made, before = market.offer(b"one\n")
    market.accept(made, before)
    name(market, patient_account.address)
    market.oracle.cycle()
    state = market.offers.state(before.offer_id)
    assert (state.status, state.code) == (OfferStatus.QUOTED, "quote_signature_invalid")
    assert signer(state) == patient_account.address
    market.accept(made, state)
    market.oracle.cycle()
    assert market.offers.state(before.offer_id).status is OfferStatus.POSTED


def test_statement_of_the_replaced_key_is_signed_anew_until_the_buyer_acknowledges(market: Market) -> None:
    """A buyer pays on a statement of the model's present oracle alone."""

    def signed_by(order: Order) -> str | None:
        statement = market.delivery.record(order.order_id()).key_escrow or b""
        return signer_of(DOMAIN.key_escrow(order.digest()), statement)

    waiting, paying = (market.sell(data)[2] for data in (b"one\n", b"two\nthree\n"))
    market.oracle.cycle()
    market.journal.orders.set_acknowledgement(paying.order_id(), b"\x01" * 65)
    assert [signed_by(order) for order in (waiting, paying)] == [oracle_account.address] * 2
    name(market, patient_account.address)
    market.oracle.cycle()
    assert [signed_by(order) for order in (waiting, paying)] == [patient_account.address, oracle_account.address]
    market.buyer().poll(market.model_id)
    market.oracle.cycle()
    assert market.chain.order_state(waiting.order_id()).status is Status.PAID
    assert market.chain.revealed_key(waiting.order_id()) is None


def test_client_trusts_either_key_for_the_model_that_names_it(market: Market) -> None:
    for account in (oracle_account, patient_account):
        name(market, account.address)
        oracle_of(market.chain, market.http, market.model_id)
    name(market, rival_account.address)
    with pytest.raises(SettingsError, match="expected the model's oracle"):
        oracle_of(market.chain, market.http, market.model_id)


@pytest.mark.parametrize("oracle", [rival_account.address, HALTED], ids=["replaced", "halted"])
def test_revoked_key_signs_nothing_from_that_moment(market: Market, oracle: str) -> None:
    """Before any loop has looked: the chain is asked for each signature."""
    _, state = market.offer(b"one\n")
    evaluation = market.journal.evaluations.of(market.journal.offers.get(state.offer_id))
    assert evaluation is not None
    market.contract.change_model(market.model_id, oracle=oracle)
    assert market.signer is not None
    with pytest.raises(ModelNotReady, match="nothing was signed"):
        market.signer.sign_quote(evaluation, market.time + DAY)
    assert len(market.journal.evaluations.quotes(evaluation)) == 1


def test_quoted_offers_of_a_model_that_another_operator_prices_for_end_clearly(market: Market) -> None:
    _, state = market.offer(b"one\n")
    market.node.confirmations = 3
    name(market, rival_account.address)
    market.oracle.cycle()
    market.node.mine(2)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.QUOTED, "a reorganisation may bring the key back"
    market.node.mine(1)
    market.oracle.cycle()
    ended = market.offers.state(state.offer_id)
    assert (ended.status, ended.code) == (OfferStatus.EXPIRED, "oracle_replaced")
    assert rival_account.address in (ended.reason or "")


def test_revocation_that_a_reorganisation_undoes_ends_nothing(market: Market) -> None:
    _, state = market.offer(b"one\n")
    market.node.confirmations = 3
    name(market, rival_account.address)
    market.oracle.cycle()
    name(market, oracle_account.address, blocks=5)
    market.oracle.cycle()
    name(market, rival_account.address)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.QUOTED, "its depth is counted anew"


def test_offers_of_a_halted_model_wait_for_the_next_key(market: Market) -> None:
    """Halting revokes the present key, too; the owner names the next one when the model goes on."""
    _, state = market.offer(b"one\n")
    name(market, HALTED, blocks=20)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.QUOTED
    name(market, patient_account.address)
    market.oracle.cycle()
    assert signer(market.offers.state(state.offer_id)) == patient_account.address


def test_daemon_with_the_wrong_key_ends_no_offer(market: Market) -> None:
    """Its key was never the model's oracle: the quotes of the right one stay valid."""
    _, state = market.offer(b"one\n")
    market.accounts = (rival_account,)
    market.restart()
    market.node.mine(1)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.QUOTED
