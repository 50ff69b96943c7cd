"""Posting, delivery, the key for the buyer, settlement; crashes and reorganisations in between."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from assay import envelope
from assay.chain.values import Transaction
from assay.errors import ContractReverted, NodeUnreachable
from assay.protocol import seal
from assay.protocol.messages import OfferState, OfferStatus
from assay.protocol.statements import digest
from assay.protocol.types import Order, Status, key_hash
from assay.sale.seller import REVEAL_MARGIN
from assay_oracle.errors import OrderNotLocked, OrderUnknown, SignatureInvalid
from assay_oracle.services.orders import HAND_OVER_MARGIN
from tests.oracle.world import (
    BUYER_IDENTITY,
    DAY,
    DOMAIN,
    PRICE_PER_RECORD,
    Bid,
    World,
    buyer_account,
    rival_account,
)

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"


class Cut(BaseException):
    """The process dies here."""


def acknowledgement(order: Order) -> bytes:
    return bytes(buyer_account.sign_message(DOMAIN.acknowledgement(order.digest())).signature)


def receipt_of(order: Order) -> bytes:
    return bytes(buyer_account.sign_message(DOMAIN.receipt(order.digest())).signature)


def has_key(world: World, order: Order) -> bool:
    return world.orders.notes(order.order_id()).key_envelope is not None


# --- posting ---


def test_accepted_order_is_posted_once(world: World) -> None:
    made, state, order = world.sell(DATA)
    world.orders.cycle()
    assert state.status is OfferStatus.POSTED
    assert state.transaction is not None
    assert (world.chain.posts, order.price, order.key_hash) == (
        1,
        2 * PRICE_PER_RECORD,
        key_hash(order.order_id(), made.key),
    )


def test_crash_after_the_transaction_was_sent_does_not_post_twice(world: World) -> None:
    made, state = world.offer(DATA)
    world.accept(made, state)

    def die() -> None:
        raise Cut

    world.chain.after_post = die
    with pytest.raises(Cut):
        world.orders.cycle()
    world.restart()
    assert world.offers.state(state.offer_id).status is OfferStatus.ACCEPTED
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert world.chain.posts == 1


def test_transaction_that_is_on_its_way_is_waited_for(world: World) -> None:
    made, state = world.offer(DATA)
    world.accept(made, state)
    world.chain.waiting = 1
    world.orders.cycle()
    assert world.chain.posts == 0
    world.chain.waiting = 0
    world.orders.cycle()
    assert world.chain.posts == 1


def test_order_posted_by_the_seller_is_found(world: World) -> None:
    made, state = world.offer(DATA)
    request = world.acceptance(made, state)
    assert state.quote is not None
    assert state.oracle_signature is not None
    world.chain.post(world.terms, state.quote, state.oracle_signature, request.key_hash, request.signature)
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert world.orders.sealed(state.quote.order_id()).exists()


def post_oneself(world: World, made: Bid, state: OfferState) -> bytes:
    """The seller posts with the quote's signature, without the oracle."""
    request = world.acceptance(made, state)
    assert state.quote is not None
    assert state.oracle_signature is not None
    world.chain.post(world.terms, state.quote, state.oracle_signature, request.key_hash, request.signature)
    return state.quote.order_id()


def test_order_posted_after_declining_is_delivered(world: World) -> None:
    made, state = world.offer(DATA)
    world.offers.decline(state.offer_id)
    world.pass_time(DAY)
    world.orders.cycle()
    order_id = post_oneself(world, made, state)
    world.pass_time(1)
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert world.orders.sealed(order_id).exists()


def test_order_posted_after_the_quote_lapsed_is_delivered(world: World) -> None:
    made, state = world.offer(DATA)
    world.pass_time(30 * DAY)
    state = world.offers.state(state.offer_id)
    world.pass_time(1)
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.EXPIRED
    order_id = post_oneself(world, made, state)
    world.orders.cycle()
    assert world.orders.sealed(order_id).exists()


def test_upload_is_dropped_once_no_quote_can_be_posted(world: World) -> None:
    _, state = world.offer(DATA)
    assert state.quote is not None
    world.offers.decline(state.offer_id)
    world.pass_time(DAY + 3600)
    world.orders.cycle()
    assert world.store.received(state.offer_id) == state.upload_bytes
    world.pass_time(1)
    world.orders.cycle()
    assert world.store.received(state.offer_id) == 0


def test_reorganised_order_is_posted_again(world: World) -> None:
    _, state, order = world.sell(DATA)
    world.chain.reorganise()
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.ACCEPTED
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert world.chain.order_state(order.order_id()).status is Status.LOCKED


def test_reorganised_order_whose_quote_ran_out_goes_back_to_the_seller(world: World) -> None:
    made, state, _ = world.sell(DATA)
    world.pass_time(DAY + 1)
    world.chain.reorganise()
    world.orders.cycle()
    world.orders.cycle()
    after = world.offers.state(state.offer_id)
    assert (after.status, after.code) == (OfferStatus.QUOTED, "quote_expired")
    world.accept(made, after)
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.POSTED


def test_budget_gone_meanwhile_is_said_and_the_quote_stays(world: World) -> None:
    made, state = world.offer(DATA)
    world.accept(made, state)
    world.chain.budget = 0
    world.orders.cycle()
    after = world.offers.state(state.offer_id)
    assert (after.status, after.code) == (OfferStatus.QUOTED, "budget_too_small")
    assert after.quote == state.quote
    world.chain.budget = 10**18
    world.accept(made, after)
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.POSTED


def test_one_order_that_fails_holds_up_no_other(world: World) -> None:
    first, first_state = world.offer(b"one\ntwo\nthree\n")
    second, second_state = world.offer(b"four\n")
    world.accept(first, first_state)
    world.accept(second, second_state)
    world.chain.budget = PRICE_PER_RECORD
    world.orders.cycle()
    assert world.offers.state(first_state.offer_id).status is OfferStatus.QUOTED
    assert world.offers.state(second_state.offer_id).status is OfferStatus.POSTED


def test_node_that_is_down_loses_nothing(world: World) -> None:
    made, state = world.offer(DATA)
    world.accept(made, state)
    world.chain.down = True
    with pytest.raises(NodeUnreachable):
        world.orders.cycle()
    world.chain.down = False
    world.restart()
    world.orders.cycle()
    assert world.offers.state(state.offer_id).status is OfferStatus.POSTED


# --- delivery ---


def test_buyer_opens_what_is_delivered(world: World) -> None:
    made, _, order = world.sell(DATA)
    sealed, data = io.BytesIO(), io.BytesIO()
    with world.orders.sealed(order.order_id()).open("rb") as file:
        envelope.open_with(BUYER_IDENTITY, file, sealed)
    seal.open_sealed(sealed, made.key, data)
    assert data.getvalue() == DATA
    assert seal.read_index(sealed).data_root == order.data_root


def test_delivery_is_the_same_bytes_after_a_restart(world: World) -> None:
    _, _, order = world.sell(DATA)
    before = world.orders.sealed(order.order_id()).read_bytes()
    world.restart()
    assert world.orders.sealed(order.order_id()).read_bytes() == before


def test_nothing_is_delivered_before_the_payment_is_locked(world: World) -> None:
    made, state = world.offer(DATA)
    world.accept(made, state)
    assert state.order_id is not None
    with pytest.raises(OrderUnknown):
        world.orders.sealed(state.order_id)
    with pytest.raises(OrderUnknown):
        world.orders.notes(state.order_id)


def test_nothing_is_delivered_after_a_reorganisation_took_the_lock(world: World) -> None:
    _, _, order = world.sell(DATA)
    world.chain.reorganise()
    world.orders.cycle()
    with pytest.raises(OrderUnknown):
        world.orders.notes(order.order_id())


def test_files_of_closed_orders_are_deleted_in_the_end(world: World) -> None:
    _, _, order = world.sell(DATA)
    world.orders.put_acknowledgement(order.order_id(), acknowledgement(order))
    world.orders.cycle()
    world.pass_time(DAY + 1)
    world.orders.cycle()
    assert world.store._used == 0
    with pytest.raises(OrderNotLocked, match="no longer"):
        world.orders.sealed(order.order_id())


# --- the key for the buyer ---


def test_cooperative_seller_has_the_key_handed_over(world: World) -> None:
    made, _, order = world.sell(DATA)
    world.orders.cycle()
    armored = world.orders.notes(order.order_id()).key_envelope
    assert armored is not None
    assert envelope.unwrap_key(BUYER_IDENTITY, armored) == made.key


def test_seller_who_is_not_cooperative_keeps_the_key(world: World) -> None:
    _, _, order = world.sell(DATA, cooperative=False)
    world.orders.cycle()
    assert world.orders.notes(order.order_id()).key_envelope is None


def test_key_waits_until_no_reorganisation_can_take_the_payment(tmp_path) -> None:  # type: ignore[no-untyped-def]
    world = World(tmp_path)
    world.confirmations = 3
    world.restart()
    _, _, order = world.sell(DATA)
    world.chain.block += 2
    world.orders.cycle()
    assert world.orders.notes(order.order_id()).key_envelope is None
    world.chain.block += 1
    world.orders.cycle()
    assert world.orders.notes(order.order_id()).key_envelope is not None
    world.journal.close()


def test_key_is_not_handed_over_where_the_seller_locked_another_on_chain(world: World) -> None:
    made, state = world.offer(DATA)
    assert state.quote is not None
    assert state.oracle_signature is not None
    world.accept(made, state)
    foreign = world.acceptance(made, state, key_hash=bytes(32))
    world.chain.post(world.terms, state.quote, state.oracle_signature, foreign.key_hash, foreign.signature)
    world.orders.cycle()
    world.orders.cycle()
    assert world.orders.notes(state.quote.order_id()).key_envelope is None


def test_key_waits_for_the_receipt_where_the_terms_ask_for_one(tmp_path: Path) -> None:
    world = World(tmp_path, require_receipt=True)
    _, _, order = world.sell(DATA)
    world.orders.cycle()
    assert not has_key(world, order)
    world.journal.note(order.order_id(), receipt=acknowledgement(order))
    world.orders.cycle()
    assert not has_key(world, order)
    world.orders.put_receipt(order.order_id(), receipt_of(order))
    world.orders.cycle()
    assert has_key(world, order)
    world.journal.close()


def test_key_waits_for_a_wallets_receipt_that_holds_when_it_is_handed_over(tmp_path: Path) -> None:
    wallet = "0x" + 39 * "0" + "7"
    world = World(tmp_path, require_receipt=True, owner=wallet)
    world.chain.wallets[wallet] = b"wallet"
    _, _, order = world.sell(DATA)
    signature = b"wallet" + digest(DOMAIN.receipt(order.digest()))
    world.orders.put_receipt(order.order_id(), signature)
    world.chain.wallets[wallet] = b"changed its mind"
    world.orders.cycle()
    assert not has_key(world, order)
    world.chain.wallets[wallet] = b"wallet"
    world.orders.cycle()
    assert has_key(world, order)
    world.journal.close()


@pytest.mark.parametrize(
    ("left", "handed_over"), [(HAND_OVER_MARGIN + 1, True), (HAND_OVER_MARGIN, False), (0, False), (-1, False)]
)
@pytest.mark.parametrize("ahead", ["time", "chain"])
def test_key_is_not_handed_over_near_or_after_the_deadline(
    tmp_path: Path, left: int, handed_over: bool, ahead: str
) -> None:
    assert HAND_OVER_MARGIN > 2 * REVEAL_MARGIN
    world = World(tmp_path)
    world.confirmations = 3
    world.restart()
    _, _, order = world.sell(DATA)
    world.chain.block += 3
    passed = world.terms.reveal_window - left
    if ahead == "time":
        world.time += passed
    else:
        world.chain.time += passed
    world.orders.cycle()
    assert has_key(world, order) is handed_over
    world.journal.close()


def test_depth_is_counted_from_where_the_order_is_now(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.confirmations = 12
    world.restart()
    _, _, order = world.sell(DATA)
    posted, status = world.chain.orders[order.order_id()]
    world.chain.orders[order.order_id()] = (replace(posted, block=posted.block + 11), status)
    world.chain.block = posted.block + 12
    world.orders.cycle()
    assert not has_key(world, order)
    world.chain.block = posted.block + 11 + 12
    world.orders.cycle()
    assert has_key(world, order)
    sale = world.journal.sale(order.order_id())
    assert sale is not None
    assert sale.block == posted.block + 11
    world.journal.close()


@pytest.mark.parametrize("require_receipt", [False, True])
def test_oracle_reveals_a_key_it_handed_over(tmp_path: Path, require_receipt: bool) -> None:
    world = World(tmp_path, require_receipt=require_receipt)
    made, _, order = world.sell(DATA)
    receipt = receipt_of(order) if require_receipt else b""
    if require_receipt:
        world.orders.put_receipt(order.order_id(), receipt)
        world.orders.cycle()
    assert has_key(world, order)
    world.pass_time(world.terms.reveal_window // 2 - 1)
    world.orders.cycle()
    assert world.chain.reveals == []
    world.pass_time(1)
    world.orders.cycle()
    world.orders.cycle()
    assert world.chain.reveals == [(made.key, receipt)]
    assert world.chain.order_state(order.order_id()).status is Status.REVEALED
    world.journal.close()


def test_oracle_reveals_no_key_that_it_did_not_hand_over(world: World) -> None:
    world.sell(DATA, cooperative=False)
    world.pass_time(world.terms.reveal_window // 2)
    world.orders.cycle()
    assert world.chain.reveals == []


def test_oracle_reveals_no_key_of_an_acknowledged_order(world: World) -> None:
    _, _, order = world.sell(DATA)
    world.orders.put_acknowledgement(order.order_id(), acknowledgement(order))
    world.pass_time(world.terms.reveal_window // 2)
    world.orders.cycle()
    assert (world.chain.settles, world.chain.reveals) == (1, [])


def test_acknowledgement_that_settles_nothing_keeps_no_key_from_the_chain(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _, order = world.sell(DATA)
    world.orders.put_acknowledgement(order.order_id(), acknowledgement(order))

    def refuse(order: Order, acknowledgement: bytes) -> Transaction:
        raise ContractReverted("BuyerSignatureInvalid", {"buyer": order.buyer})

    monkeypatch.setattr(world.chain, "settle", refuse)
    world.pass_time(world.terms.reveal_window // 2)
    world.orders.cycle()
    assert world.chain.reveals == [(made.key, b"")]


# --- the buyer's statements ---


def test_acknowledged_order_is_settled_once(world: World) -> None:
    _, _, order = world.sell(DATA)
    notes = world.orders.put_acknowledgement(order.order_id(), acknowledgement(order))
    assert notes.acknowledgement == acknowledgement(order)
    world.orders.cycle()
    world.orders.cycle()
    assert world.chain.order_state(order.order_id()).status is Status.PAID
    assert world.chain.settles == 1


def test_acknowledgement_by_another_is_refused(world: World) -> None:
    _, _, order = world.sell(DATA)
    forged = bytes(rival_account.sign_message(DOMAIN.acknowledgement(order.digest())).signature)
    with pytest.raises(SignatureInvalid, match=buyer_account.address):
        world.orders.put_acknowledgement(order.order_id(), forged)


def test_receipt_is_no_acknowledgement(world: World) -> None:
    _, _, order = world.sell(DATA)
    receipt = bytes(buyer_account.sign_message(DOMAIN.receipt(order.digest())).signature)
    assert world.orders.put_receipt(order.order_id(), receipt).receipt == receipt
    with pytest.raises(SignatureInvalid):
        world.orders.put_acknowledgement(order.order_id(), receipt)


def test_statement_about_an_unknown_order(world: World) -> None:
    with pytest.raises(OrderUnknown):
        world.orders.put_receipt(bytes(32), b"")
