"""Several pricing processes side by side: what happens to one of them is noticed by no other."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from scripts.localnet import CEILING, eventually

from assay.protocol.messages import OfferStatus
from assay_oracle.appraisers.pool import PricingPool
from assay_oracle.appraisers.process import PricingProcess
from assay_oracle.appraisers.remote import ProcessAppraiser
from assay_oracle.errors import PricingCutShort
from assay_oracle.ledger.evaluations import EvaluationTable
from assay_oracle.services.appraiser import Appraiser
from tests.kit.actors import rival_account, seller_account
from tests.kit.bids import bid
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.market import Market
from tests.kit.pricing import LINE_INFO, line_process

pytestmark = pytest.mark.integration
WORKERS = 2


class PoolMarket(Market):
    """A market whose oracle prices in ``WORKERS`` processes, with as many threads."""

    def __init__(self, folder: Path, processes: list[PricingProcess]) -> None:
        self.pool = PricingPool(processes)
        super().__init__(folder)

    def appraiser(self) -> Appraiser:
        return ProcessAppraiser(LINE_INFO, "anywhere", self.pool)

    def sent(self, data: bytes, account: Any = seller_account) -> bytes:
        return self.upload(bid(self.model_id, data, account=account)).offer_id

    @contextmanager
    def pricing(self) -> Iterator[list[Future[bool]]]:
        """Every thread prices an offer meanwhile."""
        with ThreadPoolExecutor(WORKERS) as threads:
            yield [threads.submit(self.oracle.evaluation.price_next) for _ in range(WORKERS)]


@pytest.fixture(scope="module")
def processes() -> Iterator[list[PricingProcess]]:
    made = [line_process() for _ in range(WORKERS)]
    yield made
    PricingPool(made).close()


@pytest.fixture
def market(tmp_path: Path, processes: list[PricingProcess]) -> Iterator[PoolMarket]:
    made = PoolMarket(tmp_path, processes)
    yield made
    made.journal.close()
    for process in processes:
        process._closed = False


def when_opened(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Calls ``act`` in the middle of each attempt: the offer is opened, and its known records are looked up."""
    look_up = EvaluationTable.priced_tags

    def priced_tags(table: EvaluationTable, *arguments: Any) -> set[bytes]:
        found = look_up(table, *arguments)
        act()
        return found

    monkeypatch.setattr(EvaluationTable, "priced_tags", priced_tags)


def test_offers_of_two_sellers_are_priced_at_one_time_and_a_record_of_both_is_paid_for_once(
    market: PoolMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = market.sent(b"one\ntwo\n"), market.sent(b"two\nthree\n", rival_account)
    both = threading.Barrier(WORKERS, timeout=CEILING)
    with monkeypatch.context() as patch:
        when_opened(patch, both.wait)
        with market.pricing() as begun:
            assert [done.result(CEILING) for done in begun] == [True, True]
    (again,) = market.journal.offers.in_status(OfferStatus.PRICING)
    assert again.attempts == 0, "it was the oracle's doing"
    market.work()
    prices = sorted(quote.price for offer_id in ids if (quote := market.offers.state(offer_id).quote))
    assert prices == [PRICE_PER_RECORD, 2 * PRICE_PER_RECORD]


def test_offers_of_one_seller_to_one_model_are_never_priced_at_one_time(
    market: PoolMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is priced in the context of the first: splitting data earns nothing."""
    ids = market.sent(b"one\n"), market.sent(b"one more\n")
    found: list[bool] = []
    with monkeypatch.context() as patch:
        when_opened(patch, lambda: found.append(market.oracle.evaluation.price_next()))
        assert market.oracle.evaluation.price_next()
    assert found == [False]
    market.work()
    assert sorted(market.offers.state(offer_id).status for offer_id in ids) == [
        OfferStatus.DECLINED,
        OfferStatus.QUOTED,
    ]


@pytest.mark.parametrize("attack", [b"crash\n", b"eat\n"])
def test_process_that_a_file_ends_costs_its_own_offer_an_attempt_and_no_other(
    market: PoolMarket, monkeypatch: pytest.MonkeyPatch, attack: bytes
) -> None:
    honest = market.sent(b"one\n")
    hostile: list[bytes] = []

    def attacked() -> None:
        hostile.append(market.sent(attack, rival_account))
        assert market.oracle.evaluation.price_next()

    with monkeypatch.context() as patch:
        when_opened(patch, attacked)
        assert market.oracle.evaluation.price_next()
    assert market.offers.state(honest).status is OfferStatus.QUOTED
    offers = market.journal.offers
    assert (offers.get(honest).attempts, offers.get(hostile[0]).attempts) == (1, 1)
    assert market.offers.state(hostile[0]).status is OfferStatus.PRICING


def test_stop_ends_every_process_and_counts_no_attempt(market: PoolMarket) -> None:
    ids = market.sent(b"burn\n"), market.sent(b"hang\n", rival_account)
    with market.pricing() as begun:
        eventually(lambda: all(market.journal.offers.get(offer_id).attempts for offer_id in ids), every=0.01)
        assert market.offers.state(ids[0]).status is OfferStatus.PRICING  # it answers meanwhile
        market.pool.close()
        assert [done.result(CEILING) for done in begun] == [True, True]
    offers = [market.journal.offers.get(offer_id) for offer_id in ids]
    assert [(offer.status, offer.attempts) for offer in offers] == [(OfferStatus.PRICING, 0)] * 2
    assert market.oracle.evaluation.price_next(), "what comes after it is cut short, too"
    assert [market.journal.offers.get(offer_id).attempts for offer_id in ids] == [0, 0]


# --- the pool alone: processes that are never started ---


def idle(count: int = WORKERS) -> list[PricingProcess]:
    return [PricingProcess(["false"], {}) for _ in range(count)]


def test_process_with_the_model_in_memory_is_preferred_and_otherwise_one_that_loses_nothing() -> None:
    first, second, third = processes = idle(3)
    pool = PricingPool(processes)
    for process, artifact in ((first, "a"), (second, "b")):
        process.note_loaded(artifact, LINE_INFO.hash)
        process.is_started = lambda: True  # type: ignore[method-assign]
    for artifact, expected in (("b", second), ("a", first), ("c", third)):
        with pool.taken(artifact) as taken:
            assert taken is expected
    with pool.taken("a") as one, pool.taken("a") as other:
        assert (one, other) == (first, third)


def test_waiting_for_a_process_ends_when_one_is_returned_or_the_oracle_stops() -> None:
    (process,) = processes = idle(1)
    pool = PricingPool(processes)

    def take() -> PricingProcess:
        with pool.taken("a") as taken:
            return taken

    with ThreadPoolExecutor(2) as threads:
        with pool.taken("a"):
            waiting = threads.submit(take)
        assert waiting.result(CEILING) is process
        with pool.taken("a"):
            waiting = threads.submit(take)
            pool.close()
            with pytest.raises(PricingCutShort):
                waiting.result(CEILING)


def test_every_process_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    forgot: list[tuple[PricingProcess, bytes]] = []
    monkeypatch.setattr(PricingProcess, "forget", lambda process, offer_id: forgot.append((process, offer_id)))
    processes = idle()
    PricingPool(processes).forget(b"id")
    assert forgot == [(process, b"id") for process in processes]


def test_who_waits_no_longer_than_a_while_is_told_that_all_processes_are_at_work() -> None:
    pool = PricingPool(idle(1))
    with pool.taken("model"):
        with (
            pytest.raises(PricingCutShort, match="all pricing processes are at work") as busy,
            pool.taken("model", 0.01),
        ):
            pass
        assert busy.value.code == "pricing_busy"
    with pool.taken("model", 0.01):
        pass
