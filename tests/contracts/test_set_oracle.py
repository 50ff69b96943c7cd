"""setOracle: the owner replaces or halts the oracle."""

import pytest

from assay.protocol.structs import Status
from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.world import ETHER, World, bytes32

pytestmark = pytest.mark.integration


def test_the_owner_names_the_next_oracle(world: World, heir) -> None:
    terms = world.register()

    receipt = world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)

    model_id = world.model_id(terms)
    assert world.settlement.modelState(model_id)[0] == heir.address
    event = world.settlement.OracleChanged(modelId=model_id, previousOracle=world.oracle.address, oracle=heir.address)
    assert event in receipt.events
    assert world.settlement.oracleState(model_id, world.oracle.address)[2]
    assert not world.settlement.oracleState(model_id, heir.address)[2]


def test_quotes_of_the_previous_oracle_stop_at_once(world: World, heir) -> None:
    terms = world.open()
    sale = world.agree(terms)
    world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)

    with world.refuses("QuoteSignatureInvalid", oracle=heir.address):
        world.post(sale)


def test_quotes_of_the_next_oracle_are_accepted(world: World, heir) -> None:
    terms = world.open()
    world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)
    world.oracle = heir

    sale = world.agree(terms)
    world.post(sale)

    assert world.status(sale) is Status.LOCKED


def test_a_replaced_oracle_never_comes_back(world: World, heir) -> None:
    terms = world.register()
    world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)

    with world.refuses("OracleRevoked", oracle=world.oracle.address):
        world.settlement.setOracle(terms.abi_values(), world.oracle.address, sender=world.buyer)


def test_a_model_without_oracle_accepts_no_quotes(world: World) -> None:
    terms = world.open()
    sale = world.agree(terms)

    receipt = world.settlement.setOracle(terms.abi_values(), NATIVE_TOKEN, sender=world.buyer)

    model_id = world.model_id(terms)
    assert tuple(world.settlement.modelState(model_id)) == (NATIVE_TOKEN, ETHER, True)
    event = world.settlement.OracleChanged(modelId=model_id, previousOracle=world.oracle.address, oracle=NATIVE_TOKEN)
    assert event in receipt.events
    with world.refuses("ModelHalted", modelId=model_id):
        world.post(sale)


def test_a_halted_model_goes_on_with_a_new_oracle_but_not_with_the_old(world: World, heir) -> None:
    terms = world.open()
    world.settlement.setOracle(terms.abi_values(), NATIVE_TOKEN, sender=world.buyer)

    with world.refuses("OracleRevoked", oracle=world.oracle.address):
        world.settlement.setOracle(terms.abi_values(), world.oracle.address, sender=world.buyer)
    world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)

    assert world.settlement.modelState(world.model_id(terms))[0] == heir.address


def test_orders_posted_before_go_on(world: World, heir) -> None:
    sale = world.locked()
    world.settlement.setOracle(sale.terms.abi_values(), heir.address, sender=world.buyer)

    world.reveal(sale)

    assert world.status(sale) is Status.REVEALED


def test_the_oracle_in_office_is_no_change(world: World) -> None:
    terms = world.register()

    with world.refuses("OracleUnchanged", oracle=world.oracle.address):
        world.settlement.setOracle(terms.abi_values(), world.oracle.address, sender=world.buyer)


def test_halting_twice_is_no_change(world: World) -> None:
    terms = world.register()
    world.settlement.setOracle(terms.abi_values(), NATIVE_TOKEN, sender=world.buyer)

    with world.refuses("OracleUnchanged", oracle=NATIVE_TOKEN):
        world.settlement.setOracle(terms.abi_values(), NATIVE_TOKEN, sender=world.buyer)


def test_nobody_but_the_owner_changes_it(world: World, mallory) -> None:
    terms = world.register()

    with world.refuses("CallerNotOwner", expected=world.buyer.address, actual=mallory.address):
        world.settlement.setOracle(terms.abi_values(), mallory.address, sender=mallory)


def test_an_unknown_model_has_no_oracle_to_change(world: World, heir) -> None:
    terms = world.terms()

    with world.refuses("ModelUnknown", modelId=world.model_id(terms)):
        world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)


def test_a_revocation_is_of_one_model(world: World, heir) -> None:
    terms = world.register()
    other = world.register(world.terms(salt=bytes32("other")))
    world.settlement.setOracle(terms.abi_values(), heir.address, sender=world.buyer)

    assert not world.settlement.oracleState(world.model_id(other), world.oracle.address)[2]
