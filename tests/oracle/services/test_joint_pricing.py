"""An offer is priced jointly with what the buyer has bought and with the seller's other open offers."""

from typing import Any

import pytest

from assay.chain.values import EventKind
from assay.protocol.messages import OfferState, OfferStatus
from assay.protocol.structs import Status
from assay_oracle.appraisers.inline import InlineAppraiser
from assay_oracle.errors import PricingCutShort
from assay_oracle.ledger.values import Offer
from assay_oracle.services import evaluation
from assay_oracle.services.appraiser import ContextOffer
from assay_oracle.services.pricing import context
from assay_oracle.services.pricing.queue import MAX_ATTEMPTS, seconds_for
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

    def failing(uploads: Uploads, offer: Offer, **options: Any) -> Any:
        if offer.offer_id == first.offer_id:
            raise OSError("Input/output error")
        return plaintext(uploads, offer, **options)

    offer_id = market.upload(bid(market.model_id, NEAR_COPIES)).offer_id
    with monkeypatch.context() as broken:
        broken.setattr(Uploads, "plaintext", failing)
        with pytest.raises(OSError, match="Input/output"):
            market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    assert not market.oracle.evaluation.price_next()
    assert market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.DECLINED


def test_a_seller_with_too_many_distinct_records_in_offers_waits_and_uses_nothing_up(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.offer(b"three\nthirty\n", account=rival_account)
    calls = market.function.calls
    monkeypatch.setattr(evaluation, "MAX_CONTEXT_RECORDS", 1)
    _, refused = market.offer(b"four\n", account=rival_account)
    assert (refused.status, refused.code) == (OfferStatus.REFUSED, "too_much_beside")
    assert "no evaluation was used; wait until some expire" in str(refused.reason)
    assert market.function.calls == calls
    monkeypatch.setattr(evaluation, "MAX_CONTEXT_RECORDS", 2)
    _, priced = market.offer(b"four\n", account=rival_account)
    assert price_of(priced) == PRICE_PER_RECORD


def test_a_million_copied_rows_that_were_sold_close_a_model_for_nobody(market: Market) -> None:
    """Copies are no records: they are not paid, not kept, and do not count against what a model can buy."""
    order = market.sell(DATA + b"one\n" * 100_000)[2]
    assert order.price == FULL_PRICE
    market.contract.change_order(order.order_id(), status=Status.PAID)
    market.node._append((), ((EventKind.PAID, order.order_id(), None),))
    market.oracle.cycle()
    sale = market.journal.orders.get(order.order_id())
    assert market.journal.offers.get(sale.offer_id).distinct_records == 2
    _, honest = market.offer(b"three\n", account=rival_account)
    assert price_of(honest) == PRICE_PER_RECORD


def test_sales_beyond_the_bound_stop_no_offer_and_the_smaller_sale_stays_whole(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sale of many worthless records does not push another sale out of the comparison."""
    sell(market, DATA, Status.PAID)
    shared = context.shared_out
    monkeypatch.setattr(evaluation, "shared_out", lambda sold: shared(sold, 1))
    monkeypatch.setattr(evaluation, "most_valuable", lambda _, count: list(range(count)))
    _, copies = market.offer(NEAR_COPIES, account=rival_account)
    assert price_of(copies) == PRICE_PER_RECORD  # one of the two sold records is compared
    _, other = market.offer(b"three\n", account=rival_account)
    assert price_of(other) == PRICE_PER_RECORD


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


def test_sold_file_that_ends_the_pricing_process_when_it_is_read_again_costs_no_attempt(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(market, b"one\n", Status.PAID)
    kept: list[float] = []

    def ends(_: InlineAppraiser, offer: ContextOffer, *, seconds: float) -> None:
        kept.append(seconds)
        raise PricingCutShort("pricing_failed", "the pricing process ended")

    monkeypatch.setattr(InlineAppraiser, "keep", ends)
    _, state = market.offer(b"two\n", account=rival_account)
    assert state.status is OfferStatus.QUOTED
    assert kept == [pytest.approx(seconds_for(1, MAX_ATTEMPTS, 3600), rel=0.1)]
    assert market.journal.offers.get(state.offer_id).attempts == 1
