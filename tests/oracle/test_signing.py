"""The signer signs what the journal holds, and never contradicts it."""

import sqlite3
from dataclasses import replace

import pytest

from assay.protocol.statements import signer_of
from assay_oracle.errors import Equivocation
from assay_oracle.ledger.journal import Evaluation
from tests.oracle.world import DAY, DOMAIN, START, World, oracle_account, rival_account

pytestmark = pytest.mark.unit


def evaluated(world: World) -> Evaluation:
    _, state = world.offer(b"one\n")
    assert state.quote is not None
    found = world.journal.evaluation(state.quote.model_id, state.quote.content_id)
    assert found is not None
    return found


def test_quote_is_signed_by_the_oracle(world: World) -> None:
    signed = world.signer.sign_quote(evaluated(world), START + 5)
    assert signer_of(DOMAIN.quote(signed.quote), signed.signature) == oracle_account.address
    assert signed.quote.expiry == START + 5


def test_second_quote_of_a_pair_differs_in_its_expiry_alone(world: World) -> None:
    evaluation = evaluated(world)
    first = world.signer.sign_quote(evaluation, START + 5)
    second = world.signer.sign_quote(evaluation, START + 6)
    assert first.quote.model_copy(update={"expiry": START + 6}) == second.quote


@pytest.mark.parametrize(
    "change",
    [{"price": 1}, {"seller": rival_account.address}, {"data_root": bytes(32)}, {"digest": bytes(32)}],
    ids=["price", "seller", "root", "appraisal"],
)
def test_refuses_to_contradict_the_journal(world: World, change: dict[str, object]) -> None:
    with pytest.raises(Equivocation, match="another evaluation"):
        world.signer.sign_quote(replace(evaluated(world), **change), START + DAY)


def test_refuses_what_was_never_evaluated(world: World) -> None:
    with pytest.raises(Equivocation, match="found none"):
        world.signer.sign_quote(replace(evaluated(world), content_id=bytes(32)), START + DAY)


def test_refuses_a_price_of_nothing(world: World) -> None:
    world.offer(b"junk\n")
    (row,) = world.journal._rows("SELECT model_id, content_id FROM evaluations")
    worthless = world.journal.evaluation(row["model_id"], row["content_id"])
    assert worthless is not None
    with pytest.raises(Equivocation, match="above 0"):
        world.signer.sign_quote(worthless, START + DAY)


@pytest.mark.parametrize("statement", ["UPDATE evaluations SET price = '1'", "DELETE FROM evaluations"])
def test_the_database_itself_keeps_an_evaluation(world: World, statement: str) -> None:
    evaluated(world)
    with pytest.raises(sqlite3.IntegrityError, match="final"):
        world.journal._database.execute(statement)


def test_key_is_in_no_representation(world: World) -> None:
    assert oracle_account.key.hex() not in repr(vars(world.signer))
