"""reportEquivocation: two signed quotes for one pair cost the oracle its bond."""

from typing import Any

import pytest

from assay.protocol.structs import ModelTerms
from tests.contracts.sale import Sale
from tests.contracts.world import DAY, ETHER, PRICE, Currency, World, bytes32

pytestmark = pytest.mark.integration


def bonded(world: World, **changes: Any) -> ModelTerms:
    terms = world.open(**changes)
    world.bond(terms, 3 * ETHER)
    return terms


def report(
    world: World, terms: ModelTerms, first: Sale, second: Sale, *, oracle: Any = None, sender: Any = None
) -> Any:
    return world.settlement.reportEquivocation(
        terms.abi_values(),
        (oracle or world.oracle).address,
        [first.quote.abi_values(), second.quote.abi_values()],
        [first.oracle_signature, second.oracle_signature],
        sender=sender or world.relayer,
    )


@pytest.mark.parametrize(
    "difference",
    [
        {"price": PRICE - 1},
        {"data_root": bytes32("salted anew")},
        {"seller": "0x000000000000000000000000000000000000005E"},
    ],
    ids=lambda difference: next(iter(difference)),
)
def test_the_bond_goes_to_the_models_budget(world: World, currency: Currency, difference: dict[str, Any]) -> None:
    terms = bonded(world, token=currency.address)

    receipt = report(world, terms, world.agree(terms), world.agree(terms, **difference))

    model_id = world.model_id(terms)
    assert world.budget(terms) == 4 * ETHER == currency.balance(world.settlement)
    assert tuple(world.settlement.oracleState(model_id, world.oracle.address)) == (0, 0, False)
    slashed = world.settlement.OracleSlashed(
        modelId=model_id, contentId=bytes32("records"), oracle=world.oracle.address, amount=3 * ETHER
    )
    assert slashed in receipt.events


def test_whoever_reports_gains_nothing(world: World, mallory) -> None:
    terms = bonded(world)
    before = mallory.balance

    report(world, terms, world.agree(terms), world.agree(terms, price=1), sender=mallory)

    assert mallory.balance <= before
    assert world.credit(mallory) == 0


@pytest.mark.parametrize(
    "difference",
    [{}, {"expiry": 2**40 - 1}, {"evaluation": bytes32("written anew")}],
    ids=["the same quote", "expiry", "evaluation"],
)
def test_a_quote_renewed_or_explained_anew_is_no_equivocation(world: World, difference: dict[str, Any]) -> None:
    terms = bonded(world)

    with world.refuses("NotEquivocation"):
        report(world, terms, world.agree(terms), world.agree(terms, **difference))


def test_quotes_for_two_contents_are_no_equivocation(world: World) -> None:
    terms = bonded(world)

    with world.refuses("NotEquivocation"):
        report(world, terms, world.agree(terms), world.agree(terms, content_id=bytes32("other"), price=1))


def test_quotes_for_two_models_are_no_equivocation(world: World) -> None:
    terms = bonded(world)
    other = world.register(world.terms(salt=bytes32("other")))
    here, there = world.agree(terms), world.agree(other, price=1)

    with world.refuses("ModelMismatch", expected=world.model_id(terms), actual=world.model_id(other)):
        report(world, terms, here, there)
    with world.refuses("ModelMismatch", expected=world.model_id(terms), actual=world.model_id(other)):
        report(world, terms, there, here)


@pytest.mark.parametrize("forged", [0, 1])
def test_a_quote_that_the_oracle_did_not_sign_proves_nothing(world: World, mallory, forged: int) -> None:
    terms = bonded(world)
    pair = [world.agree(terms), world.agree(terms, price=1)]
    pair[forged] = pair[forged].with_(oracle_signature=world.sign(mallory, world.domain.quote(pair[forged].quote)))

    with world.refuses("QuoteSignatureInvalid", oracle=world.oracle.address):
        report(world, terms, *pair)


def test_an_oracle_without_bond_has_nothing_to_lose(world: World) -> None:
    terms = world.open()

    with world.refuses("OracleBondTooSmall", required=1, available=0):
        report(world, terms, world.agree(terms), world.agree(terms, price=1))


def test_a_bond_is_lost_once(world: World) -> None:
    terms = bonded(world)
    quotes = world.agree(terms), world.agree(terms, price=1)
    report(world, terms, *quotes)

    with world.refuses("OracleBondTooSmall", required=1, available=0):
        report(world, terms, *quotes)


def test_a_bond_that_is_leaving_can_still_be_lost(world: World) -> None:
    terms = bonded(world)
    quotes = world.agree(terms), world.agree(terms, price=1)
    world.settlement.requestOracleBondExit(world.model_id(terms), sender=world.oracle)
    world.at(world.now + 7 * DAY)

    report(world, terms, *quotes)

    assert world.budget(terms) == 4 * ETHER


def test_an_oracle_that_was_replaced_can_still_lose_its_bond(world: World, heir) -> None:
    terms = bonded(world)
    quotes = world.agree(terms), world.agree(terms, price=1)
    world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)

    report(world, terms, *quotes)

    assert world.budget(terms) == 4 * ETHER


def test_quotes_that_have_expired_still_prove_it(world: World) -> None:
    terms = bonded(world)
    quotes = world.agree(terms, expiry=1), world.agree(terms, expiry=1, price=1)

    report(world, terms, *quotes)

    assert world.budget(terms) == 4 * ETHER


def test_a_quote_that_was_posted_still_proves_it(world: World) -> None:
    terms = bonded(world)
    posted = world.agree(terms)
    world.post(posted)

    report(world, terms, posted, world.agree(terms, price=1))

    assert world.budget(terms) == 4 * ETHER - PRICE


def test_a_budget_that_is_full_sends_the_bond_to_the_owners_credit(world: World, token) -> None:
    terms = bonded(world, token=token.address)
    room = 2**96 - 1 - ETHER
    token.mint(world.buyer, room, sender=world.buyer)
    token.approve(world.settlement, room, sender=world.buyer)
    world.fund(terms, room)

    report(world, terms, world.agree(terms), world.agree(terms, price=1))

    assert world.budget(terms) == 2**96 - 1
    assert world.credit(world.buyer, token.address) == 3 * ETHER
