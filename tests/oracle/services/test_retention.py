"""Idle offers expire, and files are deleted once no party can need them."""

from typing import Any

import pytest

from assay.errors import ChainError, ContractReverted
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import Status
from assay_oracle.errors import DeliveryDeleted
from assay_oracle.ledger.offers import OfferTable
from assay_oracle.ledger.values import Offer
from assay_oracle.services import retention
from assay_oracle.services.watching import REORGANISATION_SECONDS
from assay_oracle.storage.local import LocalStore
from tests.kit.bids import bid
from tests.kit.market import DAY, Market
from tests.kit.memory_chain import MemoryChain, MemoryNode
from tests.kit.orders import acknowledgement, count_calls, has_key, post_oneself

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"


class Cut(BaseException):
    """The process dies here."""


def test_empty_piece_keeps_no_upload_alive(market: Market) -> None:
    made = bid(market.model_id, b"one\n")
    offer_id = market.upload(made, upto=10).offer_id
    market.pass_time(1800)
    market.upload(made, offset=10, upto=11)
    for _ in range(3):
        market.oracle.cycle()
        assert market.offers.state(offer_id).status is OfferStatus.UPLOADING
        market.pass_time(1201)
        market.upload(made, offset=11, upto=11)
    market.oracle.cycle()
    assert market.offers.state(offer_id).code == "upload_abandoned"


def test_upload_that_trickles_in_expires_after_a_day(market: Market) -> None:
    made = bid(market.model_id, b"one\n")
    offer_id = market.upload(made, upto=1).offer_id
    for offset in range(1, 25):
        market.pass_time(3600)
        market.upload(made, offset=offset, upto=offset + 1)
        market.oracle.cycle()
    assert market.offers.state(offer_id).status is OfferStatus.UPLOADING
    market.pass_time(1)
    market.oracle.cycle()
    assert market.offers.state(offer_id).code == "upload_abandoned"


def test_offer_without_a_byte_expires_after_minutes(market: Market) -> None:
    offer_id = market.offers.open_offer(bid(market.model_id, DATA).request).offer_id
    market.pass_time(601)
    market.oracle.cycle()
    assert market.offers.state(offer_id).code == "upload_abandoned"


def test_what_ended_is_looked_at_once_and_not_in_every_cycle(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of a cycle does not grow with the offers that were refused, declined or sold before."""
    market.offer(DATA + b"!")
    market.offers.decline(market.offer(DATA)[1].offer_id)
    market.offer(b"junk\n")
    _, _, order = market.sell(b"three\n")
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.pass_time(2 * DAY)
    market.oracle.cycle()
    assert market.store.used == 0
    read: list[str] = []
    row = OfferTable.find
    monkeypatch.setattr(OfferTable, "find", lambda table, offer_id: read.append("offer") or row(table, offer_id))
    size = LocalStore.size
    monkeypatch.setattr(LocalStore, "size", lambda store, name: read.append("file") or size(store, name))
    monkeypatch.setattr(LocalStore, "delete", lambda *_: read.append("delete"))
    market.oracle.cycle()
    assert read == []


def test_idle_cycle_asks_for_the_chains_time_once(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """To renew quotes; what is deleted is searched by the oracle's own clock first."""
    market.offer(DATA)
    market.oracle.cycle()
    called = count_calls(monkeypatch, "block_time", "order_state", "posted")
    market.oracle.cycle()
    assert called == ["block_time"]


def test_offers_that_came_to_nothing_do_not_fill_the_ledger(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "UNEVALUATED_OFFERS", 3)
    refused = [market.offer(b"bad %d !\n" % number)[1].offer_id for number in range(5)]
    _, quoted = market.offer(DATA)
    market.oracle.cycle()
    market.oracle.cycle()
    assert [market.journal.offers.find(offer_id) is not None for offer_id in refused].count(True) == 3
    market.pass_time(7 * DAY + 1)
    market.oracle.cycle()
    assert all(market.journal.offers.find(offer_id) is None for offer_id in refused)
    assert market.offers.state(quoted.offer_id).status is OfferStatus.QUOTED


def test_upload_left_alone_expires_and_makes_room(market: Market) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made, upto=10).offer_id
    market.pass_time(3601)
    market.oracle.cycle()
    state = market.offers.state(offer_id)
    assert (state.status, state.code) == (OfferStatus.EXPIRED, "upload_abandoned")
    assert market.received(offer_id) == 0


def test_upload_that_completes_as_it_expires_is_priced(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made, upto=10).offer_id
    market.pass_time(3601)
    expire = OfferTable.expire

    def later(offers: OfferTable, *arguments: Any) -> Offer:
        market.upload(made, offset=10)
        return expire(offers, *arguments)

    with monkeypatch.context() as raced:
        raced.setattr(OfferTable, "expire", later)
        market.oracle.cycle()
    market.work()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_upload_of_a_refused_offer_is_deleted_after_a_crash(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    offer_id = market.upload(bid(market.model_id, DATA, upload=b"no envelope")).offer_id
    with monkeypatch.context() as broken:
        broken.setattr(LocalStore, "delete", lambda *_: (_ for _ in ()).throw(Cut))
        with pytest.raises(Cut):
            market.work()
    market.restart()
    assert market.received(offer_id)
    market.oracle.cycle()
    assert market.received(offer_id) == 0


def test_order_posted_after_declining_is_delivered(market: Market) -> None:
    made, state = market.offer(DATA)
    market.offers.decline(state.offer_id)
    market.pass_time(DAY)
    market.oracle.cycle()
    order_id = post_oneself(market, made, state)
    market.pass_time(1)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED
    assert market.delivery.sealed(order_id).size


def test_order_posted_after_the_quote_lapsed_is_delivered(market: Market) -> None:
    made, state = market.offer(DATA)
    market.pass_time(30 * DAY)
    market.oracle.cycle()
    state = market.offers.state(state.offer_id)
    market.pass_time(1)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.EXPIRED
    order_id = post_oneself(market, made, state)
    market.oracle.cycle()
    assert market.delivery.sealed(order_id).size


def test_upload_is_dropped_once_no_quote_can_be_posted(market: Market) -> None:
    _, state = market.offer(DATA)
    assert state.quote is not None
    market.offers.decline(state.offer_id)
    market.pass_time(DAY + 3600)
    market.oracle.cycle()
    assert market.received(state.offer_id) == state.upload_bytes
    market.pass_time(1)
    market.oracle.cycle()
    assert market.received(state.offer_id) == 0


def test_files_of_closed_orders_are_deleted_in_the_end(market: Market) -> None:
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.pass_time(DAY + 1)
    market.oracle.cycle()
    assert market.store.used == 0
    with pytest.raises(DeliveryDeleted, match="was deleted"):
        market.delivery.sealed(order.order_id())


def test_offer_that_is_declined_while_it_is_priced_keeps_its_evaluation_and_ends_no_cycle(market: Market) -> None:
    """The ledger forgets offers that came to nothing, and keeps every offer that an evaluation names."""
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made).offer_id
    market.function.before = lambda: market.offers.decline(offer_id)
    market.work()
    _, _, order = market.sell(b"three\n")
    market.pass_time(8 * DAY)
    market.oracle.cycle()
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.pass_time(8 * DAY)
    for _ in range(2):
        market.oracle.cycle()
    assert has_key(market, order)
    offer = market.journal.offers.get(offer_id)
    assert offer.status is OfferStatus.DECLINED
    assert offer.summary is None
    assert market.journal.evaluations.of(offer) is not None
    assert not market.received(offer_id)
    market.function.before = lambda: None
    assert market.offer(DATA)[1].code == "already_evaluated"


def test_housekeeping_that_fails_holds_up_no_key_that_is_paid_for(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    for name in ("expire_idle", "forget_unevaluated"):
        monkeypatch.setattr(retention.Retention, name, lambda *_: (_ for _ in ()).throw(OSError("full")))
    for _ in range(2):
        market.oracle.cycle()
    assert has_key(market, order)


def test_upload_stays_while_the_node_has_the_order_and_not_its_event(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seller posted what it had declined; one backend of the node's provider lacks the logs."""
    made, state = market.offer(DATA)
    market.offers.decline(state.offer_id)
    with monkeypatch.context() as without_logs:
        without_logs.setattr(MemoryChain, "posted", lambda *_, **__: [])
        without_logs.setattr(MemoryNode, "events", lambda *_: ())
        order_id = post_oneself(market, made, state)
        market.oracle.cycle()
        market.pass_time(2 * DAY)
        market.oracle.cycle()
    assert market.received(state.offer_id) == state.upload_bytes
    market.oracle.cycle()
    assert market.delivery.sealed(order_id).size


@pytest.mark.parametrize("clock", ["the oracle's", "the chain's"])
def test_clock_that_jumps_ahead_ends_no_quote_and_deletes_no_file(market: Market, clock: str) -> None:
    _, quoted = market.offer(DATA)
    _, _, order = market.sell(b"three\n")
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    ahead = market if clock == "the oracle's" else market.node
    ahead.time += 400 * DAY
    market.node.mine()
    market.oracle.cycle()
    ahead.time -= 400 * DAY
    market.oracle.cycle()
    assert market.offers.state(quoted.offer_id).status is OfferStatus.QUOTED
    assert market.delivery.sealed(order.order_id()).size


def test_files_outlive_the_closing_of_an_order_that_a_reorganisation_opens_again(market: Market) -> None:
    market.settings = market.settings.model_copy(update={"keep_seconds": 0})
    market.open_oracle()
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.pass_time(REORGANISATION_SECONDS)
    market.oracle.cycle()
    market.node.reorganise()
    for _ in range(3):
        market.oracle.cycle()
    assert market.chain.order_state(order.order_id()).status is Status.PAID
    assert market.delivery.sealed(order.order_id()).size
    market.pass_time(REORGANISATION_SECONDS + 1)
    market.oracle.cycle()
    assert market.store.used == 0


def test_files_outlive_a_reorganisation_whose_events_cannot_be_read(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.node.reorganise(1)
    market.pass_time(DAY + 1)

    def refuse(*_: Any) -> None:
        raise ChainError("the node refused: no logs")

    monkeypatch.setattr(MemoryChain, "events_since", refuse)
    market.oracle.cycle()
    assert market.chain.order_state(order.order_id()).status is Status.LOCKED
    assert market.delivery.sealed(order.order_id()).size


def test_envelope_of_an_order_that_a_reorganisation_removed_is_deleted_in_the_end(market: Market) -> None:
    made, state = market.offer(DATA)
    order_id = post_oneself(market, made, state)
    market.oracle.cycle()
    assert market.delivery.sealed(order_id).size
    market.node.reorganise()
    market.oracle.cycle()
    market.offers.decline(state.offer_id)
    market.pass_time(2 * DAY)
    market.oracle.cycle()
    assert market.store.used == 0


def test_upload_is_deleted_before_the_envelope_that_can_be_made_of_it(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone may ask for the file between the two."""
    _, _, order = market.sell(DATA)
    market.delivery.put_acknowledgement(order.order_id(), acknowledgement(order))
    market.oracle.cycle()
    market.pass_time(DAY + 1)
    delete, deleted = LocalStore.delete, []

    def noted(store: LocalStore, name: str) -> None:
        delete(store, name)
        deleted.append(name.split("/")[0])

    monkeypatch.setattr(LocalStore, "delete", noted)
    market.oracle.cycle()
    assert deleted == ["uploads", "deliveries"]


def test_acceptances_that_cannot_be_posted_prolong_no_quote(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seller that withdraws its credit, and accepts, again and again, would store its upload for ever."""

    def refused(*_: object) -> None:
        raise ContractReverted("CreditTooSmall", {})

    monkeypatch.setattr(MemoryChain, "post", refused)
    made, state = market.offer(DATA)
    market.pass_time(20 * DAY)
    market.oracle.cycle()
    market.accept(made, market.offers.state(state.offer_id))
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.QUOTED
    market.pass_time(11 * DAY)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).code == "quote_abandoned"
    market.pass_time(3 * DAY)
    market.oracle.cycle()
    assert market.received(state.offer_id) == 0
