"""The appraiser in the process: what it knows of a function, and which records it keeps."""

import io
from contextlib import contextmanager
from typing import Any

import pytest

from assay import envelope
from assay.errors import EnvelopeInvalid
from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.appraisers.inline import InlineAppraiser
from assay_oracle.services.appraiser import ContextOffer
from tests.kit.actors import DOMAIN, buyer_account, rival_account
from tests.kit.bids import bid
from tests.kit.data import SCHEMA, LinePrices, Lines, parse_lines
from tests.kit.market import Market

pytestmark = pytest.mark.unit


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each envelope that is decrypted."""
    found: list[None] = []
    decrypt_with = envelope.decrypt_with

    def counted(*arguments: Any) -> None:
        found.append(None)
        decrypt_with(*arguments)

    monkeypatch.setattr(envelope, "decrypt_with", counted)
    return found


def context(offer_id: bytes, data: bytes, opened: list[bytes]) -> ContextOffer:
    @contextmanager
    def stream() -> Any:
        opened.append(offer_id)
        yield io.BytesIO(data)

    return ContextOffer(offer_id, stream)


# --- decryptions ---


def test_an_upload_is_decrypted_for_its_price_and_once_for_all_that_are_priced_with_it(
    market: Market, opened: list[None]
) -> None:
    market.offer(b"first\n")
    assert len(opened) == 1
    for before, name in enumerate([b"second", b"third", b"fourth"], 1):
        market.offer(name)
        assert len(opened) == 1 + 2 * before


def test_data_that_are_not_priced_have_no_other_offer_read(market: Market, opened: list[None]) -> None:
    """Refusals would cost the oracle as much as the seller's other offers hold, and its seller nothing."""
    for name in (b"first\n", b"second\n"):
        market.offer(name)
    market.restart()
    opened.clear()
    for number, data in enumerate((b"!\n", b"first\n"), 1):
        market.offer(data)
        assert len(opened) == number


def test_records_that_no_other_offer_is_priced_with_are_not_kept(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of each offer stayed until 512 MiB were reached, as if the process leaked."""
    cache = RecordCache(2**20)
    monkeypatch.setattr(market, "appraiser", lambda: InlineAppraiser(market.function, cache, parse=parse_lines))
    market.restart()
    _, state = market.offer(b"one\n")
    assert cache.get(state.offer_id) is None
    market.offer(b"two\n", account=rival_account)
    assert cache.get(state.offer_id) is None
    market.offer(b"three\n")
    assert cache.get(state.offer_id) is not None


def test_sold_data_is_decrypted_once(market: Market, opened: list[None]) -> None:
    made, _, order = market.sell(b"one\ntwo\n")
    market.chain.reveal_key(order, made.key)
    market.oracle.cycle()
    market.restart()
    opened.clear()
    for number in range(3):
        _, state = market.offer(b"one of %d\nnew%d\n" % (number, number), account=rival_account)
        assert state.appraisal is not None
    assert len(opened) == 1 + 3 + 2, "the sold offer, three others, and two of these for the ones after them"


def test_after_a_restart_each_context_offer_is_decrypted_once_more(market: Market, opened: list[None]) -> None:
    market.offer(b"one\n")
    market.offer(b"two\n")
    market.restart()
    opened.clear()
    market.offer(b"three\n")
    assert len(opened) == 3
    market.offer(b"four\n")
    assert len(opened) == 3 + 2


def test_bound_on_memory_is_kept_by_decrypting_again(
    market: Market, opened: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        market, "appraiser", lambda: InlineAppraiser(market.function, RecordCache(8), parse=parse_lines)
    )
    market.restart()
    market.offer(b"first\n")
    market.offer(b"second\n")
    opened.clear()
    _, third = market.offer(b"first again\nsecond again\n")
    assert len(opened) == 2, "the offer itself, and the second, for which the first has to leave"
    assert third.quote is None, "priced jointly all the same"


@pytest.mark.parametrize("end", ["refused", "worthless", "closed"])
def test_records_leave_the_memory_with_their_upload(market: Market, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    cache = RecordCache(2**20)
    monkeypatch.setattr(market, "appraiser", lambda: InlineAppraiser(market.function, cache, parse=parse_lines))
    market.restart()
    _, state, order = market.sell(b"one\n")
    market.offer(b"two\n")
    assert cache.get(state.offer_id) is not None
    if end == "closed":
        market.chain.settle(order, bytes(buyer_account.sign_message(DOMAIN.acknowledgement(order.digest())).signature))
        market.oracle.cycle()
        market.pass_time(market.settings.keep_seconds + 1)
        market.oracle.cycle()
    else:
        _, state = market.offer({"refused": b"one\n", "worthless": b"junk\n"}[end])
        assert state.quote is None
    assert cache.get(state.offer_id) is None


# --- the appraiser ---


def test_info_is_what_the_manifest_says() -> None:
    info = InlineAppraiser(LinePrices(), RecordCache(0), parse=parse_lines).info
    assert (info.hash, info.schema, info.metric) == (LinePrices().hash, SCHEMA, "log_loss")
    assert (info.pricing, info.method, info.fidelity) == ("graded", "lines", 0.97)


def test_appraisal_is_passed_on_whole() -> None:
    function = LinePrices()
    offer = InlineAppraiser(function, RecordCache(0), parse=parse_lines).open(
        io.BytesIO(b"one\ntwo\njunk\n"), seconds=1
    )
    expected = function.appraise(Lines([b"one", b"two", b"junk"]))
    found = offer.appraise(known=frozenset(), own=[], sold=[])
    assert (found.price, found.records, found.priced) == (expected.price, 3, 3)
    assert (found.document, found.digest) == (expected.canonical_json(), expected.digest())
    assert (found.fidelity, found.reasons) == (expected.fidelity, expected.seller_reasons)


def test_context_is_asked_for_on_a_miss_alone() -> None:
    opened: list[bytes] = []
    appraiser = InlineAppraiser(LinePrices(), RecordCache(100), parse=parse_lines)
    appraiser.keep(context(b"a", b"one\n", []), seconds=1)
    offer = appraiser.open(io.BytesIO(b"one more\ntwo more\nthree\n"), seconds=1)
    own, sold = [context(b"a", b"one\n", opened)], [context(b"c", b"two\n", opened)]
    first = offer.appraise(known=frozenset(), own=own, sold=sold)
    second = offer.appraise(known=frozenset(), own=own, sold=sold)
    assert opened == [b"c"]
    assert first == second
    assert first.price == LinePrices().appraise(Lines([b"three"])).price


def test_damaged_context_offer_is_left_out_and_a_failing_disk_is_passed_on() -> None:
    def failing(error: Exception) -> ContextOffer:
        @contextmanager
        def stream() -> Any:
            raise error
            yield

        return ContextOffer(b"x", stream)

    offer = InlineAppraiser(LinePrices(), RecordCache(100), parse=parse_lines).open(io.BytesIO(b"one\n"), seconds=1)
    found = offer.appraise(known=frozenset(), own=[failing(EnvelopeInvalid("damaged"))], sold=[])
    assert found.price > 0
    with pytest.raises(OSError, match="disk"):
        offer.appraise(known=frozenset(), own=[], sold=[failing(OSError("disk"))])


# --- the cache ---


def test_cache_drops_what_was_used_longest_ago() -> None:
    cache = RecordCache(6)
    for name in (b"a", b"b", b"c"):
        cache.put(name, Lines([name * 2]))
    assert cache.get(b"a") == Lines([b"aa"])
    cache.put(b"d", Lines([b"dd"]))
    assert [cache.get(name) is not None for name in (b"a", b"b", b"c", b"d")] == [True, False, True, True]


def test_cache_keeps_nothing_larger_than_its_bound() -> None:
    cache = RecordCache(3)
    cache.put(b"a", Lines([b"aaa"]))
    cache.put(b"b", Lines([b"bbbb"]))
    assert (cache.get(b"a"), cache.get(b"b")) == (Lines([b"aaa"]), None)
    cache.put(b"a", Lines([b"a"]))
    cache.put(b"c", Lines([b"cc"]))
    assert (cache.get(b"a"), cache.get(b"c")) == (Lines([b"a"]), Lines([b"cc"]))


def test_offers_of_one_market_share_the_cache_over_pricing(market: Market) -> None:
    market.upload(bid(market.model_id, b"one\n"))
    market.upload(bid(market.model_id, b"two\n"))
    while market.oracle.evaluation.price_next():
        pass
    assert market.function.calls == 2
