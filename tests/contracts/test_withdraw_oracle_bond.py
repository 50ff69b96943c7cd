"""withdrawOracleBond: a bond whose week has passed becomes the oracle's credit."""

import pytest

from tests.contracts.world import ETHER, Currency, World

pytestmark = pytest.mark.integration


def leaving(world: World, **terms_changes: object) -> tuple:
    """A model whose oracle has asked for its bond back, and when that unlocks."""
    terms = world.register(world.terms(**terms_changes))
    world.bond(terms, ETHER)
    world.settlement.requestOracleBondExit(world.model_id(terms), sender=world.oracle)
    return terms, world.settlement.oracleState(world.model_id(terms), world.oracle.address)[1]


def test_the_oracle_is_credited(world: World, currency: Currency) -> None:
    terms, unlocks_at = leaving(world, token=currency.address)
    world.at(unlocks_at + 1)

    receipt = world.settlement.withdrawOracleBond(terms.abi_values(), sender=world.oracle)

    model_id = world.model_id(terms)
    assert world.credit(world.oracle, currency.address) == ETHER == currency.balance(world.settlement)
    assert tuple(world.settlement.oracleState(model_id, world.oracle.address)) == (0, 0, False)
    event = world.settlement.OracleBondWithdrawn(modelId=model_id, oracle=world.oracle.address, amount=ETHER)
    assert event in receipt.events


def test_the_last_second_of_the_week_is_too_early(world: World) -> None:
    terms, unlocks_at = leaving(world)
    world.at(unlocks_at)

    with world.refuses("OracleBondLocked", unlocksAt=unlocks_at):
        world.settlement.withdrawOracleBond(terms.abi_values(), sender=world.oracle)


def test_a_bond_that_nobody_asked_for_stays(world: World) -> None:
    terms = world.register()
    world.bond(terms, ETHER)

    with world.refuses("OracleBondLocked", unlocksAt=0):
        world.settlement.withdrawOracleBond(terms.abi_values(), sender=world.oracle)


def test_nobody_takes_the_oracles_bond(world: World, mallory) -> None:
    terms, unlocks_at = leaving(world)
    world.at(unlocks_at + 1)

    with world.refuses("OracleBondTooSmall", required=1, available=0):
        world.settlement.withdrawOracleBond(terms.abi_values(), sender=mallory)


def test_a_bond_is_taken_out_once(world: World) -> None:
    terms, unlocks_at = leaving(world)
    world.at(unlocks_at + 1)
    world.settlement.withdrawOracleBond(terms.abi_values(), sender=world.oracle)

    with world.refuses("OracleBondTooSmall", required=1, available=0):
        world.settlement.withdrawOracleBond(terms.abi_values(), sender=world.oracle)


def test_an_oracle_that_has_left_may_bond_anew(world: World) -> None:
    terms, unlocks_at = leaving(world)
    world.at(unlocks_at + 1)
    world.settlement.withdrawOracleBond(terms.abi_values(), sender=world.oracle)

    world.bond(terms, 5)

    assert tuple(world.settlement.oracleState(world.model_id(terms), world.oracle.address)) == (5, 0, False)
