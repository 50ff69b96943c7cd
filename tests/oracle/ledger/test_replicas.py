"""Several daemons on one ledger share the work, and do nothing twice."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account
from scripts.localnet import CEILING, eventually
from scripts.postgres import Server
from sqlalchemy import func, select

from assay.protocol.messages import OfferStatus
from assay_oracle.errors import TooManyOffers
from assay_oracle.ledger.tables import evaluations, offers, quotes
from tests.kit.actors import rival_account, seller_account
from tests.kit.bids import bid
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.ledgers import BOTH_LEDGERS
from tests.kit.market import Market
from tests.kit.orders import acknowledgement
from tests.kit.replicas import Pricing, age, replica

SHARED = pytest.mark.parametrize("ledger", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True)


@pytest.fixture
def other(market: Market) -> Iterator[Market]:
    made = replica(market)
    yield made
    made.journal.close()


def count(market: Market, table: object) -> int:
    return int(market.journal._database.only(select(func.count()).select_from(table))[0])


def side_by_side(*acts: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [begun.result(CEILING) for begun in [pool.submit(act) for act in acts]]


# --- pricing ---


@SHARED
def test_offers_are_priced_once_though_one_of_two_daemons_is_killed_in_the_middle(market: Market) -> None:
    sellers = [Account.from_key(number.to_bytes(32)) for number in range(1, 11)]
    market.settings = market.settings.model_copy(update={"max_open_offers": 100})
    for number in range(20):
        market.upload(bid(market.model_id, b"record%d\n" % number, account=sellers[number // 2]))
    waits = market.journal.offers.in_status
    with Pricing(market, hold=2) as killed:
        held = [killed.next_offer() for _ in range(3)][-1]
        with Pricing(market) as survivor:
            survivor.next_offer()
            while len(waits(OfferStatus.PRICING)) > 2:  # those of the seller whose offer is being priced
                market.oracle.evaluation.price_next()
            killed.kill()
            age(market)
            eventually(lambda: count(market, quotes) == 20)
    assert len(waits(OfferStatus.QUOTED)) == count(market, evaluations) == 20
    assert [offer.offer_id.hex() for offer in waits(OfferStatus.QUOTED) if offer.attempts != 1] == [held]


@SHARED
def test_offers_of_one_seller_to_one_model_are_priced_one_after_the_other(market: Market, other: Market) -> None:
    """Each is priced in the context of those before: splitting data earns nothing."""
    for data in (b"one\n", b"two\n"):
        market.upload(bid(market.model_id, data))
    begun, found = [], []

    def while_one_is_priced() -> None:
        begun.append(market.function.calls)
        found.extend([other.oracle.evaluation.price_next(), market.oracle.evaluation.price_next()])

    market.function.before = while_one_is_priced
    assert market.oracle.evaluation.price_next()
    market.function.before = lambda: None
    assert found == [False, False]
    assert other.oracle.evaluation.price_next()
    assert len(market.journal.offers.in_status(OfferStatus.QUOTED)) == 2


@BOTH_LEDGERS
def test_record_in_two_offers_that_are_priced_side_by_side_is_paid_for_once(market: Market) -> None:
    ids = [
        market.upload(bid(market.model_id, data, account=account)).offer_id
        for data, account in ((b"one\ntwo\n", seller_account), (b"two\nthree\n", rival_account))
    ]
    both = threading.Barrier(2, timeout=CEILING)
    market.function.before = both.wait  # both are past every check when either goes on
    waiting = market.journal.offers.in_status(OfferStatus.PRICING)
    side_by_side(*(lambda offer=offer: market.oracle.evaluation._price(offer) for offer in waiting))
    market.function.before = lambda: None
    (again,) = market.journal.offers.in_status(OfferStatus.PRICING)
    assert again.attempts == 0, "it was the oracle's doing"
    market.work()
    prices = sorted(quote.price for offer_id in ids if (quote := market.offers.state(offer_id).quote))
    assert prices == [PRICE_PER_RECORD, 2 * PRICE_PER_RECORD]


@SHARED
def test_result_of_a_daemon_that_lost_its_claim_is_not_recorded(market: Market, other: Market) -> None:
    offer_id = market.upload(bid(market.model_id, b"one\n")).offer_id
    taken: list[int | None] = []

    def while_it_is_priced() -> None:
        age(market)
        taken.append(other.journal.offers.begin_attempt(other.journal.offers.get(offer_id)))

    market.function.before = while_it_is_priced
    assert market.oracle.evaluation.price_next()
    market.function.before = lambda: None
    assert taken == [2]
    assert count(market, evaluations) == 0
    assert market.journal.offers.get(offer_id).status is OfferStatus.PRICING
    other.journal.offers.end_attempt(other.journal.offers.get(offer_id))
    assert other.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


@SHARED
def test_claim_that_is_renewed_is_kept(market: Market, other: Market) -> None:
    market.upload(bid(market.model_id, b"one\n"))
    (offer,) = market.journal.offers.waiting(1)
    assert market.journal.offers.begin_attempt(offer) == 1
    age(market)
    market.journal.renew()
    assert other.journal.offers.begin_attempt(offer) is None
    assert other.journal.offers.waiting(1) == []
    market.journal.close()  # gives it back
    assert other.journal.offers.begin_attempt(offer) == 2
    market._open()


# --- orders ---


@SHARED
def test_orders_are_posted_once_and_keys_handed_over_once_by_two_daemons(market: Market, other: Market) -> None:
    made = [market.offer(b"record%d\n" % number) for number in range(3)]
    for one, state in made:
        market.accept(one, state)

    def work(daemon: Market) -> None:
        for _ in range(6):
            daemon.oracle.cycle()

    side_by_side(lambda: work(market), lambda: work(other))
    posted = [call for call in market.node.calls if call.function == "post"]
    assert len(posted) == 3
    sales = market.journal.orders.open()
    for sale in sales:
        other.delivery.put_acknowledgement(sale.order_id, acknowledgement(sale.order))
    side_by_side(lambda: work(market), lambda: work(other))
    assert len([call for call in market.node.calls if call.function == "settle"]) == 3
    envelopes = [market.journal.orders.get(sale.order_id).key_envelope for sale in sales]
    assert None not in envelopes
    side_by_side(lambda: work(market), lambda: work(other))
    assert [market.journal.orders.get(sale.order_id).key_envelope for sale in sales] == envelopes


@SHARED
def test_one_daemon_leads_until_it_stops(market: Market, other: Market) -> None:
    assert market.journal.lead()
    assert not other.journal.lead()
    assert not other.journal.leads_still()
    age(market)
    assert other.journal.lead()
    assert not market.journal.lead()
    other.journal.close()
    assert market.journal.lead()
    other._open()


@SHARED
def test_daemon_whose_lead_ended_while_it_worked_sends_nothing(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    made, state = market.offer(b"one\n")
    market.accept(made, state)
    with monkeypatch.context() as stopped:  # as if it had been stopped between its look at the ledger and the sending
        stopped.setattr(market.journal._replica, "leads_still", lambda: False)
        market.oracle.cycle()
    assert not [call for call in market.node.calls if call.function == "post"]
    market.oracle.cycle()
    assert market.offers.state(state.offer_id).status is OfferStatus.POSTED


# --- conflicts and connections ---


@SHARED
def test_limit_of_a_seller_holds_over_all_daemons(market: Market, other: Market) -> None:
    requests = [bid(market.model_id, b"record%d\n" % number).request for number in range(8)]
    daemons = [market, other] * 4

    def opened(daemon: Market, request: object) -> bool:
        try:
            daemon.offers.open_offer(request)
        except TooManyOffers:
            return False
        return True

    acts = [lambda d=d, r=r: opened(d, r) for d, r in zip(daemons, requests, strict=True)]
    assert sum(side_by_side(*acts)) == count(market, offers) == 4


@SHARED
def test_connections_that_the_server_ended_are_made_again(market: Market, postgres: Server) -> None:
    _, state = market.offer(b"one\n")
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid != "
    name = market.ledger.partition("@/")[2].partition("?")[0]

    def end_all() -> None:
        with postgres.connect(name) as connection:
            connection.execute(ended + "pg_backend_pid()")

    end_all()
    assert market.offers.state(state.offer_id) == state
    end_all()
    assert market.offers.decline(state.offer_id).status is OfferStatus.DECLINED


@SHARED
def test_server_that_is_away_is_reported_and_the_journal_works_when_it_is_back(
    market: Market, postgres: Server
) -> None:
    made = bid(market.model_id, b"one\n")
    offer_id = market.upload(made).offer_id
    name = market.ledger.partition("@/")[2].partition("?")[0]

    def away() -> None:
        with postgres.connect() as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    away()
    with pytest.raises(OSError, match="cannot use the ledger"):
        market.oracle.evaluation.price_next()
    with pytest.raises(OSError, match="cannot use the ledger"):
        market.journal.offers.touch(offer_id)
    with postgres.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    market.work()
    state = market.offers.state(offer_id)
    assert (state.status, market.journal.offers.get(offer_id).attempts) == (OfferStatus.QUOTED, 1)
