"""What a seller verifies: the oracle, its quote, and receipts that a wallet contract can take back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay import envelope
from assay.errors import (
    OracleMisbehaved,
    SaleError,
    SettingsError,
)
from assay.oracle.session import Party
from assay.protocol.statements import digest
from assay.protocol.structs import Status
from assay.sale.offers import OfferRecord
from assay_oracle.ledger.values import Offer
from tests.kit.actors import oracle_account, rival_account
from tests.kit.market import Market
from tests.kit.memory_contract import HALTED

pytestmark = pytest.mark.unit

WALLET = "0x" + 38 * "0" + "77"


# --- the oracle -------------------------------------------------------------------------------------------------------


def nothing_was_offered(market: Market) -> bool:
    return all(request.method == "GET" for request in market.transport.seen)


def test_nothing_is_sent_to_an_oracle_that_is_not_the_models(market: Market) -> None:
    market.contract.change_model(market.model_id, oracle=rival_account.address)
    with pytest.raises(SettingsError, match=rival_account.address) as raised:
        market.quoted()
    assert raised.value.hint
    assert nothing_was_offered(market)


@pytest.mark.parametrize(
    ("signature", "said"),
    [(b"", "dry run"), (b"\x01" * 65, "did not sign"), (None, "did not sign")],
    ids=["dry", "garbage", "for_another"],
)
def test_recipient_not_signed_by_the_models_oracle_gets_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch, signature: bytes | None, said: str
) -> None:
    """An impostor knows who the oracle is, and even what it signs; its own recipient it cannot have signed."""
    info = market.offers.info()
    impostor = envelope.public_of(envelope.new_identity())
    signed = info.recipient_signature if signature is None else signature
    posing = info.model_copy(update={"recipient": impostor, "recipient_signature": signed})
    monkeypatch.setattr(market.offers, "info", lambda: posing)
    with pytest.raises(SettingsError, match=said) as raised:
        market.quoted()
    assert "nothing was sent" in str(raised.value.hint)
    assert nothing_was_offered(market)


def test_recipient_signed_for_another_chain_gets_nothing(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    info = market.offers.info()
    elsewhere = market.chain.domain.model_copy(update={"chain_id": 1}).recipient(info.recipient)
    signed = bytes(oracle_account.sign_message(elsewhere).signature)
    monkeypatch.setattr(market.offers, "info", lambda: info.model_copy(update={"recipient_signature": signed}))
    with pytest.raises(SettingsError, match="did not sign"):
        market.quoted()
    assert nothing_was_offered(market)


def test_nothing_is_sent_to_an_oracle_of_another_contract(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = market.chain.domain.model_copy(update={"chain_id": 1})
    seller = market.seller()
    record = seller.prepare(market.file(), market.model_id)
    monkeypatch.setattr(type(market.offers), "domain", elsewhere)
    with pytest.raises(SettingsError, match="on chain 1"):
        seller.offer(record)
    assert nothing_was_offered(market)


def test_nothing_is_sent_for_a_halted_model(market: Market) -> None:
    market.contract.change_model(market.model_id, oracle=HALTED)
    with pytest.raises(SaleError, match="accepts no quotes"):
        market.quoted()
    assert nothing_was_offered(market)


# --- a quote that is not what it should be ----------------------------------------------------------------------------


@pytest.fixture
def answers(market: Market, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Changes every state that the oracle answers with."""

    def change(by: Any = oracle_account, **changes: Any) -> None:
        state = market.offers.state_of

        def changed(offer: Offer) -> Any:
            found = state(offer)
            if found.quote is None:
                return found
            quote = found.quote.model_copy(update=changes)
            message = market.chain.domain.quote(quote)
            signature = bytes(by.sign_message(message).signature)
            return found.model_copy(update={"quote": quote, "oracle_signature": signature})

        monkeypatch.setattr(market.offers, "state_of", changed)

    return change


@pytest.mark.parametrize(
    "changes",
    [
        {"seller": rival_account.address},
        {"data_root": b"\x01" * 32},
        {"model_id": b"\x01" * 32},
        {"price": 0},
        {"price": 10**18},
    ],
    ids=["seller", "data", "model", "free", "dear"],
)
def test_quote_for_something_else_is_not_taken(market: Market, answers: Any, changes: dict[str, Any]) -> None:
    answers(**changes)
    with pytest.raises(OracleMisbehaved):
        market.quoted()


def test_second_price_for_one_offer_is_not_taken(market: Market, answers: Any) -> None:
    seller, record = market.quoted()
    answers(price=1)
    with pytest.raises(OracleMisbehaved, match="quoted 3000000000000000 before and 1 now"):
        seller.offer(record)
    with pytest.raises(OracleMisbehaved):
        seller.accept(record)


def test_quote_by_a_stranger_is_not_taken(market: Market, answers: Any) -> None:
    answers(by=rival_account)
    with pytest.raises(OracleMisbehaved, match=f"got one signed by {rival_account.address}"):
        market.quoted()


@pytest.mark.parametrize("accepts", [True, False])
def test_quote_by_a_wallet_is_judged_by_the_wallet(market: Market, accepts: bool) -> None:
    seller, record = market.quoted()
    assert record.quote is not None
    wallet = "0x" + 38 * "0" + "Ac"
    market.contract.change_model(market.model_id, oracle=wallet)
    info, domain = market.offers.info(), market.chain.domain
    market.contract.wallets = {wallet: b""}
    taken = {digest(domain.recipient(info.recipient)): info.recipient_signature}
    if accepts:
        taken[digest(domain.quote(record.quote))] = record.oracle_signature or b""
    market.contract.is_valid_signature = (  # type: ignore[method-assign]
        lambda _, hashed, signature: taken.get(hashed) == signature
    )
    if accepts:
        assert seller.offer(record)[0].quote == record.quote
    else:
        with pytest.raises(OracleMisbehaved):
            seller.offer(record)


# --- receipts ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def wallets(tmp_path: Path) -> Iterator[Market]:
    """A market whose buyer is a contract that takes signatures, and needs receipts."""
    market = Market(tmp_path, require_receipt=True, owner=WALLET)
    market.contract.wallets = {WALLET: b"wallet"}
    yield market
    market.journal.close()


def receipt_of_the_wallet(market: Market, record: OfferRecord) -> None:
    order, domain = market.seller().order(record).order, market.chain.domain
    wallet = market.http.as_party(Party(domain, WALLET, lambda message: b"wallet" + digest(message)))
    wallet.put_receipt(order.order_id(), b"wallet" + digest(domain.receipt(order.digest())))


def test_receipt_that_can_be_revoked_is_not_relied_on(wallets: Market) -> None:
    with pytest.raises(SaleError, match="can take its receipt back") as raised:
        wallets.quoted()
    assert "--trust-wallet" in str(raised.value.hint)
    assert nothing_was_offered(wallets)

    trusting = wallets.seller(trust_wallet=True)
    _, record = wallets.quoted(seller=trusting)
    with pytest.raises(SaleError, match="can take its receipt back"):
        wallets.seller().accept(record)
    record = trusting.accept(record)
    assert trusting.advance(record) is Status.LOCKED
    receipt_of_the_wallet(wallets, record)
    with pytest.raises(SaleError, match="can take its receipt back"):
        wallets.seller().advance(record)
    assert wallets.contract.storage.keys == {}


def test_receipt_of_a_wallet_that_is_trusted_is_relied_on(wallets: Market) -> None:
    seller, record = wallets.quoted(seller=wallets.seller(trust_wallet=True))
    record = seller.accept(record)
    receipt_of_the_wallet(wallets, record)
    assert seller.advance(record) is Status.REVEALED


def test_receipt_that_is_nobodys_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market = Market(tmp_path, require_receipt=True)
    seller, record = market.locked()
    notes = market.delivery.record
    monkeypatch.setattr(
        market.delivery, "record", lambda found: notes(found).model_copy(update={"receipt": b"\x01" * 65})
    )
    assert seller.advance(record) is Status.LOCKED
    assert any("waiting for the buyer's receipt" in said for said in market.said)
    market.journal.close()
