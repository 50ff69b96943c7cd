"""What a seller may ask for, and what an attacker gets."""

import errno
import io
import sqlite3
import struct
from collections.abc import Callable

import pytest

from assay import envelope
from assay.errors import AssayError, EnvelopeInvalid, NodeUnreachable, QuoteExpired
from assay.protocol.messages import OfferStatus
from assay.protocol.structs import key_hash
from assay.protocol.types import NATIVE_TOKEN
from assay_oracle.errors import (
    KeyMismatch,
    ModelNotReady,
    ModelUnknown,
    OfferConflict,
    OfferUnknown,
    RequestInvalid,
    SignatureInvalid,
    StorageFull,
    TooManyOffers,
    UploadBusy,
    UploadOffsetMismatch,
    UploadTooLarge,
)
from assay_oracle.storage.scratch import ScratchFolder
from tests.kit.actors import ORACLE_IDENTITY, oracle_account, rival_account, seller_account
from tests.kit.bids import bid, enveloped, seal_lines
from tests.kit.data import MAX_PRICE, PRICE_PER_RECORD
from tests.kit.market import DAY, Market
from tests.kit.memory_chain import START
from tests.kit.memory_contract import HALTED

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
RECIPIENT = envelope.public_of(ORACLE_IDENTITY)


# --- opening ---


def test_offer_signed_by_another_is_refused(market: Market) -> None:
    made = bid(market.model_id, DATA)
    with pytest.raises(SignatureInvalid, match=rival_account.address):
        market.offers.open_offer(made.request.model_copy(update={"seller": rival_account.address}))


def test_offer_for_another_root_than_signed_is_refused(market: Market) -> None:
    made = bid(market.model_id, DATA)
    with pytest.raises(SignatureInvalid):
        market.offers.open_offer(made.request.model_copy(update={"data_root": bytes(32)}))


def test_offer_for_an_unknown_model_is_refused(market: Market) -> None:
    with pytest.raises(ModelUnknown):
        market.offers.open_offer(bid(bytes(32), DATA).request)


def test_contract_wallet_offers_with_its_own_signature(market: Market) -> None:
    made = bid(market.model_id, DATA)
    wallet = rival_account.address
    message = market.offers.domain.offer(market.model_id, wallet, made.request.data_root, made.request.nonce)
    market.contract.wallets[wallet] = b"wallet"
    from assay.protocol.statements import digest

    signed = made.request.model_copy(update={"seller": wallet, "signature": b"wallet" + digest(message)})
    assert market.offers.open_offer(signed).status is OfferStatus.UPLOADING
    with pytest.raises(SignatureInvalid):
        market.offers.open_offer(signed.model_copy(update={"nonce": bytes(32)}))


def test_key_that_is_not_enveloped_to_the_oracle_is_refused(market: Market) -> None:
    foreign = envelope.public_of(envelope.new_identity())
    with pytest.raises(EnvelopeInvalid):
        market.offers.open_offer(bid(market.model_id, DATA, recipient=foreign).request)


def test_key_of_another_length_is_refused(market: Market) -> None:
    with pytest.raises(RequestInvalid, match="32 bytes"):
        market.offers.open_offer(bid(market.model_id, DATA, sent_key=b"short").request)


def test_same_statement_with_another_key_is_a_conflict(market: Market) -> None:
    made = bid(market.model_id, DATA)
    market.offers.open_offer(made.request)
    altered = made.request.model_copy(update={"sealed_key": envelope.wrap_key(RECIPIENT, bytes(32))})
    with pytest.raises(OfferConflict):
        market.offers.open_offer(altered)


def test_flood_of_one_seller_is_bounded(market: Market) -> None:
    for _ in range(4):
        market.offers.open_offer(bid(market.model_id, DATA).request)
    with pytest.raises(TooManyOffers, match="at most 4"):
        market.offers.open_offer(bid(market.model_id, DATA).request)
    market.offers.open_offer(bid(market.model_id, DATA, account=rival_account).request)


def test_flood_of_many_sellers_is_bounded(market: Market) -> None:
    from eth_account import Account

    for number in range(10):
        account = Account.from_key((1000 + number).to_bytes(32, "big"))
        market.offers.open_offer(bid(market.model_id, DATA, account=account).request)
    with pytest.raises(TooManyOffers, match="10 offers"):
        market.offers.open_offer(bid(market.model_id, DATA).request)


def test_bytes_that_one_seller_holds_in_quotes_are_bounded(market: Market) -> None:
    padding = b"\n" * 970_700
    held = [market.offer(word + padding)[1] for word in (b"one", b"two", b"three", b"four")]
    assert {state.status for state in held} == {OfferStatus.QUOTED}
    with pytest.raises(TooManyOffers, match="at most 4194304 bytes"):
        market.offer(b"five" + padding)
    market.offer(b"five" + padding, account=rival_account)
    market.offers.decline(held[0].offer_id)
    market.offer(b"six" + padding)


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


def test_upload_left_alone_expires_and_makes_room(market: Market) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made, upto=10).offer_id
    market.pass_time(3601)
    market.oracle.cycle()
    state = market.offers.state(offer_id)
    assert (state.status, state.code) == (OfferStatus.EXPIRED, "upload_abandoned")
    assert market.received(offer_id) == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"oracle": HALTED}, "model_halted"),
        ({"oracle": rival_account.address}, "oracle_replaced"),
        ({"budget": MAX_PRICE - 1}, "budget_too_small"),
    ],
    ids=["halted", "replaced", "poor"],
)
def test_model_that_cannot_buy_uses_no_evaluation_up(market: Market, changes: dict[str, object], code: str) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made).offer_id
    market.contract.change_model(market.model_id, **changes)
    with pytest.raises(ModelNotReady) as refusal:
        market.offers.open_offer(bid(market.model_id, DATA).request)
    assert refusal.value.code == code
    market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).code == code
    assert market.function.calls == 0
    market.contract.change_model(market.model_id, oracle=oracle_account.address, budget=MAX_PRICE)
    assert market.offer(DATA)[1].status is OfferStatus.QUOTED


def test_seller_without_the_bond_is_told_before_pricing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    market = Market(tmp_path, seller_bond=7)
    with pytest.raises(ModelNotReady, match="seller bond 7") as refusal:
        market.offers.open_offer(bid(market.model_id, DATA).request)
    assert refusal.value.code == "credit_too_small"
    market.contract.storage.credits[NATIVE_TOKEN, seller_account.address] = 7
    assert market.offers.open_offer(bid(market.model_id, DATA).request).status is OfferStatus.UPLOADING
    market.journal.close()


@pytest.mark.parametrize("bond", [(8, 0), (9, START)], ids=["small", "exiting"])
def test_oracle_without_its_bond_prices_nothing(tmp_path, bond: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    market = Market(tmp_path, oracle_bond=9)
    market.contract.storage.bonds[market.model_id, oracle_account.address] = bond
    with pytest.raises(ModelNotReady) as refusal:
        market.offers.open_offer(bid(market.model_id, DATA).request)
    assert refusal.value.code == "oracle_bond_too_small"
    market.journal.close()


# --- uploading ---


def test_upload_goes_on_where_it_stopped(market: Market) -> None:
    made = bid(market.model_id, DATA)
    assert market.upload(made, upto=100).received_bytes == 100
    market.restart()
    assert market.upload(made, offset=100).status is OfferStatus.PRICING


def test_upload_past_the_end_of_what_is_there_is_refused(market: Market) -> None:
    made = bid(market.model_id, DATA)
    market.upload(made, upto=100)
    with pytest.raises(UploadOffsetMismatch, match="from offset 100"):
        market.upload(made, offset=101)


def test_upload_of_bytes_that_are_there_changes_nothing(market: Market) -> None:
    made = bid(market.model_id, DATA)
    market.upload(made, upto=100)
    forged = made.with_(upload=b"\0" * 100 + made.upload[100:])
    market.upload(forged, offset=0, upto=50)
    market.upload(forged, offset=0)
    offer_id = market.offers.open_offer(made.request).offer_id
    with market.store.open(f"uploads/{offer_id.hex()}.age") as upload:
        assert upload.read() == made.upload


def test_more_bytes_than_declared_are_not_written(market: Market) -> None:
    made = bid(market.model_id, DATA)
    with pytest.raises(UploadTooLarge):
        market.upload(made.with_(upload=made.upload + b"\0"))
    offer_id = market.offers.open_offer(made.request).offer_id
    assert market.received(offer_id) == 0
    assert market.upload(made).status is OfferStatus.PRICING


def test_larger_offer_than_the_oracle_takes_is_refused(market: Market) -> None:
    made = bid(market.model_id, DATA)
    with pytest.raises(UploadTooLarge, match=str(2**20)):
        market.offers.open_offer(made.request.model_copy(update={"upload_bytes": 2**20 + 1}))


def test_two_uploads_at_once_do_not_mix(market: Market) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.offers.open_offer(made.request).offer_id
    first = market.offers.appending(offer_id, 0)
    assert first is not None
    with first, pytest.raises(UploadBusy):
        market.upload(made)


def test_full_quota_is_said_and_nothing_is_lost(tmp_path) -> None:  # type: ignore[no-untyped-def]
    market = Market(tmp_path)
    market.max_disk = 600
    market.restart()
    made = bid(market.model_id, DATA * 200)
    with pytest.raises(StorageFull):
        market.upload(made)
    market.max_disk = 2**20
    market.restart()
    assert market.upload(made).status is OfferStatus.PRICING
    market.journal.close()


def test_room_is_free_again_after_a_refusal(market: Market) -> None:
    market.offer(b"ba!d\n" * 100)
    assert market.store.used == 0


# --- what is in the envelope ---


def refused(market: Market, **options: object) -> str | None:
    _, state = market.offer(bid(market.model_id, DATA, **options))  # type: ignore[arg-type]
    assert state.status is OfferStatus.REFUSED
    assert state.quote is None
    assert market.function.calls == 0
    assert market.offer(DATA)[1].status is OfferStatus.QUOTED, "the evaluation was used up"
    return state.code


def test_foreign_bytes_for_an_envelope(market: Market) -> None:
    assert refused(market, upload=b"no envelope at all") == "envelope_invalid"


def test_envelope_for_somebody_else(market: Market) -> None:
    foreign = envelope.public_of(envelope.new_identity())
    assert refused(market, upload=enveloped(b"x", foreign)) == "envelope_invalid"


def test_envelope_without_a_sealed_file(market: Market) -> None:
    assert refused(market, upload=enveloped(b"x" * 200, RECIPIENT)) == "not_sealed_data"


def test_sealed_file_of_another_root(market: Market) -> None:
    other, _ = seal_lines(b"other\n", b"\x05" * 32)
    assert refused(market, upload=enveloped(other, RECIPIENT)) == "commitment_mismatch"


def test_key_of_another_file(market: Market) -> None:
    assert refused(market, sent_key=b"\x06" * 32) == "chunk_mismatch"


def test_truncated_sealed_file(market: Market) -> None:
    assert refused(market, spoil=lambda sealed: sealed[:-1]) == "sealed_data_truncated"


def test_altered_index(market: Market) -> None:
    def altered(sealed: bytes) -> bytes:
        return sealed[:70] + bytes([sealed[70] ^ 1]) + sealed[71:]

    assert refused(market, spoil=altered) == "commitment_mismatch"


def test_altered_chunk(market: Market) -> None:
    assert refused(market, spoil=lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1])) == "chunk_mismatch"


def test_index_that_claims_to_be_huge_takes_no_memory(market: Market) -> None:
    header = struct.pack(">8s I 4x Q 32s 8x", b"ASSAYSD1", 1024, 2**38, bytes(32))
    assert refused(market, upload=enveloped(header, RECIPIENT)) == "sealed_data_truncated"


def test_data_that_brings_pricing_down_is_given_up_in_the_end(market: Market) -> None:
    def crash() -> None:
        raise MemoryError

    market.function.before = crash
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made).offer_id
    for _ in range(3):
        with pytest.raises(MemoryError):
            market.oracle.evaluation.price_next()
        market.restart()
    market.oracle.evaluation.price_next()
    state = market.offers.state(offer_id)
    assert (state.status, state.code) == (OfferStatus.REFUSED, "pricing_failed")


def test_disk_that_fails_costs_no_attempt_and_lets_others_pass(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: ScratchFolder) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    offer_id = market.upload(bid(market.model_id, DATA)).offer_id
    with monkeypatch.context() as broken:
        broken.setattr(ScratchFolder, "__call__", full)
        for _ in range(5):
            with pytest.raises(OSError, match="No space left"):
                market.oracle.evaluation.price_next()
            assert not market.oracle.evaluation.price_next()
        with pytest.raises(OSError, match="No space left"):
            market.oracle.evaluation.price_next()
    other = market.upload(bid(market.model_id, b"three\n", account=rival_account)).offer_id
    assert market.oracle.evaluation.price_next()
    assert market.offers.state(other).status is OfferStatus.QUOTED
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    assert not market.oracle.evaluation.price_next()
    assert market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_full_disk_is_told_and_the_journal_goes_on_when_there_is_room(market: Market) -> None:
    database = market.journal._database
    (pages,) = database.row("PRAGMA page_count")

    def fill() -> None:
        with database.transaction():
            for number in range(10_000):
                database.execute("INSERT INTO records VALUES (?, ?)", market.model_id, number.to_bytes(32))

    database.row(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        fill()
    database.row(f"PRAGMA max_page_count = {2**30}")
    fill()
    assert database.row("SELECT count(*) FROM records")[0] == 10_000


def test_node_that_is_down_holds_pricing_up_and_loses_nothing(market: Market) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made).offer_id
    market.node.down = True
    for _ in range(5):
        with pytest.raises(NodeUnreachable):
            market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    market.node.down = False
    market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_price_is_capped_by_the_terms(market: Market) -> None:
    _, state = market.offer(b"".join(b"record %d\n" % i for i in range(200)))  # 200 x 1e15 > 1e17
    assert state.quote is not None
    assert state.quote.price == MAX_PRICE


# --- quote and acceptance ---


def test_quote_is_renewed_at_the_same_price(market: Market) -> None:
    _, state = market.offer(DATA)
    market.pass_time(DAY + 1)
    market.oracle.cycle()
    renewed = market.offers.state(state.offer_id)
    assert state.quote is not None
    assert renewed.quote is not None
    assert renewed.quote == state.quote.model_copy(update={"expiry": START + 2 * DAY + 1})
    assert market.function.calls == 1


def test_quote_stays_as_it_is_while_it_lives(market: Market) -> None:
    _, state = market.offer(DATA)
    market.pass_time(DAY // 2)
    assert market.offers.state(state.offer_id) == state


def test_quote_expires_by_the_chains_clock_where_that_is_ahead(market: Market) -> None:
    market.node.pass_time(10 * DAY)
    _, state = market.offer(DATA)
    assert state.quote is not None
    assert state.quote.expiry == START + 11 * DAY


def test_acceptance_locks_the_key_of_the_priced_file_alone(market: Market) -> None:
    made, state = market.offer(DATA)
    assert state.quote is not None
    foreign = key_hash(state.quote.order_id(), b"\x08" * 32)
    with pytest.raises(KeyMismatch):
        market.accept(made, state, key_hash=foreign)
    other_order = key_hash(bytes(32), made.key)
    with pytest.raises(KeyMismatch):
        market.accept(made, state, key_hash=other_order)
    assert market.accept(made, state).status is OfferStatus.ACCEPTED


def test_acceptance_by_another_is_refused(market: Market) -> None:
    made, state = market.offer(DATA)
    with pytest.raises(SignatureInvalid, match=seller_account.address):
        market.accept(made, state, account=rival_account)


def test_acceptance_of_anothers_offer_is_refused(market: Market) -> None:
    _, state = market.offer(DATA)
    rival, rivals_state = market.offer(b"three\n", account=rival_account)
    request = market.acceptance(rival, rivals_state)
    with pytest.raises(KeyMismatch):
        market.offers.accept(state.offer_id, request)


def test_acceptance_again_changes_nothing(market: Market) -> None:
    made, state = market.offer(DATA)
    first = market.accept(made, state)
    assert market.accept(made, state) == first
    market.oracle.cycle()
    assert market.accept(made, state).status is OfferStatus.POSTED
    assert len(market.node.called("post")) == 1


def test_acceptance_of_an_expired_quote_is_refused_and_of_the_renewed_taken(market: Market) -> None:
    made, state = market.offer(DATA)
    market.pass_time(DAY + 1)
    with pytest.raises(QuoteExpired):
        market.accept(made, state)
    market.oracle.cycle()
    assert market.accept(made, market.offers.state(state.offer_id)).status is OfferStatus.ACCEPTED


def test_acceptance_of_the_first_quote_holds_while_it_lives_beside_the_renewed(market: Market) -> None:
    made, state = market.offer(DATA)
    market.pass_time(DAY * 95 // 100)
    market.oracle.cycle()
    assert market.offers.state(state.offer_id) != state
    accepted = market.accept(made, state)
    assert accepted.quote == state.quote


def test_declined_offer_cannot_be_accepted(market: Market) -> None:
    made, state = market.offer(DATA)
    assert market.offers.decline(state.offer_id).status is OfferStatus.DECLINED
    with pytest.raises(OfferConflict, match="declined"):
        market.accept(made, state)


def test_accepted_offer_cannot_be_declined(market: Market) -> None:
    made, state = market.offer(DATA)
    market.accept(made, state)
    with pytest.raises(OfferConflict, match="accepted"):
        market.offers.decline(state.offer_id)


def test_unknown_offer(market: Market) -> None:
    with pytest.raises(OfferUnknown):
        market.offers.state(bytes(32))


def test_every_refusal_says_what_to_do(market: Market) -> None:
    """Expected and got in the message, a remedy beside it."""
    attempts: list[Callable[[], object]] = [
        lambda: market.offers.open_offer(bid(bytes(32), DATA).request),
        lambda: market.offers.state(bytes(32)),
        lambda: market.delivery.record(bytes(32)),
    ]
    for attempt in attempts:
        with pytest.raises(AssayError) as refusal:
            attempt()
        assert refusal.value.hint


def test_prices_are_told_for_new_records_only(market: Market) -> None:
    _, state = market.offer(DATA)
    assert state.quote is not None
    assert state.quote.price == 2 * PRICE_PER_RECORD


def test_plain_text_over_the_memory_bound_is_wiped(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay_oracle.storage.scratch.MEMORY_BYTES", 16)
    with market.scratch() as file:
        file.write(b"recognisable" * 10)
        held = file._file  # type: ignore[attr-defined]
        assert not isinstance(held, io.BytesIO)
        assert not list((market.folder / "scratch").iterdir()), "the file has a name"
        duplicate = __import__("os").dup(held.fileno())
    with open(duplicate, "rb") as after:
        after.seek(0)
        assert after.read() == bytes(120)
