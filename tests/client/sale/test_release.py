"""How a key comes out: when it is revealed, when it stays secret, and that any call may be repeated."""

from pathlib import Path
from typing import Any

import pytest

from assay.errors import (
    ChainError,
    ContractReverted,
    NodeUnreachable,
    OrderDiffers,
    OrderMissing,
    RevealTooLate,
    SaleError,
    TransactionFailed,
    TransactionPending,
)
from assay.oracle.session import Party
from assay.protocol.structs import Status
from assay.sale.offers import OfferRecord
from assay.sale.release import DISPLACE_MARGIN, MAX_FAILURES, REVEAL_MARGIN
from assay.sale.seller import Seller
from tests.kit.actors import seller_account
from tests.kit.market import DAY, Market
from tests.kit.orders import acknowledgement, receipt_of

pytestmark = pytest.mark.unit

HOUR = 3600
WALLET = "0x" + 38 * "0" + "77"


# --- release ----------------------------------------------------------------------------------------------------------


def test_buyer_gets_his_patience_before_the_key_goes_on_chain(market: Market) -> None:
    seller, record = market.locked()
    assert seller.advance(record, reveal=False) is Status.LOCKED
    assert market.contract.storage.keys == {}


def test_patience_ends_where_the_deadline_comes_near(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(HOUR - 2 * REVEAL_MARGIN)
    assert seller.advance(record, reveal=False) is Status.REVEALED


def test_key_is_revealed_up_to_the_margin(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(HOUR - REVEAL_MARGIN)
    assert seller.advance(record) is Status.REVEALED


def test_key_stays_secret_within_the_margin(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(HOUR - REVEAL_MARGIN + 1)
    with pytest.raises(RevealTooLate, match="less than the 300 s"):
        seller.advance(record)
    assert market.contract.storage.keys == {}


def test_clock_ahead_of_a_chain_that_stands_still_is_heeded(market: Market) -> None:
    _, record = market.locked()
    market.time += HOUR
    with pytest.raises(RevealTooLate):
        market.seller(now=market.now).advance(record)
    assert market.contract.storage.keys == {}


def test_key_waits_for_confirmations(market: Market) -> None:
    seller, record = market.locked()
    market.node.confirmations = 2
    assert seller.advance(record) is Status.LOCKED
    market.node.mine(2)
    assert seller.advance(record) is Status.REVEALED


def test_reorganised_order_keeps_its_key(market: Market) -> None:
    seller, record = market.locked()
    market.node.reorganise()
    with pytest.raises(OrderMissing, match="not on chain"):
        seller.advance(record)
    assert market.contract.storage.keys == {}
    market.work()
    assert seller.advance(seller.accept(record)) is Status.REVEALED


def test_key_waits_for_an_earlier_transaction(market: Market) -> None:
    seller, record = market.locked()
    market.node.unmined = 1
    assert seller.advance(record) is Status.LOCKED
    market.node.unmined = 0
    assert seller.advance(record) is Status.REVEALED


@pytest.mark.parametrize(("left", "status"), [(DISPLACE_MARGIN + 1, Status.LOCKED), (DISPLACE_MARGIN, Status.REVEALED)])
@pytest.mark.parametrize("acknowledged", [False, True])
def test_transaction_that_stays_unmined_lets_no_window_to_reveal_pass(
    market: Market, left: int, status: Status, acknowledged: bool
) -> None:
    """A settlement would be mined after it; a reveal takes its place."""
    seller, record = market.locked()
    market.transport.idle = True
    if acknowledged:
        order = seller.order(record).order
        market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.node.unmined = 1
    market.pass_time(3600 - left)
    assert seller.advance(record) is status


def test_receipt_is_waited_for(tmp_path: Path) -> None:
    market = Market(tmp_path, require_receipt=True)
    seller, record = market.locked()
    assert seller.advance(record) is Status.LOCKED
    order = seller.order(record).order
    market.as_buyer.put_receipt(order.order_id(), receipt_of(order))
    assert seller.advance(record) is Status.REVEALED
    market.journal.close()


def test_oracle_that_is_down_keeps_no_key_from_the_chain(market: Market) -> None:
    seller, record = market.locked()
    market.transport.down = True
    assert seller.advance(record) is Status.REVEALED
    assert any("continuing without it" in said for said in market.said)


def acknowledged(market: Market, by: bytes | None = None) -> tuple[Seller, OfferRecord]:
    """A sale that the buyer has acknowledged, and that the oracle does not settle."""
    seller, record = market.locked()
    order = seller.order(record).order
    market.transport.idle = True
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order) if by is None else by)
    return seller, record


def test_acknowledged_order_that_the_oracle_does_not_settle_is_settled_without_the_key(market: Market) -> None:
    seller, record = acknowledged(market)
    assert seller.advance(record, reveal=False) is Status.LOCKED
    assert seller.advance(record) is Status.PAID
    assert market.steps == ["settle"]
    assert market.contract.storage.keys == {}


def test_acknowledged_order_is_settled_up_to_the_last_second(market: Market) -> None:
    seller, record = acknowledged(market)
    market.pass_time(HOUR)
    assert seller.advance(record, reveal=False) is Status.PAID


@pytest.mark.parametrize(
    "refusal",
    [
        ContractReverted("BuyerSignatureInvalid", {"buyer": "a wallet"}),
        ChainError("the node refused: out of gas"),
        TransactionFailed("transaction 0x00 was mined and failed", gas=1),
    ],
    ids=["revoked", "burns_gas", "revoked_in_front"],
)
def test_acknowledgement_that_the_contract_refuses_keeps_no_key_from_the_chain(
    market: Market, monkeypatch: pytest.MonkeyPatch, refusal: ChainError
) -> None:
    seller, record = acknowledged(market)

    def refuse(*_: Any) -> None:
        raise refusal

    monkeypatch.setattr(seller._chain, "settle", refuse)
    assert seller.advance(record, reveal=False) is Status.LOCKED
    assert seller.advance(record) is Status.REVEALED


def test_settling_that_cannot_be_sent_now_is_tried_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = acknowledged(market)
    for fault in (NodeUnreachable("no answer"), TransactionPending("not mined")):
        with monkeypatch.context() as patch:
            patch.setattr(seller._chain, "settle", lambda *_, fault=fault: (_ for _ in ()).throw(fault))
            with pytest.raises(type(fault)):
                seller.advance(record)
    assert seller.advance(record) is Status.PAID
    assert market.contract.storage.keys == {}


# --- a buyer's wallet -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [False, True])
def test_a_wallet_that_burns_gas_costs_the_seller_a_bounded_amount(market: Market, trusted: bool) -> None:
    """The buyer's account becomes a wallet that accepts in a simulation and refuses in the block (EIP-7702)."""
    market.contract.fickle.add(market.terms.owner)
    seller, record = acknowledged(market, by=b"yes")
    seller = market.seller(trust_wallet=trusted)
    assert seller.advance(record) is Status.REVEALED
    assert [call.function for call in market.node.failed] == (["settle"] if trusted else [])
    assert seller._store.load(record.data_root).failures == len(market.node.failed)


def test_a_wallet_that_takes_its_receipt_back_in_the_block_is_paid_for_a_bounded_number_of_times(
    tmp_path: Path,
) -> None:
    market = Market(tmp_path, require_receipt=True, owner=WALLET)
    market.contract.fickle.add(WALLET)
    seller, record = market.quoted(seller=market.seller(trust_wallet=True))
    record = seller.accept(record)
    wallet = market.http.as_party(Party(market.chain.domain, WALLET, lambda _: b"yes"))
    wallet.put_receipt(seller.order(record).order.order_id(), b"yes")
    with pytest.raises(TransactionFailed):
        seller.release(record, patience=0)
    assert [call.function for call in market.node.failed] == ["reveal_key"] * MAX_FAILURES
    with pytest.raises(SaleError, match="took its signature back"):
        market.seller(trust_wallet=True).release(record, patience=0)
    assert len(market.node.failed) == MAX_FAILURES, "counted on disk"
    market.journal.close()


def test_somebody_faster_is_success(market: Market) -> None:
    seller, record = market.locked()
    order = seller.order(record).order
    key = seller._store.key(record)
    market.node.before_next = lambda: market.chain.reveal_key(order, key)
    assert seller.advance(record) is Status.REVEALED
    market.pass_time(HOUR + 1)
    market.node.before_next = lambda: market.chain.finalize(order)
    assert seller.advance(record) is Status.PAID


def test_refusal_by_the_contract_is_told(market: Market) -> None:
    seller, record = market.quoted()
    record = market.bound_to(record, b"\x05" * 32)
    seller.post(record)
    with pytest.raises(ContractReverted, match="KeyMismatch"):
        seller.advance(record)


def failing(seller: Seller, monkeypatch: pytest.MonkeyPatch, faults: list[Exception]) -> None:
    """The node's answers about orders are these ``faults`` first."""
    order_state = seller._chain.order_state

    def answer(order_id: bytes) -> Any:
        if faults:
            raise faults.pop(0)
        return order_state(order_id)

    monkeypatch.setattr(seller._chain, "order_state", answer)


@pytest.mark.parametrize(
    "fault",
    [
        NodeUnreachable("no answer"),
        TransactionPending("not mined"),
        ChainError("the node refused: 429 too many requests"),
        ContractReverted("DeadlineNotPassed", {"deadline": 1}),
    ],
    ids=["silent", "pending", "rate_limit", "lagging"],
)
def test_release_survives_a_node_that_refuses_for_a_while(
    market: Market, monkeypatch: pytest.MonkeyPatch, fault: ChainError
) -> None:
    seller, record = market.locked()
    seller.advance(record)
    market.pass_time(HOUR + 1)
    failing(seller, monkeypatch, [fault, fault])
    assert seller.release(record) is Status.PAID
    assert sum("trying again" in said for said in market.said) == 1


def test_release_survives_a_clock_that_cannot_be_read(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.locked()
    seller.advance(record)
    market.pass_time(HOUR + 1)
    block_time, faults = seller._chain.block_time, iter([ChainError("rate limit")])

    def answer() -> int:
        for fault in faults:
            raise fault
        return block_time()

    monkeypatch.setattr(seller._chain, "block_time", answer)
    assert seller.release(record) is Status.PAID


def test_release_survives_a_reorganisation(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.locked()
    dropped = market.node.reorganise()

    def come_back(_: float) -> bool:
        if dropped:
            market.node.execute(dropped.pop())
        if market.contract.storage.keys:
            market.pass_time(HOUR + 1)
        return True

    monkeypatch.setattr(seller._release._pause, "wait", come_back)
    assert seller.release(record, patience=0) is Status.PAID
    assert any("not on chain; trying again" in said for said in market.said)


def test_release_gives_up_on_an_order_that_cannot_come_back(market: Market) -> None:
    seller, record = market.locked()
    market.node.reorganise()
    market.pass_time(2 * DAY)
    with pytest.raises(OrderMissing):
        seller.release(record)


def test_release_stops_at_an_order_that_differs(market: Market) -> None:
    seller, record = market.locked()
    other = seller.order(record).order.model_copy(update={"price": 1})
    market.contract.change_order(other.order_id(), order=other)
    with pytest.raises(OrderDiffers):
        seller.release(record, patience=0)
    assert market.contract.storage.keys == {}


def test_release_stops_at_a_refusal_that_stays(market: Market) -> None:
    seller, record = market.quoted()
    record = market.bound_to(record, b"\x05" * 32)
    seller.post(record)
    with pytest.raises(ContractReverted, match="KeyMismatch"):
        seller.release(record, patience=0)


def test_end_is_recorded(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(HOUR + 1)
    market.chain.refund(seller.order(record).order)
    assert seller.release(record) is Status.REFUNDED
    store = seller._store
    assert store.find(market.file(), model_id=market.model_id, seller=seller_account.address) is None
    ended = store.find(market.file(), model_id=market.model_id, seller=seller_account.address, ended=True)
    assert ended is not None
    assert ended.outcome == "refunded"
