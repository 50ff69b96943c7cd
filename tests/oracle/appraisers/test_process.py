"""The pricing process: what a hostile file does to it, and what the daemon and the other sellers notice of that."""

import hashlib
import io
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from assay.errors import EnvelopeInvalid
from assay.protocol.messages import OfferStatus
from assay_oracle.appraisers import process as process_module
from assay_oracle.appraisers import sandbox
from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.appraisers.inline import InlineAppraiser
from assay_oracle.appraisers.pool import PricingPool
from assay_oracle.appraisers.process import PricingProcess
from assay_oracle.appraisers.remote import ProcessAppraiser, ProcessSession
from assay_oracle.errors import DataRefused, PricingCutShort
from assay_oracle.services.appraiser import Appraiser, BlindResult, BlindRound, ContextOffer, PricingSession
from assay_oracle.services.pricing import queue
from assay_pricing.blind.seller import BlindSeller
from tests.kit.actors import rival_account
from tests.kit.blind import COUNTED, LINE_BLIND, ONE
from tests.kit.data import PRICE_PER_RECORD, LinePrices, Lines
from tests.kit.market import Market
from tests.kit.pricing import LINE_INFO, line_process

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("artifact")
    (folder / "file").touch()
    return str(folder)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PricingProcess]:
    secret = tmp_path_factory.mktemp("data") / "keystore.json"
    secret.touch()
    os.environ["ASSAY_ORACLE_PASSWORD"] = "secret"
    made = line_process(SECRET=str(secret))
    del os.environ["ASSAY_ORACLE_PASSWORD"]
    yield made
    made.close()


@pytest.fixture
def appraiser(process: PricingProcess, artifact: str) -> ProcessSession:
    process.admit(artifact)
    return ProcessSession(LINE_INFO.hash, artifact, process)


def opened(appraiser: ProcessSession, data: bytes, seconds: float = 60) -> Any:
    return appraiser.open(io.BytesIO(data), seconds=seconds)


def test_blind_quote_is_answered_as_in_this_process_and_malformed_messages_are_refused(
    appraiser: ProcessSession,
) -> None:
    seller = BlindSeller(COUNTED.shape, b"offer".ljust(32), os.urandom)

    def answer(session: PricingSession, message: bytes, *before: bytes) -> BlindResult:
        return session.answer(BlindRound(b"offer".ljust(32), bytes(32), message, before, 7), seconds=60)

    inline = InlineAppraiser(LinePrices(), RecordCache(0), blind=LINE_BLIND)
    first = seller.first(7 * ONE, 7 * ONE)
    answered = answer(appraiser, first)
    assert answered == answer(inline, first)
    with pytest.raises(DataRefused, match=r"expected a request of .* bytes, got 9") as refused:
        answer(appraiser, b"malformed")
    assert refused.value.code == "blind_error"
    second = seller.second(answered.message)
    digests = [hashlib.sha256(message).digest() for message in (first, second)]
    values = seller.values(answer(appraiser, second, digests[0]).message)
    assert answer(appraiser, values, *digests) == BlindResult(b"", 7 * PRICE_PER_RECORD)
    with pytest.raises(DataRefused, match="expected the values that the oracle's answer decrypts to"):
        answer(appraiser, bytes(len(values)), *digests)


def context(name: bytes, data: bytes, **options: Any) -> ContextOffer:
    @contextmanager
    def stream() -> Iterator[BinaryIO]:
        yield io.BytesIO(data)

    return ContextOffer(name, stream, **options)


def test_price_is_that_of_the_same_appraiser_in_this_process(appraiser: ProcessSession) -> None:
    lines = [b"one", b"two", b"junk"]
    offer = opened(appraiser, b"\n".join([*lines, *lines]))
    assert list(offer.hashes()) == list(Lines(lines).hashes())
    known = frozenset(Lines([b"one"]).hashes())
    found = offer.appraise(known=known, own=[], sold=[])
    expected = LinePrices().appraise(Lines([*lines, *lines]), known=known)
    assert (found.price, found.records, found.priced) == (expected.price, 6, expected.priced)
    assert (found.document, found.digest) == (expected.canonical_json(), expected.digest())
    assert found.reasons == expected.seller_reasons


def test_context_offers_are_asked_for_and_a_damaged_one_is_left_out(appraiser: ProcessSession) -> None:
    @contextmanager
    def damaged() -> Iterator[BinaryIO]:
        raise EnvelopeInvalid("damaged")
        yield

    own, sold = context(b"own", b"one\n"), context(b"sold", b"two\nthree\n", rows=[1])
    offer = opened(appraiser, b"one more\ntwo more\nthree more\nfour\n")
    found = offer.appraise(known=frozenset(), own=[own, ContextOffer(b"bad", damaged)], sold=[sold])
    assert found.price == 2 * PRICE_PER_RECORD  # near copies of one and three are worth nothing


def test_sold_offers_that_are_kept_are_read_in_time_of_their_own(appraiser: ProcessSession) -> None:
    """After the process was ended, they take none of the time of the offer that is priced next."""
    asked: list[bytes] = []

    def sold(name: bytes, data: bytes) -> ContextOffer:
        @contextmanager
        def stream() -> Iterator[BinaryIO]:
            asked.append(name)
            yield io.BytesIO(data)

        return ContextOffer(name, stream)

    offers = [sold(b"first", b"work\none\n"), sold(b"second", b"work\ntwo\n")]
    with pytest.raises(PricingCutShort):
        opened(appraiser, b"crash")
    for offer in (*offers, *offers):
        appraiser.keep(offer, seconds=30)
    assert asked == [b"first", b"second"]
    found = opened(appraiser, b"one\nthree\n", seconds=1).appraise(known=frozenset(), own=[], sold=offers)
    assert (found.price, asked) == (PRICE_PER_RECORD, [b"first", b"second"])
    with pytest.raises(PricingCutShort):
        appraiser.keep(sold(b"third", b"crash"), seconds=1)
    appraiser.keep(sold(b"damaged", b"!\n"), seconds=1)
    appraiser.keep(sold(b"fourth", b"stumble"), seconds=1)


def test_a_price_function_is_loaded_in_time_of_its_own(artifact: str) -> None:
    slow = line_process(LOADING="2.1")
    slow.admit(artifact)
    session = ProcessSession(LINE_INFO.hash, artifact, slow)
    try:
        for _ in range(2):  # a process that was ended loads again, and takes none of the offer's time either
            assert len(opened(session, b"one\n", seconds=1).hashes()) == 1
            with pytest.raises(PricingCutShort):
                opened(session, b"crash")
    finally:
        slow.close()


def test_failing_disk_in_the_middle_is_passed_on_and_the_next_offer_is_priced(appraiser: ProcessSession) -> None:
    @contextmanager
    def failing() -> Iterator[BinaryIO]:
        raise OSError("disk")
        yield

    with pytest.raises(OSError, match="disk"):
        opened(appraiser, b"one\n").appraise(known=frozenset(), own=[ContextOffer(b"x", failing)], sold=[])
    assert opened(appraiser, b"one\n").appraise(known=frozenset(), own=[], sold=[]).price == PRICE_PER_RECORD


def test_malformed_data_are_refused_with_the_reason(appraiser: ProcessSession) -> None:
    with pytest.raises(DataRefused, match="got a bad one") as refusal:
        opened(appraiser, b"!\n")
    assert (refusal.value.code, refusal.value.hint) == ("data_error", "mend it")


def test_error_that_nobody_foresaw_refuses_one_file_and_the_process_keeps_what_it_has(
    appraiser: ProcessSession,
) -> None:
    opened(appraiser, b"one\n")
    running = appraiser.process._running
    with pytest.raises(DataRefused, match="the oracle failed on it") as refusal:
        opened(appraiser, b"stumble\n")
    assert (refusal.value.code, "secret" in str(refusal.value)) == ("pricing_failed", False)
    assert opened(appraiser, b"one\n").appraise(known=frozenset(), own=[], sold=[]).price == PRICE_PER_RECORD
    assert appraiser.process._running is running


def test_code_in_a_strangers_file_reads_no_key_reaches_no_network_and_touches_no_process(
    appraiser: ProcessSession,
) -> None:
    lacking = sandbox.missing()
    if lacking:
        pytest.skip(f"this system has no {' and no '.join(lacking)}")
    assert opened(appraiser, b"attack\n").hashes() == list(Lines([b"confined by Landlock, seccomp"]).hashes())


def test_a_model_that_is_added_can_be_read_and_one_that_is_being_priced_goes_on(
    appraiser: ProcessSession, tmp_path: Path
) -> None:
    offer = opened(appraiser, b"one\n")
    before = appraiser.process._running
    appraiser.process.admit(str(tmp_path))
    added = replace(appraiser, artifact=str(tmp_path))
    assert offer.appraise(known=frozenset(), own=[], sold=[]).price == PRICE_PER_RECORD
    opened(appraiser, b"one\n")
    assert appraiser.process._running is before
    opened(added, b"one\n")
    after = appraiser.process._running
    assert after is not before
    opened(appraiser, b"one\n")
    assert appraiser.process._running is after


def test_password_of_the_oracle_is_not_in_the_environment(appraiser: ProcessSession) -> None:
    names = opened(appraiser, b"environment\n").hashes()
    assert set(Lines([b"PATH"]).hashes()) <= set(names)
    assert not set(Lines([b"ASSAY_ORACLE_PASSWORD"]).hashes()) & set(names)


@pytest.mark.parametrize(
    ("attack", "code"),
    [(b"burn", "pricing_timed_out"), (b"crash", "pricing_failed"), (b"eat", "pricing_failed")],
)
def test_file_that_burns_time_or_memory_or_ends_the_process_ends_nothing_else(
    appraiser: ProcessSession, attack: bytes, code: str
) -> None:
    with pytest.raises(PricingCutShort) as cut:
        opened(appraiser, attack, seconds=1)
    assert cut.value.code == code
    assert opened(appraiser, b"one\n").appraise(known=frozenset(), own=[], sold=[]).price == PRICE_PER_RECORD


def test_signal_that_stops_all_processes_of_a_service_is_left_to_the_daemon(appraiser: ProcessSession) -> None:
    """Otherwise an orderly stop counted an attempt: the process ended before the daemon knew of the stop."""
    offer = opened(appraiser, b"one\n")
    assert appraiser.process._running is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        appraiser.process._running.send_signal(number)
    assert offer.appraise(known=frozenset(), own=[], sold=[]).price == PRICE_PER_RECORD


def test_file_that_waits_for_ever_is_ended_by_the_clock(
    appraiser: ProcessSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(appraiser, b"one\n")
    monkeypatch.setattr(process_module, "WALL_FACTOR", 0.001)
    with pytest.raises(PricingCutShort) as cut:
        opened(appraiser, b"hang\n", seconds=100)
    assert cut.value.code == "pricing_timed_out"


def test_records_are_forgotten_while_the_process_is_busy_or_idle(appraiser: ProcessSession) -> None:
    asked: list[bytes] = []

    @contextmanager
    def stream() -> Iterator[BinaryIO]:
        asked.append(b"kept")
        yield io.BytesIO(b"one\n")

    kept = ContextOffer(b"kept", stream)
    for _ in range(2):
        appraiser.keep(kept, seconds=60)
    assert asked == [b"kept"]
    appraiser.process.forget(b"kept")
    opened(appraiser, b"two\n").appraise(known=frozenset(), own=[kept], sold=[])
    assert asked == [b"kept"] * 2


class ProcessMarket(Market):
    """A market whose oracle prices in the process."""

    process: PricingProcess

    def appraiser(self) -> Appraiser:
        return ProcessAppraiser(LINE_INFO, "anywhere", PricingPool([self.process]))


@pytest.fixture
def market(tmp_path: Path, process: PricingProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessMarket]:
    monkeypatch.setattr(ProcessMarket, "process", process, raising=False)
    made = ProcessMarket(tmp_path)
    yield made
    made.journal.close()


def test_api_answers_while_an_offer_is_priced_and_a_stop_costs_it_no_attempt(market: ProcessMarket) -> None:
    offer_id = market.upload(bid_of(market, b"burn\n")).offer_id
    pricing = threading.Thread(target=market.oracle.evaluation.price_next)
    pricing.start()
    while not market.journal.offers.get(offer_id).attempts:
        pass
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    while pricing.is_alive():
        market.process.close()  # the daemon stops
    pricing.join()
    assert market.journal.offers.get(offer_id).attempts == 0
    market.process._closed = False


def test_an_offer_that_burns_time_is_refused_after_its_attempts_and_the_others_are_priced_first(
    market: ProcessMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_SECONDS", 0.5)
    monkeypatch.setattr(queue, "_SECONDS_PER_MIB", 0.0)
    monkeypatch.setattr(queue, "_GROWTH", 1)
    hostile = market.upload(bid_of(market, b"burn\n")).offer_id
    honest = market.upload(bid_of(market, b"one and a longer line\n", account=rival_account)).offer_id
    market.oracle.evaluation.price_next()
    assert market.offers.state(hostile).status is OfferStatus.PRICING
    market.oracle.evaluation.price_next()
    assert market.offers.state(honest).status is OfferStatus.QUOTED
    market.restart()
    market.oracle.evaluation.price_next()
    market.oracle.evaluation.price_next()
    state = market.offers.state(hostile)
    assert (state.status, state.code) == (OfferStatus.REFUSED, "pricing_timed_out")
    assert "split the data" in str(state.reason)
    assert market.received(hostile) == 0


def bid_of(market: Market, data: bytes, **options: Any) -> Any:
    from tests.kit.bids import bid

    return bid(market.model_id, data, **options)
