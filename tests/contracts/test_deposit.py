"""deposit: money enters the caller's credit, from which seller bonds are taken."""

import ape
import pytest

from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.world import ETHER, Currency, World

pytestmark = pytest.mark.integration


def test_the_caller_is_credited(world: World, currency: Currency) -> None:
    receipt = world.deposit_bond(ETHER, currency.address)

    assert world.credit(world.seller, currency.address) == ETHER == currency.balance(world.settlement)
    assert (
        world.settlement.Credited(token=currency.address, account=world.seller.address, amount=ETHER) in receipt.events
    )


def test_deposits_add_up(world: World) -> None:
    world.deposit_bond(3)
    world.deposit_bond(4)

    assert world.credit(world.seller) == 7


def test_credit_in_one_currency_is_none_in_another(world: World, token) -> None:
    world.deposit_bond(5, token.address)

    assert world.credit(world.seller) == 0


def test_nothing_is_no_amount(world: World) -> None:
    with world.refuses("ZeroAmount"):
        world.deposit_bond(0)


@pytest.mark.parametrize("value", [0, 9, 11])
def test_the_value_sent_is_the_amount_named(world: World, value: int) -> None:
    with world.refuses("ValueMismatch", expected=10, actual=value):
        world.settlement.deposit(NATIVE_TOKEN, 10, sender=world.seller, value=value)


def test_the_native_coin_does_not_pay_for_a_deposit_of_tokens(world: World, token) -> None:
    with world.refuses("ValueMismatch", expected=0, actual=10):
        world.settlement.deposit(token.address, 10, sender=world.seller, value=10)


@pytest.mark.parametrize(("kind", "received"), [("FeeToken", 990), ("RebasingToken", 1001)])
def test_a_token_that_delivers_another_amount_is_refused(world: World, project, kind: str, received: int) -> None:
    odd = world.give(world.relayer.deploy(getattr(project, kind)))

    with world.refuses("TokenNotExact", token=odd.address, expected=1000, received=received):
        world.deposit_bond(1000, odd.address)


def test_a_token_without_code_is_refused(world: World, mallory) -> None:
    with world.refuses("TokenNotContract", token=mallory.address):
        world.deposit_bond(1, mallory.address)


def test_the_contract_takes_no_money_that_nobody_named(world: World) -> None:
    for data in ("", "0x12345678"):
        with ape.reverts():
            world.seller.transfer(world.settlement, 1, data=data)
    assert world.settlement.balance == 0
