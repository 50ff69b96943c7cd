"""Downloads that are damaged on their way, or by the oracle: what is authentic is kept, the rest asked for again."""

from pathlib import Path

import pytest

from assay.errors import OracleMisbehaved
from assay.protocol.structs import Order
from assay.sale.purchase import PurchaseFiles
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
    market.http.download(order_of(market).order_id(), tmp_path / "delivered")
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
    market.http.download(order_of(market).order_id(), tmp_path / "delivered")
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
