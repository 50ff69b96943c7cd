"""The sealed file and the key for the buyer, signed statements, settlement."""

import io
from pathlib import Path

import pytest

from assay import envelope
from assay.chain.values import Transaction
from assay.errors import ContractReverted
from assay.protocol import seal
from assay.protocol.statements import digest
from assay.protocol.structs import Order, Status
from assay.sale.release import REVEAL_MARGIN
from assay_oracle.errors import OrderUnknown, SignatureInvalid
from assay_oracle.services.delivery import HAND_OVER_MARGIN
from tests.kit.actors import BUYER_IDENTITY, DOMAIN, buyer_account, rival_account
from tests.kit.market import Market
from tests.kit.signatures import REFUSED_FORMS

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"


def acknowledgement(order: Order) -> bytes:
    return bytes(buyer_account.sign_message(DOMAIN.acknowledgement(order.digest())).signature)


def receipt_of(order: Order) -> bytes:
    return bytes(buyer_account.sign_message(DOMAIN.receipt(order.digest())).signature)


def delivered(market: Market, order: Order) -> bytes:
    with market.delivery.sealed(order.order_id()).open() as file:
        return file.read()


def has_key(market: Market, order: Order) -> bool:
    return market.delivery.record(order.order_id()).key_envelope is not None


def test_buyer_opens_what_is_delivered(market: Market) -> None:
    made, _, order = market.sell(DATA)
    sealed, data = io.BytesIO(), io.BytesIO()
    with market.delivery.sealed(order.order_id()).open() as file:
        envelope.decrypt_with(BUYER_IDENTITY, file, sealed)
    seal.open_sealed(sealed, made.key, data)
    assert data.getvalue() == DATA
    assert seal.read_index(sealed).data_root == order.data_root


def test_delivery_is_the_same_bytes_after_a_restart(market: Market) -> None:
    _, _, order = market.sell(DATA)
    before = delivered(market, order)
    market.restart()
    assert delivered(market, order) == before


def test_nothing_is_delivered_before_the_payment_is_locked(market: Market) -> None:
    made, state = market.offer(DATA)
    market.accept(made, state)
    assert state.order_id is not None
    with pytest.raises(OrderUnknown):
        market.delivery.sealed(state.order_id)
    with pytest.raises(OrderUnknown):
        market.delivery.record(state.order_id)


def test_cooperative_seller_has_the_key_handed_over(market: Market) -> None:
    made, _, order = market.sell(DATA)
    market.oracle.cycle()
    armored = market.delivery.record(order.order_id()).key_envelope
    assert armored is not None
    assert envelope.unwrap_key(BUYER_IDENTITY, armored) == made.key


def test_seller_who_is_not_cooperative_keeps_the_key(market: Market) -> None:
    _, _, order = market.sell(DATA, cooperative=False)
    market.oracle.cycle()
    assert market.delivery.record(order.order_id()).key_envelope is None


def test_key_waits_until_no_reorganisation_can_take_the_payment(tmp_path) -> None:  # type: ignore[no-untyped-def]
    market = Market(tmp_path)
    market.node.confirmations = 3
    _, _, order = market.sell(DATA)
    market.node.mine(2)
    market.oracle.cycle()
    assert market.delivery.record(order.order_id()).key_envelope is None
    market.node.mine(1)
    market.oracle.cycle()
    assert market.delivery.record(order.order_id()).key_envelope is not None
    market.journal.close()


def test_key_is_not_handed_over_where_the_seller_locked_another_on_chain(market: Market) -> None:
    made, state = market.offer(DATA)
    assert state.quote is not None
    assert state.oracle_signature is not None
    market.accept(made, state)
    foreign = market.acceptance(made, state, key_hash=bytes(32))
    market.chain.post(market.terms, state.quote, state.oracle_signature, foreign.key_hash, foreign.signature)
    market.oracle.cycle()
    market.oracle.cycle()
    assert market.delivery.record(state.quote.order_id()).key_envelope is None


def test_key_is_not_handed_over_for_an_order_of_another_oracle_that_locks_the_same_key_hash(market: Market) -> None:
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
    market.oracle.cycle()
    market.oracle.cycle()
    sale = market.journal.orders.get(cheap.order_id())
    assert sale.order.seller == rival_account.address
    assert sale.key_envelope is None


def test_buyer_who_acknowledged_before_the_key_came_receives_it(tmp_path: Path) -> None:
    market = Market(tmp_path)
    market.node.confirmations = 3
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.node.mine(3)
    market.oracle.cycle()
    assert market.chain.order_state(order.order_id()).status is Status.PAID
    assert has_key(market, order)
    market.journal.close()


def test_key_waits_for_the_receipt_where_the_terms_ask_for_one(tmp_path: Path) -> None:
    market = Market(tmp_path, require_receipt=True)
    _, _, order = market.sell(DATA)
    market.oracle.cycle()
    assert not has_key(market, order)
    market.journal.orders.set_receipt(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    assert not has_key(market, order)
    market.delivery.put_receipt(order.order_id(), receipt_of(order))
    market.oracle.cycle()
    assert has_key(market, order)
    market.journal.close()


def test_key_waits_for_a_wallets_receipt_that_holds_when_it_is_handed_over(tmp_path: Path) -> None:
    wallet = "0x" + 39 * "0" + "7"
    market = Market(tmp_path, require_receipt=True, owner=wallet)
    market.contract.wallets[wallet] = b"wallet"
    _, _, order = market.sell(DATA)
    signature = b"wallet" + digest(DOMAIN.receipt(order.digest()))
    market.delivery.put_receipt(order.order_id(), signature)
    market.contract.wallets[wallet] = b"changed its mind"
    market.oracle.cycle()
    assert not has_key(market, order)
    market.contract.wallets[wallet] = b"wallet"
    market.oracle.cycle()
    assert has_key(market, order)
    market.journal.close()


@pytest.mark.parametrize(
    ("left", "handed_over"), [(HAND_OVER_MARGIN + 1, True), (HAND_OVER_MARGIN, False), (0, False), (-1, False)]
)
@pytest.mark.parametrize("ahead", ["time", "chain"])
def test_key_is_not_handed_over_near_or_after_the_deadline(
    tmp_path: Path, left: int, handed_over: bool, ahead: str
) -> None:
    assert HAND_OVER_MARGIN > 2 * REVEAL_MARGIN
    market = Market(tmp_path)
    market.node.confirmations = 3
    _, _, order = market.sell(DATA)
    market.node.mine(3)
    passed = market.terms.reveal_window - left
    if ahead == "time":
        market.time += passed
    else:
        market.node.pass_time(passed)
    market.oracle.cycle()
    assert has_key(market, order) is handed_over
    market.journal.close()


def test_depth_is_counted_from_where_the_order_is_now(tmp_path: Path) -> None:
    market = Market(tmp_path)
    market.node.confirmations = 12
    _, _, order = market.sell(DATA)
    (posted,) = market.chain.posted(order_id=order.order_id())
    (post,) = market.node.reorganise()
    market.node.mine(10)
    market.node.execute(post)
    market.node.mine(1)
    market.oracle.cycle()
    assert not has_key(market, order)
    market.node.mine(11)
    market.oracle.cycle()
    assert has_key(market, order)
    sale = market.journal.orders.find(order.order_id())
    assert sale is not None
    assert sale.block == posted.block + 11
    market.journal.close()


@pytest.mark.parametrize("form", REFUSED_FORMS)
def test_receipt_in_a_form_that_the_contract_refuses_gets_no_key(tmp_path: Path, form: str) -> None:
    market = Market(tmp_path, require_receipt=True)
    _, _, order = market.sell(DATA)
    receipt = receipt_of(order)
    with pytest.raises(SignatureInvalid):
        market.delivery.put_receipt(order.order_id(), REFUSED_FORMS[form](receipt))
    market.oracle.cycle()
    assert not has_key(market, order)
    market.delivery.put_receipt(order.order_id(), receipt)
    with pytest.raises(SignatureInvalid):
        market.delivery.put_receipt(order.order_id(), REFUSED_FORMS[form](receipt))
    assert market.delivery.record(order.order_id()).receipt == receipt


@pytest.mark.parametrize("require_receipt", [False, True])
def test_oracle_reveals_a_key_it_handed_over(tmp_path: Path, require_receipt: bool) -> None:
    market = Market(tmp_path, require_receipt=require_receipt)
    made, _, order = market.sell(DATA)
    receipt = receipt_of(order) if require_receipt else b""
    if require_receipt:
        market.delivery.put_receipt(order.order_id(), receipt)
        market.oracle.cycle()
    assert has_key(market, order)
    market.pass_time(market.terms.reveal_window // 2 - 1)
    market.oracle.cycle()
    assert market.steps == []
    market.pass_time(1)
    market.oracle.cycle()
    market.oracle.cycle()
    assert [call.arguments for call in market.node.called("reveal_key")] == [(order, made.key, receipt)]
    assert market.chain.order_state(order.order_id()).status is Status.REVEALED
    market.journal.close()


def test_oracle_reveals_no_key_that_it_did_not_hand_over(market: Market) -> None:
    market.sell(DATA, cooperative=False)
    market.pass_time(market.terms.reveal_window // 2)
    market.oracle.cycle()
    assert market.steps == []


def test_oracle_reveals_no_key_of_an_acknowledged_order(market: Market) -> None:
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.pass_time(market.terms.reveal_window // 2)
    market.oracle.cycle()
    assert market.steps == ["settle"]


def test_acknowledgement_that_settles_nothing_keeps_no_key_from_the_chain(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))

    def refuse(order: Order, acknowledgement: bytes) -> Transaction:
        raise ContractReverted("BuyerSignatureInvalid", {"buyer": order.buyer})

    monkeypatch.setattr(market.chain, "settle", refuse)
    market.pass_time(market.terms.reveal_window // 2)
    market.oracle.cycle()
    assert [call.arguments for call in market.node.called("reveal_key")] == [(order, made.key, b"")]


def test_acknowledged_order_is_settled_once(market: Market) -> None:
    _, _, order = market.sell(DATA)
    notes = market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    assert notes.acknowledgement == acknowledgement(order)
    market.oracle.cycle()
    market.oracle.cycle()
    assert market.chain.order_state(order.order_id()).status is Status.PAID
    assert market.steps == ["settle"]


def test_acknowledgement_by_another_is_refused(market: Market) -> None:
    _, _, order = market.sell(DATA)
    forged = bytes(rival_account.sign_message(DOMAIN.acknowledgement(order.digest())).signature)
    with pytest.raises(SignatureInvalid, match=buyer_account.address):
        market.delivery.put_acknowledgement(order.order_id(), forged)


def test_receipt_is_no_acknowledgement(market: Market) -> None:
    _, _, order = market.sell(DATA)
    receipt = bytes(buyer_account.sign_message(DOMAIN.receipt(order.digest())).signature)
    assert market.delivery.put_receipt(order.order_id(), receipt).receipt == receipt
    with pytest.raises(SignatureInvalid):
        market.delivery.put_acknowledgement(order.order_id(), receipt)


def test_statement_about_an_unknown_order(market: Market) -> None:
    with pytest.raises(OrderUnknown):
        market.delivery.put_receipt(bytes(32), b"")
