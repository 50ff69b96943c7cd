"""One evaluation of the same records for one model, ever."""

import threading
from pathlib import Path

import pytest
from scripts.localnet import CEILING

from assay.protocol.messages import OfferStatus
from assay.protocol.types import OfferId
from tests.kit.actors import patient_account, rival_account
from tests.kit.bids import bid
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.market import DAY, Market
from tests.kit.orders import count_calls

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\nthree\n"
PRICE = 3 * PRICE_PER_RECORD


def assert_refused(market: Market, data: bytes, **options: object) -> None:
    calls = market.function.calls
    _, state = market.offer(data, **options)
    assert (state.status, state.code) == (OfferStatus.REFUSED, "already_evaluated")
    assert state.quote is None
    assert state.appraisal is None
    assert market.function.calls == calls


def assert_worthless(market: Market, data: bytes, **options: object) -> None:
    """The answer is that to records which have no value, and says nothing of who has them."""
    _, worthless = market.offer(b"junk of %d\n" % market.function.calls, account=patient_account)
    _, state = market.offer(data, **options)
    assert state.quote is None
    assert state.appraisal is not None
    told = {"offer_id", "received_bytes", "upload_bytes", "appraisal"}
    assert state.model_dump(exclude=told) == worthless.model_dump(exclude=told)
    assert (state.status, state.code) == (OfferStatus.DECLINED, "no_value")
    assert state.appraisal.priced == len(set(data.split()))
    assert state.appraisal.reasons == worthless.appraisal.reasons  # type: ignore[union-attr]


def test_first_offer_is_quoted(market: Market) -> None:
    _, state = market.offer(DATA)
    assert state.status is OfferStatus.QUOTED
    assert state.quote is not None
    assert state.quote.price == PRICE


def test_same_records_under_fresh_salts_and_key_are_refused(market: Market) -> None:
    market.offer(DATA)
    assert_refused(market, DATA)


def test_same_records_in_another_order_are_refused(market: Market) -> None:
    market.offer(DATA)
    assert_refused(market, b"three\none\ntwo\n")


def test_same_records_in_another_format_are_refused(market: Market) -> None:
    market.offer(DATA)
    assert_refused(market, b"  one\r\n\r\ntwo\r\nthree")


def test_a_prober_does_not_learn_whether_another_seller_had_a_set_evaluated(market: Market) -> None:
    market.offer(DATA)
    assert_worthless(market, DATA, account=rival_account)
    assert_refused(market, DATA, account=rival_account)


def test_a_prober_that_asks_twice_or_waits_learns_no_more(market: Market) -> None:
    """Another seller's set and a worthless one of the prober's own are answered alike, whenever it asks."""
    market.offer(DATA)
    sets = {"another's": DATA, "own": b"junk of mine\n"}
    first = {whose: market.offer(data, account=rival_account)[1].offer_id for whose, data in sets.items()}

    def told(offer_id: OfferId) -> dict[str, object]:
        state = market.offers.state(offer_id)
        return state.model_dump(exclude={"offer_id", "received_bytes", "upload_bytes", "appraisal"})

    def again(data: bytes) -> OfferId:
        return market.offer(data, account=rival_account)[1].offer_id

    assert told(again(sets["another's"])) == told(again(sets["own"]))
    for _ in range(9):
        market.pass_time(DAY)
        market.oracle.cycle()
    assert told(first["another's"]) == told(first["own"])
    market.restart()
    assert told(again(sets["another's"])) == told(again(sets["own"]))


def test_chain_is_asked_about_every_set_alike(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request to the node takes longer than pricing a few records."""
    market.offer(DATA)
    called = count_calls(monkeypatch, "order_state", "block_time", "model_state")
    market.offer(DATA, account=rival_account)
    about_anothers, called[:] = list(called), []
    market.offer(b"junk\n", account=rival_account)
    assert called == about_anothers


def test_a_prober_does_not_learn_whether_another_seller_has_a_record(market: Market) -> None:
    """Also not beside records of the prober's own that were evaluated before, one probe among many."""
    market.offer(DATA)
    assert_worthless(market, b"two\n", account=rival_account)
    own = b"".join(b"junk%d\n" % number for number in range(30))
    market.offer(own, account=rival_account)
    assert_worthless(market, own + b"one\n", account=rival_account)


def test_part_of_the_records_is_worth_nothing(market: Market) -> None:
    market.offer(DATA)
    assert_worthless(market, b"two\n")


def test_copies_of_the_records_are_refused(market: Market) -> None:
    market.offer(DATA)
    assert_refused(market, DATA * 3)


def test_same_records_after_the_seller_declined_are_refused(market: Market) -> None:
    _, state = market.offer(DATA)
    market.offers.decline(state.offer_id)
    assert_refused(market, DATA)


def test_same_records_after_a_price_of_nothing_are_refused(market: Market) -> None:
    _, state = market.offer(b"junk a\njunk b\n")
    assert (state.status, state.code) == (OfferStatus.DECLINED, "no_value")
    assert_refused(market, b"junk b\njunk a\n")


def test_same_records_after_a_refusal_are_refused_again(market: Market) -> None:
    market.offer(DATA)
    assert_refused(market, DATA)
    assert_refused(market, DATA)


def test_same_records_after_a_restart_are_refused(market: Market) -> None:
    market.offer(DATA)
    market.restart()
    assert_refused(market, DATA)


def test_pair_sold_on_chain_is_not_sold_again_by_a_journal_restored_from_an_old_copy(market: Market) -> None:
    market.sell(DATA)
    market.journal.close()
    for path in market.folder.glob("journal.sqlite*"):
        path.unlink()
    market._open()
    assert_worthless(market, DATA)


def test_records_priced_before_add_nothing_to_new_ones(market: Market) -> None:
    market.offer(DATA)
    _, state = market.offer(b"one\ntwo\nfour\n")
    assert state.quote is not None
    assert state.appraisal is not None
    assert state.quote.price == PRICE_PER_RECORD
    assert (state.appraisal.records, state.appraisal.priced) == (3, 3), "the prober counts what others have"


def test_another_model_evaluates_the_same_records(market: Market, tmp_path: Path) -> None:
    market.offer(DATA)
    second = Market(tmp_path / "second", salt=b"\x01" * 32)
    _, state = second.offer(DATA)
    second.journal.close()
    assert state.status is OfferStatus.QUOTED


def test_malformed_data_leaves_the_evaluation_unused(market: Market) -> None:
    _, state = market.offer(b"one\ntwo\nth!ree\n")
    assert (state.status, state.code) == (OfferStatus.REFUSED, "data_error")
    assert state.appraisal is None
    _, state = market.offer(DATA)
    assert state.quote is not None
    assert state.quote.price == PRICE


def test_same_offer_again_finds_the_first(market: Market) -> None:
    made, state = market.offer(DATA)
    assert market.offers.open_offer(made.request) == state
    assert market.function.calls == 1


def test_two_same_data_sets_at_once_have_one_evaluation(market: Market) -> None:
    bids = [bid(market.model_id, DATA), bid(market.model_id, DATA, account=rival_account)]
    ids = [market.upload(made).offer_id for made in bids]
    both = threading.Barrier(2, timeout=CEILING)
    market.function.before = both.wait  # both are past every check when either goes on
    waiting = market.journal.offers.in_status(OfferStatus.PRICING)
    threads = [threading.Thread(target=market.oracle.evaluation._price, args=(offer,)) for offer in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    states = sorted(market.offers.state(offer_id).status for offer_id in ids)
    assert states == [OfferStatus.DECLINED, OfferStatus.QUOTED]


def test_ledger_holds_no_plain_hash(market: Market) -> None:
    market.offer(DATA)
    import hashlib

    content = (market.folder / "journal.sqlite").read_bytes() + (market.folder / "journal.sqlite-wal").read_bytes()
    for line in DATA.split():
        assert hashlib.sha256(line).digest() not in content


def test_nothing_readable_stays_on_the_disk(market: Market) -> None:
    market.offer(b"a very recognisable record\n" * 40)
    for path in market.folder.rglob("*"):
        assert path.is_dir() or b"recognisable" not in path.read_bytes()
