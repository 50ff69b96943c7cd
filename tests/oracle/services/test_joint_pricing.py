"""An offer is priced jointly with what the buyer has bought and with the seller's other open offers."""

from typing import Any

import pytest

from assay.chain.values import EventKind
from assay.protocol.messages import OfferState, OfferStatus
from assay.protocol.structs import Status
from assay_oracle.ledger.values import Offer
from assay_oracle.services import evaluation
from assay_oracle.services.uploads import Uploads
from tests.kit.actors import rival_account
from tests.kit.bids import bid
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.market import DAY, Market

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
NEAR_COPIES = b"one again\ntwo again\n"
FULL_PRICE = 2 * PRICE_PER_RECORD


ANNOUNCED = {
    Status.REVEALED: EventKind.KEY_REVEALED,
    Status.PAID: EventKind.PAID,
    Status.DISPUTED: EventKind.DISPUTED,
    Status.REFUNDED: EventKind.REFUNDED,
}


def price_of(state: OfferState) -> int:
    return state.quote.price if state.quote else 0


def sell(market: Market, data: bytes, status: Status) -> None:
    """A sale whose order got as far as ``status``."""
    order = market.sell(data)[2]
    market.contract.change_order(order.order_id(), status=status)
    events = ((ANNOUNCED[status], order.order_id(), None),) if status in ANNOUNCED else ()
    market.node._append((), events)
    market.oracle.cycle()


def test_near_copies_in_the_sellers_next_offer_are_worth_nothing(market: Market) -> None:
    _, first = market.offer(DATA)
    _, second = market.offer(NEAR_COPIES)
    assert price_of(first) == FULL_PRICE
    assert second.status is OfferStatus.DECLINED


@pytest.mark.parametrize("status", [Status.REVEALED, Status.PAID])
def test_near_copies_of_what_was_sold_are_worth_nothing_under_another_identity(market: Market, status: Status) -> None:
    sell(market, DATA, status)
    _, second = market.offer(NEAR_COPIES, account=rival_account)
    assert price_of(second) == 0


@pytest.mark.parametrize("status", [Status.LOCKED, Status.REFUNDED, Status.DISPUTED])
def test_what_another_did_not_sell_in_the_end_lowers_no_price(market: Market, status: Status) -> None:
    sell(market, DATA, status)
    _, second = market.offer(NEAR_COPIES, account=rival_account)
    assert price_of(second) == FULL_PRICE


def test_padding_pushes_no_sold_data_out_of_joint_pricing(market: Market) -> None:
    sell(market, DATA, Status.PAID)
    market.pass_time(10)
    _, padded = market.offer(b"filler one\n" + b"\n" * 970_700, account=rival_account)
    assert padded.status is OfferStatus.QUOTED
    assert padded.upload_bytes > market.settings.max_upload_bytes * 0.9
    _, second = market.offer(NEAR_COPIES, account=rival_account)
    assert price_of(second) == 0


def test_disk_that_fails_leaves_nothing_out(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first, _ = market.sell(DATA)
    market.restart()
    plaintext = Uploads.plaintext

    def failing(uploads: Uploads, offer: Offer) -> Any:
        if offer.offer_id == first.offer_id:
            raise OSError("Input/output error")
        return plaintext(uploads, offer)

    offer_id = market.upload(bid(market.model_id, NEAR_COPIES)).offer_id
    with monkeypatch.context() as broken:
        broken.setattr(Uploads, "plaintext", failing)
        with pytest.raises(OSError, match="Input/output"):
            market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    assert not market.oracle.evaluation.price_next()
    assert market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.DECLINED


def test_offer_beside_too_many_records_is_refused_and_nothing_is_used_up(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(market, DATA, Status.PAID)
    market.offer(b"three\n", account=rival_account)
    calls = market.function.calls
    monkeypatch.setattr(evaluation, "MAX_CONTEXT_RECORDS", 2)
    _, refused = market.offer(b"four\n", account=rival_account)
    assert (refused.status, refused.code) == (OfferStatus.REFUSED, "too_much_beside")
    assert "no evaluation was used; wait until some expire" in str(refused.reason)
    assert market.function.calls == calls
    monkeypatch.setattr(evaluation, "MAX_CONTEXT_RECORDS", 3)
    _, priced = market.offer(b"four\n", account=rival_account)
    assert price_of(priced) == PRICE_PER_RECORD


def test_an_open_offer_of_a_rival_lowers_no_price(market: Market) -> None:
    market.offer(DATA)
    _, second = market.offer(NEAR_COPIES, account=rival_account)
    assert price_of(second) == FULL_PRICE


def test_what_the_seller_declined_counts_as_long_as_it_can_be_posted(market: Market) -> None:
    _, first = market.offer(DATA)
    market.offers.decline(first.offer_id)
    _, second = market.offer(NEAR_COPIES)
    assert price_of(second) == 0
    market.pass_time(DAY + 1)
    _, third = market.offer(b"one once more\ntwo once more\n")
    assert price_of(third) == FULL_PRICE


def test_joint_pricing_survives_a_restart(market: Market) -> None:
    market.offer(DATA)
    market.restart()
    _, second = market.offer(NEAR_COPIES)
    assert price_of(second) == 0


def test_an_upload_that_is_gone_holds_up_no_other_offer(market: Market) -> None:
    _, first = market.offer(DATA)
    market.store.path(f"uploads/{first.offer_id.hex()}.age").write_bytes(b"damaged")
    _, second = market.offer(NEAR_COPIES)
    assert price_of(second) == FULL_PRICE
