"""withdraw: the owner takes unspent budget out."""

import pytest

from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.world import ETHER, PRICE, World

pytestmark = pytest.mark.integration


def test_the_owner_takes_the_native_coin_out(world: World, heir) -> None:
    terms = world.open(budget=ETHER)
    before = heir.balance

    receipt = world.settlement.withdraw(terms.abi_values(), ETHER // 4, heir.address, sender=world.buyer)

    assert heir.balance == before + ETHER // 4
    assert world.budget(terms) == ETHER - ETHER // 4
    event = world.settlement.ModelWithdrawn(modelId=world.model_id(terms), to=heir.address, amount=ETHER // 4)
    assert event in receipt.events


def test_the_owner_takes_tokens_out(world: World, token, heir) -> None:
    terms = world.open(budget=ETHER, token=token.address)

    world.settlement.withdraw(terms.abi_values(), ETHER, heir.address, sender=world.buyer)

    assert token.balanceOf(heir) == ETHER
    assert world.budget(terms) == 0


def test_nobody_else_takes_anything(world: World, mallory) -> None:
    terms = world.open()

    with world.refuses("CallerNotOwner", expected=world.buyer.address, actual=mallory.address):
        world.settlement.withdraw(terms.abi_values(), 1, mallory.address, sender=mallory)


def test_the_terms_of_another_owner_are_another_model(world: World, mallory) -> None:
    world.open()
    forged = world.terms(owner=mallory.address)

    with world.refuses("ModelUnknown", modelId=world.model_id(forged)):
        world.settlement.withdraw(forged.abi_values(), 1, mallory.address, sender=mallory)


def test_what_an_order_has_locked_stays(world: World) -> None:
    sale = world.locked()
    left = ETHER - PRICE

    with world.refuses("BudgetTooSmall", required=left + 1, available=left):
        world.settlement.withdraw(sale.terms.abi_values(), left + 1, world.buyer.address, sender=world.buyer)


def test_nothing_is_no_amount(world: World) -> None:
    terms = world.open()

    with world.refuses("ZeroAmount"):
        world.settlement.withdraw(terms.abi_values(), 0, world.buyer.address, sender=world.buyer)


def test_the_zero_address_is_nobody(world: World) -> None:
    terms = world.open()

    with world.refuses("ZeroAddress"):
        world.settlement.withdraw(terms.abi_values(), 1, NATIVE_TOKEN, sender=world.buyer)


def test_a_recipient_that_refuses_stops_the_withdrawal_and_the_budget_stays(world: World, project) -> None:
    terms = world.open()
    wallet = world.relayer.deploy(project.BouncingWallet, world.relayer)

    with world.refuses("TransferFailed", token=NATIVE_TOKEN, to=wallet.address, amount=1):
        world.settlement.withdraw(terms.abi_values(), 1, wallet.address, sender=world.buyer)
    assert world.budget(terms) == ETHER
