"""Offers as sellers open, accept and decline them, and what an attacker gets."""

from collections.abc import Callable

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.errors import AssayError, EnvelopeInvalid, QuoteExpired
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
    UploadTooLarge,
)
from tests.kit.actors import ORACLE_IDENTITY, rival_account, seller_account
from tests.kit.bids import bid
from tests.kit.market import DAY, Market

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
RECIPIENT = envelope.public_of(ORACLE_IDENTITY)


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


def strangers(count: int) -> list[LocalAccount]:
    return [Account.from_key((1000 + number).to_bytes(32, "big")) for number in range(count)]


def test_empty_offers_under_many_keys_keep_nobody_out_and_leave_nothing_behind(market: Market) -> None:
    """An offer without bytes costs its sender a signature: it loses its place to the next one."""
    ids = [
        market.offers.open_offer(bid(market.model_id, DATA, account=account).request).offer_id
        for account in strangers(12)
    ]
    assert len(market.journal.offers.in_status(OfferStatus.UPLOADING)) == market.settings.max_open_offers == 10
    assert [market.journal.offers.find(offer_id) is None for offer_id in ids] == [True] * 2 + [False] * 10
    assert market.offer(DATA)[1].status is OfferStatus.QUOTED


def test_uploads_under_way_outlast_any_number_of_emptier_ones(market: Market) -> None:
    honest = bid(market.model_id, DATA)
    offer_id = market.upload(honest, upto=300).offer_id
    for account in strangers(15):
        market.upload(bid(market.model_id, b"junk\n", account=account), upto=10)
    assert market.offers.state(offer_id).received_bytes == 300
    market.upload(honest, offset=300)
    market.work()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_large_uploads_that_were_left_do_not_outlast_one_that_arrives(market: Market) -> None:
    """The places are full of them but for one, for which every further offer would displace the honest upload."""
    *hoarders, last = strangers(10)
    for account in hoarders:
        market.upload(bid(market.model_id, b"junk\n" * 300, account=account), upto=1200)
    market.pass_time(30)
    offer_id = market.upload(bid(market.model_id, DATA), upto=300).offer_id
    market.offers.open_offer(bid(market.model_id, b"junk\n", account=last).request)
    assert market.offers.state(offer_id).received_bytes == 300


def test_displaced_upload_is_opened_again_by_the_same_statement(market: Market) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.offers.open_offer(made.request).offer_id
    for account in strangers(10):
        market.upload(bid(market.model_id, b"junk\n", account=account), upto=10)
    with pytest.raises(OfferUnknown):
        market.offers.state(offer_id)
    assert market.offer(made)[1].status is OfferStatus.QUOTED


def test_bytes_for_an_offer_that_was_displaced_meanwhile_are_not_kept(market: Market) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.offers.open_offer(made.request).offer_id
    context = market.offers.appending(offer_id, 0)
    assert context is not None
    with context as appender:
        market.journal.offers.remove(offer_id)
        appender.write(made.upload[:100])
    assert market.received(offer_id) == 0


def test_unfinished_uploads_that_fill_the_disk_give_way_to_one_that_arrives(market: Market) -> None:
    market.max_disk = 2000
    market.restart()
    hoards = [bid(market.model_id, b"%d" % n + bytes(900), account=a) for n, a in enumerate(strangers(2))]
    ids = [market.upload(hoard, upto=990).offer_id for hoard in hoards]
    made = bid(market.model_id, DATA)
    with pytest.raises(StorageFull):
        market.upload(made)
    market.pass_time(61)
    assert market.offer(made)[1].status is OfferStatus.QUOTED
    assert [market.journal.offers.find(offer_id) is None for offer_id in ids].count(True) == 1


def test_complete_uploads_take_no_place(market: Market) -> None:
    waiting = [market.upload(bid(market.model_id, b"%d\n" % n, account=a)) for n, a in enumerate(strangers(12))]
    assert {state.status for state in waiting} == {OfferStatus.PRICING}


def test_bytes_that_one_seller_holds_in_quotes_are_bounded(market: Market) -> None:
    padding = b"\n" * 970_700
    held = [market.offer(word + padding)[1] for word in (b"one", b"two", b"three", b"four")]
    assert {state.status for state in held} == {OfferStatus.QUOTED}
    with pytest.raises(TooManyOffers, match="at most 4194304 bytes"):
        market.offer(b"five" + padding)
    market.offer(b"five" + padding, account=rival_account)
    market.offers.decline(held[0].offer_id)
    market.offer(b"six" + padding)


def test_seller_without_the_bond_is_told_before_pricing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    market = Market(tmp_path, seller_bond=7)
    with pytest.raises(ModelNotReady, match=r"seller bond 0\.0+7 ETH \(7 wei\), 0x\w+ has 0 ETH$") as refusal:
        market.offers.open_offer(bid(market.model_id, DATA).request)
    assert refusal.value.code == "credit_too_small"
    market.contract.storage.credits[NATIVE_TOKEN, seller_account.address] = 7
    assert market.offers.open_offer(bid(market.model_id, DATA).request).status is OfferStatus.UPLOADING
    market.journal.close()


def test_larger_offer_than_the_oracle_takes_is_refused(market: Market) -> None:
    made = bid(market.model_id, DATA)
    with pytest.raises(UploadTooLarge, match=str(2**20)):
        market.offers.open_offer(made.request.model_copy(update={"upload_bytes": 2**20 + 1}))


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
