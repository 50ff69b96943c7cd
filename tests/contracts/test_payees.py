"""Sellers and tokens that misbehave when they are paid: each is credited instead, and blocks nobody."""

from typing import Any

import pytest

from assay.protocol.structs import Status
from assay.protocol.types import NATIVE_TOKEN
from tests.contracts.sale import Sale
from tests.contracts.world import ETHER, PRICE, World, bytes32

pytestmark = pytest.mark.integration

STEPS = ["finalize", "settle", "reveal_data"]
MOST_GAS = 300_000


def sale_to(world: World, wallet: Any, step: str, **terms_changes: Any) -> Sale:
    """A sale by ``wallet`` that ``step`` can close."""
    terms = world.open(**terms_changes)
    sale = world.agree(terms, seller=wallet.address)
    world.post(sale)
    if step == "finalize":
        world.reveal(sale)
        world.at(world.deadline(sale) + 1)
    return sale


@pytest.mark.parametrize("step", STEPS)
def test_a_wallet_that_takes_money_is_paid(world: World, project, step: str) -> None:
    wallet = world.relayer.deploy(project.Wallet, world.seller)
    sale = sale_to(world, wallet, step)

    getattr(world, step)(sale)

    assert wallet.balance == PRICE
    assert world.credit(wallet) == 0


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("kind", ["BouncingWallet", "BurningWallet", "BombWallet"])
def test_a_wallet_that_does_not_is_credited(world: World, project, kind: str, step: str) -> None:
    wallet = world.relayer.deploy(getattr(project, kind), world.seller)
    sale = sale_to(world, wallet, step)

    receipt = getattr(world, step)(sale)

    assert world.status(sale) is Status.PAID
    assert wallet.balance == 0
    assert world.credit(wallet) == PRICE
    assert world.settlement.balance == ETHER
    assert world.settlement.OrderPaid(orderId=sale.order_id, seller=wallet.address, amount=PRICE) in receipt.events
    assert world.settlement.Credited(token=NATIVE_TOKEN, account=wallet.address, amount=PRICE) in receipt.events
    assert receipt.gas_used < MOST_GAS


def test_what_was_credited_is_paid_where_the_wallet_says(world: World, project, heir) -> None:
    wallet = world.relayer.deploy(project.BouncingWallet, world.seller)
    world.settle(sale_to(world, wallet, "settle"))
    before = heir.balance
    call = world.settlement.withdrawCredit.encode_input(NATIVE_TOKEN, PRICE, heir.address)

    wallet.execute(world.settlement, call, sender=world.seller)

    assert heir.balance == before + PRICE
    assert world.credit(wallet) == 0


def test_one_sellers_refusal_holds_up_no_other_in_a_batch(world: World, project, seller) -> None:
    wallet = world.relayer.deploy(project.BurningWallet, world.seller)
    terms = world.open()
    sales = [world.agree(terms, seller=wallet.address), world.agree(terms, content_id=bytes32("other"))]
    for sale in sales:
        world.post(sale)
        world.reveal(sale)
    world.at(world.deadline(sales[1]) + 1)
    before = seller.balance

    world.finalize_batch(sales)

    assert world.credit(wallet) == PRICE
    assert seller.balance == before + PRICE


# --- reentrancy ---


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("attempt", ["finalize", "settle", "refund", "revealKey"])
def test_a_seller_who_calls_back_while_paid_gets_nothing_more(world: World, project, step: str, attempt: str) -> None:
    wallet = world.relayer.deploy(project.ReentrantWallet, world.seller)
    sale = sale_to(world, wallet, step)
    further = {"settle": [world.acknowledgement(sale)], "revealKey": [sale.key, b""]}.get(attempt, [])
    call = getattr(world.settlement, attempt).encode_input(sale.order.abi_values(), *further)
    wallet.plan(world.settlement, call, sender=world.seller)

    getattr(world, step)(sale)

    assert wallet.tried()
    assert not wallet.succeeded()
    assert wallet.balance == PRICE
    assert world.settlement.balance == world.budget(sale.terms) == ETHER - PRICE


def test_credit_is_not_drawn_twice_from_within_its_payment(world: World, project) -> None:
    wallet = world.relayer.deploy(project.ReentrantWallet, world.seller)
    deposit = world.settlement.deposit.encode_input(NATIVE_TOKEN, 10)
    wallet.execute(world.settlement, deposit, sender=world.seller, value=10)
    world.deposit_bond(10)
    draw = world.settlement.withdrawCredit.encode_input(NATIVE_TOKEN, 10, wallet.address)
    wallet.plan(world.settlement, draw, sender=world.seller)

    wallet.execute(world.settlement, draw, sender=world.seller)

    assert wallet.tried()
    assert not wallet.succeeded()
    assert wallet.balance == 10
    assert world.settlement.balance == world.credit(world.seller) == 10


def test_a_budget_is_not_withdrawn_twice_from_within_its_payment(world: World, project) -> None:
    wallet = world.relayer.deploy(project.ReentrantWallet, world.buyer)
    terms = world.terms(owner=wallet.address)
    for call, value in (
        (world.settlement.registerModel.encode_input(terms.abi_values(), world.oracle.address), 0),
        (world.settlement.fund.encode_input(terms.abi_values(), 10), 10),
    ):
        wallet.execute(world.settlement, call, sender=world.buyer, value=value)
    world.fund(world.register(), 10)
    draw = world.settlement.withdraw.encode_input(terms.abi_values(), 10, wallet.address)
    wallet.plan(world.settlement, draw, sender=world.buyer)

    wallet.execute(world.settlement, draw, sender=world.buyer)

    assert wallet.tried()
    assert not wallet.succeeded()
    assert wallet.balance == world.settlement.balance == 10


def test_a_token_that_calls_its_sender_does_not_count_one_payment_twice(world: World, project) -> None:
    token = world.relayer.deploy(project.HookToken)
    wallet = world.relayer.deploy(project.ReentrantWallet, world.buyer)
    token.mint(wallet, 20, sender=world.buyer)
    wallet.execute(token, token.approve.encode_input(world.settlement, 20), sender=world.buyer)
    deposit = world.settlement.deposit.encode_input(token.address, 10)
    wallet.plan(world.settlement, deposit, sender=world.buyer)

    with world.refuses("TokenNotExact", token=token.address, expected=10, received=20):
        wallet.execute(world.settlement, deposit, sender=world.buyer)


def test_a_token_that_calls_its_receiver_does_not_pay_twice(world: World, project) -> None:
    token = world.give(world.relayer.deploy(project.HookToken))
    wallet = world.relayer.deploy(project.ReentrantWallet, world.seller)
    sale = sale_to(world, wallet, "finalize", token=token.address)
    wallet.plan(world.settlement, world.settlement.finalize.encode_input(sale.order.abi_values()), sender=world.seller)

    world.finalize(sale)

    assert wallet.tried()
    assert not wallet.succeeded()
    assert token.balanceOf(wallet) == PRICE


# --- tokens ---


@pytest.mark.parametrize("step", STEPS)
def test_a_seller_whom_the_token_has_listed_is_credited(world: World, project, seller, heir, step: str) -> None:
    token = world.give(world.relayer.deploy(project.BlacklistingToken))
    sale = sale_to(world, seller, step, token=token.address)
    token.list(seller, True, sender=world.relayer)

    getattr(world, step)(sale)

    assert world.status(sale) is Status.PAID
    assert world.credit(seller, token.address) == PRICE
    world.settlement.withdrawCredit(token.address, PRICE, heir.address, sender=seller)
    assert token.balanceOf(heir) == PRICE


def test_a_listed_seller_does_not_hold_up_the_buyers_refund(world: World, project, seller) -> None:
    token = world.give(world.relayer.deploy(project.BlacklistingToken))
    sale = world.locked(token=token.address)
    token.list(seller, True, sender=world.relayer)
    world.at(world.deadline(sale) + 1)

    world.refund(sale)

    assert world.budget(sale.terms) == ETHER


def test_a_token_that_returns_false_pays_later(world: World, project, seller) -> None:
    token = world.give(world.relayer.deploy(project.FalseToken))
    sale = sale_to(world, seller, "finalize", token=token.address)
    token.fail(True, sender=world.relayer)
    before = token.balanceOf(seller)

    world.finalize(sale)

    assert world.credit(seller, token.address) == PRICE
    with world.refuses("TransferFailed", token=token.address, to=seller.address, amount=PRICE):
        world.settlement.withdrawCredit(token.address, PRICE, seller.address, sender=seller)
    token.fail(False, sender=world.relayer)
    world.settlement.withdrawCredit(token.address, PRICE, seller.address, sender=seller)
    assert token.balanceOf(seller) == before + PRICE


def test_a_token_that_returns_nothing_pays(world: World, project, seller) -> None:
    token = world.give(world.relayer.deploy(project.SilentToken))
    sale = sale_to(world, seller, "finalize", token=token.address)
    before = token.balanceOf(seller)

    world.finalize(sale)

    assert token.balanceOf(seller) == before + PRICE
    assert world.credit(seller, token.address) == 0


def test_a_token_that_is_gone_is_no_token_that_returns_nothing(world: World, project, seller) -> None:
    token = world.give(world.relayer.deploy(project.SilentToken))
    sale = sale_to(world, seller, "finalize", token=token.address)
    world.chain.provider.set_code(token.address, "0x")

    world.finalize(sale)

    assert world.credit(seller, token.address) == PRICE
