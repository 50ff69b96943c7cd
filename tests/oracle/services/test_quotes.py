"""Quotes are signed when an offer is evaluated and renewed by the loop; reading signs nothing."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from assay.errors import NodeUnreachable
from assay.protocol.messages import OfferStatus
from assay.protocol.statements import digest, signer_of
from assay_oracle.errors import (
    Equivocation,
)
from assay_oracle.keys.signer import LocalSigner
from assay_oracle.ledger.evaluations import EvaluationTable
from assay_oracle.services.quotes import Quotes
from tests.kit.actors import DOMAIN, oracle_account
from tests.kit.bids import bid
from tests.kit.market import DAY, Market
from tests.kit.memory_chain import START

pytestmark = pytest.mark.unit

DATA = b"one\ntwo\n"


class Cut(BaseException):
    """The process dies here."""


def forbid(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    """Every signature fails from now on."""

    def fail(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(LocalSigner, "sign_quote", fail)
    monkeypatch.setattr(LocalSigner, "_over_recipient", fail)


def test_reading_signs_nothing(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    _, state = market.offer(DATA)
    forbid(monkeypatch, AssertionError("a read asked for a signature"))
    assert state.oracle_signature is not None
    assert market.offers.state(state.offer_id) == state
    assert market.offers.info().recipient_signature
    market.pass_time(2 * DAY)
    assert market.offers.state(state.offer_id).quote == state.quote


def test_reading_an_offer_asks_the_chain_nothing(market: Market) -> None:
    _, state = market.offer(DATA)
    market.node.down = True
    assert market.offers.state(state.offer_id) == state


def test_recipient_is_signed_once_at_the_start(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[str] = []
    sign = LocalSigner._over_recipient
    monkeypatch.setattr(
        LocalSigner, "_over_recipient", lambda self, name, by: (signed.append(name), sign(self, name, by))[1]
    )
    market.restart()
    first, second = market.offers.info(), market.offers.info()
    assert first == second
    assert len(signed) == 1
    assert signer_of(DOMAIN.recipient(first.recipient), first.recipient_signature) == oracle_account.address


def test_crash_between_evaluation_and_signature_is_made_good_by_the_loop(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_id = market.upload(bid(market.model_id, DATA)).offer_id
    with monkeypatch.context() as broken:
        forbid(broken, Cut())
        with pytest.raises(Cut):
            market.oracle.evaluation.price_next()
    market.restart()
    waiting = market.offers.state(offer_id)
    assert (waiting.status, waiting.quote, waiting.appraisal) == (OfferStatus.PRICING, None, None)
    market.oracle.cycle()
    state = market.offers.state(offer_id)
    assert state.status is OfferStatus.QUOTED
    assert state.quote is not None
    assert state.oracle_signature is not None
    assert signer_of(DOMAIN.quote(state.quote), state.oracle_signature) == oracle_account.address
    assert market.function.calls == 1


def test_signer_that_fails_holds_up_no_pricing_and_no_other_order(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, order = market.sell(b"three\n")
    offer_id = market.upload(bid(market.model_id, DATA)).offer_id
    with monkeypatch.context() as broken:
        forbid(broken, Equivocation("expected another evaluation"))
        assert market.oracle.evaluation.price_next()
        market.oracle.cycle()
        assert market.offers.state(offer_id).status is OfferStatus.PRICING
        assert market.journal.orders.find(order.order_id()) is not None
    market.oracle.cycle()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


def test_node_that_fails_after_the_evaluation_delays_the_signature(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_id = market.upload(bid(market.model_id, DATA)).offer_id

    def unreachable() -> int:
        raise NodeUnreachable("no answer from the node")

    with monkeypatch.context() as broken:
        broken.setattr(market.function, "before", lambda: broken.setattr(market.chain, "block_time", unreachable))
        market.oracle.evaluation.price_next()
    assert market.offers.state(offer_id).status is OfferStatus.PRICING
    market.oracle.cycle()
    assert market.offers.state(offer_id).status is OfferStatus.QUOTED


@pytest.mark.parametrize(("passed", "renewed"), [(DAY * 9 // 10 - 1, False), (DAY * 9 // 10, True), (DAY + 1, True)])
def test_quote_is_renewed_in_the_last_tenth_of_its_life(market: Market, passed: int, renewed: bool) -> None:
    _, state = market.offer(DATA)
    market.pass_time(passed)
    market.oracle.cycle()
    after = market.offers.state(state.offer_id)
    assert state.quote is not None
    assert after.quote is not None
    assert after.quote.expiry == (START + passed + DAY if renewed else state.quote.expiry)
    assert after.quote.price == state.quote.price


def test_accepted_and_declined_offers_are_not_renewed(market: Market) -> None:
    made, accepted = market.offer(DATA)
    market.node.unmined = 1
    market.accept(made, accepted)
    _, declined = market.offer(b"three\n")
    market.offers.decline(declined.offer_id)
    market.pass_time(DAY - 1)
    market.oracle.cycle()
    rows = market.journal._database.rows(text("SELECT expiry FROM quotes"))
    assert len(rows) == 2


def test_dry_run_answers_with_an_unsigned_quote(market: Market) -> None:
    _, state = market.offer(DATA)
    offer = market.journal.offers.get(state.offer_id)
    quotes: Quotes = market.oracle._quotes
    market.journal._database.execute(text("DELETE FROM quotes"))
    dry = Quotes(market.journal, market.chain, quotes._clock, None, DAY)
    signed = dry.of(offer)
    assert signed is not None
    assert (signed.quote, signed.signature, signed.digest) == (state.quote, b"", digest(DOMAIN.quote(signed.quote)))
    dry.renew()
    assert market.journal._database.rows(text("SELECT * FROM quotes")) == []


def test_quote_of_a_dry_run_over_http_has_no_signature(tmp_path: Path) -> None:
    market = Market(tmp_path)
    market.signer = None
    market.open_oracle()
    _, state = market.offer(DATA)
    assert state.status is OfferStatus.QUOTED
    assert state.quote is not None
    assert state.oracle_signature is None
    market.journal.close()


def test_quote_is_renewed_at_the_same_price(market: Market) -> None:
    _, state = market.offer(DATA)
    market.pass_time(DAY + 1)
    market.oracle.cycle()
    renewed = market.offers.state(state.offer_id)
    assert state.quote is not None
    assert renewed.quote is not None
    assert renewed.quote == state.quote.model_copy(update={"expiry": START + 2 * DAY + 1})
    assert market.function.calls == 1


def test_quote_stays_as_it_is_while_it_lives(market: Market) -> None:
    _, state = market.offer(DATA)
    market.pass_time(DAY // 2)
    assert market.offers.state(state.offer_id) == state


def test_quote_expires_by_the_chains_clock_where_that_is_ahead(market: Market) -> None:
    market.node.pass_time(10 * DAY)
    _, state = market.offer(DATA)
    assert state.quote is not None
    assert state.quote.expiry == START + 11 * DAY


def test_a_renewal_beside_the_first_signature_signs_no_second_quote(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = EvaluationTable.add

    def add_and_renew(self: EvaluationTable, *values: Any, **named: Any) -> Any:
        offer = add(self, *values, **named)
        market.oracle.cycle()  # before the thread that priced signs
        market.pass_time(1)
        return offer

    monkeypatch.setattr(EvaluationTable, "add", add_and_renew)
    _, state = market.offer(DATA)
    evaluation = market.journal.evaluations.of(market.journal.offers.get(state.offer_id))
    assert evaluation is not None
    assert len(market.journal.evaluations.quotes(evaluation)) == 1
