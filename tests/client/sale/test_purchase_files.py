"""Files of purchases: those of one order are never taken for another's, and two commands do not mix theirs."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest

from assay import envelope
from assay.errors import OracleMisbehaved, UsageError
from assay.protocol import seal
from assay.protocol.statements import digest
from assay.protocol.structs import Order, Status, key_hash
from assay.sale.offers import OfferRecord
from assay.sale.portfolio import Portfolio, disposable_files
from assay.sale.purchase import PurchaseFiles
from tests.kit.actors import BUYER_IDENTITY, DOMAIN, buyer_account, oracle_account, rival_account
from tests.kit.bids import enveloped
from tests.kit.market import Market

pytestmark = pytest.mark.unit

HOUR = 3600
DATA = b"a\nb\nc\n"
OTHER = b"c\nb\na\n"
KEY = b"\x07" * 32


@dataclass
class Replacement:
    """The order that a reorganisation put in the place of another of the same pair, and its sealed file."""

    order: Order
    sealed: bytes


def folder(market: Market) -> Path:
    return market.home / "purchases"


def files(market: Market) -> PurchaseFiles:
    return PurchaseFiles(folder(market))


def bought(market: Market) -> OfferRecord:
    """A purchase that is paid and opened."""
    _, record = market.locked(DATA)
    while not market.buyer().poll(market.model_id)[0].file:
        market.work()
    market.transport.idle = True
    return record


def replaced(market: Market, record: OfferRecord) -> Replacement:
    """A reorganisation; then a rival posts the same content under another seal. It is LOCKED."""
    assert record.quote is not None
    market.node.reorganise()
    sealed = io.BytesIO()
    root = seal.seal(io.BytesIO(OTHER), sealed, KEY, chunk_size=1024).data_root
    quote = record.quote.model_copy(update={"seller": rival_account.address, "data_root": root})
    signature = bytes(oracle_account.sign_message(DOMAIN.quote(quote)).signature)
    lock = key_hash(quote.order_id(), KEY)
    accepted = bytes(rival_account.sign_message(DOMAIN.acceptance(digest(DOMAIN.quote(quote)), lock)).signature)
    market.chain.post(market.terms, quote, signature, lock, accepted)
    (posted,) = market.chain.posted()
    assert posted.order.order_id() == record.quote.order_id()
    return Replacement(posted.order, sealed.getvalue())


def give_former_names(market: Market, order: Order) -> None:
    """The names that earlier versions gave: the order id alone."""
    for path in folder(market).glob(f"{order.order_id().hex()}-*"):
        path.rename(path.with_name(order.order_id().hex() + path.name[path.name.index(".") :]))


@pytest.mark.parametrize("former", [False, True], ids=["present_names", "former_names"])
def test_file_of_a_replaced_order_pays_for_no_other(market: Market, former: bool) -> None:
    record = bought(market)
    (first,) = market.chain.posted()
    if former:
        give_former_names(market, first.order)
    market.transport.seen.clear()
    new = replaced(market, record)
    (purchase,) = market.buyer().poll(market.model_id)
    assert (purchase.status, purchase.file) == (Status.LOCKED, None)
    assert isinstance(purchase.error, OracleMisbehaved), "the oracle delivers the file of the former order"
    assert [request.url.path for request in market.transport.seen if request.method == "PUT"] == []
    market.pass_time(HOUR + 1)
    assert market.buyer().poll(market.model_id)[0].status is Status.REFUNDED
    assert market.steps == ["refund"]
    kept = files(market).opened(first.order, Status.PAID)
    assert kept is not None
    assert kept.read_bytes() == DATA
    assert files(market).opened(new.order, Status.LOCKED) is None


def test_file_of_the_order_in_its_place_is_fetched_and_opened_next_to_the_former(market: Market) -> None:
    record = bought(market)
    new = replaced(market, record)
    content = enveloped(new.sealed, envelope.public_of(BUYER_IDENTITY))
    name = f"{new.order.order_id().hex()}.age"
    (market.folder / "deliveries" / name).write_bytes(content)
    sizes = market.store.size
    market.store.size = lambda path: len(content) if path.endswith(name) else sizes(path)  # type: ignore[method-assign]
    market.buyer().poll(market.model_id)
    assert files(market).sealed(new.order).read_bytes() == new.sealed
    market.chain.seen_by(rival_account.address).reveal_key(new.order, KEY)
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert purchase.file.read_bytes() == OTHER
    assert sorted(path.read_bytes() for path in folder(market).glob("*.csv")) == [DATA, OTHER]


def test_downloads_with_former_names_stay_usable(market: Market) -> None:
    """Of a paid order, with and without its sealed copy; of an open one, the sealed copy."""
    bought(market)
    (posted,) = market.chain.posted()
    give_former_names(market, posted.order)
    market.transport.down = True
    for _ in range(2):
        (purchase,) = market.buyer().poll(market.model_id)
        assert purchase.file is not None
        assert (purchase.file.name, purchase.error) == (f"{posted.order.order_id().hex()}.csv", None)
        view = Portfolio(market.chain, buyer_account.address, [], folder(market)).orders()[0]
        assert view.file == purchase.file
        for path in disposable_files([view], [], market.home, folder(market)):
            path.unlink()
    assert list(folder(market).glob("*.sealed")) == []


def test_sealed_copy_with_a_former_name_is_opened_without_the_oracle(market: Market) -> None:
    seller, record = market.locked(DATA)
    market.transport.idle = True
    market.buyer().poll(market.model_id)
    (posted,) = market.chain.posted()
    give_former_names(market, posted.order)
    market.chain.reveal_key(posted.order, seller._store.key(record))
    market.transport.down = True
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert purchase.file.read_bytes() == DATA


def test_two_commands_in_one_folder_do_not_write_the_same_files(market: Market) -> None:
    market.locked(DATA)
    buyer = market.buyer()
    with files(market).alone():
        (purchase,) = buyer.poll(market.model_id)
    assert isinstance(purchase.error, UsageError)
    assert "another command" in purchase.note
    assert list(folder(market).glob("*.age")) == []
    assert buyer.poll(market.model_id)[0].note == "acknowledged; waiting for the payment"


def test_copies_that_are_no_longer_needed_are_listed_under_all_their_names(market: Market) -> None:
    bought(market)
    (posted,) = market.chain.posted()
    suffixes = [".sealed", ".age", ".aside"]
    named = {path.name for path in files(market).disposable(posted.order)}
    assert {posted.order.order_id().hex() + suffix for suffix in suffixes} < named
    assert len(named) == 2 * len(suffixes)
