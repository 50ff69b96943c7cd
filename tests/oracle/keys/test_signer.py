"""The signer signs what the journal holds, and never contradicts it."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from assay.protocol.statements import signer_of
from assay_oracle.errors import Equivocation
from assay_oracle.ledger.tables import evaluations
from assay_oracle.ledger.values import Evaluation
from tests.kit.actors import DOMAIN, oracle_account, rival_account
from tests.kit.market import DAY, Market
from tests.kit.memory_chain import START

pytestmark = pytest.mark.unit


def evaluated(market: Market) -> Evaluation:
    _, state = market.offer(b"one\n")
    assert state.quote is not None
    found = market.journal.evaluations.find(state.quote.model_id, state.quote.content_id)
    assert found is not None
    return found


def test_quote_is_signed_by_the_oracle(market: Market) -> None:
    signed = market.signer.sign_quote(evaluated(market), START + 5)
    assert signer_of(DOMAIN.quote(signed.quote), signed.signature) == oracle_account.address
    assert signed.quote.expiry == START + 5


def test_second_quote_of_a_pair_differs_in_its_expiry_alone(market: Market) -> None:
    evaluation = evaluated(market)
    first = market.signer.sign_quote(evaluation, START + 5)
    second = market.signer.sign_quote(evaluation, START + 6)
    assert first.quote.model_copy(update={"expiry": START + 6}) == second.quote


@pytest.mark.parametrize(
    "change",
    [{"price": 1}, {"seller": rival_account.address}, {"data_root": bytes(32)}, {"digest": bytes(32)}],
    ids=["price", "seller", "root", "appraisal"],
)
def test_refuses_to_contradict_the_journal(market: Market, change: dict[str, object]) -> None:
    with pytest.raises(Equivocation, match="another evaluation"):
        market.signer.sign_quote(replace(evaluated(market), **change), START + DAY)


def test_refuses_what_was_never_evaluated(market: Market) -> None:
    with pytest.raises(Equivocation, match="found none"):
        market.signer.sign_quote(replace(evaluated(market), content_id=bytes(32)), START + DAY)


def test_refuses_a_price_of_nothing(market: Market) -> None:
    market.offer(b"junk\n")
    (row,) = market.journal._database.rows(select(evaluations.c.model_id, evaluations.c.content_id))
    worthless = market.journal.evaluations.find(row.model_id, row.content_id)
    assert worthless is not None
    with pytest.raises(Equivocation, match="above 0"):
        market.signer.sign_quote(worthless, START + DAY)


@pytest.mark.parametrize("statement", ["UPDATE evaluations SET price = '1'", "DELETE FROM evaluations"])
def test_the_database_itself_keeps_an_evaluation(market: Market, statement: str) -> None:
    evaluated(market)
    with pytest.raises(IntegrityError, match="final"):
        market.journal._database.execute(text(statement))


def test_key_is_in_no_representation(market: Market) -> None:
    assert oracle_account.key.hex() not in repr(vars(market.signer))


@pytest.mark.parametrize("change", [{"price": 1}, {"seller": rival_account.address}, {"content_id": bytes(32)}])
def test_no_key_escrow_is_signed_for_an_order_that_the_journal_does_not_lead_to(
    market: Market, change: dict[str, object]
) -> None:
    _, _, order = market.sell(b"one\n")
    signed = market.signer.sign_key_escrow(order)
    assert signer_of(DOMAIN.key_escrow(order.digest()), signed) == oracle_account.address
    with pytest.raises(Equivocation, match="nothing was signed"):
        market.signer.sign_key_escrow(order.model_copy(update=change))
