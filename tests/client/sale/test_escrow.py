"""The buyer pays on the oracle's statement that it holds the key, and is handed the key for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay import envelope
from assay.errors import OracleMisbehaved, OracleUnreachable, SaleError
from assay.oracle.api import OracleClient
from assay.protocol.evidence import EscrowEvidence
from assay.protocol.statements import digest
from assay.protocol.structs import Order, Status
from assay.sale.escrow import EscrowRecords
from assay.sale.purchase import Purchase, PurchaseFiles
from tests.kit.actors import BUYER_IDENTITY, buyer_account, oracle_account, seller_account
from tests.kit.market import Market
from tests.kit.memory_contract import HALTED
from tests.kit.orders import acknowledgement

pytestmark = pytest.mark.unit

HOUR = 3600
DATA = b"a\nb\nc\n"


def order_of(market: Market) -> Order:
    return market.chain.posted()[-1].order


def held(market: Market, suffix: str) -> Path:
    return PurchaseFiles(market.home / "purchases").path(order_of(market), suffix)


def evidence_of(market: Market) -> Path:
    return EscrowRecords(market.chain, buyer_account, BUYER_IDENTITY, market.home / "purchases").path(order_of(market))


def paid(market: Market) -> list[Purchase]:
    """Lets the oracle settle and hand the key over; the buyer's look after that."""
    for _ in range(3):
        market.work()
    assert market.chain.order_state(order_of(market).order_id()).status is Status.PAID
    return market.buyer().poll(market.model_id)


@pytest.fixture
def answers(market: Market, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Changes every record of an order that the oracle answers with."""
    record = market.delivery.record

    def change(**changes: Any) -> None:
        monkeypatch.setattr(market.delivery, "record", lambda order_id: record(order_id).model_copy(update=changes))

    return change


def test_sealed_file_is_checked_before_the_buyer_pays(market: Market, answers: Any) -> None:
    market.locked(DATA)
    answers(key_escrow=None)
    (purchase,) = market.buyer().poll(market.model_id)
    assert (purchase.status, purchase.note) == (Status.LOCKED, "sealed file checked; waiting for the key")
    assert held(market, ".sealed").exists()


def test_buyer_pays_on_the_oracles_statement_and_is_handed_the_key_for_it(market: Market) -> None:
    market.locked(DATA)
    (purchase,) = market.buyer().poll(market.model_id)
    assert (purchase.file, purchase.note) == (None, "acknowledged; waiting for the payment")
    (purchase,) = paid(market)
    assert purchase.file is not None
    assert purchase.file.read_bytes() == DATA
    assert market.steps == ["settle"]
    assert market.contract.storage.keys == {}


def test_key_of_a_paid_order_is_waited_for(market: Market) -> None:
    market.node.confirmations = 5
    market.locked(DATA)
    market.buyer().poll(market.model_id)
    (purchase,) = paid(market)
    assert (purchase.file, purchase.note, purchase.error) == (None, "paid; waiting for the key", None)
    market.node.mine(5)
    market.work()
    assert market.buyer().poll(market.model_id)[0].file is not None


# --- the statement ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["nobody", "the seller", "another order", "another statement", "a halted model's"])
def test_buyer_does_not_pay_on_the_statement_of_another(market: Market, answers: Any, by: str) -> None:
    seller, record = market.locked(DATA)
    order, domain = order_of(market), market.chain.domain
    other = order.model_copy(update={"price": 1})
    signed = {
        "nobody": b"\x01" * 65,
        "the seller": bytes(seller_account.sign_message(domain.key_escrow(order.digest())).signature),
        "another order": bytes(oracle_account.sign_message(domain.key_escrow(other.digest())).signature),
        "another statement": bytes(oracle_account.sign_message(domain.receipt(order.digest())).signature),
        "a halted model's": bytes(oracle_account.sign_message(domain.key_escrow(order.digest())).signature),
    }[by]
    if by == "a halted model's":
        market.contract.change_model(market.model_id, oracle=HALTED)
    answers(key_escrow=signed)
    (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, OracleMisbehaved)
    assert market.journal.orders.get(order.order_id()).acknowledgement is None
    assert not evidence_of(market).exists()
    assert seller.advance(record) is Status.REVEALED
    assert market.buyer().poll(market.model_id)[0].file is not None, "what is revealed on chain is opened all the same"


def test_statement_of_an_oracle_that_is_a_wallet_is_judged_by_the_wallet(market: Market, answers: Any) -> None:
    market.locked(DATA)
    order = order_of(market)
    committee = "0x" + 38 * "0" + "77"
    market.contract.change_model(market.model_id, oracle=committee)
    market.contract.wallets[committee] = b"committee"
    answers(key_escrow=b"committee" + digest(market.chain.domain.key_escrow(order.digest())))
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.note == "acknowledged; waiting for the payment"


def test_evidence_is_on_disk_before_the_buyer_pays(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.locked(DATA)

    def lost(*_: Any) -> None:
        raise OracleUnreachable("no answer")

    monkeypatch.setattr(OracleClient, "put_acknowledgement", lost)
    market.buyer().poll(market.model_id)
    evidence = EscrowEvidence.model_validate_json(evidence_of(market).read_bytes())
    assert evidence.is_signed()
    assert (evidence.order, evidence.oracle, evidence.disproves()) == (order_of(market), oracle_account.address, False)
    assert evidence_of(market).stat().st_mode & 0o077 == 0


def test_paid_key_that_does_not_open_the_data_proves_that_the_oracle_lied(market: Market, answers: Any) -> None:
    """Oracle and seller are in league: the order locks a key that opens nothing."""
    wrong = bytes(32)
    seller, record = market.quoted(DATA)
    seller.post(market.bound_to(record, wrong))
    order = order_of(market)
    statement = bytes(oracle_account.sign_message(market.chain.domain.key_escrow(order.digest())).signature)
    answers(key_escrow=statement, key_envelope=envelope.wrap_key(envelope.public_of(BUYER_IDENTITY), wrong))
    market.transport.idle = True
    market.work()
    market.chain.settle(order, acknowledgement(order))
    market.buyer()
    EscrowRecords(market.chain, buyer_account, BUYER_IDENTITY, market.home / "purchases").acknowledge(order, statement)
    (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, OracleMisbehaved)
    assert "does not open chunk 0" in purchase.note
    assert held(market, ".sealed").exists()
    evidence = EscrowEvidence.model_validate_json(evidence_of(market).read_bytes())
    assert evidence.is_signed()
    assert evidence.disproves()
    honest = evidence.model_copy(update={"key": seller._store.key(record)})
    assert not honest.disproves(), "another key than the order locks proves nothing"
    moved = evidence.model_copy(update={"order": order.model_copy(update={"data_root": bytes(32)})})
    assert not moved.is_signed()
    assert not moved.disproves()


def test_seller_can_send_the_key_where_the_oracle_lost_it(market: Market, answers: Any) -> None:
    seller, record = market.locked(DATA)
    market.buyer().poll(market.model_id)
    with pytest.raises(SaleError, match="not paid"):
        seller.key_for_buyer(record)
    answers(key_envelope=None)
    assert paid(market)[0].note == "paid; waiting for the key"
    (market.home / "purchases" / f"{order_of(market).order_id().hex()}.key").write_text(seller.key_for_buyer(record))
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert purchase.file.read_bytes() == DATA


@pytest.mark.parametrize(
    "content",
    ["garbage", envelope.wrap_key(envelope.public_of(BUYER_IDENTITY), bytes(32))],
    ids=["no envelope", "another key"],
)
def test_envelope_that_does_not_hold_the_paid_key_is_reported_and_asked_for_again(
    market: Market, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    market.locked(DATA)
    market.buyer().poll(market.model_id)
    record = market.delivery.record
    with monkeypatch.context() as spoilt:
        changed = {"key_envelope": content}
        spoilt.setattr(market.delivery, "record", lambda order_id: record(order_id).model_copy(update=changed))
        (purchase,) = paid(market)
        assert isinstance(purchase.error, OracleMisbehaved)
        assert "does not hold the key" in purchase.note
        assert str(evidence_of(market)) in str(purchase.error.hint)
    assert market.buyer().poll(market.model_id)[0].file is not None


# --- reorganisations --------------------------------------------------------------------------------------------------


def reorganised(market: Market) -> None:
    """The buyer has opened what it paid for, and a reorganisation takes the payment back; the oracle is idle."""
    market.locked(DATA)
    market.buyer().poll(market.model_id)
    (purchase,) = paid(market)
    assert purchase.file is not None
    settled = next(mined for mined in market.node.blocks if any(call.function == "settle" for call in mined.calls))
    market.transport.idle = True
    market.node.reorganise(market.node.head.number - settled.block.number + 1)
    assert market.chain.order_state(order_of(market).order_id()).status is Status.LOCKED


def test_opened_file_whose_payment_a_reorganisation_took_back_is_paid_for_again(market: Market) -> None:
    reorganised(market)
    market.transport.down = True
    market.pass_time(HOUR + 1)
    (purchase,) = market.buyer().poll(market.model_id)
    assert (purchase.status, set(purchase.gas)) == (Status.PAID, {"settle"})
    assert market.steps == ["settle"]


def test_opened_file_is_never_refunded(market: Market) -> None:
    """The oracle took the acknowledgement, and did nothing with it."""
    reorganised(market)
    assert market.buyer().poll(market.model_id)[0].status is Status.LOCKED
    assert market.steps == []
    market.pass_time(HOUR + 1)
    assert market.buyer().poll(market.model_id)[0].status is Status.PAID
    assert market.steps == ["settle"]
