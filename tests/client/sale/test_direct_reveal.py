"""Data that the seller reveals on chain in place of its key: when it may come out, and what the buyer makes of it."""

from dataclasses import replace
from typing import Any

import pytest

from assay.errors import ChainError, CommitmentMismatch, FeeTooHigh, RevealTooLate, SaleError
from assay.protocol.structs import Status
from assay.sale.release import REVEAL_MARGIN
from tests.kit.market import Market

pytestmark = pytest.mark.unit

HOUR = 3600


LONG = b"".join(b"line %d\n" % number for number in range(1500))


def test_data_revealed_on_chain_is_paid_at_once(market: Market) -> None:
    seller, record = market.locked(b"".join(b"line %d\n" % i for i in range(40)))
    assert seller.reveal_data(record) is Status.PAID
    assert seller.reveal_data(record) is Status.PAID
    assert market.steps == ["reveal_data"]


def test_data_stays_secret_within_the_margin(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(HOUR - REVEAL_MARGIN + 1)
    with pytest.raises(RevealTooLate):
        seller.reveal_data(record)
    assert market.steps == []


def test_data_waits_for_confirmations(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.locked()
    market.node.confirmations = 1
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        market.node.mine(1)
        return True

    monkeypatch.setattr(seller._release._pause, "wait", wait)
    assert seller.reveal_data(record) is Status.PAID
    assert len(waited) == 2, "for the order, then for the payment"


@pytest.mark.parametrize("refusal", [ChainError("exceeds the gas limit"), FeeTooHigh("0.3 ETH")], ids=["large", "dear"])
def test_data_that_the_node_does_not_take_leaves_time_to_reveal_the_key(
    market: Market, monkeypatch: pytest.MonkeyPatch, refusal: ChainError
) -> None:
    seller, record = market.locked()

    def refuse(*_: Any) -> None:
        raise refusal

    monkeypatch.setattr(seller._chain, "reveal_data", refuse)
    with pytest.raises(SaleError, match="cannot be revealed on chain") as raised:
        seller.reveal_data(record)
    assert "without --direct" in str(raised.value.hint)
    assert seller.advance(record) is Status.REVEALED


def test_data_revealed_on_chain_is_written(market: Market) -> None:
    seller, record = market.locked(LONG)
    seller.reveal_data(record)
    market.transport.down = True
    (purchase,) = market.buyer().poll(market.model_id)
    assert purchase.file is not None
    assert purchase.file.read_bytes() == LONG
    assert (purchase.status, purchase.error) == (Status.PAID, None)
    assert market.buyer().poll(market.model_id)[0].file == purchase.file


@pytest.mark.parametrize(
    "changes",
    [
        {"plaintext": bytes(3000)},
        {"chunk_size": 2048},
        {"sealed_digests": ()},
        {"sealed_digests": (bytes(32),) * 3, "plaintext": bytes(3000)},
    ],
    ids=["other_data", "other_size", "no_digests", "other_digests"],
)
def test_data_that_is_not_the_committed_is_not_written(market: Market, changes: dict[str, Any]) -> None:
    """What a node that lies may show."""
    seller, record = market.locked(LONG)
    seller.reveal_data(record)
    order_id = market.chain.posted()[-1].order.order_id()
    data = market.contract.storage.data
    data[order_id] = replace(data[order_id], **changes)
    (purchase,) = market.buyer().poll(market.model_id)
    assert isinstance(purchase.error, CommitmentMismatch)
    assert purchase.file is None
    assert [path for path in (market.home / "purchases").iterdir() if not path.name.startswith(".")] == []
