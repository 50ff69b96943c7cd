"""bondOracle: a bond stands behind an oracle's quotes for one model."""

import pytest

from assay.protocol.structs import Status
from tests.contracts.world import DAY, ETHER, Currency, World, bytes32

pytestmark = pytest.mark.integration


def test_the_bond_is_the_oracles_for_this_model(world: World, currency: Currency) -> None:
    terms = world.register(world.terms(token=currency.address))
    model_id = world.model_id(terms)

    receipt = world.bond(terms, ETHER)

    assert tuple(world.settlement.oracleState(model_id, world.oracle.address)) == (ETHER, 0, False)
    assert currency.balance(world.settlement) == ETHER
    assert world.settlement.OracleBonded(modelId=model_id, oracle=world.oracle.address, amount=ETHER) in receipt.events


def test_a_bond_is_of_one_model(world: World) -> None:
    terms, other = world.register(), world.register(world.terms(salt=bytes32("other")))

    world.bond(terms, ETHER)

    assert world.settlement.oracleState(world.model_id(other), world.oracle.address)[0] == 0


def test_bonds_add_up_whoever_pays(world: World, mallory) -> None:
    terms = world.register()
    world.bond(terms, 3)

    world.settlement.bondOracle(terms.abi_values(), world.oracle.address, 4, sender=mallory, value=4)

    assert world.settlement.oracleState(world.model_id(terms), world.oracle.address)[0] == 7


@pytest.mark.parametrize("nobody", [0, 1])
def test_a_bond_that_nobody_could_take_out_is_refused(world: World, nobody: int) -> None:
    terms = world.register()

    with world.refuses("ZeroAddress"):
        world.settlement.bondOracle(terms.abi_values(), f"0x{nobody:040x}", 1, sender=world.buyer, value=1)


def test_a_quote_is_accepted_with_the_bond_that_the_terms_ask_for(world: World) -> None:
    terms = world.open(oracle_bond=ETHER)
    world.bond(terms, ETHER)
    sale = world.agree(terms)

    world.post(sale)

    assert world.status(sale) is Status.LOCKED


def test_a_quote_is_refused_with_less(world: World) -> None:
    terms = world.open(oracle_bond=ETHER)
    world.bond(terms, ETHER - 1)

    with world.refuses("OracleBondTooSmall", required=ETHER, available=ETHER - 1):
        world.post(world.agree(terms))


def test_a_quote_is_refused_while_the_bond_is_leaving(world: World) -> None:
    terms = world.open(oracle_bond=ETHER)
    world.bond(terms, ETHER)
    receipt = world.settlement.requestOracleBondExit(world.model_id(terms), sender=world.oracle)

    with world.refuses("OracleBondExiting", unlocksAt=receipt.timestamp + 7 * DAY):
        world.post(world.agree(terms))


def test_a_bond_that_is_leaving_is_not_added_to(world: World) -> None:
    terms = world.register()
    world.bond(terms, 1)
    receipt = world.settlement.requestOracleBondExit(world.model_id(terms), sender=world.oracle)

    with world.refuses("OracleBondExiting", unlocksAt=receipt.timestamp + 7 * DAY):
        world.bond(terms, 1)


def test_nothing_is_no_amount(world: World) -> None:
    terms = world.register()

    with world.refuses("ZeroAmount"):
        world.bond(terms, 0)


def test_a_model_that_nobody_registered_is_refused(world: World) -> None:
    terms = world.terms()

    with world.refuses("ModelUnknown", modelId=world.model_id(terms)):
        world.bond(terms, 1)


def test_the_value_sent_is_the_amount_named(world: World) -> None:
    terms = world.register()

    with world.refuses("ValueMismatch", expected=10, actual=9):
        world.settlement.bondOracle(terms.abi_values(), world.oracle.address, 10, sender=world.buyer, value=9)


def test_a_bond_holds_96_bits(world: World, token) -> None:
    token.mint(world.buyer, 2**97, sender=world.buyer)
    token.approve(world.settlement, 2**97, sender=world.buyer)
    terms = world.register(world.terms(token=token.address))
    world.bond(terms, 2**96 - 1)

    with world.refuses("AmountTooLarge", amount=1, maximum=0):
        world.bond(terms, 1)


@pytest.mark.parametrize(("kind", "received"), [("FeeToken", 990), ("RebasingToken", 1001)])
def test_a_token_that_delivers_another_amount_is_refused(world: World, project, kind: str, received: int) -> None:
    odd = world.give(world.relayer.deploy(getattr(project, kind)))
    terms = world.register(world.terms(token=odd.address))

    with world.refuses("TokenNotExact", token=odd.address, expected=1000, received=received):
        world.bond(terms, 1000)
