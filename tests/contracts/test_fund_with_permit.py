"""fundWithPermit: `fund`, with the token's approval signed instead of sent."""

import ape
import pytest

from tests.contracts.permit import permit
from tests.contracts.world import ETHER, HOUR, World

pytestmark = pytest.mark.integration


def test_a_permit_saves_the_approval(world: World, token) -> None:
    token.approve(world.settlement, 0, sender=world.buyer)
    terms = world.register(world.terms(token=token.address))
    deadline = world.now + HOUR

    world.settlement.fundWithPermit(
        terms.abi_values(), ETHER, deadline, *permit(world, token, ETHER, deadline), sender=world.buyer
    )

    assert world.budget(terms) == ETHER


def test_a_permit_that_a_front_runner_used_does_no_harm(world: World, token, mallory) -> None:
    token.approve(world.settlement, 0, sender=world.buyer)
    terms = world.register(world.terms(token=token.address))
    deadline = world.now + HOUR
    signature = permit(world, token, ETHER, deadline)
    token.permit(world.buyer, world.settlement, ETHER, deadline, *signature, sender=mallory)

    world.settlement.fundWithPermit(terms.abi_values(), ETHER, deadline, *signature, sender=world.buyer)

    assert world.budget(terms) == ETHER


def test_a_permit_is_of_the_caller(world: World, token, mallory) -> None:
    token.approve(world.settlement, 0, sender=world.buyer)
    terms = world.register(world.terms(token=token.address))
    deadline = world.now + HOUR
    signature = permit(world, token, ETHER, deadline)

    with ape.reverts(token.ERC20InsufficientAllowance):
        world.settlement.fundWithPermit(terms.abi_values(), ETHER, deadline, *signature, sender=mallory)


def test_a_permit_for_the_native_coin_is_refused(world: World) -> None:
    terms = world.register()

    with world.refuses("ValueMismatch", expected=ETHER, actual=0):
        world.settlement.fundWithPermit(
            terms.abi_values(), ETHER, world.now, 27, bytes(32), bytes(32), sender=world.buyer
        )


def test_a_permit_that_has_expired_is_refused(world: World, token) -> None:
    token.approve(world.settlement, 0, sender=world.buyer)
    terms = world.register(world.terms(token=token.address))
    deadline = world.now - 1
    signature = permit(world, token, ETHER, deadline)

    with ape.reverts(token.ERC20InsufficientAllowance):
        world.settlement.fundWithPermit(terms.abi_values(), ETHER, deadline, *signature, sender=world.buyer)


def test_a_token_that_knows_no_permits_is_funded_from_its_allowance(world: World, project) -> None:
    silent = world.give(world.relayer.deploy(project.SilentToken))
    terms = world.register(world.terms(token=silent.address))

    world.settlement.fundWithPermit(terms.abi_values(), ETHER, world.now, 27, bytes(32), bytes(32), sender=world.buyer)

    assert world.budget(terms) == ETHER


def test_a_token_without_code_is_refused(world: World, mallory) -> None:
    terms = world.register(world.terms(token=mallory.address))

    with world.refuses("TokenNotContract", token=mallory.address):
        world.settlement.fundWithPermit(
            terms.abi_values(), ETHER, world.now, 27, bytes(32), bytes(32), sender=world.buyer
        )
