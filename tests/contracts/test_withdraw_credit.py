"""withdrawCredit: what was credited is paid to whom the credited account names."""

import pytest

from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.world import ETHER, PRICE, Currency, World

pytestmark = pytest.mark.integration


def test_the_credited_account_is_paid_where_it_says(world: World, currency: Currency, heir) -> None:
    world.deposit_bond(ETHER, currency.address)
    before = currency.balance(heir)

    receipt = world.settlement.withdrawCredit(currency.address, ETHER // 4, heir.address, sender=world.seller)

    assert currency.balance(heir) == before + ETHER // 4
    assert world.credit(world.seller, currency.address) == ETHER - ETHER // 4 == currency.balance(world.settlement)
    event = world.settlement.CreditWithdrawn(
        token=currency.address, account=world.seller.address, to=heir.address, amount=ETHER // 4
    )
    assert event in receipt.events


def test_more_than_was_credited_is_refused(world: World) -> None:
    world.deposit_bond(10)

    with world.refuses("CreditTooSmall", required=11, available=10):
        world.settlement.withdrawCredit(NATIVE_TOKEN, 11, world.seller.address, sender=world.seller)


def test_credit_is_paid_once(world: World) -> None:
    world.deposit_bond(10)
    world.settlement.withdrawCredit(NATIVE_TOKEN, 10, world.seller.address, sender=world.seller)

    with world.refuses("CreditTooSmall", required=10, available=0):
        world.settlement.withdrawCredit(NATIVE_TOKEN, 10, world.seller.address, sender=world.seller)


def test_nobody_draws_on_anothers_credit(world: World, mallory) -> None:
    world.deposit_bond(10)

    with world.refuses("CreditTooSmall", required=10, available=0):
        world.settlement.withdrawCredit(NATIVE_TOKEN, 10, mallory.address, sender=mallory)


def test_credit_in_tokens_is_none_in_the_native_coin(world: World, token) -> None:
    world.deposit_bond(10, token.address)
    world.open()

    with world.refuses("CreditTooSmall", required=10, available=0):
        world.settlement.withdrawCredit(NATIVE_TOKEN, 10, world.seller.address, sender=world.seller)


def test_a_bond_that_an_order_has_locked_stays(world: World) -> None:
    world.locked(seller_bond=PRICE)

    with world.refuses("CreditTooSmall", required=1, available=0):
        world.settlement.withdrawCredit(NATIVE_TOKEN, 1, world.seller.address, sender=world.seller)


def test_nothing_is_no_amount(world: World) -> None:
    with world.refuses("ZeroAmount"):
        world.settlement.withdrawCredit(NATIVE_TOKEN, 0, world.seller.address, sender=world.seller)


def test_the_zero_address_is_nobody(world: World) -> None:
    world.deposit_bond(10)

    with world.refuses("ZeroAddress"):
        world.settlement.withdrawCredit(NATIVE_TOKEN, 10, NATIVE_TOKEN, sender=world.seller)


def test_a_recipient_that_refuses_stops_the_withdrawal_and_the_credit_stays(world: World, project) -> None:
    world.deposit_bond(10)
    wallet = world.relayer.deploy(project.BouncingWallet, world.relayer)

    with world.refuses("TransferFailed", token=NATIVE_TOKEN, to=wallet.address, amount=10):
        world.settlement.withdrawCredit(NATIVE_TOKEN, 10, wallet.address, sender=world.seller)
    assert world.credit(world.seller) == 10


def test_a_recipient_that_the_token_has_listed_stops_the_withdrawal_and_the_credit_stays(
    world: World, project, heir
) -> None:
    token = world.give(world.relayer.deploy(project.BlacklistingToken))
    world.deposit_bond(10, token.address)
    token.list(heir, True, sender=world.relayer)

    with world.refuses("TransferFailed", token=token.address, to=heir.address, amount=10):
        world.settlement.withdrawCredit(token.address, 10, heir.address, sender=world.seller)
    assert world.credit(world.seller, token.address) == 10
