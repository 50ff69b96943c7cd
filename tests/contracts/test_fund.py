"""fund: money enters a model's budget."""

import pytest

from tests.contracts.world import ETHER, World

pytestmark = pytest.mark.integration


MAX_BUDGET = 2**96 - 1


def test_the_native_coin_enters_the_budget(world: World) -> None:
    terms = world.register()

    receipt = world.settlement.fund(terms.abi_values(), 3 * ETHER, sender=world.buyer, value=3 * ETHER)

    assert world.budget(terms) == 3 * ETHER
    assert world.settlement.balance == 3 * ETHER
    model_id = world.model_id(terms)
    funded = world.settlement.ModelFunded(modelId=model_id, amount=3 * ETHER, **{"from": world.buyer.address})
    assert funded in receipt.events


def test_a_token_enters_the_budget(world: World, token) -> None:
    terms = world.open(budget=ETHER, token=token.address)

    assert world.budget(terms) == ETHER
    assert token.balanceOf(world.settlement) == ETHER


def test_anyone_may_fund(world: World, mallory) -> None:
    terms = world.register()

    world.settlement.fund(terms.abi_values(), 1, sender=mallory, value=1)

    assert world.budget(terms) == 1


def test_a_model_that_nobody_registered_is_refused(world: World) -> None:
    terms = world.terms()

    with world.refuses("ModelUnknown", modelId=world.model_id(terms)):
        world.fund(terms)


def test_nothing_is_no_amount(world: World) -> None:
    terms = world.register()

    with world.refuses("ZeroAmount"):
        world.fund(terms, 0)


@pytest.mark.parametrize("value", [0, ETHER - 1, ETHER + 1])
def test_the_value_sent_is_the_amount_named(world: World, value: int) -> None:
    terms = world.register()

    with world.refuses("ValueMismatch", expected=ETHER, actual=value):
        world.settlement.fund(terms.abi_values(), ETHER, sender=world.buyer, value=value)


def test_the_native_coin_does_not_pay_for_a_model_in_tokens(world: World, token) -> None:
    terms = world.register(world.terms(token=token.address))

    with world.refuses("ValueMismatch", expected=0, actual=ETHER):
        world.settlement.fund(terms.abi_values(), ETHER, sender=world.buyer, value=ETHER)


@pytest.mark.parametrize(("kind", "received"), [("FeeToken", 990), ("RebasingToken", 1001)])
def test_a_token_that_delivers_another_amount_is_refused(world: World, project, kind: str, received: int) -> None:
    odd = world.give(world.relayer.deploy(getattr(project, kind)))
    terms = world.register(world.terms(token=odd.address))

    with world.refuses("TokenNotExact", token=odd.address, expected=1000, received=received):
        world.fund(terms, 1000)


def test_a_token_without_code_is_refused(world: World, mallory) -> None:
    terms = world.register(world.terms(token=mallory.address))

    with world.refuses("TokenNotContract", token=mallory.address):
        world.fund(terms)


def test_a_token_that_returns_nothing_is_accepted(world: World, project) -> None:
    silent = world.give(world.relayer.deploy(project.SilentToken))

    assert world.budget(world.open(budget=ETHER, token=silent.address)) == ETHER


def test_a_token_that_returns_false_is_refused(world: World, project) -> None:
    false = world.give(world.relayer.deploy(project.FalseToken))
    terms = world.register(world.terms(token=false.address))
    false.fail(True, sender=world.buyer)

    with world.refuses("SafeERC20FailedOperation", token=false.address):
        world.fund(terms)


def test_the_budget_holds_96_bits(world: World, token) -> None:
    token.mint(world.buyer, 2**97, sender=world.buyer)
    token.approve(world.settlement, 2**97, sender=world.buyer)
    terms = world.open(budget=MAX_BUDGET, token=token.address)

    with world.refuses("AmountTooLarge", amount=1, maximum=0):
        world.fund(terms, 1)
    with world.refuses("AmountTooLarge", amount=2**96, maximum=0):
        world.fund(terms, 2**96)
