"""refund: once the reveal window has passed in silence, the payment is the buyer's again."""

import pytest

from assay.protocol.structs import Status
from tests.contracts.world import ETHER, HOUR, PRICE, Currency, World

pytestmark = pytest.mark.integration

BOND = PRICE // 4


def test_price_and_bond_go_to_the_models_budget(world: World, currency: Currency) -> None:
    sale = world.locked(token=currency.address, seller_bond=BOND)
    world.at(world.deadline(sale) + 1)

    receipt = world.refund(sale)

    assert world.budget(sale.terms) == ETHER + BOND == currency.balance(world.settlement)
    assert world.credit(world.seller, currency.address) == 0
    assert world.status(sale) is Status.REFUNDED
    assert world.settlement.OrderRefunded(orderId=sale.order_id) in receipt.events


def test_a_seller_who_may_have_waited_for_the_receipt_keeps_the_bond(world: World, currency: Currency) -> None:
    sale = world.locked(token=currency.address, seller_bond=BOND, require_receipt=True)
    world.at(world.deadline(sale) + 1)

    receipt = world.refund(sale)

    assert world.budget(sale.terms) == ETHER
    assert world.credit(world.seller, currency.address) == BOND
    credited = world.settlement.Credited(token=currency.address, account=world.seller.address, amount=BOND)
    assert credited in receipt.events


def test_where_there_is_no_bond_nobody_is_credited(world: World) -> None:
    sale = world.locked(require_receipt=True)
    world.at(world.deadline(sale) + 1)

    receipt = world.refund(sale)

    assert [event.event_name for event in receipt.events] == ["OrderRefunded"]


def test_the_last_second_of_the_reveal_window_is_too_early(world: World) -> None:
    sale = world.locked()
    deadline = world.deadline(sale)
    world.at(deadline)

    with world.refuses("DeadlineNotPassed", deadline=deadline):
        world.refund(sale)


def test_whoever_asks_for_the_refund_gains_nothing(world: World, mallory) -> None:
    sale = world.locked()
    world.at(world.deadline(sale) + 1)
    before = mallory.balance

    world.refund(sale, sender=mallory)

    assert world.budget(sale.terms) == ETHER
    assert mallory.balance <= before


@pytest.mark.parametrize("status", [Status.REVEALED, Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_only_a_locked_order_is_refunded(world: World, status: Status) -> None:
    sale = world.sale_in(status)
    world.at(world.now + 100 * HOUR)

    with world.refuses("StatusMismatch", orderId=sale.order_id, actual=status):
        world.refund(sale)


def test_an_order_that_was_never_posted_is_refused(world: World) -> None:
    sale = world.sale_in(Status.NONE)

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.refund(sale)


def test_an_altered_price_is_refused(world: World) -> None:
    sale = world.locked()
    world.at(world.deadline(sale) + 1)
    dearer = sale.with_(order=sale.order.model_copy(update={"price": PRICE + 1}))

    with world.refuses("OrderMismatch", orderId=sale.order_id):
        world.refund(dearer)


def test_a_budget_that_is_full_does_not_hold_the_refund_up(world: World, token) -> None:
    sale = world.locked(token=token.address)
    room = 2**96 - 1 - (ETHER - PRICE)
    token.mint(world.buyer, room, sender=world.buyer)
    token.approve(world.settlement, room, sender=world.buyer)
    world.fund(sale.terms, room)
    world.at(world.deadline(sale) + 1)

    world.refund(sale)

    assert world.status(sale) is Status.REFUNDED
    assert world.budget(sale.terms) == 2**96 - 1
    assert world.credit(world.buyer, token.address) == PRICE
