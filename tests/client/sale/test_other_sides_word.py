"""An oracle's word on what can be seen: the chain is asked first, no wait is the oracle's to end or to prolong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.errors import OfferRefused, OracleMisbehaved, OracleUnreachable, QuoteExpired
from assay.oracle.api import OracleClient
from assay.protocol.messages import MAX_QUOTE_SECONDS, OfferState, OfferStatus
from assay.protocol.structs import Status
from assay.sale import acceptance as acceptance_module
from assay.sale import deliveries as deliveries_module
from assay.sale import seller as seller_module
from assay.sale.offers import OfferRecord
from assay.sale.purchase import PurchaseFiles
from assay.sale.seller import Seller
from tests.kit.market import DAY, Market

pytestmark = pytest.mark.unit

HOUR = 3600
LONG = b"".join(b"line %d\n" % number for number in range(500))


class Clock:
    """The seller's clock, and what happens while it waits. A wait takes a second."""

    def __init__(self, seller: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.meanwhile: Callable[[], object] = lambda: None
        monkeypatch.setattr(acceptance_module, "time", self)
        monkeypatch.setattr(seller._release._pause, "wait", self._wait)

    def monotonic(self) -> float:
        return self.now

    def _wait(self, _: float) -> bool:
        self.now += 1
        self.meanwhile()
        return False


class SetClock:
    """The buyer's clock: a test sets it."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def refused(state: OfferState) -> OfferState:
    """The state of an offer whose order cannot be posted."""
    changes = {"status": OfferStatus.QUOTED, "code": "budget_too_small", "reason": "come back in some days"}
    return state.model_copy(update=changes)


class Liar:
    """An oracle that answers on the state of an offer as ``lie`` makes of the truth."""

    def __init__(self, seller: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
        self._client: OracleClient = seller._acceptance._oracle
        self._offer = self._client.offer
        self.lie: Callable[[OfferState], OfferState] = lambda state: state
        monkeypatch.setattr(self._client, "offer", lambda offer_id: self.lie(self._offer(offer_id)))


# --- the seller -------------------------------------------------------------------------------------------------------


@pytest.fixture
def quoted(market: Market) -> tuple[Seller, OfferRecord]:
    seller = market.seller(posting_patience=60)
    return market.quoted(seller=seller)


def test_order_that_the_oracle_denies_is_found_on_chain(
    market: Market, quoted: tuple[Seller, OfferRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    seller, record = quoted
    clock, liar = Clock(seller, monkeypatch), Liar(seller, monkeypatch)
    market.transport.idle = True  # what is accepted is posted while the seller waits, and not before
    liar.lie = refused
    clock.meanwhile = market.work
    record = seller.accept(record)
    assert market.status(record) is Status.LOCKED
    assert any("watching the chain nevertheless" in said for said in market.said)


def test_order_that_was_not_posted_is_told_with_how_long_it_can_be(
    market: Market, quoted: tuple[Seller, OfferRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    seller, record = quoted
    clock = Clock(seller, monkeypatch)
    market.contract.change_model(market.model_id, budget=1)
    with pytest.raises(OfferRefused) as raised:
        seller.accept(record)
    assert (raised.value.reason_code, clock.now) == ("budget_too_small", 60)
    assert str(record.quote.expiry) in str(raised.value.hint)
    market.contract.change_model(market.model_id, budget=10**18)
    assert market.status(seller.accept(record)) is Status.LOCKED


@pytest.mark.parametrize("status", [OfferStatus.ACCEPTED, OfferStatus.POSTED])
def test_order_that_never_comes_is_waited_for_until_its_quote_expires_at_most(
    market: Market, quoted: tuple[Seller, OfferRecord], monkeypatch: pytest.MonkeyPatch, status: OfferStatus
) -> None:
    seller, record = quoted
    clock, liar = Clock(seller, monkeypatch), Liar(seller, monkeypatch)
    monkeypatch.setattr(seller._acceptance._oracle, "accept", lambda *_: None)
    clock.meanwhile = lambda: market.pass_time(HOUR)
    seller._acceptance.patience = float("inf")
    states = iter([OfferStatus.QUOTED])
    liar.lie = lambda state: state.model_copy(update={"status": next(states, status)})
    with pytest.raises(QuoteExpired, match="no order was posted"):
        seller.accept(record)
    assert clock.now <= DAY / HOUR + 1


def test_oracle_that_falls_silent_after_the_acceptance_is_told_once_the_chain_was_watched(
    market: Market, quoted: tuple[Seller, OfferRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    seller, record = quoted
    clock = Clock(seller, monkeypatch)

    def accept(*_: Any) -> None:
        market.transport.down = True
        raise OracleUnreachable("no answer")

    monkeypatch.setattr(seller._acceptance._oracle, "accept", accept)
    with pytest.raises(OracleUnreachable):
        seller.accept(record)
    assert clock.now == 60


@pytest.mark.parametrize("seconds", [MAX_QUOTE_SECONDS + 1, 2**39])
def test_quote_that_can_be_posted_for_long_is_not_accepted(market: Market, seconds: int) -> None:
    """Until it expires, the seller cannot take the acceptance back."""
    market.oracle.evaluation._quotes._lifetime = seconds
    with pytest.raises(OracleMisbehaved, match="expected a quote that expires by") as raised:
        market.quoted()
    assert "do not accept" in str(raised.value.hint)
    seller = market.seller(max_quote_seconds=2**39)
    assert market.quoted(seller=seller)[1].quote is not None


# --- the buyer --------------------------------------------------------------------------------------------------------


def held(market: Market, index: int, suffix: str) -> Path:
    return PurchaseFiles(market.home / "purchases").path(market.chain.posted()[index].order, suffix)


def test_key_on_chain_and_file_on_disk_need_no_oracle(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.locked(LONG)
    market.transport.idle = True  # the oracle does not settle
    market.buyer().poll(market.model_id)
    market.chain.reveal_key(seller.order(record).order, seller._store.key(record))
    buyer = market.buyer()

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("the oracle was asked")

    monkeypatch.setattr(buyer._deliveries._records.members[0], "order", fail)
    monkeypatch.setattr(buyer._deliveries._records.members[0], "download", fail)
    (purchase,) = buyer.poll(market.model_id)
    assert purchase.file is not None


def test_dispute_comes_before_an_oracle_is_asked_about_any_order(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers slowly must not use up the window of another order."""
    market.locked(b"first\n")
    seller, record = market.quoted(LONG)
    record = market.bound_to(record, bytes(32))
    seller.post(record)
    buyer = market.buyer()
    buyer.poll(market.model_id)
    held(market, 0, ".sealed").unlink()
    market.chain.reveal_key(seller.order(record).order, bytes(32))
    asked: list[Status] = []
    order = buyer._deliveries._records.members[0].order
    monkeypatch.setattr(
        buyer._deliveries._records.members[0], "order", lambda o: (asked.append(market.status(record)), order(o))[1]
    )
    assert [purchase.status for purchase in buyer.poll(market.model_id)][1] is Status.DISPUTED
    assert set(asked) == {Status.DISPUTED}


def test_oracle_that_does_not_answer_is_asked_once_a_poll(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"first\n", b"second\n", b"third\n"):
        market.locked(content)
    buyer, asked = market.buyer(), []

    def silent(order_id: bytes) -> None:
        asked.append(order_id)
        raise OracleUnreachable("no answer")

    monkeypatch.setattr(buyer._deliveries._records.members[0], "order", silent)
    for polls in (1, 2):
        found = buyer.poll(market.model_id)
        assert [type(purchase.error) for purchase in found] == [OracleUnreachable] * 3
        assert len(asked) == polls


def test_downloads_of_one_poll_have_a_time_in_which_they_end(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.locked(b"first\n")
    market.locked(b"second\n")
    buyer, clock, times = market.buyer(), SetClock(), []

    def download(*_: Any, within: float, **__: Any) -> None:
        times.append(within)
        clock.now += within
        raise OracleMisbehaved("too slow")

    monkeypatch.setattr(deliveries_module, "time", clock)
    monkeypatch.setattr(buyer._deliveries._records.members[0], "download", download)
    buyer.poll(market.model_id)
    assert times == [600, 300]
    assert sum(times) == deliveries_module.POLL_SECONDS


def test_download_that_is_damaged_elsewhere_each_time_gets_no_more_time(
    market: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.locked(b"a line\n" * 40_000)
    market.as_buyer.download(market.chain.posted()[-1].order.order_id(), tmp_path / "delivered")
    buyer, clock, times = market.buyer(), SetClock(), []

    def download(_: bytes, target: Path, *, within: float, received: Callable[[int], None], **__: Any) -> None:
        times.append(within)
        clock.now += within
        damaged = bytearray((tmp_path / "delivered").read_bytes())
        damaged[len(times) * 70_000] ^= 1
        target.write_bytes(damaged)
        received(len(damaged))

    monkeypatch.setattr(deliveries_module, "time", clock)
    monkeypatch.setattr(buyer._deliveries._records.members[0], "download", download)
    buyer.poll(market.model_id)
    assert times == [600, 300]


# --- the size of chunks, on which the gas of a dispute depends --------------------------------------------------------


def test_client_seals_in_chunks_that_the_model_takes(market: Market) -> None:
    assert market.http.model(market.model_id).max_chunk_size == 4096
    for bound, size in ((16_384, 4096), (4096, 4096), (2047, 1024), (1024, 1024)):
        market.settings = market.settings.model_copy(update={"max_chunk_size": bound})
        market.open_oracle()
        content = b"%d\n" % bound * 3000
        seller = market.seller()
        record = seller.prepare(market.file(content), market.model_id)
        with seller._store.sealed(record).open("rb") as sealed:
            assert int.from_bytes(sealed.read(12)[8:], "big") == size


def test_larger_chunks_are_refused_before_they_are_sealed(market: Market) -> None:
    with pytest.raises(OfferRefused, match="expected chunks of at most 4096 bytes, got 8192") as raised:
        market.seller().prepare(market.file(), market.model_id, chunk_size=8192)
    assert raised.value.reason_code == "chunks_too_large"


def test_oracle_refuses_larger_chunks_before_a_price_and_takes_the_data_in_smaller_ones(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seller_module, "check_file", lambda *_: None)
    seller = market.seller()
    record = seller.prepare(market.file(), market.model_id, chunk_size=8192)
    with pytest.raises(OfferRefused, match="at most 4096 bytes") as raised:
        seller.offer(record)
    assert (raised.value.reason_code, market.function.calls) == ("chunks_too_large", 0)
    assert market.quoted()[1].quote is not None
