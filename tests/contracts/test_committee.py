"""A committee as the oracle: a Safe of three, two of whom must sign; and Safes that sell."""

from typing import Any

import pytest

from assay.protocol.statements import digest
from assay.protocol.structs import ModelTerms, Status
from tests.contracts.safe import deploy_safe, sign_for_safe
from tests.contracts.sale import Sale
from tests.contracts.world import PRICE, World

pytestmark = pytest.mark.integration


@pytest.fixture
def members(accounts: Any) -> list[Any]:
    """The committee: Ada, Bob and Cy."""
    return list(accounts[6:9])


@pytest.fixture
def committee(world: World, members: list[Any]) -> Any:
    """The Safe in which any two of three decide."""
    return deploy_safe(world.relayer, members, 2)


def open_for(world: World, committee: Any) -> ModelTerms:
    terms = world.terms()
    world.settlement.registerModel(terms.abi_values(), committee.address, sender=world.buyer)
    world.fund(terms)
    return terms


def quoted_by(world: World, committee: Any, terms: ModelTerms, signers: list[Any]) -> Sale:
    sale = world.agree(terms)
    quote_digest = digest(world.domain.quote(sale.quote))
    return sale.with_(oracle_signature=sign_for_safe(committee, world.chain.chain_id, signers, quote_digest))


@pytest.mark.parametrize("absent", range(3))
def test_any_two_of_three_price(world: World, committee: Any, members: list[Any], absent: int) -> None:
    present = members[:absent] + members[absent + 1 :]
    sale = quoted_by(world, committee, open_for(world, committee), present)

    world.post(sale)

    assert world.status(sale) is Status.LOCKED


@pytest.mark.parametrize("alone", range(3))
def test_one_of_three_does_not(world: World, committee: Any, members: list[Any], alone: int) -> None:
    sale = quoted_by(world, committee, open_for(world, committee), [members[alone]])

    with world.refuses("QuoteSignatureInvalid", oracle=committee.address):
        world.post(sale)


def test_one_member_does_not_count_twice(world: World, committee: Any, members: list[Any]) -> None:
    sale = quoted_by(world, committee, open_for(world, committee), [members[0], members[0]])

    with world.refuses("QuoteSignatureInvalid", oracle=committee.address):
        world.post(sale)


def test_an_outsider_does_not_count(world: World, committee: Any, members: list[Any], mallory: Any) -> None:
    sale = quoted_by(world, committee, open_for(world, committee), [members[0], mallory])

    with world.refuses("QuoteSignatureInvalid", oracle=committee.address):
        world.post(sale)


def test_a_quote_that_two_signed_is_not_stretched_to_another(world: World, committee: Any, members: list[Any]) -> None:
    terms = open_for(world, committee)
    signed = quoted_by(world, committee, terms, members[:2])
    dearer = world.agree(terms, price=2 * PRICE).with_(oracle_signature=signed.oracle_signature)

    with world.refuses("QuoteSignatureInvalid", oracle=committee.address):
        world.post(dearer)


def test_a_committee_that_signed_two_quotes_loses_its_bond(world: World, committee: Any, members: list[Any]) -> None:
    terms = open_for(world, committee)
    world.settlement.bondOracle(terms.abi_values(), committee.address, 7, sender=world.relayer, value=7)
    before = world.budget(terms)
    quotes = [world.agree(terms, price=price).quote for price in (PRICE, 2 * PRICE)]
    signatures = [
        sign_for_safe(committee, world.chain.chain_id, members[1:], digest(world.domain.quote(quote)))
        for quote in quotes
    ]

    world.settlement.reportEquivocation(
        terms.abi_values(),
        committee.address,
        [quote.abi_values() for quote in quotes],
        signatures,
        sender=world.relayer,
    )

    assert world.budget(terms) == before + 7


def test_a_safe_sells_and_is_paid(world: World, members: list[Any]) -> None:
    safe = deploy_safe(world.relayer, members, 2)
    sale = world.agree(world.open(), seller=safe.address)
    acceptance = digest(world.domain.acceptance(digest(world.domain.quote(sale.quote)), sale.order.key_hash))
    sale = sale.with_(seller_signature=sign_for_safe(safe, world.chain.chain_id, members[:2], acceptance))

    world.post(sale)
    world.settle(sale)

    assert safe.balance == PRICE
