"""An offer is priced jointly with what the buyer has bought and with the seller's other open offers."""

import pytest

from assay.protocol.messages import OfferState, OfferStatus
from tests.oracle.world import PRICE_PER_RECORD, World, rival_account

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
NEAR_COPIES = b"one again\ntwo again\n"
FULL_PRICE = 2 * PRICE_PER_RECORD


def price_of(state: OfferState) -> int:
    return state.quote.price if state.quote else 0


def test_near_copies_in_the_sellers_next_offer_are_worth_nothing(world: World) -> None:
    _, first = world.offer(DATA)
    _, second = world.offer(NEAR_COPIES)
    assert price_of(first) == FULL_PRICE
    assert second.status is OfferStatus.DECLINED


def test_near_copies_of_what_was_sold_are_worth_nothing_under_another_identity(world: World) -> None:
    world.sell(DATA)
    _, second = world.offer(NEAR_COPIES, account=rival_account)
    assert price_of(second) == 0


def test_an_open_offer_of_a_rival_lowers_no_price(world: World) -> None:
    world.offer(DATA)
    _, second = world.offer(NEAR_COPIES, account=rival_account)
    assert price_of(second) == FULL_PRICE


def test_what_the_seller_declined_lowers_no_price(world: World) -> None:
    _, first = world.offer(DATA)
    world.offers.decline(first.offer_id)
    _, second = world.offer(NEAR_COPIES)
    assert price_of(second) == FULL_PRICE


def test_joint_pricing_survives_a_restart(world: World) -> None:
    world.offer(DATA)
    world.restart()
    _, second = world.offer(NEAR_COPIES)
    assert price_of(second) == 0


def test_an_upload_that_is_gone_holds_up_no_other_offer(world: World) -> None:
    _, first = world.offer(DATA)
    world.store.upload_path(first.offer_id).write_bytes(b"damaged")
    _, second = world.offer(NEAR_COPIES)
    assert price_of(second) == FULL_PRICE
