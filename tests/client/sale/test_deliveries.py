"""Downloads that are damaged on their way, or by the oracle: what is authentic is kept, the rest asked for again."""

import io
from pathlib import Path

import pytest

from assay import envelope
from assay.errors import OracleMisbehaved
from assay.protocol import seal
from assay.protocol.evidence import DeliveryEvidence
from assay.protocol.structs import Order
from assay.sale.purchase import PurchaseFiles
from tests.kit.actors import BUYER_IDENTITY
from tests.kit.market import Market

pytestmark = pytest.mark.unit


def order_of(market: Market) -> Order:
    return market.chain.posted()[-1].order


def files(market: Market) -> list[Path]:
    """Files of orders; the hidden record of them is left out."""
    return [path for path in (market.home / "purchases").iterdir() if not path.name.startswith(".")]


def held(market: Market, suffix: str) -> Path:
    return PurchaseFiles(market.home / "purchases").path(order_of(market), suffix)


def test_damaged_part_of_a_download_is_asked_for_again_alone(tmp_path: Path) -> None:
    """Three whole chunks of the envelope are authentic; the fourth was altered on its way."""
    market = Market(tmp_path)
    content = b"a line\n" * 40_000
    market.locked(content)
    market.as_buyer.download(order_of(market).order_id(), tmp_path / "delivered")
    market.transport.seen.clear()
    path = market.folder / "deliveries" / f"{order_of(market).order_id().hex()}.age"
    delivered = path.read_bytes()
    market.buyer()
    damaged = bytearray(delivered)
    damaged[-50_000] ^= 1
    held(market, ".age").write_bytes(damaged)
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.note == "acknowledged; waiting for the payment"
    (asked,) = [request.headers["Range"] for request in market.transport.seen if request.url.path.endswith("/sealed")]
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    assert len(delivered) - 50_000 - 65_552 < start < len(delivered) - 50_000


def test_download_that_is_damaged_twice_is_refused(tmp_path: Path) -> None:
    market = Market(tmp_path)
    market.locked(b"a line\n" * 40_000)
    market.as_buyer.download(order_of(market).order_id(), tmp_path / "delivered")
    market.transport.seen.clear()
    path = market.folder / "deliveries" / f"{order_of(market).order_id().hex()}.age"
    damaged = bytearray(path.read_bytes())
    damaged[-50_000] ^= 1
    path.write_bytes(damaged)
    (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, OracleMisbehaved)
    assert files(market) == []
    asked = [request.headers["Range"] for request in market.transport.seen if request.url.path.endswith("/sealed")]
    assert len(asked) == 2


# --- a sealed chunk that is another one, in an envelope that is authentic ---------------------------------------------


class Replaced:
    """An oracle whose sealed file has another chunk 160 than the seller's, in an envelope for the buyer."""

    def __init__(self, folder: Path) -> None:
        self.market = Market(folder)
        seller, record = self.market.locked(b"a line\n" * 40_000)
        self.sealed = seller._store.sealed(record).read_bytes()
        self.order = order_of(self.market)
        self.start = seal.read_index(io.BytesIO(self.sealed)).layout.body_offset + 160 * 1024
        altered = bytearray(self.sealed)
        altered[self.start + 5] ^= 1
        self.deliver(bytes(altered))

    def deliver(self, sealed: bytes) -> None:
        target = io.BytesIO()
        envelope.encrypt_to(envelope.public_of(BUYER_IDENTITY), io.BytesIO(sealed), target)
        path = self.market.folder / "deliveries" / f"{self.order.order_id().hex()}.age"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(target.getvalue())

    @property
    def asked(self) -> list[int]:
        """First bytes of the ranges that the buyer asked for."""
        found = [r.headers["Range"] for r in self.market.transport.seen if r.url.path.endswith("/sealed")]
        return [int(span.removeprefix("bytes=").partition("-")[0]) for span in found]


def test_another_chunk_is_asked_for_again_and_then_kept_as_evidence(tmp_path: Path) -> None:
    made = Replaced(tmp_path)
    (purchase,) = made.market.buyer().poll(made.market.model_id)
    assert isinstance(purchase.error, OracleMisbehaved)
    assert "sealed chunk 160 is not the committed one" in purchase.note
    first, again = made.asked
    assert first == 0
    assert made.start - 65_536 < again < made.start + 1000
    (path,) = files(made.market)
    assert str(path) in str(purchase.error.hint)
    evidence = DeliveryEvidence.model_validate_json(path.read_bytes())
    assert evidence.shows_another_chunk()
    assert evidence.order == made.order
    delivered = evidence.proof.sealed_chunk
    assert delivered[5] ^ 1 == made.sealed[made.start + 5]
    whole = evidence.proof.model_copy(update={"sealed_chunk": made.sealed[made.start : made.start + 1024]})
    assert not evidence.model_copy(update={"proof": whole}).shows_another_chunk()
    assert not evidence.model_copy(update={"sealed_digest": bytes(32)}).shows_another_chunk()


def test_order_is_bought_once_the_oracle_delivers_the_committed_file(tmp_path: Path) -> None:
    made = Replaced(tmp_path)
    made.market.buyer().poll(made.market.model_id)
    made.deliver(made.sealed)
    (purchase,) = made.market.buyer().poll(made.market.model_id)
    assert purchase.note == "acknowledged; waiting for the payment"
