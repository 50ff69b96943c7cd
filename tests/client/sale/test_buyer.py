"""The buyer: downloads that go on, files that are checked, disputes, consent, refunds; a look can be repeated."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay import envelope
from assay.errors import (
    ChunkMismatch,
    ContractReverted,
    NodeUnreachable,
    OracleMisbehaved,
    OracleUnreachable,
    SaleError,
)
from assay.protocol import seal
from assay.protocol.structs import Order, Status
from assay.sale.offers import OfferRecord
from assay.sale.purchase import PurchaseFiles
from assay.sale.seller import Seller
from tests.kit.actors import BUYER_IDENTITY, buyer_account, oracle_account
from tests.kit.bids import enveloped
from tests.kit.market import Market

pytestmark = pytest.mark.unit

HOUR = 3600
LONG = b"".join(b"line %d\n" % number for number in range(1500))


def order_of(market: Market) -> Order:
    return market.chain.posted()[-1].order


def purchases(market: Market) -> Path:
    return market.home / "purchases"


def files(market: Market) -> list[Path]:
    """Files of orders; the hidden record of them is left out."""
    return [path for path in purchases(market).iterdir() if not path.name.startswith(".")]


def held(market: Market, suffix: str) -> Path:
    return PurchaseFiles(purchases(market)).path(order_of(market), suffix)


@pytest.fixture
def revealed(market: Market) -> tuple[Seller, OfferRecord]:
    seller, record = market.locked(LONG)
    seller.advance(record)
    return seller, record


@pytest.fixture
def corrupted(market: Market) -> Seller:
    """A seller who locked a key that opens nothing, past the oracle, which does not vouch for it, and revealed it."""
    seller, record = market.quoted(LONG)
    record = market.bound_to(record, bytes(32))
    seller.post(record)
    market.chain.reveal_key(seller.order(record).order, bytes(32))
    return seller


def test_registers_once(market: Market) -> None:
    assert market.buyer().register(market.terms, oracle_account.address) == (market.model_id, 0)


def test_unknown_model(market: Market) -> None:
    with pytest.raises(SaleError, match="expected a registered model"):
        market.buyer().terms(b"\x01" * 32)


def test_revealed_file_is_opened_and_acknowledged(market: Market, revealed: Any) -> None:
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert purchase.file.read_bytes() == LONG
    market.work()
    assert order_of(market).order_id() in market.contract.storage.orders
    assert market.chain.order_state(order_of(market).order_id()).status is Status.PAID
    assert sorted(path.suffix for path in files(market)) == [".csv", ".sealed"]


@pytest.mark.parametrize("umask", [0o000, 0o777], ids=["open", "closed"])
def test_purchases_are_nobody_elses_whatever_the_umask(
    market: Market, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    """The download, the sealed file, the opened one and its first bytes on disk."""
    market.locked(LONG)
    modes: set[int] = set()
    sync = os.fsync

    def spy(descriptor: int) -> None:
        modes.update(stat.S_IMODE(path.stat().st_mode) for path in purchases(market).iterdir())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    before = os.umask(umask)
    try:
        for _ in range(2):
            (purchase,) = market.buyer().poll(market.model_id)
            market.work()
    finally:
        os.umask(before)
    assert purchase.file is not None
    assert stat.S_IMODE(purchases(market).stat().st_mode) == 0o700
    assert modes == {0o600}


def test_second_look_downloads_nothing(market: Market, revealed: Any) -> None:
    market.buyer().poll(market.model_id)
    market.transport.seen.clear()
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert not [request for request in market.transport.seen if request.url.path.endswith("/sealed")]


# --- downloads --------------------------------------------------------------------------------------------------------


def test_download_goes_on_where_it_broke_off(market: Market, revealed: Any) -> None:
    market.transport.cuts = [3000, 2000]
    for _ in range(2):
        (purchase,) = market.buyer().poll(market.model_id)
        assert isinstance(purchase.error, OracleUnreachable)
    assert held(market, ".age").stat().st_size == 5000
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    asked = [request.headers["Range"] for request in market.transport.seen if request.url.path.endswith("/sealed")]
    assert asked == ["bytes=0-", "bytes=3000-", "bytes=5000-"]


@pytest.mark.parametrize("rest", [b"another envelope", b"x" * 100_000], ids=["other_start", "too_long"])
def test_rest_of_another_download_is_thrown_away(market: Market, revealed: Any, rest: bytes) -> None:
    market.buyer()
    held(market, ".age").write_bytes(rest)
    found = [market.buyer().poll(market.model_id)[0].file for _ in range(2)]
    assert found[1] is not None
    assert found[1].read_bytes() == LONG


def deliver(market: Market, content: bytes) -> None:
    """The oracle delivers something else."""
    folder = market.folder / "deliveries"
    (folder / f"{order_of(market).order_id().hex()}.age").write_bytes(content)


def foreign_file() -> bytes:
    sealed = io.BytesIO()
    seal.seal(io.BytesIO(b"other data"), sealed, bytes(32), chunk_size=1024)
    return sealed.getvalue()


def altered(market: Market, revealed: tuple[Seller, OfferRecord]) -> bytes:
    seller, record = revealed
    sealed = bytearray(seller._store.sealed(record).read_bytes())
    sealed[-1] ^= 1
    return bytes(sealed)


@pytest.mark.parametrize("kind", ["foreign", "altered", "garbage", "not_enveloped"])
def test_delivery_of_something_else_is_not_taken(market: Market, revealed: Any, kind: str) -> None:
    recipient = envelope.public_of(BUYER_IDENTITY)
    content = {
        "foreign": lambda: enveloped(foreign_file(), recipient),
        "altered": lambda: enveloped(altered(market, revealed), recipient),
        "garbage": lambda: enveloped(b"garbage", recipient),
        "not_enveloped": lambda: b"garbage",
    }[kind]()
    deliver(market, content)
    (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, OracleMisbehaved)
    assert "not the one that the order commits to" in purchase.note
    assert [path.suffixes for path in files(market)] == ([[".delivered", ".json"]] if kind == "altered" else [])
    (market.folder / "deliveries" / f"{order_of(market).order_id().hex()}.age").unlink()
    assert market.buyer().poll(market.model_id)[0].file is not None


def test_copy_altered_on_disk_is_fetched_again_and_disputed_by_nobody(market: Market) -> None:
    seller, record = market.locked(LONG)
    market.buyer().poll(market.model_id)
    content = bytearray(held(market, ".sealed").read_bytes())
    content[-1] ^= 1
    held(market, ".sealed").write_bytes(content)
    seller.advance(record)
    (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, ChunkMismatch)
    assert "altered since its download" in purchase.note
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert "dispute" not in market.steps


def test_copy_cut_short_on_disk_is_fetched_again(market: Market) -> None:
    seller, record = market.locked(LONG)
    market.buyer().poll(market.model_id)
    held(market, ".sealed").write_bytes(held(market, ".sealed").read_bytes()[:-5])
    seller.advance(record)
    market.buyer().poll(market.model_id)
    assert market.buyer().poll(market.model_id)[0].file is not None


# --- disputes ---------------------------------------------------------------------------------------------------------


def test_key_that_opens_nothing_is_disputed(market: Market, corrupted: Seller) -> None:
    market.work()
    (purchase,) = market.buyer().poll(market.model_id)
    assert (purchase.status, purchase.note) == (Status.DISPUTED, "the key does not open chunk 0")
    assert set(purchase.gas) == {"dispute"}
    assert not held(market, ".csv").exists()
    assert not held(market, ".part").exists()


def test_dispute_after_the_window_is_told(market: Market, corrupted: Seller) -> None:
    market.work()
    market.pass_time(HOUR + 1)
    (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, ContractReverted)
    assert "DeadlinePassed" in purchase.note


def test_dispute_waits_for_an_earlier_transaction(market: Market, corrupted: Seller) -> None:
    market.work()
    market.node.unmined = 1
    (purchase,) = market.buyer().poll(market.model_id)
    assert "earlier transaction" in purchase.note
    assert "dispute" not in market.steps


# --- the other ends ---------------------------------------------------------------------------------------------------


def test_silence_is_refunded_after_the_deadline_and_not_before(market: Market) -> None:
    market.locked(LONG)
    market.pass_time(HOUR)
    assert market.buyer().poll(market.model_id)[0].status is Status.LOCKED
    market.pass_time(1)
    (purchase,) = market.buyer().poll(market.model_id)
    assert (purchase.status, set(purchase.gas)) == (Status.REFUNDED, {"refund"})
    assert market.buyer().poll(market.model_id)[0].gas == {}


def test_somebody_faster_is_success(market: Market) -> None:
    market.locked(LONG)
    market.pass_time(HOUR + 1)
    market.node.before_next = lambda: market.chain.refund(order_of(market))
    (purchase,) = market.buyer().poll(market.model_id)
    assert (purchase.status, purchase.error, purchase.gas) == (Status.REFUNDED, None, {})


def test_receipt_is_left_once_the_file_is_checked(tmp_path: Path) -> None:
    market = Market(tmp_path, require_receipt=True)
    market.locked(LONG)
    market.buyer().poll(market.model_id)
    assert market.as_buyer.order(order_of(market).order_id()).receipt
    market.journal.close()


def test_no_receipt_for_a_file_that_is_not_right(tmp_path: Path) -> None:
    market = Market(tmp_path, require_receipt=True)
    market.locked(LONG)
    market.work()
    deliver(market, b"garbage")
    market.buyer().poll(market.model_id)
    assert market.as_buyer.order(order_of(market).order_id()).receipt is None
    market.journal.close()


def test_no_receipt_for_chunks_that_are_larger_than_the_model_takes(tmp_path: Path) -> None:
    """The oracle took them all the same. An acknowledgement is given: after it nothing can be disputed."""
    market = Market(tmp_path, require_receipt=True)
    seller = market.seller()
    record, _ = seller.offer(seller.prepare(market.file(LONG), market.model_id, chunk_size=2048))
    seller.accept(record)
    market.settings = market.settings.model_copy(update={"max_chunk_size": 1024})
    market.open_oracle()
    (purchase,) = market.buyer().poll(market.model_id)
    left = market.as_buyer.order(order_of(market).order_id())
    assert isinstance(purchase.error, OracleMisbehaved)
    assert "chunks of at most 1024 bytes, the oracle took one in chunks of 2048" in str(purchase.error)
    assert left.receipt is None
    assert left.acknowledgement is not None
    market.journal.close()


def test_no_receipt_for_a_copy_that_the_disk_altered_since_its_download(tmp_path: Path) -> None:
    market = Market(tmp_path, require_receipt=True)
    market.locked(LONG)
    market.work()
    market.transport.idle = True
    buyer, order = market.buyer(), order_of(market)
    buyer._deliveries.fetch(order, held(market, ".sealed"))
    content = bytearray(held(market, ".sealed").read_bytes())
    content[-1] ^= 1
    held(market, ".sealed").write_bytes(content)
    (purchase,) = buyer.poll(market.model_id)
    assert "altered since its download" in purchase.note
    assert market.as_buyer.order(order.order_id()).receipt is None
    buyer.poll(market.model_id)
    assert market.as_buyer.order(order.order_id()).receipt is not None
    market.journal.close()


def test_oracle_down_after_the_download_stops_nothing(market: Market) -> None:
    seller, record = market.locked(LONG)
    market.buyer().poll(market.model_id)
    market.transport.down = True
    seller.advance(record)
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert "does not accept the acknowledgement" in purchase.note
    assert purchase.file.read_bytes() == LONG


def test_oracle_down_before_the_download_is_told(market: Market) -> None:
    market.locked(LONG)
    market.transport.down = True
    (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, OracleUnreachable)


def test_one_bad_order_holds_up_no_other(market: Market) -> None:
    market.locked(LONG)
    bad = order_of(market)
    market.locked(b"another\nsale\n")
    (market.folder / "deliveries" / f"{bad.order_id().hex()}.age").write_bytes(b"garbage")
    first, second = market.buyer().poll(market.model_id)
    assert isinstance(first.error, OracleMisbehaved)
    assert second.note == "acknowledged; waiting for the payment"


def test_node_down_is_raised(market: Market, revealed: Any) -> None:
    market.node.down = True
    with pytest.raises(NodeUnreachable):
        market.buyer().poll(market.model_id)


def test_progress_sees_every_byte(market: Market, revealed: Any) -> None:
    seen: dict[str, list[int]] = {}

    @contextmanager
    def progress(what: str, total: int) -> Iterator[Any]:
        seen[what] = [total, 0]

        def done(count: int) -> None:
            seen[what][1] += count

        yield done

    market.buyer(progress=progress).poll(market.model_id)
    assert list(seen) == ["downloading", "opening"]
    total, done = seen["downloading"]
    assert total == done


@pytest.mark.parametrize(
    ("content", "suffix"), [(b"PAR1rest", ".parquet"), (b"PK\x03\x04rest", ".npz"), (b"x,y\n1,2\n", ".csv")]
)
def test_file_is_named_by_what_it_is(market: Market, content: bytes, suffix: str) -> None:
    seller, record = market.locked(content)
    seller.advance(record)
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert purchase.file.suffix == suffix
    assert buyer_account.address == purchase.order.buyer
