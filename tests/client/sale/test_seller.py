"""The data owner: what is sent to whom, what is refused, when the key comes out, and that any step may be run again."""

from dataclasses import replace
from typing import Any

import pytest

from assay.errors import (
    OfferRefused,
    OracleUnreachable,
    OrderDiffers,
    QuoteExpired,
    SaleError,
    UsageError,
)
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status, key_hash
from tests.kit.actors import rival_account
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.market import DAY, Market

pytestmark = pytest.mark.unit

HOUR = 3600


def test_sale_with_the_key_on_chain(market: Market) -> None:
    seller, record = market.locked()
    assert market.status(record) is Status.LOCKED
    assert seller.advance(record) is Status.REVEALED
    market.pass_time(HOUR + 1)
    assert seller.advance(record) is Status.PAID
    assert market.steps == ["reveal_key", "finalize"]


def test_price_is_what_the_oracle_signed(market: Market) -> None:
    _, record = market.quoted()
    assert record.quote is not None
    assert record.quote.price == 3 * PRICE_PER_RECORD


# --- offering ---------------------------------------------------------------------------------------------------------


def test_missing_file(market: Market) -> None:
    with pytest.raises(UsageError, match="expected a data file"):
        market.seller().prepare(market.home / "none.csv", market.model_id)


def test_same_file_finds_its_unfinished_offer(market: Market) -> None:
    first = market.seller().prepare(market.file(), market.model_id)
    assert market.seller().prepare(market.file(), market.model_id) == first


def test_offer_interrupted_anywhere_goes_on(market: Market) -> None:
    record = market.seller().prepare(market.file(), market.model_id)
    market.transport.down = True
    with pytest.raises(OracleUnreachable):
        market.seller().offer(record)
    market.transport.down = False
    market.seller().offer(record)
    market.restart()
    record, state = market.seller().offer(market.seller().prepare(market.file(), market.model_id))
    assert state.status is OfferStatus.QUOTED
    assert market.function.calls == 1


def test_unknown_model(market: Market) -> None:
    with pytest.raises(SaleError, match="expected a registered model"):
        market.seller().prepare(market.file(), b"\x07" * 32)


def test_worthless_data_is_declined(market: Market) -> None:
    _, record = market.quoted(b"junk 1\njunk 2\n")
    assert (record.quote, record.outcome) == (None, "declined")


def test_malformed_data_is_refused_and_may_be_offered_again_when_mended(market: Market) -> None:
    with pytest.raises(OfferRefused) as refusal:
        market.quoted(b"a\n!\n")
    assert refusal.value.reason_code == "data_error"
    assert market.quoted(b"a\nb\n")[1].quote is not None


def test_offer_that_lapsed_is_said_to_have_lapsed(market: Market) -> None:
    market.transport.idle = True
    seller = market.seller()
    record = seller.prepare(market.file(), market.model_id)
    market.transport.idle = False
    record, _ = seller.offer(record)
    market.pass_time(31 * DAY)
    with pytest.raises(OfferRefused) as refusal:
        seller.offer(record)
    assert refusal.value.reason_code == "quote_abandoned"
    assert seller.prepare(market.file(), market.model_id).data_root != record.data_root


# --- acceptance -------------------------------------------------------------------------------------------------------


def test_acceptance_is_on_disk_before_it_is_sent(market: Market) -> None:
    seller, record = market.quoted()
    market.transport.down = True
    with pytest.raises(OracleUnreachable):
        seller.accept(record)
    market.transport.down = False
    found = market.seller().prepare(market.file(), market.model_id)
    assert market.seller().accept(found).acceptance
    assert market.status(record) is Status.LOCKED


def test_quote_that_ran_out_is_renewed_at_the_same_price(market: Market) -> None:
    seller, record = market.quoted()
    assert record.quote is not None
    market.pass_time(2 * DAY)
    sold = seller.accept(record)
    assert sold.quote is not None
    assert sold.quote.price == record.quote.price
    assert sold.quote.expiry > record.quote.expiry
    assert len(market.node.called("post")) == 1


def test_quote_that_is_not_renewed(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.quoted()
    old = market.offers.state(record.offer_id)
    market.pass_time(2 * DAY)
    monkeypatch.setattr(market.offers, "state_of", lambda _: old)
    with pytest.raises(QuoteExpired, match="expired at") as raised:
        seller.accept(record)
    assert "same price" in str(raised.value.hint)
    assert len(market.node.called("post")) == 0


def test_offer_without_a_quote_cannot_be_accepted(market: Market) -> None:
    seller = market.seller()
    with pytest.raises(UsageError):
        seller.accept(seller.prepare(market.file(), market.model_id))


def test_order_that_cannot_be_posted_is_said_why_and_can_be_accepted_again(market: Market) -> None:
    seller, record = market.quoted()
    market.contract.change_model(market.model_id, budget=1)
    with pytest.raises(OfferRefused) as refusal:
        seller.accept(record)
    assert refusal.value.reason_code == "budget_too_small"
    market.contract.change_model(market.model_id, budget=10**18)
    seller.accept(record)
    assert market.status(record) is Status.LOCKED


def test_posted_order_is_found_although_oracle_and_quote_are_gone(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(DAY // 48)
    order_id = record.quote.order_id()
    deadline = market.chain.order_state(order_id).deadline
    market.contract.change_order(order_id, deadline=deadline + 3 * DAY)
    market.node.pass_time(2 * DAY)
    market.transport.down = True
    assert market.seller().accept(record) == record
    assert seller.advance(record) is Status.REVEALED


def test_order_locked_by_an_oracle_that_then_dies_is_found_on_chain(market: Market) -> None:
    seller, record = market.quoted()

    def die() -> None:
        market.transport.down = True
        raise RuntimeError("killed")

    market.node.after_post = die
    assert seller.accept(record).key_hash == seller.order(seller.accept(record)).order.key_hash
    assert market.transport.down


def test_oracle_that_dies_before_it_posts_is_told(market: Market) -> None:
    seller, record = market.quoted()
    market.transport.down = True
    with pytest.raises(OracleUnreachable):
        seller.accept(record)
    assert market.status(record) is Status.NONE


def test_order_with_another_key_is_not_ours(market: Market) -> None:
    seller, record = market.locked()
    other = seller.order(record).order.model_copy(update={"key_hash": b"\x01" * 32})
    market.contract.change_order(other.order_id(), order=other)
    for call in (seller.accept, seller.advance):
        with pytest.raises(OrderDiffers):
            call(record)
    assert market.contract.storage.keys == {}


def test_node_that_lags_behind_the_oracles_is_waited_for(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.quoted()
    shown = seller._chain.order_state
    looks = iter(range(5))

    def lagging(order_id: bytes) -> Any:
        late = next(looks, None) is not None and len(market.node.called("post"))
        return replace(shown(order_id), status=Status.NONE) if late else shown(order_id)

    monkeypatch.setattr(seller._chain, "order_state", lagging)
    assert seller.accept(record).acceptance


def test_decline_uses_the_evaluation_up(market: Market) -> None:
    seller, record = market.quoted()
    assert seller.decline(record).outcome == "declined"
    _, again = market.quoted(b"c\nb\na\n", market.seller(rival_account))
    assert again.quote is None
    with pytest.raises(OfferRefused) as refusal:
        market.quoted(b"b\na\nc\n", seller)
    assert refusal.value.reason_code == "already_evaluated"


def test_seller_posts_without_the_oracle(market: Market) -> None:
    seller, record = market.quoted()
    with pytest.raises(UsageError):
        seller.post(record)
    market.transport.down = True
    assert seller.post(seller.bind(record)) > 0
    assert market.status(record) is Status.LOCKED


def test_key_locks_this_order_alone(market: Market) -> None:
    seller, record = market.quoted()
    bound = seller.bind(record)
    key = seller._store.key(record)
    assert bound.key_hash == key_hash(record.quote.order_id(), key)
    assert bound.key_hash != key_hash(bytes(32), key)
