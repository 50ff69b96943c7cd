"""What becomes of an upload: refused with a code, or priced once."""

import errno
import struct
from contextlib import suppress

import pytest
from sqlalchemy import text

from assay import envelope
from assay.amounts import Token, amount_text
from assay.chain.values import OrderState
from assay.errors import ChainError, NodeUnreachable
from assay.protocol.messages import OfferStatus
from assay_oracle.errors import (
    ModelNotReady,
)
from assay_oracle.services.pricing.queue import MAX_ATTEMPTS
from assay_oracle.storage.scratch import ScratchFolder
from tests.kit.actors import ORACLE_IDENTITY, oracle_account, rival_account
from tests.kit.bids import bid, enveloped, seal_lines
from tests.kit.data import MAX_PRICE, PRICE_PER_RECORD
from tests.kit.market import Market
from tests.kit.memory_chain import START, MemoryChain
from tests.kit.memory_contract import HALTED

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"
RECIPIENT = envelope.public_of(ORACLE_IDENTITY)


def refused(market: Market, **options: object) -> str | None:
    _, state = market.offer(bid(market.model_id, DATA, **options))  # type: ignore[arg-type]
    assert state.status is OfferStatus.REFUSED
    assert state.quote is None
    assert market.function.calls == 0
    assert market.offer(DATA)[1].status is OfferStatus.QUOTED, "the evaluation was used up"
    return state.code


def test_foreign_bytes_for_an_envelope(market: Market) -> None:
    assert refused(market, upload=b"no envelope at all") == "envelope_invalid"


def test_envelope_for_somebody_else(market: Market) -> None:
    foreign = envelope.public_of(envelope.new_identity())
    assert refused(market, upload=enveloped(b"x", foreign)) == "envelope_invalid"


def test_envelope_without_a_sealed_file(market: Market) -> None:
    assert refused(market, upload=enveloped(b"x" * 200, RECIPIENT)) == "not_sealed_data"


def test_sealed_file_of_another_root(market: Market) -> None:
    other, _ = seal_lines(b"other\n", b"\x05" * 32)
    assert refused(market, upload=enveloped(other, RECIPIENT)) == "commitment_mismatch"


def test_key_of_another_file(market: Market) -> None:
    assert refused(market, sent_key=b"\x06" * 32) == "chunk_mismatch"


def test_truncated_sealed_file(market: Market) -> None:
    assert refused(market, spoil=lambda sealed: sealed[:-1]) == "sealed_data_truncated"


def test_altered_index(market: Market) -> None:
    def altered(sealed: bytes) -> bytes:
        return sealed[:70] + bytes([sealed[70] ^ 1]) + sealed[71:]

    assert refused(market, spoil=altered) == "commitment_mismatch"


def test_altered_chunk(market: Market) -> None:
    assert refused(market, spoil=lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1])) == "chunk_mismatch"


def test_index_that_claims_to_be_huge_takes_no_memory(market: Market) -> None:
    header = struct.pack(">8s I 4x Q 32s 8x", b"ASSAYSD1", 1024, 2**38, bytes(32))
    assert refused(market, upload=enveloped(header, RECIPIENT)) == "sealed_data_truncated"


def test_data_that_brings_pricing_down_is_given_up_in_the_end(market: Market) -> None:
    def crash() -> None:
        raise MemoryError

    market.function.before = crash
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made).offer_id
    for _ in range(3):
        with pytest.raises(MemoryError):
            market.oracle.evaluation.price_next()
        market.restart()
    market.oracle.evaluation.price_next()
    state = market.offers.state(offer_id)
    assert (state.status, state.code) == (OfferStatus.REFUSED, "pricing_failed")


def test_journal_that_is_full_costs_no_attempt_and_no_upload(market: Market) -> None:
    """The bound on pages is SQLite's own; what is over it fails as on a full disk."""
    made = bid(market.model_id, b"".join(b"%d\n" % number for number in range(300)))
    offer_id = market.upload(made).offer_id
    database = market.journal._database
    (pages,) = database.only(text("PRAGMA page_count"))
    with database.transaction():  # of the connection that writes
        database.row(text(f"PRAGMA max_page_count = {pages}"))
    for _ in range(2 * MAX_ATTEMPTS):
        with suppress(OSError):
            market.oracle.evaluation.price_next()
    assert market.function.calls >= MAX_ATTEMPTS
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    with database.transaction():
        database.row(text(f"PRAGMA max_page_count = {2**30}"))
    market.work()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_disk_that_fails_costs_no_attempt_and_lets_others_pass(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: ScratchFolder) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    offer_id = market.upload(bid(market.model_id, DATA)).offer_id
    with monkeypatch.context() as broken:
        broken.setattr(ScratchFolder, "__call__", full)
        for _ in range(5):
            with pytest.raises(OSError, match="No space left"):
                market.oracle.evaluation.price_next()
            assert not market.oracle.evaluation.price_next()
        with pytest.raises(OSError, match="No space left"):
            market.oracle.evaluation.price_next()
    other = market.upload(bid(market.model_id, b"three\n", account=rival_account)).offer_id
    assert market.oracle.evaluation.price_next()
    assert market.offers.state(other).status is OfferStatus.QUOTED
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    assert not market.oracle.evaluation.price_next()
    assert market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_node_that_is_down_holds_pricing_up_and_loses_nothing(market: Market) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made).offer_id
    market.node.down = True
    for _ in range(5):
        with pytest.raises(NodeUnreachable):
            market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    market.node.down = False
    market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_node_that_fails_during_the_evaluation_costs_no_attempt(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(chain: MemoryChain, order_id: bytes) -> OrderState:
        raise ChainError("the node refused")

    offer_id = market.upload(bid(market.model_id, DATA)).offer_id
    with monkeypatch.context() as broken:
        broken.setattr(MemoryChain, "order_state", fails)
        for _ in range(5):
            with pytest.raises(ChainError, match="refused"):
                market.oracle.evaluation.price_next()
    market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_price_is_capped_by_the_terms(market: Market) -> None:
    _, state = market.offer(b"".join(b"record %d\n" % i for i in range(200)))  # 200 x 1e15 > 1e17
    assert state.quote is not None
    assert state.quote.price == MAX_PRICE


def test_prices_are_told_for_new_records_only(market: Market) -> None:
    _, state = market.offer(DATA)
    assert state.quote is not None
    assert state.quote.price == 2 * PRICE_PER_RECORD


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"oracle": HALTED}, "model_halted"),
        ({"oracle": rival_account.address}, "oracle_replaced"),
        ({"budget": MAX_PRICE - 1}, "budget_too_small"),
    ],
    ids=["halted", "replaced", "poor"],
)
def test_model_that_cannot_buy_uses_no_evaluation_up(market: Market, changes: dict[str, object], code: str) -> None:
    made = bid(market.model_id, DATA)
    offer_id = market.upload(made).offer_id
    market.contract.change_model(market.model_id, **changes)
    with pytest.raises(ModelNotReady) as refusal:
        market.offers.open_offer(bid(market.model_id, DATA).request)
    assert refusal.value.code == code
    market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).code == code
    assert market.function.calls == 0
    market.contract.change_model(market.model_id, oracle=oracle_account.address, budget=MAX_PRICE)
    assert market.offer(DATA)[1].status is OfferStatus.QUOTED


def test_poor_model_is_told_of_in_its_tokens_unit(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    market.contract.change_model(market.model_id, budget=MAX_PRICE - 1)
    monkeypatch.setattr(type(market.chain), "token", lambda _, address: Token.erc20(address, "USDC", 2))
    with pytest.raises(ModelNotReady) as refusal:
        market.offers.open_offer(bid(market.model_id, DATA).request)
    token = Token.erc20(market.terms.token, "USDC", 2)
    assert f"highest price {amount_text(MAX_PRICE, token)}, got {amount_text(MAX_PRICE - 1, token)}" in str(
        refusal.value
    )
    assert " USDC (" in str(refusal.value)


@pytest.mark.parametrize("bond", [(8, 0), (9, START)], ids=["small", "exiting"])
def test_oracle_without_its_bond_prices_nothing(tmp_path, bond: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    market = Market(tmp_path, oracle_bond=9)
    market.contract.storage.bonds[market.model_id, oracle_account.address] = bond
    with pytest.raises(ModelNotReady) as refusal:
        market.offers.open_offer(bid(market.model_id, DATA).request)
    assert refusal.value.code == "oracle_bond_too_small"
    market.journal.close()
