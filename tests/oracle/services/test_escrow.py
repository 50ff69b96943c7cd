"""Keys in escrow: what the oracle states, when it settles, and that no key leaves it before a confirmed payment."""

from pathlib import Path

import pytest

from assay import envelope
from assay.chain.gas import WALLET_GAS
from assay.chain.values import EndedLate, OrderState
from assay.errors import ChainError, TransactionFailed
from assay.protocol.statements import digest, signer_of
from assay.protocol.structs import Order, Status
from assay_oracle.errors import SignatureInvalid
from assay_oracle.services.escrow import CAME_FIRST, MAX_FAILED_SETTLEMENTS
from tests.kit.actors import BUYER_IDENTITY, DOMAIN, buyer_account, oracle_account, rival_account
from tests.kit.market import Market
from tests.kit.memory_chain import MemoryChain
from tests.kit.orders import acknowledgement, has_key, post_oneself, receipt_of, status_of
from tests.kit.signatures import REFUSED_FORMS

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
WALLET = "0x" + 39 * "0" + "7"


def statement(market: Market, order: Order) -> bytes | None:
    return market.delivery.record(order.order_id()).key_escrow


def cycles(market: Market, count: int = 3) -> None:
    for _ in range(count):
        market.oracle.cycle()


def locked(market: Market, data: bytes = DATA) -> Order:
    """A locked order, of which the oracle has stated what it holds."""
    _, _, order = market.sell(data)
    market.oracle.cycle()
    return order


def pays(market: Market, order: Order) -> None:
    """The buyer acknowledges, and the oracle settles."""
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    assert market.chain.order_state(order.order_id()).status is Status.PAID


# --- the statement ----------------------------------------------------------------------------------------------------


def test_oracle_states_that_it_holds_the_key_once_the_payment_is_locked(market: Market) -> None:
    order = locked(market)
    signed = statement(market, order)
    assert signed is not None
    assert signer_of(DOMAIN.key_escrow(order.digest()), signed) == oracle_account.address
    assert not has_key(market, order)


def test_oracle_states_so_for_an_order_that_the_seller_posted_itself(market: Market) -> None:
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    market.oracle.cycle()
    order = market.journal.orders.get(order_id).order
    assert statement(market, order)
    pays(market, order)
    market.oracle.cycle()
    assert has_key(market, order)


def test_order_that_locks_another_key_gets_no_statement_and_no_key(market: Market) -> None:
    made, state = market.offer(DATA)
    assert state.quote is not None
    assert state.oracle_signature is not None
    market.accept(made, state)
    foreign = market.acceptance(made, state, key_hash=bytes(32))
    market.chain.post(market.terms, state.quote, state.oracle_signature, foreign.key_hash, foreign.signature)
    cycles(market)
    order = market.journal.orders.get(state.quote.order_id()).order
    assert statement(market, order) is None
    pays(market, order)
    cycles(market)
    assert not has_key(market, order)
    assert market.journal.orders.unkeyed() == []


def test_order_that_another_oracle_priced_gets_no_statement_and_no_key(market: Market) -> None:
    """The model's owner replaces the oracle and posts the pair before the agreed order, for 1 unit to a friend."""
    made, state = market.offer(DATA)
    market.accept(made, state)
    assert state.quote is not None
    market.contract.change_model(market.model_id, oracle=rival_account.address)
    cheap = state.quote.model_copy(update={"price": 1, "seller": rival_account.address})
    signature = bytes(rival_account.sign_message(DOMAIN.quote(cheap)).signature)
    friend = market.acceptance(made, state.model_copy(update={"quote": cheap}), account=rival_account)
    assert friend.key_hash == market.acceptance(made, state).key_hash
    market.chain.post(market.terms, cheap, signature, friend.key_hash, friend.signature)
    cycles(market)
    order = market.journal.orders.get(cheap.order_id()).order
    assert order.seller == rival_account.address
    assert statement(market, order) is None
    pays(market, order)
    cycles(market)
    assert not has_key(market, order)


# --- the key comes after the payment ----------------------------------------------------------------------------------


def test_key_is_handed_over_once_the_order_is_paid(market: Market) -> None:
    made, _, order = market.sell(DATA)
    pays(market, order)
    market.oracle.cycle()
    armored = market.delivery.record(order.order_id()).key_envelope
    assert armored is not None
    assert envelope.unwrap_key(BUYER_IDENTITY, armored) == made.key
    assert market.steps == ["settle"]


@pytest.mark.parametrize("passed", [0, 1800, 3599, 3600], ids=["at once", "at half", "at the end", "at the deadline"])
@pytest.mark.parametrize("require_receipt", [False, True])
def test_no_key_leaves_the_oracle_before_the_payment(tmp_path: Path, require_receipt: bool, passed: int) -> None:
    market = Market(tmp_path, require_receipt=require_receipt)
    order = locked(market)
    market.delivery.put_receipt(order.order_id(), receipt_of(order))
    market.pass_time(passed)
    cycles(market)
    assert not has_key(market, order)
    assert market.steps == []
    market.journal.close()


@pytest.mark.parametrize("by", ["the buyer", "the seller", "finalize"])
def test_key_is_handed_over_whoever_sent_the_payment(market: Market, by: str) -> None:
    made, _, order = market.sell(DATA)
    if by == "the buyer":
        market.chain.seen_by(order.buyer).settle(order, b"")
    elif by == "the seller":
        market.chain.seen_by(order.seller).settle(order, acknowledgement(order))
    else:
        market.chain.reveal_key(order, made.key)
        market.pass_time(3601)
        market.chain.finalize(order)
    cycles(market)
    assert has_key(market, order)


def test_key_waits_until_no_reorganisation_can_take_the_payment_back(market: Market) -> None:
    market.node.confirmations = 3
    order = locked(market)
    pays(market, order)
    market.node.mine(2)
    cycles(market)
    assert not has_key(market, order)
    market.node.mine(1)
    cycles(market)
    assert has_key(market, order)


def test_key_is_not_handed_over_for_another_order_of_the_pair_that_is_paid(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = locked(market)
    pays(market, order)
    other = order.model_copy(update={"price": 1})
    paid = OrderState(Status.PAID, 0, other.stored_digest())
    with monkeypatch.context() as lying:
        lying.setattr(MemoryChain, "confirmed_state", lambda *_: paid)
        cycles(market)
    assert not has_key(market, order)
    cycles(market)
    assert has_key(market, order)


def test_payment_that_a_reorganisation_took_back_is_sent_again_and_withholds_the_key(market: Market) -> None:
    order = locked(market)
    market.node.confirmations = 2
    pays(market, order)
    market.node.mine(2)
    cycles(market)
    assert has_key(market, order)
    market.node.reorganise(3)
    market.oracle.cycle()
    assert market.chain.order_state(order.order_id()).status is Status.PAID, "settled again, by the signature it keeps"
    assert not has_key(market, order)
    market.node.mine(2)
    cycles(market)
    assert has_key(market, order)


def test_key_that_is_paid_for_stands_behind_nothing_that_fails(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    order = locked(market)
    pays(market, order)
    made, state = market.offer(b"another\n")
    market.accept(made, state)

    def fails(*_: object) -> None:
        assert has_key(market, order)
        raise ChainError("the node refused")

    monkeypatch.setattr(MemoryChain, "post", fails)
    market.oracle.cycle()
    assert has_key(market, order)


# --- settling ---------------------------------------------------------------------------------------------------------


def test_acknowledged_order_is_settled_once(market: Market) -> None:
    _, _, order = market.sell(DATA)
    record = market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    assert record.acknowledgement == acknowledgement(order)
    cycles(market)
    assert market.steps == ["settle"]


@pytest.mark.parametrize("form", REFUSED_FORMS)
def test_a_receipt_with_high_s_gets_no_key(tmp_path: Path, form: str) -> None:
    market = Market(tmp_path, require_receipt=True)
    order = locked(market)
    with pytest.raises(SignatureInvalid):
        market.delivery.put_receipt(order.order_id(), REFUSED_FORMS[form](receipt_of(order)))
    with pytest.raises(SignatureInvalid):
        market.delivery.put_acknowledgement(order.order_id(), REFUSED_FORMS[form](acknowledgement(order)))
    cycles(market)
    assert not has_key(market, order)
    assert status_of(market, order) is Status.LOCKED
    market.journal.close()


def test_an_account_that_becomes_a_wallet_gets_no_key_unpaid(market: Market) -> None:
    """EIP-7702: the buyer's account has code that accepts anything, for the time of one request."""
    order = locked(market)
    market.contract.fickle.add(buyer_account.address)
    market.delivery.put_receipt(order.order_id(), b"received")
    market.delivery.put_acknowledgement(order.order_id(), b"good")
    market.contract.fickle.clear()
    cycles(market)
    assert not has_key(market, order)
    assert status_of(market, order) is Status.LOCKED
    assert market.delivery.record(order.order_id()).acknowledgement is None, "what the contract refused is dropped"
    pays(market, order)


def test_acknowledgement_that_arrives_while_another_is_refused_is_kept(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = locked(market)
    market.contract.fickle.add(buyer_account.address)
    market.delivery.put_acknowledgement(order.order_id(), b"good")
    market.contract.fickle.clear()
    settle = MemoryChain.settle

    def meanwhile(chain: MemoryChain, *arguments: object) -> object:
        market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
        return settle(chain, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as raced:
        raced.setattr(MemoryChain, "settle", meanwhile)
        market.oracle.cycle()
    assert market.delivery.record(order.order_id()).acknowledgement == acknowledgement(order)
    cycles(market)
    assert has_key(market, order)


def wallets_market(folder: Path, wallet: str = WALLET) -> Market:
    """A model whose owner is a wallet that accepts anything in a simulation, and nothing in a block."""
    market = Market(folder, owner=wallet)
    market.contract.fickle.add(wallet)
    return market


def test_a_wallet_that_says_yes_in_a_simulation_alone_gets_no_key(tmp_path: Path) -> None:
    market = wallets_market(tmp_path)
    order = locked(market)
    market.delivery.put_acknowledgement(order.order_id(), b"yes")
    market.pass_time(1800)
    cycles(market, 5)
    assert not has_key(market, order)
    assert status_of(market, order) is Status.LOCKED
    market.journal.close()


def test_a_wallet_that_burns_gas_costs_the_oracle_a_bounded_amount(tmp_path: Path) -> None:
    """Over all orders of its model, over restarts, and however often it acknowledges again."""
    market = wallets_market(tmp_path)
    for data in (DATA, b"three\n", b"four\n", b"five\n"):
        order = locked(market, data)
        for _ in range(3):
            market.delivery.put_acknowledgement(order.order_id(), b"yes")
            market.oracle.cycle()
            market.restart()
    failed = [call for call in market.node.failed if call.sender == oracle_account.address]
    assert [call.function for call in failed] == ["settle"] * MAX_FAILED_SETTLEMENTS
    assert len(failed) * WALLET_GAS <= 2 * WALLET_GAS
    market.journal.close()


def test_settlements_that_fail_after_their_time_are_counted(market: Market) -> None:
    order = locked(market)
    offer_id = market.journal.orders.get(order.order_id()).offer_id
    pair = (order.model_id, order.content_id)
    for error in ("BuyerSignatureInvalid", CAME_FIRST):
        market.node.ended_late.append(EndedLate("0x", False, WALLET_GAS, error, "settle", pair))
    market.oracle.cycle()
    assert market.journal.offers.get(offer_id).failed_settlements == 1, "none that another transaction overtook"


def test_failed_settlements_hold_up_no_other_order_that_a_key_acknowledged(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, sent = locked(market), []

    def fails(*_: object) -> None:
        sent.append(1)
        raise TransactionFailed("transaction 0x00 was mined and failed", gas=1)

    with monkeypatch.context() as failing:
        failing.setattr(MemoryChain, "settle", fails)
        market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
        cycles(market, MAX_FAILED_SETTLEMENTS + 2)
    assert len(sent) == MAX_FAILED_SETTLEMENTS
    pays(market, locked(market, b"another\n"))


def test_settlements_that_strangers_overtake_use_up_no_attempt_of_a_wallets_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where the node that is asked for the order's state lags behind the block in which they came first."""
    market = Market(tmp_path, owner=WALLET)
    market.contract.wallets[WALLET] = b"wallet"

    def overtaken(*_: object) -> None:
        raise TransactionFailed("transaction 0x00 was mined and failed", gas=30_000, error="StatusMismatch")

    order = locked(market)
    signed = b"wallet" + digest(DOMAIN.acknowledgement(order.digest()))
    market.delivery.put_acknowledgement(order.order_id(), signed)
    with monkeypatch.context() as overtaking:
        overtaking.setattr(MemoryChain, "settle", overtaken)
        cycles(market, MAX_FAILED_SETTLEMENTS + 2)
    cycles(market)
    assert has_key(market, order)
    market.journal.close()


def test_wallet_whose_signature_holds_is_served(tmp_path: Path) -> None:
    market = Market(tmp_path, owner=WALLET)
    market.contract.wallets[WALLET] = b"wallet"
    order = locked(market)
    signed = b"wallet" + digest(DOMAIN.acknowledgement(order.digest()))
    market.delivery.put_acknowledgement(order.order_id(), signed)
    cycles(market)
    assert has_key(market, order)
    market.journal.close()
