"""Uploads arrive in pieces, resume, and never exceed what was declared."""

import pytest

from assay import envelope
from assay.protocol.messages import OfferStatus
from assay_oracle.errors import (
    StorageFull,
    UploadBusy,
    UploadOffsetMismatch,
    UploadTooLarge,
)
from tests.kit.actors import ORACLE_IDENTITY
from tests.kit.bids import bid
from tests.kit.market import Market

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
RECIPIENT = envelope.public_of(ORACLE_IDENTITY)


def test_upload_goes_on_where_it_stopped(market: Market) -> None:
    made = bid(market.model_id, DATA)
    assert market.upload(made, upto=100).received_bytes == 100
    market.restart()
    assert market.upload(made, offset=100).status is OfferStatus.PRICING


def test_upload_that_was_complete_when_the_daemon_was_killed_is_priced(market: Market) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.offers.open_offer(made.request).offer_id
    appending = market.offers.appending(offer_id, 0)
    assert appending is not None
    with appending as appender:
        appender.write(made.upload)
        assert market.offers.state(offer_id).status is OfferStatus.UPLOADING  # the request that appends will say it
    market.restart()
    assert market.offers.state(offer_id).status is OfferStatus.PRICING


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
