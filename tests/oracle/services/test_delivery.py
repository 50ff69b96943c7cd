"""The sealed file and the key for the buyer, and what the buyer signs."""

import io

import pytest

from assay import envelope
from assay.protocol import seal
from assay.protocol.statements import digest
from assay.protocol.structs import Order
from assay_oracle.errors import DeliveryDeleted, OrderUnknown, SignatureInvalid
from tests.kit.actors import BUYER_IDENTITY, DOMAIN, buyer_account, rival_account
from tests.kit.market import Market
from tests.kit.memory_contract import MemoryContract
from tests.kit.orders import acknowledgement, receipt_of
from tests.kit.signatures import REFUSED_FORMS

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"


def delivered(market: Market, order: Order) -> bytes:
    with market.delivery.sealed(order.order_id()).open() as file:
        return file.read()


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


def test_key_of_a_paid_order_outlives_the_deletion_of_its_file(market: Market) -> None:
    made, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.oracle.cycle()
    market.pass_time(market.settings.keep_seconds + 1)
    market.oracle.cycle()
    with pytest.raises(DeliveryDeleted):
        market.delivery.sealed(order.order_id())
    record = market.delivery.record(order.order_id())
    assert record.sealed_bytes == 0
    assert record.key_envelope is not None
    assert envelope.unwrap_key(BUYER_IDENTITY, record.key_envelope) == made.key


@pytest.mark.parametrize("form", REFUSED_FORMS)
def test_statement_in_a_form_that_the_contract_refuses_is_refused_where_it_is_handed_in(
    market: Market, form: str
) -> None:
    _, _, order = market.sell(DATA)
    spoil = REFUSED_FORMS[form]
    for put, signed in (
        (market.delivery.put_receipt, receipt_of(order)),
        (market.delivery.put_acknowledgement, acknowledgement(order)),
    ):
        for _ in range(2):  # before a good signature is held, and after: it is not replaced
            with pytest.raises(SignatureInvalid):
                put(order.order_id(), spoil(signed))
            put(order.order_id(), signed)
    record = market.delivery.record(order.order_id())
    assert (record.receipt, record.acknowledgement) == (receipt_of(order), acknowledgement(order))


def test_signature_of_a_key_is_not_replaced_by_what_a_wallet_accepts_for_a_moment(market: Market) -> None:
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.delivery.put_receipt(order.order_id(), receipt_of(order))
    market.contract.fickle.add(buyer_account.address)
    market.delivery.put_acknowledgement(order.order_id(), b"yes")
    record = market.delivery.put_receipt(order.order_id(), b"yes")
    assert (record.receipt, record.acknowledgement) == (receipt_of(order), acknowledgement(order))


def test_statement_that_a_wallet_accepts_is_not_replaced_by_a_longer_one(market: Market) -> None:
    """Wallets read the start of a signature alone; what anyone adds to it costs the oracle gas."""
    _, _, order = market.sell(DATA)
    market.contract.fickle.add(buyer_account.address)
    for put in (market.delivery.put_acknowledgement, market.delivery.put_receipt):
        put(order.order_id(), b"yes")
        record = put(order.order_id(), b"yes" + bytes(8000))
    assert (record.receipt, record.acknowledgement) == (b"yes", b"yes")
    market.contract.fickle.clear()
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    assert market.delivery.record(order.order_id()).acknowledgement == acknowledgement(order)


def test_statement_that_a_wallet_took_back_is_replaced_by_what_it_accepts_now(market: Market) -> None:
    _, _, order = market.sell(DATA)
    wallets, signed = market.contract.wallets, digest(DOMAIN.acknowledgement(order.digest()))
    for owner in (b"first", b"second"):
        wallets[buyer_account.address] = owner
        record = market.delivery.put_acknowledgement(order.order_id(), owner + signed)
        assert record.acknowledgement == owner + signed


def test_statement_of_a_key_that_arrives_while_another_is_checked_is_kept(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, order = market.sell(DATA)
    market.contract.fickle.add(buyer_account.address)
    judge = MemoryContract.is_valid_signature

    def meanwhile(contract: MemoryContract, *asked: object) -> bool:
        monkeypatch.setattr(MemoryContract, "is_valid_signature", judge)
        market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
        return judge(contract, *asked)  # type: ignore[arg-type]

    monkeypatch.setattr(MemoryContract, "is_valid_signature", meanwhile)
    record = market.delivery.put_acknowledgement(order.order_id(), b"yes")
    assert record.acknowledgement == acknowledgement(order)


def test_acknowledgement_by_another_is_refused(market: Market) -> None:
    _, _, order = market.sell(DATA)
    forged = bytes(rival_account.sign_message(DOMAIN.acknowledgement(order.digest())).signature)
    with pytest.raises(SignatureInvalid, match=buyer_account.address):
        market.delivery.put_acknowledgement(order.order_id(), forged)


def test_receipt_is_no_acknowledgement(market: Market) -> None:
    _, _, order = market.sell(DATA)
    receipt = receipt_of(order)
    assert market.delivery.put_receipt(order.order_id(), receipt).receipt == receipt
    with pytest.raises(SignatureInvalid):
        market.delivery.put_acknowledgement(order.order_id(), receipt)


def test_statement_about_an_unknown_order(market: Market) -> None:
    with pytest.raises(OrderUnknown):
        market.delivery.put_receipt(bytes(32), b"")
