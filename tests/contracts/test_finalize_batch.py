"""finalizeBatch: many sellers paid in one transaction, all that are due or none."""

import pytest

from assay.protocol.types import Status
from tests.contracts.world import HOUR, PRICE, World, bytes32

pytestmark = pytest.mark.integration


def test_every_seller_is_paid(world: World, seller) -> None:
    sales = world.many_locked(3)
    for sale in sales:
        world.reveal(sale)
    world.at(world.deadline(sales[-1]) + 1)
    before = seller.balance

    receipt = world.finalize_batch(sales)

    assert seller.balance == before + 3 * PRICE
    assert [world.status(sale) for sale in sales] == 3 * [Status.PAID]
    assert [(event.orderId, event.amount) for event in receipt.events] == [(sale.order_id, PRICE) for sale in sales]


def test_one_order_that_is_not_due_refuses_the_whole(world: World, seller) -> None:
    early, late = world.many_locked(2, reveal_window=3 * HOUR)
    world.reveal(early)
    world.at(world.deadline(early))
    world.reveal(late)
    world.at(world.deadline(early) + 1)

    with world.refuses("DeadlineNotPassed", deadline=world.deadline(late)):
        world.finalize_batch([early, late])
    assert world.status(early) is Status.REVEALED


def test_an_order_is_not_paid_twice_in_one_batch(world: World, seller) -> None:
    sale = world.revealed()
    world.at(world.deadline(sale) + 1)
    before = seller.balance

    world.finalize_batch([sale, sale])

    assert seller.balance == before + PRICE


def test_whoever_finalizes_one_order_first_stops_no_batch(world: World, mallory, seller) -> None:
    sales = world.many_locked(3)
    for sale in sales:
        world.reveal(sale)
    world.at(world.deadline(sales[-1]) + 1)
    before = seller.balance
    world.finalize(sales[1], sender=mallory)

    world.finalize_batch(sales)

    assert seller.balance == before + 3 * PRICE
    assert [world.status(sale) for sale in sales] == 3 * [Status.PAID]


def test_an_order_that_was_never_posted_refuses_the_whole(world: World) -> None:
    (sale,) = world.many_locked(1)
    never = world.agree(sale.terms, content_id=bytes32("never posted"))

    with world.refuses("OrderMismatch", orderId=never.order_id):
        world.finalize_batch([never, sale])


def test_nothing_to_finalize_is_no_error(world: World) -> None:
    assert not world.finalize_batch([]).events


def test_sixty_five_orders_are_too_many(world: World) -> None:
    sale = world.sale_in(Status.NONE)

    with world.refuses("BatchTooLarge", length=65, maximum=64):
        world.finalize_batch([sale] * 65)


@pytest.mark.parametrize("status", [Status.PAID, Status.DISPUTED, Status.REFUNDED])
def test_an_order_that_is_closed_is_passed_over(world: World, status: Status) -> None:
    sale = world.sale_in(status)

    assert not world.finalize_batch([sale]).events
    assert world.status(sale) is status
