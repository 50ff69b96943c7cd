"""Accepted quotes become orders once, over crashes, reorganisations and refusals."""

import pytest

from assay.chain.values import EndedLate
from assay.errors import NodeUnreachable, TransactionFailed, TransactionPending
from assay.protocol.messages import OfferStatus
from assay.protocol.statements import digest
from assay.protocol.structs import Status, key_hash
from assay_oracle.errors import OfferConflict, SignatureInvalid
from assay_oracle.services.posting import MAX_FAILED_POSTS
from tests.kit.actors import DOMAIN
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.market import DAY, Market
from tests.kit.memory_chain import MemoryChain

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"


class Cut(BaseException):
    """The process dies here."""


def test_accepted_order_is_posted_once(market: Market) -> None:
    made, state, order = market.sell(DATA)
    market.oracle.cycle()
    assert state.status is OfferStatus.POSTED
    assert state.transaction is not None
    assert (len(market.node.called("post")), order.price, order.key_hash) == (
        1,
        2 * PRICE_PER_RECORD,
        key_hash(order.order_id(), made.key),
    )


def test_crash_after_the_transaction_was_sent_does_not_post_twice(market: Market) -> None:
    made, state = market.offer(DATA)
    market.accept(made, state)

    def die() -> None:
        raise Cut

    market.node.after_post = die
    with pytest.raises(Cut):
        market.oracle.cycle()
    market.restart()
    assert market.offers.state(state.offer_id).status is OfferStatus.ACCEPTED
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert len(market.node.called("post")) == 1


def test_transaction_that_is_on_its_way_is_waited_for(market: Market) -> None:
    made, state = market.offer(DATA)
    market.accept(made, state)
    market.node.unmined = 1
    market.oracle.cycle()
    assert len(market.node.called("post")) == 0
    market.node.unmined = 0
    market.oracle.cycle()
    assert len(market.node.called("post")) == 1


def test_reorganised_order_is_posted_again(market: Market) -> None:
    _, state, order = market.sell(DATA)
    market.node.reorganise()
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.ACCEPTED
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert market.chain.order_state(order.order_id()).status is Status.LOCKED


def test_reorganised_order_whose_quote_ran_out_goes_back_to_the_seller(market: Market) -> None:
    made, state, _ = market.sell(DATA)
    market.pass_time(DAY + 1)
    market.node.reorganise()
    market.oracle.cycle()
    market.oracle.cycle()
    after = market.offers.state(state.offer_id)
    assert (after.status, after.code) == (OfferStatus.QUOTED, "quote_expired")
    market.accept(made, after)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED


def test_budget_gone_meanwhile_is_said_and_the_quote_stays(market: Market) -> None:
    made, state = market.offer(DATA)
    market.accept(made, state)
    market.contract.change_model(market.model_id, budget=0)
    market.oracle.cycle()
    after = market.offers.state(state.offer_id)
    assert (after.status, after.code) == (OfferStatus.QUOTED, "budget_too_small")
    assert after.quote == state.quote
    market.contract.change_model(market.model_id, budget=10**18)
    market.accept(made, after)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED


def test_one_order_that_fails_holds_up_no_other(market: Market) -> None:
    first, first_state = market.offer(b"one\ntwo\nthree\n")
    second, second_state = market.offer(b"four\n")
    market.accept(first, first_state)
    market.accept(second, second_state)
    market.contract.change_model(market.model_id, budget=PRICE_PER_RECORD)
    market.oracle.cycle()
    assert market.offers.state(first_state.offer_id).status is OfferStatus.QUOTED
    assert market.offers.state(second_state.offer_id).status is OfferStatus.POSTED


def test_node_that_is_down_loses_nothing(market: Market) -> None:
    made, state = market.offer(DATA)
    market.accept(made, state)
    market.node.down = True
    with pytest.raises(NodeUnreachable):
        market.oracle.cycle()
    market.node.down = False
    market.restart()
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED


@pytest.mark.parametrize("kind", ["honest", "fickle"])
def test_a_sellers_wallet_is_asked_in_no_transaction_of_the_oracle(market: Market, kind: str) -> None:
    """What it answers in a simulation need not hold in the block. It posts its order itself."""
    made, state = market.offer(DATA)
    assert state.quote is not None
    seller = state.quote.seller
    if kind == "fickle":
        market.contract.fickle.add(seller)
    else:
        market.contract.wallets[seller] = b"wallet"
    locked = market.acceptance(made, state).key_hash
    signed = b"wallet" + digest(DOMAIN.acceptance(digest(DOMAIN.quote(state.quote)), locked))
    with pytest.raises(SignatureInvalid) as refused:
        market.accept(made, state, signature=signed)
    assert "posts its order itself" in str(refused.value.hint)
    market.oracle.cycle()
    assert (market.node.called("post"), market.node.failed) == ([], [])
    if kind == "honest":
        market.chain.seen_by(seller).post(market.terms, state.quote, state.oracle_signature, locked, signed)
        market.oracle.cycle()
        assert market.offers.state(state.offer_id).status is OfferStatus.POSTED


def test_posts_that_are_mined_and_fail_are_counted_over_restarts_and_new_acceptances(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seller withdraws its credit, or a buyer its budget, in front of every posting."""
    made, state = market.offer(DATA)
    sent = []

    def fails(*_: object) -> None:
        sent.append(1)
        raise TransactionFailed("transaction 0x00 was mined and failed", gas=70_000)

    monkeypatch.setattr(MemoryChain, "post", fails)
    for _ in range(MAX_FAILED_POSTS):
        market.accept(made, state)
        market.oracle.cycle()
        after = market.offers.state(state.offer_id)
        assert (after.status, after.code) == (OfferStatus.QUOTED, "transaction_failed")
        market.restart()
    with pytest.raises(OfferConflict, match="mined and failed") as refused:
        market.accept(made, state)
    assert "post the order from the seller's account" in str(refused.value.hint)
    market.oracle.cycle()
    assert len(sent) == MAX_FAILED_POSTS


def test_post_that_fails_after_its_time_counts_as_one_that_fails_within_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, state = market.offer(DATA)
    assert state.quote is not None
    late = EndedLate("0x", False, 70_000, "BudgetTooSmall", "post", (market.model_id, state.quote.content_id))

    def waits(*_: object) -> None:
        raise TransactionPending("not mined in time")

    monkeypatch.setattr(MemoryChain, "post", waits)
    for _ in range(MAX_FAILED_POSTS):
        market.accept(made, state)
        market.oracle.cycle()
        assert market.offers.state(state.offer_id).status is OfferStatus.ACCEPTED
        market.node.ended_late = [late, late]
        market.oracle.cycle()
        after = market.offers.state(state.offer_id)
        assert (after.status, after.code) == (OfferStatus.QUOTED, "transaction_failed")
        assert "BudgetTooSmall" in (after.reason or "")
    with pytest.raises(OfferConflict, match=f"{MAX_FAILED_POSTS} transactions"):
        market.accept(made, state)


def test_post_that_succeeds_after_its_time_is_recorded(market: Market) -> None:
    _, state, order = market.sell(DATA)
    pair = (order.model_id, order.content_id)
    market.node.ended_late = [
        EndedLate("0x", True, 70_000, "", "post", pair),
        EndedLate("0x", False, 1, "", "post", pair),
    ]
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
