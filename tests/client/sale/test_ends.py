"""A sale ends by the confirmed chain: not by the latest block, not by a clock, not by a note on disk or an oracle."""

import errno
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from assay.errors import NodeUnreachable, OfferRefused, OrderMissing, RevealTooLate, TransactionPending, UsageError
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status
from assay.sale import offers as offers_module
from assay.sale.offers import OfferRecord
from assay.sale.release import OUTCOMES, REVEAL_MARGIN, can_be_posted
from assay.sale.seller import Seller
from tests.kit.market import DAY, Market
from tests.kit.orders import acknowledgement

pytestmark = pytest.mark.unit

HOUR = 3600


def locked(market: Market, confirmations: int = 2) -> tuple[Seller, OfferRecord]:
    """A locked order with its confirmations, of an oracle that does nothing more."""
    seller, record = market.locked()
    market.transport.idle = True
    market.node.confirmations = confirmations
    market.node.mine(confirmations)
    return seller, record


def acknowledge(market: Market, seller: Seller, record: OfferRecord) -> None:
    order = seller.order(record).order
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))


def outcome(seller: Seller, record: OfferRecord) -> str | None:
    return seller._store.load(record.data_root).outcome


def meanwhile(seller: Seller, monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], object]) -> list[int]:
    """Does ``acts`` in the seller's waits, one in each, and the last one in all that follow; counts the waits."""
    waits: list[int] = []

    def wait(_: float) -> bool:
        acts[min(len(waits), len(acts) - 1)]()
        waits.append(1)
        assert len(waits) < 100, "no end"
        return True

    monkeypatch.setattr(seller._release._pause, "wait", wait)
    return waits


# --- the end is what is confirmed -------------------------------------------------------------------------------------


def test_paid_is_the_end_once_it_is_confirmed(market: Market) -> None:
    seller, record = locked(market)
    acknowledge(market, seller, record)
    assert seller.advance(record) is Status.PAID
    assert outcome(seller, record) is None
    assert any("paid: waiting for 2 confirmations" in said for said in market.said)
    market.node.mine(2)
    assert seller.advance(record) is Status.PAID
    assert outcome(seller, record) == "paid"


@pytest.mark.parametrize("acknowledged", [True, False], ids=["settled", "revealed"])
def test_payment_that_a_reorganisation_takes_back_is_asked_for_again(
    market: Market, monkeypatch: pytest.MonkeyPatch, acknowledged: bool
) -> None:
    seller, record = locked(market)
    if acknowledged:
        acknowledge(market, seller, record)
    else:
        seller.advance(record)
        market.pass_time(HOUR + 1)
    seen: list[str | None] = []

    def take_back() -> None:
        assert market.status(record) is Status.PAID
        seen.append(outcome(seller, record))
        market.node.reorganise(1)

    waits = meanwhile(seller, monkeypatch, take_back, market.node.mine)
    assert seller.release(record, patience=0) is Status.PAID
    assert (seen, outcome(seller, record), len(waits)) == ([None], "paid", 3)
    assert market.steps == (["settle"] if acknowledged else ["reveal_key", "finalize"])


def test_key_is_revealed_when_a_reorganisation_takes_the_oracles_settlement_back(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller, record = locked(market)
    order = seller.order(record).order
    market.chain.settle(order, acknowledgement(order))

    def take_back() -> None:
        market.node.reorganise(1)
        market.transport.down = True

    meanwhile(seller, monkeypatch, take_back, lambda: market.pass_time(HOUR // 2))
    assert seller.release(record, patience=0) is Status.PAID
    assert market.steps == ["reveal_key", "finalize"]


def test_data_that_a_reorganisation_takes_out_is_revealed_again_and_ends_when_confirmed(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller, record = locked(market)

    def take_back() -> None:
        market.node.reorganise(1)
        market.pass_time(HOUR - 10)

    waits = meanwhile(seller, monkeypatch, take_back, market.node.mine)
    assert seller.reveal_data(record) is Status.PAID
    assert (market.steps, len(waits), outcome(seller, record)) == (["reveal_data"], 3, "paid")


def test_refund_is_the_end_once_it_is_confirmed(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = locked(market)
    market.pass_time(HOUR + 1)
    market.chain.refund(seller.order(record).order)
    waits = meanwhile(seller, monkeypatch, market.node.mine)
    assert seller.release(record) is Status.REFUNDED
    assert (len(waits), outcome(seller, record)) == (2, "refunded")


def test_key_that_is_public_is_revealed_again_up_to_the_deadline(market: Market) -> None:
    seller, record = locked(market)
    assert seller.advance(record) is Status.REVEALED
    market.node.reorganise(1)
    market.pass_time(HOUR - 10)
    assert seller.advance(record) is Status.REVEALED


@pytest.mark.parametrize("case", ["silent", "overtaken", "full"])
def test_key_whose_transaction_stays_unmined_is_public_whatever_the_node_says_next(
    market: Market, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """The node falls silent, or has another transaction first, which a reorganisation removes; or the disk is full."""
    seller, record = locked(market)
    order = seller.order(record).order

    def stay_unmined(*_: Any) -> None:
        if case == "silent":
            market.node.down = True
        elif case == "overtaken":
            market.chain.settle(order, acknowledgement(order))
        raise TransactionPending("not mined")

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, suppress(NodeUnreachable, TransactionPending):
        patch.setattr(seller._chain, "reveal_key", stay_unmined)
        if case == "full":
            patch.setattr(offers_module, "write_whole", full)
        seller.advance(record)
    market.node.down = False
    if case == "overtaken":
        market.node.reorganise(1)
    market.pass_time(HOUR - 10)
    assert seller.advance(record) is Status.REVEALED


def test_key_of_an_order_that_another_moved_stays_secret_within_the_margin(market: Market) -> None:
    """The seller's own reveal failed, because the settlement was faster: its key is in no block."""
    seller, record = locked(market)
    order = seller.order(record).order
    market.node.before_next = lambda: market.chain.settle(order, acknowledgement(order))
    assert seller.advance(record) is Status.PAID
    market.node.reorganise(1)
    market.pass_time(HOUR - REVEAL_MARGIN + 1)
    with pytest.raises(RevealTooLate):
        seller.advance(record)
    assert market.contract.storage.keys == {}


@pytest.mark.parametrize("direct", [False, True], ids=["key", "data"])
def test_full_disk_keeps_no_key_from_the_chain_and_no_sale_from_its_end(
    market: Market, monkeypatch: pytest.MonkeyPatch, direct: bool
) -> None:
    seller, record = locked(market)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(offers_module, "write_whole", full)
    meanwhile(seller, monkeypatch, lambda: market.pass_time(HOUR // 2))
    status = seller.reveal_data(record) if direct else seller.release(record, patience=0)
    assert (status, outcome(seller, record)) == (Status.PAID, None)
    assert any("No space left on device" in said for said in market.said)
    monkeypatch.undo()
    seller.release(record)
    assert outcome(seller, record) == "paid"


# --- an end that was saved --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("saved", [*OUTCOMES, "declined", "refused", "expired"])
def test_saved_end_that_the_chain_does_not_bear_out_is_taken_back(market: Market, saved: str) -> None:
    seller, record = locked(market)
    seller._store.update(record, outcome=saved)
    found = market.seller().find(market.file(), market.model_id)
    assert found is not None
    assert (found.data_root, found.outcome) == (record.data_root, None)
    assert market.seller().prepare(market.file(), market.model_id) == found


def test_saved_end_that_is_not_confirmed_is_taken_back_until_it_is(market: Market) -> None:
    seller, record = locked(market)
    acknowledge(market, seller, record)
    seller.advance(record)
    for blocks, expected in ((0, None), (2, "paid")):
        market.node.mine(blocks)
        seller._store.update(record, outcome="paid")
        found = seller.find(market.file(), market.model_id)
        assert found is not None
        assert found.outcome == expected


def test_accepted_offer_is_found_before_another_of_the_same_file(market: Market) -> None:
    """Two commands at once sealed one file twice, and the oracle declined the second."""
    seller, record = locked(market)
    twin = seller._store.create(
        market.file(), oracle_url="https://oracle.example", model_id=market.model_id, seller=record.seller
    )
    for ended in (None, "declined"):
        seller._store.update(twin, outcome=ended)
        found = seller.find(market.file(), market.model_id)
        assert found is not None
        assert found.data_root == record.data_root


@pytest.mark.parametrize("status", [OfferStatus.DECLINED, OfferStatus.EXPIRED, OfferStatus.REFUSED])
def test_oracles_word_ends_no_offer_whose_acceptance_is_out(
    market: Market, monkeypatch: pytest.MonkeyPatch, status: OfferStatus
) -> None:
    seller, record = market.quoted()
    record = seller.bind(record)
    state = seller._acceptance._oracle.offer(record.offer_id)
    changed = state.model_copy(update={"status": status, "quote": None, "oracle_signature": None})
    for expected in (None, str(status)):
        with monkeypatch.context() as patch:
            patch.setattr(seller._acceptance._oracle, "offer", lambda *_, **__: changed)
            if status is OfferStatus.DECLINED:
                seller.offer(record)
            else:
                with pytest.raises(OfferRefused):
                    seller.offer(record)
        assert outcome(seller, record) == expected
        assert len(seller._store.key(record)) == 32
        market.pass_time(2 * DAY)


def test_accepted_quote_is_not_declined(market: Market) -> None:
    seller, record = market.quoted()
    seller.bind(record)
    with pytest.raises(UsageError, match="acceptance is out"):
        seller.decline(record)
    market.pass_time(2 * DAY)
    assert seller.decline(record).outcome == "declined"


# --- whether an order can still be posted -----------------------------------------------------------------------------


def test_order_can_be_posted_until_a_confirmed_block_is_later_than_its_quotes(market: Market) -> None:
    seller, record = market.quoted()
    record = seller.bind(record)
    market.node.confirmations = 3
    market.pass_time(2 * DAY)
    market.node.mine(2)
    assert can_be_posted(market.chain, record), "another block may take the place of the first late one"
    market.node.mine()
    assert not can_be_posted(market.chain, record)


def test_quote_that_expires_before_the_accepted_one_shortens_nothing(market: Market) -> None:
    seller, record = market.quoted()
    record = seller.bind(record)
    assert record.quote is not None
    short = record.quote.model_copy(update={"expiry": record.quote.expiry - HOUR})
    record = seller.bind(seller._store.update(record, quote=short))
    market.pass_time(DAY - HOUR // 2)
    assert can_be_posted(market.chain, record)


def ahead(market: Market) -> Callable[[], int]:
    """A wallet's clock that is wrong."""
    return lambda: market.now() + 10 * DAY


def test_wrong_clock_ends_no_sale_that_can_be_posted(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.quoted(seller=market.seller(now=ahead(market), posting_patience=float("inf")))
    market.transport.idle = True
    meanwhile(seller, monkeypatch, market.node.mine, market.work)
    record = seller.accept(record)
    assert market.status(record) is Status.LOCKED


def test_wrong_clock_ends_no_sale_whose_order_a_reorganisation_removed(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, record = market.locked()
    seller = market.seller(now=ahead(market))
    dropped = market.node.reorganise()
    order = [call for call in dropped if call.function == "post"]

    def settle() -> None:
        order = seller.order(record).order
        if market.status(record) is Status.LOCKED:
            market.chain.settle(order, acknowledgement(order))

    meanwhile(seller, monkeypatch, market.node.mine, lambda: market.node.execute(order.pop()), settle)
    assert seller.release(record) is Status.PAID


def test_wrong_clock_ends_no_sale_that_is_locked(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key stays secret, because a node may stand still; the buyer can acknowledge nevertheless."""
    _, record = locked(market, 0)
    seller = market.seller(now=ahead(market))
    meanwhile(seller, monkeypatch, market.node.mine, lambda: acknowledge(market, seller, record))
    assert seller.release(record) is Status.PAID
    assert market.steps == ["settle"]
    assert any("by this machine's clock, not by the chain's" in said for said in market.said)


def test_order_that_is_too_late_by_the_chain_ends_the_wait(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    _, record = locked(market, 0)
    seller = market.seller(now=ahead(market))
    meanwhile(seller, monkeypatch, lambda: market.pass_time(HOUR // 2))
    with pytest.raises(RevealTooLate):
        seller.release(record)


def test_node_that_fails_while_the_order_is_awaited_ends_no_sale(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller, record = market.quoted(seller=market.seller(posting_patience=float("inf")))
    market.transport.idle = True
    order_state, faults = seller._chain.order_state, [NodeUnreachable("no answer")] * 3
    accept = seller._acceptance._oracle.accept

    def fail(*arguments: Any) -> None:
        accept(*arguments)
        monkeypatch.setattr(
            seller._chain,
            "order_state",
            lambda order_id: (_ for _ in ()).throw(faults.pop()) if faults else order_state(order_id),
        )

    monkeypatch.setattr(seller._acceptance._oracle, "accept", fail)
    meanwhile(seller, monkeypatch, market.node.mine, market.node.mine, market.node.mine, market.work)
    assert market.status(seller.accept(record)) is Status.LOCKED


def test_node_that_lags_behind_the_post_ends_no_sale_after_the_quote(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh node, whose latest block is older than the order: its time is no reason to give up."""
    seller, record = market.locked()
    behind = market.node.reorganise()
    market.time += 2 * DAY
    post = next(call for call in behind if call.function == "post")

    def catch_up() -> None:
        market.node.time += HOUR
        if market.status(record) is Status.NONE:
            market.node.time -= HOUR
            market.node.execute(post)

    meanwhile(seller, monkeypatch, market.node.mine, catch_up)
    assert seller.release(record, patience=0) is Status.PAID


def test_order_that_cannot_come_back_ends_the_wait_once_that_is_confirmed(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller, record = market.locked()
    market.node.confirmations = 2
    market.node.reorganise()
    market.time += 2 * DAY
    market.node.time += 2 * DAY
    waits = meanwhile(seller, monkeypatch, market.node.mine)
    with pytest.raises(OrderMissing):
        seller.release(record)
    assert len(waits) == 3
