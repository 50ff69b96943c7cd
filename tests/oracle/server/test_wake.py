"""What a request wakes: an upload the pricing alone, an acceptance what posts alone."""

from pathlib import Path

import pytest

from assay_oracle.server.api.app import create_app
from tests.kit.market import Market

pytestmark = pytest.mark.unit


def test_an_upload_wakes_pricing_and_an_acceptance_wakes_orders(tmp_path: Path) -> None:
    market, woken = Market(tmp_path), []
    app = create_app(
        market.oracle,
        market.gate(),
        dict,
        wake_pricing=lambda: woken.append("pricing"),
        wake_orders=lambda: woken.append("orders"),
    )
    market.transport._app = (market.oracle, app)
    seller, record = market.quoted()
    assert woken == ["pricing"]
    seller.accept(record)
    assert woken == ["pricing", "orders"]
