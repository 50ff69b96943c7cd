"""What tests of orders do with the memory chain and read from the ledger."""

from collections.abc import Callable
from typing import Any

import pytest

from assay.protocol.messages import OfferState
from assay.protocol.structs import Order, Status
from tests.kit.actors import DOMAIN, buyer_account
from tests.kit.bids import Bid
from tests.kit.market import Market
from tests.kit.memory_chain import MemoryChain


def acknowledgement(order: Order) -> bytes:
    return bytes(buyer_account.sign_message(DOMAIN.acknowledgement(order.digest())).signature)


def receipt_of(order: Order) -> bytes:
    return bytes(buyer_account.sign_message(DOMAIN.receipt(order.digest())).signature)


def has_key(market: Market, order: Order) -> bool:
    """The oracle hands out the key of an order."""
    return market.delivery.record(order.order_id()).key_envelope is not None


def post_oneself(market: Market, made: Bid, state: OfferState) -> bytes:
    """The seller posts with the quote's signature, without the oracle."""
    request = market.acceptance(made, state)
    assert state.quote is not None
    assert state.oracle_signature is not None
    market.chain.post(market.terms, state.quote, state.oracle_signature, request.key_hash, request.signature)
    return state.quote.order_id()


def status_of(market: Market, order: Order) -> Status:
    return market.journal.orders.get(order.order_id()).chain_status


def count_calls(monkeypatch: pytest.MonkeyPatch, *names: str) -> list[str]:
    """Names of the chain's methods as they are called from now on."""
    called: list[str] = []

    def counted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *values, **named: (called.append(name), method(*values, **named))[1]

    for name in names:
        monkeypatch.setattr(MemoryChain, name, counted(name, getattr(MemoryChain, name)))
    return called
