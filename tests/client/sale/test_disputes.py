"""A window to dispute passes for no full disk, no node, no oracle, no other purchase and no other command."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from assay.errors import ChainError, DiskError, NodeUnreachable, NodeUntrue, OracleUnreachable
from assay.protocol.structs import Order, Status
from assay.sale import buyer as buyer_module
from assay.sale import deliveries as deliveries_module
from assay.sale import purchase as purchase_module
from assay.sale.buyer import DISPUTE_MARGIN
from assay.sale.purchase import PurchaseFiles
from tests.kit.market import Market
from tests.kit.memory_chain import MemoryChain
from tests.kit.orders import count_calls

pytestmark = pytest.mark.unit

HOUR = 3600
LONG = b"".join(b"line %d\n" % number for number in range(500))
WRONG = bytes(32)


def fraud(market: Market, content: bytes = LONG) -> Order:
    """A LOCKED order whose key opens nothing."""
    seller, record = market.quoted(content)
    record = market.bound_to(record, WRONG)
    seller.post(record)
    return seller.order(record).order


def honest(market: Market, content: bytes = b"a\nb\n") -> Callable[[], Order]:
    """A LOCKED order; the call reveals its key."""
    seller, record = market.locked(content)
    order = seller.order(record).order

    def reveal() -> Order:
        market.chain.reveal_key(order, seller._store.key(record))
        return order

    return reveal


def fetched(market: Market, *orders: Order) -> None:
    """The buyer has the sealed files; then the keys of ``orders`` are revealed."""
    market.buyer().poll(market.model_id)
    market.transport.idle = True
    for order in orders:
        market.chain.reveal_key(order, WRONG)


def files(market: Market) -> PurchaseFiles:
    return PurchaseFiles(market.home / "purchases")


def status_of(market: Market, order: Order) -> Status:
    return market.chain.order_state(order.order_id()).status


# --- the disk ---------------------------------------------------------------------------------------------------------


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, *, suffixes: tuple[str, ...] = (".part", "")) -> None:
    """The disk opens no file of plaintext, and no lock, for writing."""
    opened = purchase_module.private_file

    def private_file(path: Path, mode: str) -> BinaryIO:
        if path.suffix in suffixes:
            raise OSError(number, "the disk refuses", str(path))
        return opened(path, mode)

    monkeypatch.setattr(purchase_module, "private_file", private_file)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO, errno.EROFS])
def test_disk_that_takes_no_plaintext_stops_no_dispute(
    market: Market, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    order = fraud(market)
    fetched(market, order)
    refuse(monkeypatch, number)
    (purchase,) = market.buyer().poll(market.model_id)
    assert (purchase.status, purchase.error, set(purchase.gas)) == (Status.DISPUTED, None, {"dispute"})


def test_disk_that_fails_once_the_plaintext_is_written_stops_no_dispute_and_leaves_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, reveal = fraud(market), honest(market)
    fetched(market, order)
    good = reveal()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(purchase_module.os, "fsync", full)
    found = {purchase.order: purchase for purchase in market.buyer().poll(market.model_id)}
    assert found[order].status is Status.DISPUTED
    assert isinstance(found[good].error, DiskError)
    assert list((market.home / "purchases").glob("*.part")) == []
    assert list((market.home / "purchases").glob("*.csv")) == []


def test_full_disk_is_an_error_of_its_purchase_with_remedy_and_time_and_ends_with_the_cause(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    reveal = honest(market)
    fetched(market)
    order = reveal()
    with monkeypatch.context() as full:
        refuse(full, errno.ENOSPC)
        (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, DiskError)
    assert "free some space" in purchase.advice
    assert "before the window to dispute ends: 2027-01-15T09:00:00+00:00" in purchase.advice
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file == files(market).opened(order, Status.REVEALED)


def test_sealed_copy_that_cannot_be_read_is_set_aside_and_fetched_again(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = fraud(market)
    fetched(market, order)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as damaged:
        damaged.setattr(buyer_module, "find_proof", fail)
        (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, DiskError)
    assert files(market).path(order, ".aside").exists()
    assert market.buyer().poll(market.model_id)[0].status is Status.DISPUTED


def test_altered_copy_is_kept_aside(market: Market) -> None:
    """The oracle may have deleted the file: most of it can be opened by hand."""
    reveal = honest(market, LONG)
    fetched(market)
    order = reveal()
    sealed = files(market).sealed(order)
    content = bytearray(sealed.read_bytes())
    content[-1] ^= 1
    sealed.write_bytes(content)
    market.buyer().poll(market.model_id)
    assert files(market).path(order, ".aside").read_bytes() == content
    assert market.buyer().poll(market.model_id)[0].file is not None


# --- other purchases, and their order ---------------------------------------------------------------------------------


def test_window_that_ends_first_is_used_first(market: Market) -> None:
    orders = [fraud(market, b"%d\n" % number * 9) for number in range(3)]
    fetched(market)
    for place in (2, 0, 1):
        market.chain.reveal_key(orders[place], WRONG)
        market.pass_time(60)
    purchases = market.buyer().poll(market.model_id)
    assert [purchase.order for purchase in purchases] == orders, "the result is by age"
    assert [call.arguments[0] for call in market.node.called("dispute")] == [orders[2], orders[0], orders[1]]


@pytest.mark.parametrize("error", [NodeUnreachable("no trace in time"), ChainError("odd"), OSError(errno.EIO, "disk")])
def test_purchase_that_fails_stops_no_dispute(
    market: Market, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A node may answer everything but what one order needs: the trace of a large transaction, for example."""
    sick = honest(market)()
    order = fraud(market)
    fetched(market, order)
    revealed = MemoryChain.revealed_key

    def revealed_key(chain: MemoryChain, order_id: bytes) -> bytes | None:
        if order_id == sick.order_id():
            raise error
        return revealed(chain, order_id)

    files(market).opened(sick, Status.REVEALED).unlink()  # type: ignore[union-attr]
    monkeypatch.setattr(MemoryChain, "revealed_key", revealed_key)
    first, second = market.buyer().poll(market.model_id)
    assert first.error is not None
    assert second.status is Status.DISPUTED


def test_fault_of_the_program_is_raised_once_every_order_had_its_turn(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    sick, order = honest(market)(), fraud(market)
    fetched(market, order)
    acknowledge = buyer_module.Buyer._acknowledge

    def broken(buyer: Any, purchase: Any) -> None:
        if purchase.order == sick:
            raise ZeroDivisionError
        acknowledge(buyer, purchase)

    monkeypatch.setattr(buyer_module.Buyer, "_acknowledge", broken)
    with pytest.raises(ZeroDivisionError):
        market.buyer().poll(market.model_id)
    assert status_of(market, order) is Status.DISPUTED


def test_another_command_at_work_stops_no_dispute(market: Market) -> None:
    order = fraud(market)
    fetched(market, order)
    with files(market).alone():
        assert market.buyer().poll(market.model_id)[0].status is Status.DISPUTED


@pytest.mark.parametrize(("left", "status"), [(DISPUTE_MARGIN + 1, Status.REVEALED), (DISPUTE_MARGIN, Status.DISPUTED)])
def test_dispute_does_not_wait_for_a_stuck_transaction_for_ever(market: Market, left: int, status: Status) -> None:
    order = fraud(market)
    fetched(market, order)
    market.node.unmined = 1
    market.pass_time(HOUR - left)
    assert market.buyer().poll(market.model_id)[0].status is status


# --- the oracle -------------------------------------------------------------------------------------------------------


class Slow:
    """An oracle each of whose answers takes ``seconds``, and the clock by which a poll counts."""

    def __init__(self, buyer: Any, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.asked: list[bytes] = []
        for name in ("order", "put_acknowledgement"):
            self._slow(buyer._deliveries._records.members[0], name, seconds, monkeypatch)
        monkeypatch.setattr(deliveries_module, "time", self)

    def _slow(self, oracle: Any, name: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        ask = getattr(oracle, name)

        def asked(order_id: bytes, *arguments: Any) -> Any:
            self.now += seconds
            self.asked.append(order_id)
            return ask(order_id, *arguments)

        monkeypatch.setattr(oracle, name, asked)

    def monotonic(self) -> float:
        return self.now


def test_slow_oracle_has_a_bounded_time_in_a_poll_and_the_next_begins_with_the_rest(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        honest(market, b"%d\n" % number * 9)
    market.transport.idle = True
    market.buyer().poll(market.model_id)
    buyer = market.buyer()
    slow = Slow(buyer, 500, monkeypatch)
    first = buyer.poll(market.model_id)
    assert slow.now <= deliveries_module.POLL_SECONDS + 500
    left = [purchase.order.order_id() for purchase in first if "left to the next poll" in purchase.note]
    assert left
    slow.asked.clear()
    buyer.poll(market.model_id)
    assert slow.asked[0] in left


def test_acknowledgements_to_a_silent_oracle_take_one_time_together(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reveal in [honest(market, b"%d\n" % number * 9) for number in range(3)]:
        reveal()
    market.transport.idle = True
    buyer, asked = market.buyer(), []
    buyer.poll(market.model_id)

    def silent(order_id: bytes, _: bytes) -> None:
        asked.append(order_id)
        raise OracleUnreachable("no answer")

    monkeypatch.setattr(buyer._deliveries._records.members[0], "put_acknowledgement", silent)
    assert all(purchase.file for purchase in buyer.poll(market.model_id))
    assert len(asked) == 1


def test_download_that_breaks_off_keeps_no_other_from_the_oracle(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = honest(market, b"1\n" * 9)()
    other = honest(market, b"2\n" * 9)()
    buyer = market.buyer()
    download = buyer._deliveries._records.members[0].download

    def breaks(order_id: bytes, *arguments: Any, **named: Any) -> None:
        if order_id == broken.order_id():
            raise OracleUnreachable("got 5 of 9 bytes")
        download(order_id, *arguments, **named)

    monkeypatch.setattr(buyer._deliveries._records.members[0], "download", breaks)
    found = {purchase.order: purchase for purchase in buyer.poll(market.model_id)}
    assert isinstance(found[broken].error, OracleUnreachable)
    assert found[other].file is not None


def test_oracle_that_was_silent_once_is_asked_again_by_the_next_call(market: Market) -> None:
    honest(market)
    buyer, (posted,) = market.buyer(), market.chain.posted()
    market.transport.down = True
    assert isinstance(buyer.advance(posted).error, OracleUnreachable)
    market.transport.down = False
    assert buyer.advance(posted).error is None


# --- the node ---------------------------------------------------------------------------------------------------------


def test_nothing_is_done_for_an_order_that_is_not_the_one_on_chain(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest(market)
    posted = market.chain.posted()[0]
    other = type(posted)(posted.order.model_copy(update={"price": 1}), posted.block, posted.transaction)
    purchase = market.buyer().advance(other)
    assert isinstance(purchase.error, NodeUntrue)
    assert list((market.home / "purchases").glob("*.sealed")) == []


def test_key_of_the_node_that_the_order_does_not_lock_accuses_nobody(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = honest(market)()
    market.transport.idle = True
    market.buyer().poll(market.model_id)
    files(market).opened(order, Status.REVEALED).unlink()  # type: ignore[union-attr]
    with monkeypatch.context() as lying:
        lying.setattr(MemoryChain, "revealed_key", lambda *_: WRONG)
        (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, ChainError)
    assert "got another from the node" in purchase.note
    assert files(market).sealed(order).exists()


def test_order_that_has_ended_is_not_asked_for_again_unless_its_file_is_gone(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll takes time for open orders, however many were bought before."""
    market.node.confirmations = 1
    honest(market)()
    buyer = market.buyer()
    buyer.poll(market.model_id)
    market.work()
    assert buyer.poll(market.model_id)[0].status is Status.PAID
    called = count_calls(monkeypatch, "order_state", "revealed_key", "revealed_data")
    buyer.poll(market.model_id)
    assert called == ["order_state"], "a reorganisation could still undo the payment"
    market.node.mine(1)
    buyer.poll(market.model_id)
    called.clear()
    (purchase,) = buyer.poll(market.model_id)
    assert (called, purchase.status) == ([], Status.PAID)
    assert purchase.file is not None
    purchase.file.unlink()
    assert buyer.poll(market.model_id)[0].file == purchase.file
    assert purchase.file.exists()
