"""Whose turn it is, and for how long: what a stranger sends costs the others nothing that grows with it."""

from dataclasses import replace

import pytest

from assay.protocol.types import OfferId
from assay_oracle.ledger.values import Offer
from assay_oracle.services.pricing.queue import Turns, next_offer, seconds_for
from tests.kit.actors import rival_account, seller_account
from tests.kit.bids import bid
from tests.kit.market import Market

pytestmark = pytest.mark.unit
MIB = 2**20


@pytest.fixture
def offer(market: Market) -> Offer:
    return market.journal.offers.get(market.upload(bid(market.model_id, b"one\n")).offer_id)


def served(waiting: list[Offer], turns: int) -> list[bytes]:
    left, order, last = list(waiting), [], ""
    for turn in range(turns):
        chosen = next_offer(left, turn, last)
        assert chosen is not None
        last = chosen.seller
        left.remove(chosen)
        order.append(chosen.offer_id)
    return order


def test_nothing_waits() -> None:
    assert next_offer([], 0) is None


def test_a_small_offer_does_not_wait_for_large_ones_and_a_large_one_not_for_ever(offer: Offer) -> None:
    def made(name: bytes, size: int) -> Offer:
        return replace(offer, offer_id=name, seller=name.hex(), upload_bytes=size)

    waiting = [made(b"large", 100 * MIB), made(b"middle", MIB), *(made(b"%d" % n, 1000 + n) for n in range(6))]
    assert served(waiting, 4) == [b"0", b"large", b"1", b"middle"]


def test_work_that_was_cut_short_waits_behind_what_was_never_tried_and_still_has_its_turn(offer: Offer) -> None:
    again = replace(offer, offer_id=b"again", attempts=1, upload_bytes=1)
    fresh = [replace(offer, offer_id=b"%d" % n, seller=str(n), upload_bytes=MIB) for n in range(9)]
    order = served([again, *fresh], 4)
    assert order[:3] == [b"0", b"1", b"2"]
    assert order[3] == b"again"


def test_a_sellers_second_offer_waits_for_the_first_of_every_other(offer: Offer) -> None:
    flood = [replace(offer, offer_id=b"%d" % n, seller=rival_account.address, upload_bytes=1) for n in range(4)]
    honest = replace(offer, offer_id=b"honest", seller=seller_account.address, upload_bytes=MIB)
    assert served([*flood, honest], 2) == [b"0", b"honest"]


def test_time_grows_with_what_was_uploaded_and_with_the_attempts_up_to_a_bound() -> None:
    assert [seconds_for(0, attempt, 3600) for attempt in (1, 2, 3)] == [10, 80, 640]
    assert seconds_for(66_000, 1, 3600) == pytest.approx(10.6, abs=0.1)
    assert seconds_for(50 * MIB, 1, 3600) == 510
    assert seconds_for(50 * MIB, 2, 3600) == 3600


def test_choosing_reads_no_more_offers_the_more_of_them_wait(market: Market) -> None:
    request = bid(market.model_id, b"one\n").request
    names = [OfferId(bytes([n]) * 32) for n in range(20)]
    for n, name in enumerate(names):
        made = request.model_copy(update={"seller": f"0x{n:040d}", "upload_bytes": 100 - n})
        market.journal.offers.add(name, made, per_seller=1, max_bytes=MIB)
        market.journal.offers.mark_uploaded(name)
    for name in names[:4]:
        tried = market.journal.offers.get(name)
        market.journal.offers.begin_attempt(tried)
        market.journal.offers.end_attempt(tried)
    waiting = [offer.offer_id for offer in market.journal.offers.waiting(2)]
    oldest, untried, smallest = names[:2], names[4:6], names[-2:]
    assert waiting == [*oldest, *untried, *smallest]


# --- several threads ---


def test_large_offers_and_those_that_were_cut_short_leave_one_of_several_workers_to_the_others(offer: Offer) -> None:
    def made(name: bytes, size: int, attempts: int = 0) -> Offer:
        return replace(offer, offer_id=name, seller=name.hex(), upload_bytes=size, attempts=attempts)

    large, again, small = made(b"large", 100 * MIB), made(b"again", 1, attempts=1), made(b"small", 1000)
    turns = Turns(2, 3600)
    assert turns.begin([large, again]) is large
    assert turns.begin([again]) is None
    assert turns.begin([again, small]) is small
    turns.end(small)
    turns.end(large)
    assert turns.begin([again]) is again
    turns.end(again)
    assert Turns(1, 3600).begin([large]) is large


def test_two_threads_choose_no_offers_of_one_seller_to_one_model(offer: Offer) -> None:
    turns, second = Turns(4, 3600), replace(offer, offer_id=b"second")
    other_model = replace(offer, offer_id=b"third", model_id=bytes(32))
    assert turns.begin([offer, second]) is offer
    assert turns.begin([second]) is None
    assert turns.begin([second, other_model]) is other_model
    turns.end(offer)
    assert turns.begin([second]) is second


def test_postponed_offers_wait_until_all_were_tried(offer: Offer) -> None:
    turns = Turns(2, 3600)
    turns.postpone(offer.offer_id)
    assert turns.begin([offer]) is None
    turns.try_all_again()
    assert turns.begin([offer]) is offer
