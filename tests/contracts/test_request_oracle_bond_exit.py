"""requestOracleBondExit: the bond stops counting at once and is free a week later."""

import pytest

from tests.contracts.world import DAY, ETHER, World

pytestmark = pytest.mark.integration


def test_the_bond_unlocks_a_week_after_the_request(world: World) -> None:
    terms = world.register()
    world.bond(terms, ETHER)
    model_id = world.model_id(terms)

    receipt = world.settlement.requestOracleBondExit(model_id, sender=world.oracle)

    unlocks_at = receipt.timestamp + 7 * DAY
    assert tuple(world.settlement.oracleState(model_id, world.oracle.address)) == (ETHER, unlocks_at, False)
    requested = world.settlement.OracleBondExitRequested(
        modelId=model_id, oracle=world.oracle.address, unlocksAt=unlocks_at
    )
    assert requested in receipt.events


def test_an_oracle_without_bond_has_nothing_to_take_out(world: World, mallory) -> None:
    terms = world.register()
    world.bond(terms, ETHER)

    with world.refuses("OracleBondTooSmall", required=1, available=0):
        world.settlement.requestOracleBondExit(world.model_id(terms), sender=mallory)


def test_a_second_request_does_not_move_the_time(world: World) -> None:
    terms = world.register()
    world.bond(terms, ETHER)
    receipt = world.settlement.requestOracleBondExit(world.model_id(terms), sender=world.oracle)

    with world.refuses("OracleBondExiting", unlocksAt=receipt.timestamp + 7 * DAY):
        world.settlement.requestOracleBondExit(world.model_id(terms), sender=world.oracle)
