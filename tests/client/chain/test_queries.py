"""What seller, buyer and oracle ask of a chain: its time, signatures, terms, and calls that others made first."""

import pytest

from assay.chain.queries import current_time, is_signed_by, registered_terms, send_unless_done
from assay.chain.values import Transaction
from assay.errors import ChainError, ContractReverted, NodeUnreachable, SaleError
from assay.protocol.statements import digest
from assay.protocol.structs import Status
from tests.kit.actors import buyer_account, seller_account
from tests.kit.market import Market

pytestmark = pytest.mark.unit

SENT = Transaction(bytes(32), 1, 21_000)


def test_time_is_the_later_of_the_blocks_and_the_clocks(market: Market) -> None:
    time = market.chain.block_time()
    assert current_time(market.chain) == time
    assert current_time(market.chain, lambda: time - 1) == time
    assert current_time(market.chain, lambda: time + 1) == time + 1


def test_signature_by_the_accounts_key(market: Market) -> None:
    message = market.chain.domain.receipt(bytes(32))
    signature = bytes(buyer_account.sign_message(message).signature)
    assert is_signed_by(market.chain, buyer_account.address, message, signature)
    assert not is_signed_by(market.chain, seller_account.address, message, signature)


def test_signature_that_a_wallet_contract_accepts(market: Market) -> None:
    message = market.chain.domain.receipt(bytes(32))
    wallet = "0x" + 40 * "5"
    market.contract.wallets[wallet] = b"wallet"
    assert is_signed_by(market.chain, wallet, message, b"wallet" + digest(message))
    assert not is_signed_by(market.chain, wallet, message, b"wallet" + bytes(32))


def test_terms_of_a_model_that_is_not_registered(market: Market) -> None:
    assert registered_terms(market.chain, market.model_id) == market.terms
    with pytest.raises(SaleError, match="expected a registered model, found none"):
        registered_terms(market.chain, bytes(32))


# --- send_unless_done -------------------------------------------------------------------------------------------------


@pytest.fixture
def order_id(market: Market) -> bytes:
    _, record = market.locked()
    assert record.quote is not None
    return record.quote.order_id()


def test_what_was_sent_is_returned(market: Market, order_id: bytes) -> None:
    assert send_unless_done(market.chain, order_id, lambda: SENT) == SENT


@pytest.mark.parametrize("error", [ContractReverted("StatusMismatch", {}), NodeUnreachable("x"), ChainError("x")])
def test_refusal_is_success_where_somebody_was_faster(market: Market, order_id: bytes, error: ChainError) -> None:
    def send() -> Transaction:
        market.contract.change_order(order_id, status=Status.PAID)
        raise error

    assert send_unless_done(market.chain, order_id, send, seen=Status.LOCKED) is None


def test_refusal_is_success_where_somebody_was_faster_already(market: Market, order_id: bytes) -> None:
    """Between the look at the order and the step, not only during the step."""

    def send() -> Transaction:
        raise ContractReverted("StatusMismatch", {"orderId": order_id})

    assert send_unless_done(market.chain, order_id, send, seen=Status.REVEALED) is None


def test_refusal_is_told_where_nobody_was(market: Market, order_id: bytes) -> None:
    def send() -> Transaction:
        raise ContractReverted("KeyMismatch", {"orderId": order_id})

    with pytest.raises(ContractReverted, match="KeyMismatch"):
        send_unless_done(market.chain, order_id, send, seen=Status.LOCKED)
