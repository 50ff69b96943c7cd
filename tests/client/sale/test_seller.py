"""The data owner: what is sent to whom, what is refused, when the key comes out, and that any step may be run again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assay import envelope
from assay.errors import (
    ChainError,
    ContractReverted,
    NodeUnreachable,
    OfferRefused,
    OracleMisbehaved,
    OracleUnreachable,
    OrderDiffers,
    OrderMissing,
    QuoteExpired,
    RevealTooLate,
    SaleError,
    SettingsError,
    TransactionPending,
    UsageError,
)
from assay.protocol.messages import OfferStatus
from assay.protocol.statements import digest
from assay.protocol.structs import Status, key_hash
from assay.sale.offers import OfferRecord
from assay.sale.release import REVEAL_MARGIN
from assay.sale.seller import Seller
from tests.kit.actors import oracle_account, rival_account, seller_account
from tests.kit.data import PRICE_PER_RECORD
from tests.kit.market import DAY, Market
from tests.kit.memory_contract import HALTED

pytestmark = pytest.mark.unit

HOUR = 3600


def test_sale_with_the_key_on_chain(market: Market) -> None:
    seller, record = market.locked()
    assert market.status(record) is Status.LOCKED
    assert seller.advance(record) is Status.REVEALED
    market.pass_time(HOUR + 1)
    assert seller.advance(record) is Status.PAID
    assert market.steps == ["reveal_key", "finalize"]


def test_price_is_what_the_oracle_signed(market: Market) -> None:
    _, record = market.quoted()
    assert record.quote is not None
    assert record.quote.price == 3 * PRICE_PER_RECORD


# --- offering ---------------------------------------------------------------------------------------------------------


def test_missing_file(market: Market) -> None:
    with pytest.raises(UsageError, match="expected a data file"):
        market.seller().prepare(market.home / "none.csv", market.model_id)


def test_same_file_finds_its_unfinished_offer(market: Market) -> None:
    first = market.seller().prepare(market.file(), market.model_id)
    assert market.seller().prepare(market.file(), market.model_id) == first


def test_offer_interrupted_anywhere_goes_on(market: Market) -> None:
    record = market.seller().prepare(market.file(), market.model_id)
    market.transport.down = True
    with pytest.raises(OracleUnreachable):
        market.seller().offer(record)
    market.transport.down = False
    market.seller().offer(record)
    market.restart()
    record, state = market.seller().offer(market.seller().prepare(market.file(), market.model_id))
    assert state.status is OfferStatus.QUOTED
    assert market.function.calls == 1


def test_unknown_model(market: Market) -> None:
    seller = market.seller()
    record = seller.prepare(market.file(), b"\x07" * 32)
    with pytest.raises(SaleError, match="expected a registered model"):
        seller.offer(record)


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


def test_worthless_data_is_declined(market: Market) -> None:
    _, record = market.quoted(b"junk 1\njunk 2\n")
    assert (record.quote, record.outcome) == (None, "declined")


def test_malformed_data_is_refused_and_may_be_offered_again_when_mended(market: Market) -> None:
    with pytest.raises(OfferRefused) as refusal:
        market.quoted(b"a\n!\n")
    assert refusal.value.reason_code == "data_error"
    assert market.quoted(b"a\nb\n")[1].quote is not None


def test_offer_that_lapsed_is_said_to_have_lapsed(market: Market) -> None:
    market.transport.idle = True
    seller = market.seller()
    record = seller.prepare(market.file(), market.model_id)
    market.transport.idle = False
    record, _ = seller.offer(record)
    market.pass_time(31 * DAY)
    with pytest.raises(OfferRefused) as refusal:
        seller.offer(record)
    assert refusal.value.reason_code == "quote_abandoned"
    assert seller.prepare(market.file(), market.model_id).data_root != record.data_root


# --- a quote that is not what it should be ----------------------------------------------------------------------------


@pytest.fixture
def answers(market: Market, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Changes every state that the oracle answers with."""

    def change(by: Any = oracle_account, **changes: Any) -> None:
        state = market.offers.state

        def changed(offer_id: bytes) -> Any:
            found = state(offer_id)
            if found.quote is None:
                return found
            quote = found.quote.model_copy(update=changes)
            message = market.chain.domain.quote(quote)
            signature = bytes(by.sign_message(message).signature)
            return found.model_copy(update={"quote": quote, "oracle_signature": signature})

        monkeypatch.setattr(market.offers, "state", changed)

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


# --- acceptance -------------------------------------------------------------------------------------------------------


def test_acceptance_is_on_disk_before_it_is_sent(market: Market) -> None:
    seller, record = market.quoted()
    market.transport.down = True
    with pytest.raises(OracleUnreachable):
        seller.accept(record)
    market.transport.down = False
    found = market.seller().prepare(market.file(), market.model_id)
    assert market.seller().accept(found).acceptance
    assert market.status(record) is Status.LOCKED


def test_quote_that_ran_out_is_renewed_at_the_same_price(market: Market) -> None:
    seller, record = market.quoted()
    assert record.quote is not None
    market.pass_time(2 * DAY)
    sold = seller.accept(record)
    assert sold.quote is not None
    assert sold.quote.price == record.quote.price
    assert sold.quote.expiry > record.quote.expiry
    assert len(market.node.called("post")) == 1


def test_quote_that_is_not_renewed(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.quoted()
    old = market.offers.state(record.offer_id)
    market.pass_time(2 * DAY)
    monkeypatch.setattr(market.offers, "state", lambda _: old)
    with pytest.raises(QuoteExpired, match="expired at") as raised:
        seller.accept(record)
    assert "same price" in str(raised.value.hint)
    assert len(market.node.called("post")) == 0


def test_offer_without_a_quote_cannot_be_accepted(market: Market) -> None:
    seller = market.seller()
    with pytest.raises(UsageError):
        seller.accept(seller.prepare(market.file(), market.model_id))


def test_order_that_cannot_be_posted_is_said_why_and_can_be_accepted_again(market: Market) -> None:
    seller, record = market.quoted()
    market.contract.change_model(market.model_id, budget=1)
    with pytest.raises(OfferRefused) as refusal:
        seller.accept(record)
    assert refusal.value.reason_code == "budget_too_small"
    market.contract.change_model(market.model_id, budget=10**18)
    seller.accept(record)
    assert market.status(record) is Status.LOCKED


def test_posted_order_is_found_although_oracle_and_quote_are_gone(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(DAY // 48)
    order_id = record.quote.order_id()
    deadline = market.chain.order_state(order_id).deadline
    market.contract.change_order(order_id, deadline=deadline + 3 * DAY)
    market.node.pass_time(2 * DAY)
    market.transport.down = True
    assert market.seller().accept(record) == record
    assert seller.advance(record) is Status.REVEALED


def test_order_locked_by_an_oracle_that_then_dies_is_found_on_chain(market: Market) -> None:
    seller, record = market.quoted()

    def die() -> None:
        market.transport.down = True
        raise RuntimeError("killed")

    market.node.after_post = die
    assert seller.accept(record).key_hash == seller.order(seller.accept(record)).order.key_hash
    assert market.transport.down


def test_oracle_that_dies_before_it_posts_is_told(market: Market) -> None:
    seller, record = market.quoted()
    market.transport.down = True
    with pytest.raises(OracleUnreachable):
        seller.accept(record)
    assert market.status(record) is Status.NONE


def test_order_with_another_key_is_not_ours(market: Market) -> None:
    seller, record = market.locked()
    other = seller.order(record).order.model_copy(update={"key_hash": b"\x01" * 32})
    market.contract.change_order(other.order_id(), order=other)
    for call in (seller.accept, seller.advance):
        with pytest.raises(OrderDiffers):
            call(record)
    assert market.contract.storage.keys == {}


def test_node_that_lags_behind_the_oracles_is_waited_for(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.quoted()
    shown = seller._chain.order_state
    looks = iter(range(5))

    def lagging(order_id: bytes) -> Any:
        late = next(looks, None) is not None and len(market.node.called("post"))
        return replace(shown(order_id), status=Status.NONE) if late else shown(order_id)

    monkeypatch.setattr(seller._chain, "order_state", lagging)
    assert seller.accept(record).acceptance


def test_decline_uses_the_evaluation_up(market: Market) -> None:
    seller, record = market.quoted()
    assert seller.decline(record).outcome == "declined"
    with pytest.raises(OfferRefused) as refusal:
        market.quoted(b"c\nb\na\n", market.seller(rival_account))
    assert refusal.value.reason_code == "already_evaluated"


def test_seller_posts_without_the_oracle(market: Market) -> None:
    seller, record = market.quoted()
    with pytest.raises(UsageError):
        seller.post(record)
    market.transport.down = True
    assert seller.post(seller.bind(record)) > 0
    assert market.status(record) is Status.LOCKED


def test_key_locks_this_order_alone(market: Market) -> None:
    seller, record = market.quoted()
    bound = seller.bind(record)
    key = seller._store.key(record)
    assert bound.key_hash == key_hash(record.quote.order_id(), key)
    assert bound.key_hash != key_hash(bytes(32), key)


# --- release ----------------------------------------------------------------------------------------------------------


def test_buyer_gets_his_patience_before_the_key_goes_on_chain(market: Market) -> None:
    seller, record = market.locked(cooperative=True)
    assert seller.advance(record, reveal=False) is Status.LOCKED
    assert market.contract.storage.keys == {}


def test_patience_ends_where_the_deadline_comes_near(market: Market) -> None:
    seller, record = market.locked(cooperative=True)
    market.pass_time(HOUR - 2 * REVEAL_MARGIN)
    assert seller.advance(record, reveal=False) is Status.REVEALED


def test_key_is_revealed_up_to_the_margin(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(HOUR - REVEAL_MARGIN)
    assert seller.advance(record) is Status.REVEALED


def test_key_stays_secret_within_the_margin(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(HOUR - REVEAL_MARGIN + 1)
    with pytest.raises(RevealTooLate, match="less than the 300 s"):
        seller.advance(record)
    assert market.contract.storage.keys == {}


def test_key_that_is_out_is_revealed_up_to_the_deadline(market: Market) -> None:
    seller, record = market.locked(cooperative=True)
    market.work()
    market.pass_time(HOUR)
    assert seller.advance(record) is Status.REVEALED


def test_key_that_was_seen_to_be_out_is_revealed_without_the_oracle(market: Market) -> None:
    seller, record = market.locked(cooperative=True)
    market.work()
    assert seller.advance(record, reveal=False) is Status.LOCKED
    market.transport.down = True
    market.pass_time(HOUR)
    assert market.seller().advance(record) is Status.REVEALED


def test_key_that_is_out_comes_too_late_after_the_deadline(market: Market) -> None:
    seller, record = market.locked(cooperative=True)
    market.work()
    market.pass_time(HOUR + 1)
    with pytest.raises(RevealTooLate, match="the deadline passed 1 s ago"):
        seller.advance(record)
    assert market.contract.storage.keys == {}


def test_clock_ahead_of_a_chain_that_stands_still_is_heeded(market: Market) -> None:
    _, record = market.locked()
    market.time += HOUR
    with pytest.raises(RevealTooLate):
        market.seller(now=market.now).advance(record)
    assert market.contract.storage.keys == {}


def test_key_waits_for_confirmations(market: Market) -> None:
    seller, record = market.locked()
    market.node.confirmations = 2
    assert seller.advance(record) is Status.LOCKED
    market.node.mine(2)
    assert seller.advance(record) is Status.REVEALED


def test_reorganised_order_keeps_its_key(market: Market) -> None:
    seller, record = market.locked()
    market.node.reorganise()
    with pytest.raises(OrderMissing, match="not on chain"):
        seller.advance(record)
    assert market.contract.storage.keys == {}
    market.work()
    assert seller.advance(seller.accept(record)) is Status.REVEALED


def test_key_waits_for_an_earlier_transaction(market: Market) -> None:
    seller, record = market.locked()
    market.node.unmined = 1
    assert seller.advance(record) is Status.LOCKED
    market.node.unmined = 0
    assert seller.advance(record) is Status.REVEALED


def test_receipt_is_waited_for(tmp_path: Path) -> None:
    market = Market(tmp_path, require_receipt=True)
    seller, record = market.locked()
    assert seller.advance(record) is Status.LOCKED
    market.buyer().poll(market.model_id)
    assert seller.advance(record) is Status.REVEALED
    market.journal.close()


WALLET = "0x" + 38 * "0" + "77"


@pytest.fixture
def wallets(tmp_path: Path) -> Iterator[Market]:
    """A market whose buyer is a contract that takes signatures, and needs receipts."""
    market = Market(tmp_path, require_receipt=True, owner=WALLET)
    market.contract.wallets = {WALLET: b"wallet"}
    yield market
    market.journal.close()


def receipt_of_the_wallet(market: Market, record: OfferRecord) -> None:
    order = market.seller().order(record).order
    market.http.put_receipt(order.order_id(), b"wallet" + digest(market.chain.domain.receipt(order.digest())))


def test_receipt_that_can_be_revoked_is_not_relied_on(wallets: Market) -> None:
    with pytest.raises(SaleError, match="can take its receipt back") as raised:
        wallets.quoted()
    assert "--trust-wallet" in str(raised.value.hint)
    assert nothing_was_offered(wallets)

    trusting = wallets.seller(trust_wallet=True)
    _, record = wallets.quoted(seller=trusting)
    with pytest.raises(SaleError, match="can take its receipt back"):
        wallets.seller().accept(record)
    record = trusting.accept(record, cooperative=False)
    assert trusting.advance(record) is Status.LOCKED
    receipt_of_the_wallet(wallets, record)
    with pytest.raises(SaleError, match="can take its receipt back"):
        wallets.seller().advance(record)
    assert wallets.contract.storage.keys == {}


def test_receipt_of_a_wallet_that_is_trusted_is_relied_on(wallets: Market) -> None:
    seller, record = wallets.quoted(seller=wallets.seller(trust_wallet=True))
    record = seller.accept(record, cooperative=False)
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


def test_oracle_that_is_down_keeps_no_key_from_the_chain(market: Market) -> None:
    seller, record = market.locked()
    market.transport.down = True
    assert seller.advance(record) is Status.REVEALED
    assert any("continuing without it" in said for said in market.said)


def test_acknowledged_order_is_settled_without_the_key(market: Market) -> None:
    seller, record = market.locked(cooperative=True)
    market.transport.idle = True
    market.oracle.cycle()
    market.buyer().poll(market.model_id)
    assert seller.advance(record) is Status.PAID
    assert market.steps == ["settle"]
    assert market.contract.storage.keys == {}


@pytest.mark.parametrize(
    "refusal",
    [
        ContractReverted("BuyerSignatureInvalid", {"buyer": "a wallet"}),
        ChainError("the node refused: out of gas"),
        ChainError("transaction 0x00 was mined and failed"),
    ],
    ids=["revoked", "burns_gas", "revoked_in_front"],
)
def test_acknowledgement_that_the_contract_refuses_keeps_no_key_from_the_chain(
    market: Market, monkeypatch: pytest.MonkeyPatch, refusal: ChainError
) -> None:
    seller, record = market.locked(cooperative=True)
    market.transport.idle = True
    market.oracle.cycle()
    market.buyer().poll(market.model_id)

    def refuse(*_: Any) -> None:
        raise refusal

    monkeypatch.setattr(seller._chain, "settle", refuse)
    assert seller.advance(record, reveal=False) is Status.LOCKED
    assert seller.advance(record) is Status.REVEALED


def test_settling_that_cannot_be_sent_now_is_tried_again(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.locked(cooperative=True)
    market.transport.idle = True
    market.oracle.cycle()
    market.buyer().poll(market.model_id)
    for fault in (NodeUnreachable("no answer"), TransactionPending("not mined")):
        with monkeypatch.context() as patch:
            patch.setattr(seller._chain, "settle", lambda *_, fault=fault: (_ for _ in ()).throw(fault))
            with pytest.raises(type(fault)):
                seller.advance(record)
    assert seller.advance(record) is Status.PAID
    assert market.contract.storage.keys == {}


def test_somebody_faster_is_success(market: Market) -> None:
    seller, record = market.locked()
    order = seller.order(record).order
    key = seller._store.key(record)
    market.node.before_next = lambda: market.chain.reveal_key(order, key)
    assert seller.advance(record) is Status.REVEALED
    market.pass_time(HOUR + 1)
    market.node.before_next = lambda: market.chain.finalize(order)
    assert seller.advance(record) is Status.PAID


def test_refusal_by_the_contract_is_told(market: Market) -> None:
    seller, record = market.quoted()
    record = market.bound_to(record, b"\x05" * 32)
    seller.post(record)
    with pytest.raises(ContractReverted, match="KeyMismatch"):
        seller.advance(record)


def failing(seller: Seller, monkeypatch: pytest.MonkeyPatch, faults: list[Exception]) -> None:
    """The node's answers about orders are these ``faults`` first."""
    order_state = seller._chain.order_state

    def answer(order_id: bytes) -> Any:
        if faults:
            raise faults.pop(0)
        return order_state(order_id)

    monkeypatch.setattr(seller._chain, "order_state", answer)


@pytest.mark.parametrize(
    "fault",
    [
        NodeUnreachable("no answer"),
        TransactionPending("not mined"),
        ChainError("the node refused: 429 too many requests"),
        ContractReverted("DeadlineNotPassed", {"deadline": 1}),
    ],
    ids=["silent", "pending", "rate_limit", "lagging"],
)
def test_release_survives_a_node_that_refuses_for_a_while(
    market: Market, monkeypatch: pytest.MonkeyPatch, fault: ChainError
) -> None:
    seller, record = market.locked()
    seller.advance(record)
    market.pass_time(HOUR + 1)
    failing(seller, monkeypatch, [fault, fault])
    assert seller.release(record) is Status.PAID
    assert sum("trying again" in said for said in market.said) == 1


def test_release_survives_a_clock_that_cannot_be_read(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.locked()
    seller.advance(record)
    market.pass_time(HOUR + 1)
    block_time, faults = seller._chain.block_time, iter([ChainError("rate limit")])

    def answer() -> int:
        for fault in faults:
            raise fault
        return block_time()

    monkeypatch.setattr(seller._chain, "block_time", answer)
    assert seller.release(record) is Status.PAID


def test_release_survives_a_reorganisation(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    seller, record = market.locked()
    dropped = market.node.reorganise()

    def come_back(_: float) -> bool:
        if dropped:
            market.node.execute(dropped.pop())
        if market.contract.storage.keys:
            market.pass_time(HOUR + 1)
        return True

    monkeypatch.setattr(seller._release._pause, "wait", come_back)
    assert seller.release(record, patience=0) is Status.PAID
    assert any("not on chain; trying again" in said for said in market.said)


def test_release_gives_up_on_an_order_that_cannot_come_back(market: Market) -> None:
    seller, record = market.locked()
    market.node.reorganise()
    market.pass_time(2 * DAY)
    with pytest.raises(OrderMissing):
        seller.release(record)


def test_release_stops_at_an_order_that_differs(market: Market) -> None:
    seller, record = market.locked()
    other = seller.order(record).order.model_copy(update={"price": 1})
    market.contract.change_order(other.order_id(), order=other)
    with pytest.raises(OrderDiffers):
        seller.release(record, patience=0)
    assert market.contract.storage.keys == {}


def test_release_stops_at_a_refusal_that_stays(market: Market) -> None:
    seller, record = market.quoted()
    record = market.bound_to(record, b"\x05" * 32)
    seller.post(record)
    with pytest.raises(ContractReverted, match="KeyMismatch"):
        seller.release(record, patience=0)


def test_end_is_recorded(market: Market) -> None:
    seller, record = market.locked()
    market.pass_time(HOUR + 1)
    market.chain.refund(seller.order(record).order)
    assert seller.release(record) is Status.REFUNDED
    store = seller._store
    assert store.find(market.file(), model_id=market.model_id, seller=seller_account.address) is None
    ended = store.find(market.file(), model_id=market.model_id, seller=seller_account.address, ended=True)
    assert ended is not None
    assert ended.outcome == "refunded"


# --- direct reveal ----------------------------------------------------------------------------------------------------


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
    assert len(waited) == 1
