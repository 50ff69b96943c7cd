"""registerModel: the owner fixes the terms of a model."""

import pytest

from assay.protocol.structs import ModelTerms
from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.sale import parsed
from tests.contracts.world import DAY, HOUR, World, bytes32

pytestmark = pytest.mark.integration


def test_the_owner_registers_terms_under_their_id(world: World) -> None:
    terms = world.terms()

    receipt = world.settlement.registerModel(terms.abi_values(), world.oracle.address, sender=world.buyer)

    model_id = world.model_id(terms)
    assert world.settlement.modelIdOf(terms.abi_values()) == model_id
    assert tuple(world.settlement.modelState(model_id)) == (world.oracle.address, 0, True)
    event = receipt.events[0]
    assert event.event_name == "ModelRegistered"
    assert (event.modelId, event.owner, event.oracle) == (model_id, world.buyer.address, world.oracle.address)
    assert parsed(ModelTerms, event.terms) == terms


def test_an_unregistered_model_is_unknown(world: World) -> None:
    assert tuple(world.settlement.modelState(bytes32("nothing"))) == (NATIVE_TOKEN, 0, False)


def test_nobody_registers_for_another(world: World, mallory) -> None:
    with world.refuses("CallerNotOwner", expected=world.buyer.address, actual=mallory.address):
        world.settlement.registerModel(world.terms().abi_values(), world.oracle.address, sender=mallory)


def test_the_same_terms_are_registered_once(world: World) -> None:
    terms = world.register()

    with world.refuses("ModelExists", modelId=world.model_id(terms)):
        world.register(terms)


def test_another_salt_makes_another_model(world: World) -> None:
    one = world.register()
    other = world.register(world.terms(salt=bytes32("second")))

    assert world.model_id(one) != world.model_id(other)


def test_a_halted_model_is_not_registered_again(world: World, heir) -> None:
    terms = world.register()
    world.settlement.setOracle(terms.abi_values(), NATIVE_TOKEN, sender=world.buyer)

    with world.refuses("ModelExists", modelId=world.model_id(terms)):
        world.register(terms)


@pytest.mark.parametrize("nobody", [NATIVE_TOKEN, "0x0000000000000000000000000000000000000001"])
def test_a_model_begins_with_an_oracle(world: World, nobody: str) -> None:
    with world.refuses("ZeroAddress"):
        world.settlement.registerModel(world.terms().abi_values(), nobody, sender=world.buyer)


@pytest.mark.parametrize("field", ["reveal_window", "dispute_window"])
@pytest.mark.parametrize("window", [0, HOUR - 1, 30 * DAY + 1, 2**32 - 1])
def test_windows_outside_their_bounds_are_refused(world: World, field: str, window: int) -> None:
    with world.refuses("WindowOutOfBounds", window=window, minimum=HOUR, maximum=30 * DAY):
        world.register(world.terms(**{field: window}))


@pytest.mark.parametrize("field", ["reveal_window", "dispute_window"])
@pytest.mark.parametrize("window", [HOUR, 30 * DAY])
def test_windows_at_their_bounds_are_accepted(world: World, field: str, window: int) -> None:
    world.register(world.terms(**{field: window}))
